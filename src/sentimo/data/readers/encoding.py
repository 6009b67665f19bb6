"""The encoding of a text file, from its bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from sentimo.errors import DataError

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CHUNK = 1 << 20
_FAULTS = 0.01  # share of broken characters up to which a file counts as damaged UTF-8, not as another encoding
_CHINESE = 0.25  # least share of GB 2312 in what is beyond ASCII; English in Windows-1252 decodes too, with none of it


def encoding_of(path: Path, given: str | None) -> str:
    """Return the encoding that the user gave, or the one detected.

    Raises:
        DataError: see `check_encoding` and `detect_encoding`.
    """
    if given:
        return check_encoding(path, given)
    stat = path.stat()
    return _detected(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _detected(path: Path, size: int, changed: int) -> str:
    """Detect once: a command opens its file several times, and every detection reads all of it."""
    return detect_encoding(path)


def detect_encoding(path: Path) -> str:
    """Return the encoding of a file: by its byte order mark, else UTF-8 or GB18030, whichever reads all of it.

    A file that is UTF-8 but for a few broken bytes is UTF-8 all the same; read it with ``errors="replace"``.

    Raises:
        DataError: neither fits.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    if _reads(path, "utf-8"):
        return "utf-8"
    n_broken, n_other = _faults(path)
    if n_broken <= _FAULTS * n_other:
        return "utf-8"
    if _reads(path, "gb18030") and _is_chinese(path):
        return "gb18030"
    raise DataError(
        f"{path}: neither UTF-8 nor GB18030. Save it as UTF-8, or name its encoding with --encoding (old Windows files "
        "in English: cp1252)."
    )


def decode(content: bytes) -> str:
    """Return bytes as text by the same rules; what fits no encoding is read as UTF-8 with U+FFFD for its faults."""
    for mark, name in _BOMS:
        if content.startswith(mark):
            return content.decode(name, "replace")
    text = content.decode("utf-8", "replace")
    n_broken = text.count("�")
    if n_broken <= _FAULTS * (_beyond_ascii(text) - n_broken):
        return text
    try:
        chinese = content.decode("gb18030")
    except UnicodeDecodeError:
        return text
    return chinese if _common_han(chinese) >= _CHINESE * _beyond_ascii(chinese) else text


def check_encoding(path: Path, encoding: str) -> str:
    """Return the name under which Python reads a file in an encoding that the user named.

    Raises:
        DataError: there is no such encoding, or it needs a byte order mark that the file lacks.
    """
    try:
        name = codecs.lookup(encoding).name
        with path.open(encoding=name, errors="replace") as file:
            file.read(1)
    except LookupError:
        raise DataError(
            f"{path}: unknown encoding {encoding!r}; common ones: utf-8, gb18030, utf-16, latin-1"
        ) from None
    except UnicodeError as error:
        raise DataError(f"{path}: cannot be read as {encoding}: {error}") from error
    return "utf-8-sig" if name == "utf-8" else name  # a mark is no part of the first column's name


def count_lines(path: Path) -> int:
    """Return how many line feeds a file has."""
    return sum(chunk.count(b"\n") for chunk in _chunks(path))


def _reads(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _faults(path: Path) -> tuple[int, int]:
    """Return how many broken and how many good characters beyond ASCII a file holds as UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    n_broken = n_good = 0
    for chunk in _chunks(path):
        text = decoder.decode(chunk)
        broken = text.count("�")
        n_broken += broken
        n_good += _beyond_ascii(text) - broken
    return n_broken, n_good


def _is_chinese(path: Path) -> bool:
    """Return whether a file read as GB18030 holds the characters that Chinese is mostly written with."""
    n_common = n_all = 0
    with path.open(encoding="gb18030") as file:
        while text := file.read(_CHUNK):
            n_all += _beyond_ascii(text)
            n_common += _common_han(text)
    return n_common >= _CHINESE * n_all


def _common_han(text: str) -> int:
    """Return how many characters beyond ASCII are of GB 2312, with which Chinese is mostly written."""
    return _beyond_ascii(text.encode("gb2312", "ignore").decode("gb2312"))


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
