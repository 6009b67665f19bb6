"""Forms of a text in which two texts are the same."""

from __future__ import annotations

import re
import unicodedata

_NOT_WORD = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """Return a key on which copies of a text agree: NFKC, case folded, without spaces and punctuation.

    A text of nothing but signs and emoji keeps them.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub("", plain) or " ".join(plain.split())
