"""CSV and TSV files, quoted as RFC 4180 says."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.encoding import encoding_of
from sentimo.data.readers.lines import START, LineReader, Lines, Place
from sentimo.data.streams import Input
from sentimo.errors import DataError

_DELIMITERS = (",", "\t", ";", "|")
_MOST_CHARACTERS = 64 << 20  # in one cell; more is a quote that is never closed


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
        reader = csv.reader(lines, delimiter=self._delimiter)
        try:
            if not start.n_bytes:
                next(filter(None, reader))
            number, n_lines = start.rows_before, start.lines_before + reader.line_num
            n_cells = len(header)
            for cells in reader:
                before, n_lines = n_lines, start.lines_before + reader.line_num
                if not cells:
                    continue
                number += 1
                if number <= start.rows:
                    continue
                self._rows = number  # as `_passed` does; millions of rows come here
                if lines.whole:
                    self._mark = (lines.n_bytes, number, n_lines)
                if lines.over:
                    reason = f"a quote opened in line {before + 1} is never closed; the rest is in this row"
                    yield BadRow(number, reason, cells)
                elif len(cells) == n_cells:
                    yield Row(number, dict(zip(header, cells)))  # noqa: B905  # of equal length
                else:
                    yield BadRow(number, f"{len(cells)} cells, the header has {len(header)} (line {n_lines})", cells)
        except csv.Error as error:
            raise _broken(self._source, start.lines_before + reader.line_num, error) from error


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
