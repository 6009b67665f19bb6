"""Some words are left out."""

from __future__ import annotations

from random import Random

from sentimo.data.augment.dictionary import built_in_synonyms
from sentimo.data.augment.words import WordAugmenter, check_share, is_negation, words_of


class Delete(WordAugmenter):
    """Leave each word out with a small probability (English and Chinese). Negations and what they
    turn stay, and so does the last word.

    Args:
        share: Probability for each word, in (0, 1].

    Raises:
        ValueError: share is out of range.

    Source: Wei & Zou 2019, "EDA: Easy Data Augmentation", section 2 (RD).
    """

    def __init__(self, share: float = 0.1) -> None:
        check_share(share)
        self._share = share

    def change(self, text: str, draw: Random) -> str:
        """Return the text with fewer words."""
        words = words_of(text, built_in_synonyms())
        turned = {at + 1 for at, word in enumerate(words) if is_negation(word)}
        gone = [
            word
            for at, word in enumerate(words)
            if draw.random() < self._share and not is_negation(word) and at not in turned
        ]
        if len(gone) == len(words):
            gone = gone[1:]
        for word in reversed(gone):
            end = word.end
            if text[end : end + 1] == " ":  # with the blank behind it, or two would be left
                end += 1
            text = text[: word.start] + text[end:]
        return text.strip() if gone else text
