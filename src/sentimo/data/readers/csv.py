"""CSV and TSV files, quoted as RFC 4180 says."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.encoding import count_lines, encoding_of
from sentimo.errors import DataError

_DELIMITERS = (",", "\t", ";", "|")
_MOST_CHARACTERS = 64 << 20  # in one cell; more is a quote that is never closed


def columns(path: Path, options: ReadOptions) -> list[str]:
    """Return the columns of the header."""
    with _open(path, options) as (header, _, _):
        return header


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Return the data rows; blank lines are passed over."""
    columns(path, options)  # errors in the header come at the call
    return _rows(path, options)


def estimate_rows(path: Path) -> int:
    """Return about how many rows the file has."""
    return max(0, count_lines(path) - 1)


def _rows(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    with _open(path, options) as (header, reader, lines):
        number = 0
        while True:
            first_line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise _broken(path, reader, error) from error
            if cells is None:
                return
            if not cells:
                continue
            number += 1
            if lines.over:
                yield BadRow(
                    number, f"a quote opened in line {first_line} is never closed; the rest is in this row", cells
                )
            elif len(cells) == len(header):
                yield Row(number, dict(zip(header, cells, strict=True)))
            else:
                yield BadRow(
                    number, f"{len(cells)} cells, the header has {len(header)} (line {reader.line_num})", cells
                )


class _Lines:
    """The lines of a file. `over` is set once there are no more; a CSV reader with a row in hand then is in a quote."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file, self.over = file, False

    def __iter__(self) -> Iterator[str]:
        yield from self._file
        self.over = True


@contextmanager
def _open(path: Path, options: ReadOptions) -> Iterator[tuple[list[str], Any, _Lines]]:
    encoding = encoding_of(path, options.encoding)
    csv.field_size_limit(_MOST_CHARACTERS)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        delimiter = _delimiter(path, options.delimiter) or _guess_delimiter(file)
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=delimiter)
        yield _header(path, reader, lines), reader, lines


def _header(path: Path, reader: Any, lines: _Lines) -> list[str]:
    try:
        header = [name.strip() for name in next(filter(None, reader), [])]
    except csv.Error as error:
        raise _broken(path, reader, error) from error
    if not any(header):
        raise DataError(f"{path}: no header; the first row names the columns")
    if lines.over:
        raise DataError(f"{path}: a quote is opened in the header and never closed")
    header = [name or f"column_{place}" for place, name in enumerate(header, 1)]
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise DataError(f"{path}: columns occur twice: {', '.join(twice)}. Rename them in the header.")
    return header


def _broken(path: Path, reader: Any, error: csv.Error) -> DataError:
    return DataError(f"{path}, line {reader.line_num}: {error}. Is a quote opened and never closed before it?")


def _delimiter(path: Path, given: str | None) -> str | None:
    r"""Return the delimiter given (a tab may be spelled "\t"), or that of the ending of the file name."""
    if not given:
        return "\t" if path.suffix.lower() == ".tsv" else None
    delimiter = "\t" if given == r"\t" else given
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise DataError(rf"{path}: a delimiter is one character, such as ; or | or \t; found {given!r}")
    return delimiter


def _guess_delimiter(file: Any) -> str:
    """Return the delimiter that cuts most of the first rows into the same number of cells, more cells first."""
    lines = list(islice(file, 50))
    file.seek(0)

    def quality(delimiter: str) -> tuple[float, int]:
        try:
            rows = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return 0.0, 0
        if not rows or rows[0] < 2:
            return 0.0, 0
        return rows.count(rows[0]) / len(rows), rows[0]

    return max(_DELIMITERS, key=quality)
