"""The encoding of a text file, from its bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache
from io import TextIOWrapper
from pathlib import Path

from sentimo.data.streams import FileInput, Input, as_input
from sentimo.errors import DataError

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CHUNK = 1 << 20
_FAULTS = 0.1  # share of broken characters up to which a file counts as damaged UTF-8, not as another encoding
_EMPTY = 0.3  # least share of zero bytes at every second place in UTF-16 of European languages; in UTF-8 there are none
_CHINESE = 0.25  # least share of GB 2312 in what is beyond ASCII; English in Windows-1252 decodes too, with none of it


def encoding_of(source: Input, given: str | None) -> str:
    """Return the encoding that the user gave, or the one detected.

    Raises:
        DataError: see `check_encoding` and `detect_encoding`.
    """
    if given:
        return check_encoding(source, given)
    if not isinstance(source, FileInput):
        return detect_encoding(source)
    stat = source.path.stat()
    return _detected(source.path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _detected(path: Path, size: int, changed: int) -> str:
    """Detect once: a command opens its file several times, and every detection reads all of it."""
    return detect_encoding(path)


def detect_encoding(source: Path | Input) -> str:
    """Return the encoding of a file: by its byte order mark, else UTF-8 or GB18030, whichever reads all of it.

    UTF-16 without a mark is known by the zero bytes of its ASCII characters.

    Of a stream, such as stdin, only the head is seen.

    A file that is UTF-8 but for a few broken bytes is UTF-8 all the same; read it with ``errors="replace"``.

    Raises:
        DataError: neither fits.
    """
    source = as_input(source)
    with source.preview.open() as file:
        start = file.read(4096)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        empty, others = start[place::2].count(0), start[1 - place :: 2].count(0)
        if empty > _EMPTY * len(start) / 2 and not others:
            return name
    if _reads(source, "utf-8"):
        return "utf-8"
    n_broken, n_other = _faults(source)
    if n_broken <= _FAULTS * n_other:
        return "utf-8"
    if _reads(source, "gb18030") and _is_chinese(source):
        return "gb18030"
    raise DataError(
        f"{source}: neither UTF-8 nor GB18030; the first line with other bytes is {_first_fault(source)}. Save it as "
        "UTF-8, or name its encoding with --encoding (old Windows files in English: cp1252)."
    )


def decode(content: bytes) -> str:
    """Return bytes as text by the same rules; what fits no encoding is read as UTF-8 with U+FFFD for its faults."""
    return content.decode(_fitting(content), "replace")


def n_broken(content: bytes) -> int:
    """Return for how many faults `decode` puts U+FFFD, apart from those that were written there."""
    name = _fitting(content)
    return content.decode(name, "replace").count("\ufffd") - content.decode(name, "ignore").count("\ufffd")


def _fitting(content: bytes) -> str:
    for mark, name in _BOMS:
        if content.startswith(mark):
            return name
    text = content.decode("utf-8", "replace")
    n_faults = text.count("\ufffd")
    if n_faults <= _FAULTS * (_beyond_ascii(text) - n_faults):
        return "utf-8"
    try:
        chinese = content.decode("gb18030")
    except UnicodeDecodeError:
        return "utf-8"
    return "gb18030" if _common_han(chinese) >= _CHINESE * _beyond_ascii(chinese) else "utf-8"


def check_encoding(source: Path | Input, encoding: str) -> str:
    """Return the name under which Python reads a file in an encoding that the user named.

    Raises:
        DataError: there is no such encoding, or it needs a byte order mark that the file lacks.
    """
    try:
        name = codecs.lookup(encoding).name
        with as_input(source).preview.open() as file, TextIOWrapper(file, name, "replace") as text:
            text.read(1)
    except LookupError:
        raise DataError(
            f"{source}: unknown encoding {encoding!r}; common ones: utf-8, gb18030, utf-16, latin-1"
        ) from None
    except UnicodeError as error:
        raise DataError(f"{source}: cannot be read as {encoding}: {error}") from error
    return "utf-8-sig" if name == "utf-8" else name  # a mark is no part of the first column's name


def _reads(source: Input, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(source):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _faults(source: Input) -> tuple[int, int]:
    """Return how many broken and how many good characters beyond ASCII a file holds as UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    n_broken = n_good = 0
    for chunk in _chunks(source):
        text = decoder.decode(chunk)
        broken = text.count("�")
        n_broken += broken
        n_good += _beyond_ascii(text) - broken
    return n_broken, n_good


def _first_fault(source: Input) -> int:
    """Return the number, from 1, of the first line that is not UTF-8."""
    with source.preview.open() as file:
        lines = enumerate(file, 1)
        return next((number for number, line in lines if "\ufffd" in line.decode("utf-8", "replace")), 1)


def _is_chinese(source: Input) -> bool:
    """Return whether a file read as GB18030 holds the characters that Chinese is mostly written with."""
    n_common = n_all = 0
    decoder = codecs.getincrementaldecoder("gb18030")()
    for chunk in _chunks(source):
        text = decoder.decode(chunk)
        n_all += _beyond_ascii(text)
        n_common += _common_han(text)
    return n_common >= _CHINESE * n_all


def _common_han(text: str) -> int:
    """Return how many characters beyond ASCII are of GB 2312, with which Chinese is mostly written."""
    return _beyond_ascii(text.encode("gb2312", "ignore").decode("gb2312"))


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _chunks(source: Input) -> Iterator[bytes]:
    with source.preview.open() as file:
        while chunk := file.read(_CHUNK):
            yield chunk
