"""The language of a text, by its script."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from sentimo.text.scripts import HAN

Language = Literal["en", "zh", "other", "und"]

_HAN = re.compile(f"[{HAN}]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a]+")  # accents, full width
_KANA_HANGUL = re.compile(r"[\u3041-\u309f\u30a1-\u30ff\uac00-\ud7a3]")
_ASCII_LETTER = re.compile("[A-Za-z]")
_LETTERS = re.compile(r"[^\W\d_]")
_SAMPLE = 2000  # characters; a longer text does not change its script


def language_of(text: str) -> Language:
    """Return "zh" or "en" by script, "other" for another script, "und" where there is no letter.

    A Chinese character counts as much as a Latin word, so a Chinese sentence with English product names is Chinese.
    Any text in Latin script counts as English: telling French from English needs a model, routing does not.
    """
    sample = text[:_SAMPLE]
    if sample.isascii():  # the common case of English, without counting
        return "en" if _ASCII_LETTER.search(sample) else "und"
    n_han, n_words = len(_HAN.findall(sample)), len(_LATIN.findall(sample))
    n_letters = len(_LETTERS.findall(sample))
    if not n_letters:
        return "und"
    n_other = n_letters - n_han - sum(map(len, _LATIN.findall(sample)))
    if len(_KANA_HANGUL.findall(sample)) > n_han or n_other > 2 * max(n_han, n_words):
        return "other"
    return "zh" if n_han >= n_words else "en"


def main_languages(texts: Iterable[str]) -> tuple[Language, ...]:
    """Return the languages of at least a tenth of the texts, the most frequent first."""
    counts = Counter(map(language_of, texts))
    return tuple(language for language, n in counts.most_common() if n >= 0.1 * counts.total() and language != "und")
