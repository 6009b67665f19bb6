"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.errors import DataError

_ROWS_AT_ONCE = 1024


def columns(path: Path, options: ReadOptions) -> list[str]:
    """Return the names of the columns."""
    with _open(path) as file:
        names = list(file.schema_arrow.names)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{path}: columns occur twice: {', '.join(twice)}. Rename them.")
    return names


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Return the rows."""
    columns(path, options)  # errors come at the call
    return _rows(path)


def estimate_rows(path: Path) -> int:
    """Return how many rows the file has."""
    with _open(path) as file:
        return int(file.metadata.num_rows)


def _rows(path: Path) -> Iterator[Row | BadRow]:
    number = 0
    with _open(path) as file:
        try:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                for cells in _cells_of(batch):
                    number += 1
                    yield Row(number, cells) if isinstance(cells, dict) else BadRow(number, cells)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: damaged after row {number}: {error}") from error


def _cells_of(batch: pa.RecordBatch) -> list[dict[str, Any] | str]:
    """Return the cells of each row, or why there are none: a value that Python cannot hold, such as the year 300000."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            return [str(error)]
        return [each for row in range(batch.num_rows) for each in _cells_of(batch.slice(row, 1))]


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a Parquet file: {error}") from error
