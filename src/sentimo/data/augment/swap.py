"""Words change places."""

from __future__ import annotations

from random import Random

from sentimo.data.augment.dictionary import built_in_synonyms
from sentimo.data.augment.words import Word, WordAugmenter, check_share, is_negation, words_of


class Swap(WordAugmenter):
    """Swap a share of the words with the word beside them (English and Chinese).

    EDA swaps any two words; neighbours keep more of the meaning, and a negation stays before what it negates. Words of
    two sides of a sign are not swapped.

    Args:
        share: Swaps per word of a text, in (0, 1]; at least one, where it has two words.

    Raises:
        ValueError: share is out of range.

    Source: Wei & Zou 2019, "EDA: Easy Data Augmentation", section 2 (RS).
    """

    def __init__(self, share: float = 0.1) -> None:
        check_share(share)
        self._share = share

    def change(self, text: str, draw: Random) -> str:
        """Return the text with words in other places."""
        words = words_of(text, built_in_synonyms())
        pairs = [at for at in range(len(words) - 1) if _may_swap(words, at, text)]
        draw.shuffle(pairs)
        taken: set[int] = set()
        order = list(range(len(words)))
        for at in pairs:
            if len(taken) >= 2 * max(1, round(self._share * len(words))):
                break
            if at not in taken and at + 1 not in taken:
                taken |= {at, at + 1}
                order[at], order[at + 1] = at + 1, at
        pieces, end = [], 0
        for place, word in zip(order, words, strict=True):
            pieces += [text[end : word.start], text[words[place].start : words[place].end]]
            end = word.end
        return "".join([*pieces, text[end:]])


def _may_swap(words: list[Word], at: int, text: str) -> bool:
    first, second = words[at], words[at + 1]
    near = not text[first.end : second.start].strip()
    turned = any(is_negation(word) for word in words[max(0, at - 1) : at + 2])
    return near and not turned and first.key != second.key
