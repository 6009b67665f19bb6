"""CSV and TSV files, quoted as RFC 4180 says."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.encoding import encoding_of
from sentimo.data.readers.lines import START, LineReader, Lines, Place
from sentimo.data.streams import Input
from sentimo.errors import DataError

_DELIMITERS = (",", "\t", ";", "|")
_MOST_CHARACTERS = 64 << 20  # in one cell
_MOST_LINES, _MOST_CHARACTERS_OF_LINES = 10_000, 16 << 20  # in one row; more is a quote that is never closed


def columns(source: Input, options: ReadOptions) -> list[str]:
    """Return the columns of the header."""
    return Reader(source, options, START).header


class Reader(LineReader):
    """The data rows; blank lines are passed over."""

    def __init__(self, source: Input, options: ReadOptions, place: Place) -> None:
        super().__init__(source, encoding_of(source, options.encoding), place)
        csv.field_size_limit(_MOST_CHARACTERS)
        start = Lines(source.preview, self._encoding)
        self._delimiter = _delimiter(source, options.delimiter) or _guess_delimiter(list(islice(start, 50)))
        start = Lines(source.preview, self._encoding)
        self.header = _header(source, csv.reader(start, delimiter=self._delimiter), start)

    def __iter__(self) -> Iterator[Row | BadRow]:
        start, header = self._start, self.header
        lines = Lines(self._source, self._encoding, start.n_bytes)
        feed = _Feed(lines)
        taken, waiting = feed.taken, feed.waiting
        number, n_lines, n_cells = start.rows_before, start.lines_before, len(header)
        is_header, again = not start.n_bytes, True
        try:
            while again:
                again = False
                for cells in csv.reader(feed, delimiter=self._delimiter):
                    before, n_lines = n_lines, n_lines + len(taken)
                    if feed.stopped:
                        opening, n_tried, n_lines, again = taken[0], len(taken), before + 1, True
                        waiting.extendleft(reversed(taken[1:]))
                    taken.clear()
                    if not cells:
                        continue
                    if is_header:
                        is_header = False
                        continue
                    number += 1
                    if number > start.rows:
                        self._rows = number  # as `_passed` does; millions of rows come here
                        if lines.whole and not waiting:
                            self._mark = (lines.n_bytes, number, n_lines)
                        if again:
                            reason = f"a quote opened in line {n_lines} is not closed within {n_tried} lines"
                            yield BadRow(number, f"{reason}; this line is left out", [opening.rstrip("\r\n")])
                        elif len(cells) == n_cells:
                            yield Row(number, dict(zip(header, cells)))  # noqa: B905  # of equal length
                        else:
                            reason = f"{len(cells)} cells, the header has {n_cells} (line {n_lines})"
                            yield BadRow(number, reason, cells)
                    if again:
                        break
        except csv.Error as error:
            raise _broken(self._source, n_lines + len(taken), error) from error


class _Feed:
    """Lines for a `csv.reader`, which takes as many as a row has; no end of them where a quote is never closed.

    Attributes:
        taken: Lines of the row that is read; who reads clears it.
        waiting: Lines to be taken again, before others.
        stopped: Whether the last row wanted more lines than there are, or than a row may have.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = iter(lines)
        self.taken: list[str] = []
        self.waiting: deque[str] = deque()
        self.stopped = False

    def __iter__(self) -> Iterator[str]:
        taken, waiting, n_characters = self.taken, self.waiting, 0
        self.stopped = False
        while len(taken) < _MOST_LINES and n_characters < _MOST_CHARACTERS_OF_LINES:
            line = waiting.popleft() if waiting else next(self._lines, None)
            if line is None:
                break
            n_characters = n_characters + len(line) if taken else len(line)
            taken.append(line)
            yield line
            n_characters = n_characters if taken else 0
        self.stopped = True


def _header(source: Input, reader: Any, lines: Lines) -> list[str]:
    try:
        header = [name.strip() for name in next(filter(None, reader), [])]
    except csv.Error as error:
        raise _broken(source, reader.line_num, error) from error
    if not any(header):
        raise DataError(f"{source}: no header; the first row names the columns")
    if lines.over:
        raise DataError(f"{source}: a quote is opened in the header and never closed")
    header = [name or f"column_{place}" for place, name in enumerate(header, 1)]
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise DataError(f"{source}: columns occur twice: {', '.join(twice)}. Rename them in the header.")
    return header


def _broken(source: Input, line: int, error: csv.Error) -> DataError:
    return DataError(f"{source}, line {line}: {error}. Is a quote opened and never closed before it?")


def _delimiter(source: Input, given: str | None) -> str | None:
    r"""Return the delimiter given (a tab may be spelled "\t"), or that of the ending of the file name."""
    if not given:
        return "\t" if source.ending == ".tsv" else None
    delimiter = "\t" if given == r"\t" else given
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise DataError(rf"{source}: a delimiter is one character, such as ; or | or \t; found {given!r}")
    return delimiter


def _guess_delimiter(lines: list[str]) -> str:
    """Return the delimiter that cuts most of the first rows into the same number of cells, more cells first."""

    def quality(delimiter: str) -> tuple[float, int]:
        try:
            rows = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return 0.0, 0
        if not rows or rows[0] < 2:
            return 0.0, 0
        return rows.count(rows[0]) / len(rows), rows[0]

    return max(_DELIMITERS, key=quality)
