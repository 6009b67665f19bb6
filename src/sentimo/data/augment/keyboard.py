"""Slips of the finger on an English keyboard."""

from __future__ import annotations

from random import Random

from sentimo.data.augment.words import WordAugmenter, check_share, is_negation, words_of

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORTEST = 4  # letters of the shortest word with a slip: in shorter ones it makes another word


def _neighbours() -> dict[str, str]:
    """Return letter -> the letters around it; each row of keys stands half a key to the right of the one above."""
    place = {letter: (row, at) for row, letters in enumerate(_ROWS) for at, letter in enumerate(letters)}
    near = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    at = {where: letter for letter, where in place.items()}
    return {
        letter: "".join(at[row + down, column + right] for down, right in near if (row + down, column + right) in at)
        for letter, (row, column) in place.items()
    }


NEIGHBOURS = _neighbours()


class Keyboard(WordAugmenter):
    """Mistype a share of the English words: a letter beside the right one, left out, doubled, or two swapped.

    The first letter stays, as it mostly does, and words of fewer than four letters and negations stay as they are.

    Args:
        share: Of all words of a text, in (0, 1]; at least one.

    Raises:
        ValueError: share is out of range.

    Source: Belinkov & Bisk 2018, "Synthetic and Natural Noise Both Break Neural Machine Translation", section 3.
    """

    def __init__(self, share: float = 0.1) -> None:
        check_share(share)
        self._share = share

    def change(self, text: str, draw: Random) -> str:
        """Return the text with slips in it."""
        words = words_of(text)
        long = [each for each in words if each.key.isascii() and len(each.key) >= _SHORTEST and not is_negation(each)]
        n = min(len(long), max(1, round(self._share * len(words))))
        for word in sorted(draw.sample(long, n), reverse=True):
            text = text[: word.start] + _slip(text[word.start : word.end], draw) + text[word.end :]
        return text


def _slip(word: str, draw: Random) -> str:
    at = draw.randrange(1, len(word))
    letter = word[at]
    kind = draw.choice(("beside", "left out", "doubled", "swapped"))
    if kind == "left out":
        return word[:at] + word[at + 1 :]
    if kind == "doubled" or (kind == "beside" and letter.lower() not in NEIGHBOURS):
        return word[:at] + letter + word[at:]
    if kind == "swapped" and at + 1 < len(word) and word[at + 1] != letter:
        return word[:at] + word[at + 1] + letter + word[at + 2 :]
    near = draw.choice(NEIGHBOURS.get(letter.lower(), letter))
    return word[:at] + (near.upper() if letter.isupper() else near) + word[at + 1 :]
