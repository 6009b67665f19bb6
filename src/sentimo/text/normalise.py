"""Forms of a text in which two texts are the same."""

from __future__ import annotations

import re
import unicodedata

_NOT_WORD = re.compile(r"(?:(?![\u2600-\u27bf\U0001f000-\U0001faff])[\W_])+")  # emoji stay: they turn a text around


def folded(text: str) -> str:
    """Return a key on which copies of a text agree: NFKC, case folded, without spaces and punctuation.

    Emoji stay, and a text of nothing but signs keeps them.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub("", plain) or " ".join(plain.split())
