"""Chinese characters become others that sound alike, as an input method by sound offers them."""

from __future__ import annotations

from functools import cache
from random import Random

from sentimo.data.augment.words import WordAugmenter, check_share, han_positions, with_characters
from sentimo.errors import MissingExtraError


class Homophone(WordAugmenter):
    """Replace a share of the Han characters by common ones of the same sound and tone.

    Only the 3,755 characters of level 1 of GB 2312 change, and into each other. Negations stay.

    Args:
        share: Of the Han characters of a text, in (0, 1]; at least one, where one has a homophone.
        tones: Whether the tone must be the same. Without it more characters are alike, as in mistyped input.

    Raises:
        ValueError: share is out of range.
        MissingExtraError: pypinyin is not installed.

    Source: Zhang et al. 2020, "Spelling Error Correction with Soft-Masked BERT", section 4.1 (homophones in the noise).
    """

    def __init__(self, share: float = 0.1, tones: bool = True) -> None:
        check_share(share)
        self._share, self._alike = share, homophones(tones)

    def change(self, text: str, draw: Random) -> str:
        """Return the text with homophones in it."""
        places = list(han_positions(text, self._alike))
        n = min(len(places), max(1, round(self._share * len(places))))
        return with_characters(text, {at: draw.choice(self._alike[text[at]]) for at in draw.sample(places, n)})


@cache
def homophones(tones: bool) -> dict[str, str]:
    """Return common character -> the common characters that sound like it.

    Raises:
        MissingExtraError: pypinyin is not installed.
    """
    try:
        from pypinyin import Style, pinyin
    except ImportError:
        raise MissingExtraError("homophones", "augment") from None
    style = Style.TONE3 if tones else Style.NORMAL
    by_sound: dict[str, str] = {}
    for character in common_characters():
        sound = pinyin(character, style=style)[0][0]
        by_sound[sound] = by_sound.get(sound, "") + character
    return {each: group.replace(each, "") for group in by_sound.values() if len(group) > 1 for each in group}


def common_characters() -> str:
    """Return level 1 of GB 2312: the 3,755 most frequent characters, rows 16 to 55 of the code."""
    codes = [bytes((0xA0 + row, 0xA0 + cell)) for row in range(16, 56) for cell in range(1, 95)]
    return b"".join(codes[:-5]).decode("gb2312")  # the last five cells of row 55 are empty
