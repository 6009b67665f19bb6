"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.errors import DataError

_ROWS_AT_ONCE = 1024


def columns(path: Path, options: ReadOptions) -> list[str]:
    """Return the names of the columns."""
    with _open(path) as file:
        return list(file.schema_arrow.names)


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Return the rows."""
    _open(path).close()  # errors come at the call
    return _rows(path)


def estimate_rows(path: Path) -> int:
    """Return how many rows the file has."""
    with _open(path) as file:
        return int(file.metadata.num_rows)


def _rows(path: Path) -> Iterator[Row | BadRow]:
    number = 0
    with _open(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            for cells in batch.to_pylist():
                number += 1
                yield Row(number, cells)


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a Parquet file: {error}") from error
