"""The language of a text, by its script."""

from __future__ import annotations

import re
from typing import Literal

Language = Literal["en", "zh", "other", "und"]

_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]+")
_KANA_HANGUL = re.compile(r"[ぁ-ゟァ-ヿ가-힣]")
_LETTERS = re.compile(r"[^\W\d_]")
_SAMPLE = 2000  # characters; a longer text does not change its script


def language_of(text: str) -> Language:
    """Return "zh" or "en" by script, "other" for another script, "und" where there is no letter.

    A Chinese character counts as much as a Latin word, so a Chinese sentence with English product names is Chinese.
    Any text in Latin script counts as English: telling French from English needs a model, routing does not.
    """
    sample = text[:_SAMPLE]
    n_han, n_words = len(_HAN.findall(sample)), len(_LATIN.findall(sample))
    n_letters = len(_LETTERS.findall(sample))
    if not n_letters:
        return "und"
    n_other = n_letters - n_han - sum(map(len, _LATIN.findall(sample)))
    if len(_KANA_HANGUL.findall(sample)) > n_han or n_other > 2 * max(n_han, n_words):
        return "other"
    return "zh" if n_han >= n_words else "en"
