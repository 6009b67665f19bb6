"""Texts to n-grams: what linear models read, in training and in prediction alike.

Chinese needs no word segmenter: inside a run of Han every 1, 2 and 3 characters are a feature, and most words are
among them. Other scripts give words, pairs of words and pieces of words, so that a misspelt or inflected word still
shares most of its features with the right one.
"""

from __future__ import annotations

import re
import unicodedata

from sentimo.text.scripts import HAN

MOST_WORD_CHARACTERS = 40
"""A longer word is read in parts: one endless string must not become a million features at once."""

HAN_SIZES, PIECE_SIZES = (1, 2, 3), (2, 3, 4, 5)

# Written without spaces, so each character is a token: Han and its extensions, 々 and 〇, kana.
_HAN = rf"\u3005\u3007\u3040-\u30ff{HAN}"
# Controls, zero-width and direction marks, surrogates, private use, variation selectors, U+FFFD and tags say nothing.
_MUTE = (
    "\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\uf8ff\ufe00-\ufe0f\ufeff\ufff0-\uffff"
    "\U000e0000-\U0010ffff"
)
_LETTERS = rf"(?:(?![{_HAN}])[^\W_]){{1,{MOST_WORD_CHARACTERS}}}"
_SIGN = rf"(?:_|[^\w\s{_MUTE}])"
_TOKENS = re.compile(rf"([{_HAN}]+)|({_LETTERS}(?:['’]{_LETTERS})?)|({_SIGN}{{1,4}})")
"""Groups: a run of Han, a word, up to four signs that stand together."""


def token_spans(text: str) -> list[tuple[int, int]]:
    """Return the place of each token in order, as offsets in characters: a Han character, a word, up to four signs.

    Empty for a text with no word, sign or emoji.
    """
    spans: list[tuple[int, int]] = []
    for found in _TOKENS.finditer(text):
        start, end = found.span()
        if found.lastindex == 1:
            spans += [(at, at + 1) for at in range(start, end)]
        else:
            spans.append((start, end))
    return spans


def ngrams(text: str) -> list[str]:
    """Return the n-grams of a text, each as often as it occurs.

    The text is put into NFKC and lower case first, so that full-width, half-width and capital letters are one. The
    first letter of an n-gram tells its kind, so that kinds never collide:

    - ``h``: 1 to 3 characters within a run of Han or kana,
    - ``w``: a word, or two words with nothing but space between them,
    - ``c``: 2 to 5 characters within a word, a space marking its ends,
    - ``s``: up to four signs that stand together, such as ``:)`` or an emoji, and each different sign among them.
    """
    grams: list[str] = []
    before, before_end = "", 0
    plain = unicodedata.normalize("NFKC", text).lower()
    for found in _TOKENS.finditer(plain):
        token = found[0]
        if found.lastindex == 1:
            grams += _slices("h", token, HAN_SIZES)
        elif found.lastindex == 2:
            word = token.replace("’", "'")
            grams.append("w" + word)
            if before and plain[before_end : found.start()].isspace():
                grams.append(f"w{before} {word}")
            grams += _slices("c", f" {word} ", PIECE_SIZES)
            before, before_end = word, found.end()
        else:
            grams += [f"s{token}", *(f"s{sign}" for sign in sorted(set(token)) if sign != token)]
    return grams


def _slices(kind: str, string: str, sizes: tuple[int, ...]) -> list[str]:
    last = len(string)
    return [kind + string[at : at + size] for size in sizes for at in range(last - size + 1)]
