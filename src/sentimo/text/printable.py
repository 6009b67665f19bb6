"""Texts of users fit to be shown: they cannot steer a terminal."""

from __future__ import annotations

_UNSHOWN = (range(0x7F, 0xA0), range(0x2028, 0x202F), range(0x2066, 0x206A), range(0xD800, 0xE000))
_SIGNS = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"},
    **dict.fromkeys((code for codes in _UNSHOWN for code in codes), 0xFFFD),
}
"""Control characters, breaks of lines other than LF, marks that turn the direction of writing, and halves of surrogate
pairs, which UTF-8 cannot write -> what is shown for them."""


def printable(text: str) -> str:
    """Return a text with signs for what would steer a terminal or break its output; tabs and line feeds stay."""
    return text.translate(_SIGNS)


def on_one_line(text: str) -> str:
    """Return a text that is printable on one line: any run of whitespace is one blank."""
    return printable(" ".join(text.split()))
