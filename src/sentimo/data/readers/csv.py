"""CSV and TSV files, quoted as RFC 4180 says."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.encoding import check_encoding, count_lines, detect_encoding
from sentimo.errors import DataError

_DELIMITERS = (",", "\t", ";", "|")
_MOST_CHARACTERS = 64 << 20  # in one cell; more is a quote that is never closed


def columns(path: Path, options: ReadOptions) -> list[str]:
    """Return the columns of the header."""
    with _open(path, options) as (header, _):
        return header


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Return the data rows; blank lines are passed over."""
    columns(path, options)  # errors in the header come at the call
    return _rows(path, options)


def estimate_rows(path: Path) -> int:
    """Return about how many rows the file has."""
    return max(0, count_lines(path) - 1)


def _rows(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    with _open(path, options) as (header, reader):
        number = 0
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise DataError(
                    f"{path}, line {reader.line_num}: {error}. Is a quote opened and never closed before it?"
                ) from error
            if cells is None:
                return
            if not cells:
                continue
            number += 1
            if len(cells) == len(header):
                yield Row(number, dict(zip(header, cells, strict=True)))
            else:
                yield BadRow(number, f"{len(cells)} cells, the header has {len(header)} (line {reader.line_num})")


@contextmanager
def _open(path: Path, options: ReadOptions) -> Iterator[tuple[list[str], Any]]:
    encoding = check_encoding(path, options.encoding) if options.encoding else detect_encoding(path)
    csv.field_size_limit(_MOST_CHARACTERS)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        delimiter = options.delimiter or ("\t" if path.suffix.lower() == ".tsv" else _guess_delimiter(file))
        if len(delimiter) != 1:
            raise DataError(f"{path}: a delimiter is one character; found {delimiter!r}")
        reader = csv.reader(file, delimiter=delimiter)
        header = [name.strip() for name in next(reader, [])]
        if not any(header):
            raise DataError(f"{path}: no header; the first row names the columns")
        header = [name or f"column_{place}" for place, name in enumerate(header, 1)]
        if twice := sorted({name for name in header if header.count(name) > 1}):
            raise DataError(f"{path}: columns occur twice: {', '.join(twice)}. Rename them in the header.")
        yield header, reader


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
