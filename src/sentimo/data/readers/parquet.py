"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.lines import Place
from sentimo.data.streams import FileInput, Input
from sentimo.errors import DataError

_ROWS_AT_ONCE = 1024


def columns(source: Input, options: ReadOptions) -> list[str]:
    """Return the names of the columns."""
    with _open(source) as file:
        names = list(file.schema_arrow.names)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{source}: columns occur twice: {', '.join(twice)}. Rename them.")
    return names


class Reader:
    """The rows; those before a place are passed over by whole row groups."""

    def __init__(self, source: Input, options: ReadOptions, place: Place) -> None:
        columns(source, options)  # errors come at the call
        self._source, self._rows, self._n_rows = source, place.rows, 1

    @property
    def place(self) -> Place:
        """The place after the row that was given last."""
        return Place(self._rows)

    @property
    def share(self) -> float:
        """Share of the file that is read, in [0, 1]."""
        return self._rows / self._n_rows

    def __iter__(self) -> Iterator[Row | BadRow]:
        start = self._rows
        with _open(self._source) as file:
            self._n_rows = max(1, file.metadata.num_rows)
            groups, number = _groups_from(file, start)
            try:
                for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=groups) if groups else ():
                    for cells in _cells_of(batch):
                        number += 1
                        if number > start:
                            self._rows = number
                            yield Row(number, cells) if isinstance(cells, dict) else BadRow(number, cells)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{self._source}: damaged after row {number}: {error}") from error


def _groups_from(file: pq.ParquetFile, start: int) -> tuple[list[int], int]:
    """Return the row groups that hold rows after the first `start`, and how many rows are before those groups."""
    before = 0
    for group in range(file.num_row_groups):
        n = file.metadata.row_group(group).num_rows
        if before + n > start:
            return list(range(group, file.num_row_groups)), before
        before += n
    return [], before


def _cells_of(batch: pa.RecordBatch) -> list[dict[str, Any] | str]:
    """Return the cells of each row, or why there are none: a value that Python cannot hold, such as the year 300000."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            return [str(error)]
        return [each for row in range(batch.num_rows) for each in _cells_of(batch.slice(row, 1))]


def _open(source: Input) -> pq.ParquetFile:
    if not isinstance(source, FileInput):
        raise DataError(f"{source}: Parquet is not read from a stream; save it to a file")
    try:
        return pq.ParquetFile(source.path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{source}: not a Parquet file: {error}") from error
