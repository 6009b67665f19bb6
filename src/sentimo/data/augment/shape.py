"""Chinese characters become others that look alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from random import Random

from sentimo.data.augment.dictionary import read_synonyms
from sentimo.data.augment.words import WordAugmenter, check_share, han_positions, with_characters


class Shape(WordAugmenter):
    """Replace a share of the Han characters by ones of similar shape, as in misread or careless writing.

    Args:
        share: Of the Han characters of a text, in (0, 1]; at least one, where a look-alike is known.
        dictionary: File or files of the user with characters in place of words, see
            `sentimo.data.augment.dictionary.read_synonyms`. They add to the table that comes with Sentimo.

    Raises:
        ValueError: share is out of range.
        DataError: a dictionary cannot be read.

    Source: Liu et al. 2011, "Visually and Phonologically Similar Characters in Incorrect Chinese Words", section 3.
    """

    def __init__(self, share: float = 0.1, dictionary: str | Sequence[str] = ()) -> None:
        check_share(share)
        self._share = share
        self._alike: dict[str, Sequence[str]] = dict(look_alikes())
        for path in [dictionary] if isinstance(dictionary, str) else dictionary:
            self._alike |= read_synonyms(path)

    def change(self, text: str, draw: Random) -> str:
        """Return the text with look-alikes in it."""
        places = list(han_positions(text, self._alike))
        n = min(len(places), max(1, round(self._share * len(places))))
        return with_characters(text, {at: draw.choice(self._alike[text[at]]) for at in draw.sample(places, n)})


@cache
def look_alikes() -> dict[str, str]:
    """Return character -> those of similar shape, from the table that comes with Sentimo (written for it)."""
    alike: dict[str, str] = {}
    for group in files(__package__).joinpath("shapes.zh.txt").read_text("utf-8").splitlines():
        if not group.startswith("#"):
            for each in group:
                alike[each] = alike.get(each, "") + group.replace(each, "")
    return {each: "".join(dict.fromkeys(others)) for each, others in alike.items()}
