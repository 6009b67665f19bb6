"""Some words become others of like meaning."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from sentimo.data.augment.dictionary import Synonyms, Wordnet, built_in_synonyms, read_synonyms
from sentimo.data.augment.words import Word, WordAugmenter, check_share, chosen, is_negation, replaced, words_of


class Synonym(WordAugmenter):
    """Replace a share of the words by synonyms (English and Chinese).

    Chinese is looked up as the longest words of the dictionary, so that no segmenter is needed; words of a single
    character are left alone, since most such characters stand inside other words.

    Args:
        share: Of all words of a text, in (0, 1]; at least one is replaced where one is known.
        dictionary: File or files of the user, see `sentimo.data.augment.dictionary.read_synonyms`. They add to
            the list that comes with Sentimo; a word that stands in one of them has the synonyms of that file alone.
        wordnet: Name of an English wordnet of the library wn, such as ``oewn:2024``, asked about words that no list
            knows.
        built_in: Whether the lists that come with Sentimo count.

    Raises:
        ValueError: share is out of range.
        DataError, InputError: a dictionary or the wordnet cannot be read.

    Source: Zhang et al. 2015, "Character-level Convolutional Networks for Text Classification", section 2.4; Wei & Zou
        2019, "EDA: Easy Data Augmentation", section 2 (SR).
    """

    def __init__(
        self,
        share: float = 0.15,
        dictionary: str | Sequence[str] = (),
        wordnet: str | None = None,
        built_in: bool = True,
    ) -> None:
        check_share(share)
        self._share = share
        self._synonyms: dict[str, Sequence[str]] = dict(built_in_synonyms()) if built_in else {}
        for path in [dictionary] if isinstance(dictionary, str) else dictionary:
            self._synonyms |= read_synonyms(path)
        self._wordnet: Wordnet | Synonyms = Wordnet(wordnet) if wordnet else {}

    def change(self, text: str, draw: Random) -> str:
        """Return the text with synonyms in it."""
        words = words_of(text, self._synonyms)
        known = [word for word in words if not is_negation(word) and self.synonyms(word)]
        return replaced(
            text, {word: draw.choice(self.synonyms(word)) for word in chosen(known, self._share, len(words), draw)}
        )

    def synonyms(self, word: Word) -> Sequence[str]:
        """Return what a word may become."""
        if word.is_han and len(word.key) == 1:
            return ()
        found = self._synonyms.get(word.key)
        if found is None and not word.is_han and isinstance(self._wordnet, Wordnet):
            found = self._wordnet[word.key]
        return found or ()
