"""Synonyms of words of the text are put in at random places."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from sentimo.data.augment.synonym import Synonym
from sentimo.data.augment.words import chosen, is_negation, words_of


class Insert(Synonym):
    """Put synonyms of a share of the words between other words (English and Chinese). Settings as of `Synonym`.

    Source: Wei & Zou 2019, "EDA: Easy Data Augmentation", section 2 (RI).
    """

    def __init__(
        self,
        share: float = 0.1,
        dictionary: str | Sequence[str] = (),
        wordnet: str | None = None,
        built_in: bool = True,
    ) -> None:
        super().__init__(share, dictionary, wordnet, built_in)

    def change(self, text: str, draw: Random) -> str:
        """Return the text with words more in it."""
        words = words_of(text, self._synonyms)
        known = [word for word in words if not is_negation(word) and self.synonyms(word)]
        new = [draw.choice(self.synonyms(word)) for word in chosen(known, self._share, len(words), draw)]
        # Before a word, never behind a negation: "not good" must not become "not lovely good".
        before = [word for at, word in enumerate(words) if not (at and is_negation(words[at - 1]))]
        if not before:
            return text
        places = sorted((draw.choice(before) for _ in new), reverse=True)
        for place, word in zip(places, new, strict=True):
            text = text[: place.start] + word + ("" if place.is_han else " ") + text[place.start :]
        return text
