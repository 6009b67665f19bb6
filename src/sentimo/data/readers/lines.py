"""The lines of a text file, from any place on."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sentimo.data.streams import Input

_SEEKABLE = frozenset({"utf-8", "utf-8-sig", "ascii", "gb18030", "gbk", "gb2312", "cp1252", "iso8859-1"})
"""Encodings that can be cut at a line feed: no character has one inside, nor depends on what stands before it."""


@dataclass(frozen=True)
class Place:
    """How far a file is read.

    Attributes:
        rows: Rows read.
        n_bytes: Bytes, decompressed, from which reading can go on.
        rows_before, lines_before: Rows and lines before that byte; it goes on by passing over ``rows - rows_before``.
    """

    rows: int = 0
    n_bytes: int = 0
    rows_before: int = 0
    lines_before: int = 0


START = Place()


class LineReader:
    """What readers of lines share: they can say where they are, and go on from there.

    Args:
        source: The file.
        encoding: Its encoding.
        place: Where to go on.
    """

    def __init__(self, source: Input, encoding: str, place: Place) -> None:
        self._source, self._encoding, self._start = source, encoding, place
        self._rows = place.rows
        self._mark = (place.n_bytes, place.rows_before, place.lines_before)

    @property
    def place(self) -> Place:
        """The place after the row that was given last."""
        return Place(self._rows, *self._mark)

    @property
    def share(self) -> float:
        """Share of the file that is read, in [0, 1]."""
        return self._source.share()

    def _passed(self, rows: int, n_lines: int, lines: Lines) -> None:
        self._rows = rows
        if lines.whole:
            self._mark = (lines.n_bytes, rows, n_lines)


class Lines:
    """The lines of a file with their ends.

    Args:
        source: The file.
        encoding: Its encoding.
        start: Byte to begin at, as `n_bytes` told it.
        returns: Whether a carriage return ends a line too.

    Attributes:
        n_bytes: Bytes up to which all lines are given, or 0 where the encoding cannot be cut.
        whole: Whether the last line given ends at that byte.
        over: Whether there are no more.
    """

    def __init__(self, source: Input, encoding: str, start: int = 0, *, returns: bool = True) -> None:
        self._source, self._encoding, self._returns = source, encoding, returns
        self.n_bytes, self.whole, self.over = start, True, False

    def __iter__(self) -> Iterator[str]:
        cut = self._encoding in _SEEKABLE and not (self._returns and self._has_returns_only())
        with self._source.open() as file:
            yield from self._cut(file) if cut else self._decoded(file)
        self.over = True

    def _cut(self, file: BinaryIO) -> Iterator[str]:
        encoding = "utf-8" if self._encoding == "utf-8-sig" else self._encoding
        _pass_over(file, self.n_bytes)
        for line in file:
            if not self.n_bytes and self._encoding == "utf-8-sig":
                marked, line = len(line), line.removeprefix(codecs.BOM_UTF8)
                self.n_bytes = marked - len(line)
            text = line.decode(encoding, "replace")
            if "\r" in text and self._returns and text.find("\r") < len(text) - 2:
                *pieces, text = io.StringIO(text, newline="")
                self.whole = False
                yield from pieces
                self.whole = True
            self.n_bytes += len(line)
            yield text

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        self.whole = False
        with io.TextIOWrapper(file, self._encoding, "replace", newline="" if self._returns else "\n") as text:
            yield from text

    def _has_returns_only(self) -> bool:
        """Return whether the file has the line ends of old Macs: cut at line feeds, it would be one long line."""
        with self._source.preview.open() as file:
            start = file.read(1 << 16)
        return b"\r" in start and b"\n" not in start


def _pass_over(file: BinaryIO, n_bytes: int) -> None:
    """Go to a byte: at once in a plain file, by decompressing in a compressed one."""
    if file.seekable():
        file.seek(n_bytes)
        return
    while n_bytes and (passed := file.read(min(n_bytes, 1 << 20))):
        n_bytes -= len(passed)
