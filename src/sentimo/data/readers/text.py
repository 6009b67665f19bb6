"""Plain text: one text a line, in the column "text"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.encoding import count_lines, encoding_of


def columns(path: Path, options: ReadOptions) -> list[str]:
    """Return the one column."""
    return ["text"]


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Return the lines; a blank one is a row with an empty text."""
    encoding = encoding_of(path, options.encoding)
    return _rows(path, encoding)


def estimate_rows(path: Path) -> int:
    """Return about how many rows the file has."""
    return count_lines(path)


def _rows(path: Path, encoding: str) -> Iterator[Row | BadRow]:
    with path.open(encoding=encoding, errors="replace", newline="\n") as file:
        for number, line in enumerate(file, 1):
            yield Row(number, {"text": line.rstrip("\r\n")})
