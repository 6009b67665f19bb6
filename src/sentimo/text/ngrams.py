"""Texts to n-grams: what linear models read, in training and in prediction alike.

Chinese needs no word segmenter: inside a run of Han every 1, 2 and 3 characters are a feature, and a word is among
them. Other scripts give words, pairs of words and pieces of words, so that a misspelt or inflected word still shares
most of its features with the right one.
"""

from __future__ import annotations

import re
import unicodedata

MOST_WORD_CHARACTERS = 40
"""A longer word is read in parts: one endless string must not make a million features at once."""

# Written without spaces, so a character is a token: Han with its extensions, 々 and 〇, and kana.
_HAN = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# Controls, zero-width and direction marks, variation selectors, private use, half surrogates and U+FFFD say nothing.
_MUTE = (
    "\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\uf8ff\ufe00-\ufe0f\ufeff\ufff0-\uffff"
    "\U000e0000-\U0010ffff"
)
_WORD = rf"(?:(?![{_HAN}])[^\W_]){{1,{MOST_WORD_CHARACTERS}}}"
_SIGNS = rf"[^\w\s{_MUTE}]|_"

_TOKEN = re.compile(rf"[{_HAN}]|{_WORD}(?:['’]{_WORD})?|(?:{_SIGNS}){{1,4}}")
_RUN = re.compile(rf"([{_HAN}]+)|({_WORD}(?:['’]{_WORD})?)|((?:{_SIGNS}){{1,4}})")


def token_spans(text: str) -> list[tuple[int, int]]:
    """Return the place of each token, as offsets in characters: a Han character, a word, or up to four signs."""
    return [found.span() for found in _TOKEN.finditer(text)]


def ngrams(text: str) -> list[str]:
    """Return the n-grams of a text, repeated as often as they occur.

    The text is put into NFKC and lower case first, so that full-width, half-width and capital letters are one. The
    first letter of an n-gram tells its kind, and kinds never collide:

    - ``h``: 1 to 3 characters within a run of Han (or kana),
    - ``w``: a word, or two words with nothing but space between them,
    - ``c``: 2 to 5 characters within a word, whose ends are marked by a space,
    - ``s``: up to four signs that stand together, such as ``:)`` or an emoji, and each different sign of them.
    """
    grams: list[str] = []
    before, before_end = "", -1
    folded = unicodedata.normalize("NFKC", text).lower()
    for found in _RUN.finditer(folded):
        run, word, signs = found.groups()
        if run:
            grams += _han(run)
        elif word:
            grams.append("w" + word)
            if before and folded[before_end : found.start()].isspace():
                grams.append(f"w{before} {word}")
            grams += _pieces(word)
            before, before_end = word, found.end()
        else:
            grams += _signs(signs)
    return grams


def _han(run: str) -> list[str]:
    last = len(run)
    return ["h" + run[at : at + n] for n in (1, 2, 3) for at in range(last - n + 1)]


def _pieces(word: str) -> list[str]:
    padded = f" {word} "
    last = len(padded)
    return ["c" + padded[at : at + n] for n in (2, 3, 4, 5) for at in range(last - n + 1)]


def _signs(signs: str) -> list[str]:
    if len(signs) == 1:
        return ["s" + signs]
    return ["s" + signs, *("s" + each for each in sorted(set(signs)))]
