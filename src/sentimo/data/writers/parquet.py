"""Parquet (zstd). Columns of the source keep their types; a column of mixed values becomes JSON strings.

A part is an Arrow stream, and the log such streams one after the other: which type a column has is known when all parts
are there. `join` makes the log into Parquet, reading one part at a time.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentimo.data.writers import Columns
from sentimo.data.writers.jsonl import json_line

ROWS_PER_FILE = 1_000_000
_ROWS_PER_GROUP, _BYTES_PER_GROUP = 65_536, 64 << 20  # whichever is reached first; small groups make readers slow


def open_format(ending: str, formula_guard: bool) -> ParquetFormat:
    """Return the format; it holds no formulas."""
    return ParquetFormat()


class ParquetFormat:
    """Parts of a log."""

    def header(self, names: Sequence[str]) -> bytes:
        """Return nothing: every part names its columns."""
        return b""

    def encode(self, columns: Columns, schema: Any) -> bytes:
        """Return a part as an Arrow stream."""
        arrays = {
            name: _array(values, schema.field(name).type if schema is not None and name in schema.names else None)
            for name, values in columns.items()
        }
        table, written = pa.table(arrays), io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(written, table.schema, options=options) as stream:
            stream.write_table(table)
        return written.getvalue()


def join(log: Path, target: Path, names: Sequence[str], *, folder: bool) -> tuple[list[Path], int]:
    """Make a log into a Parquet file, or into a folder of files ``part-00000.parquet`` ... of bounded length.

    Args:
        log: The parts.
        target: File or folder to make.
        names: Columns, for a log without parts.
        folder: Which of both.

    Returns:
        (the files, rows in all).
    """
    schema = None
    for table in _parts(log):
        schema = table.schema if schema is None else _common(schema, table.schema)
    schema = _without_null(schema) if schema is not None else pa.schema([(name, pa.string()) for name in names])
    if folder:
        target.mkdir(exist_ok=True)
    files: list[Path] = []
    n_rows = n_in_file = 0
    file = None
    try:
        for group in _groups(log, schema):
            if file is None or (folder and n_in_file + group.num_rows > ROWS_PER_FILE):
                if file is not None:
                    file.close()
                files.append(target / f"part-{len(files):05d}.parquet" if folder else target)
                file, n_in_file = pq.ParquetWriter(files[-1], schema, compression="zstd"), 0
            file.write_table(group, row_group_size=max(1, group.num_rows))
            n_in_file += group.num_rows
            n_rows += group.num_rows
    finally:
        if file is not None:
            file.close()
    return files, n_rows


def _parts(log: Path) -> Iterator[pa.Table]:
    size = log.stat().st_size
    with log.open("rb") as file:
        while file.tell() < size:
            yield pa.ipc.open_stream(file).read_all()


def _groups(log: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows of a log in one schema and in pieces that fit a row group; without rows, an empty piece."""
    waiting: list[pa.Table] = []
    n_rows = n_bytes = 0
    for part in _parts(log):
        columns = [_cast(part[name], schema.field(name).type) for name in schema.names]
        waiting.append(pa.table(columns, schema))
        n_rows, n_bytes = n_rows + part.num_rows, n_bytes + part.nbytes
        if n_rows >= _ROWS_PER_GROUP or n_bytes >= _BYTES_PER_GROUP:
            yield pa.concat_tables(waiting)
            waiting, n_rows, n_bytes = [], 0, 0
    if waiting or not log.stat().st_size:
        yield pa.concat_tables(waiting) if waiting else schema.empty_table()


def _array(values: Sequence[Any], kind: Any) -> Any:
    try:
        array = pa.array(values, type=kind)
        return array if _storable(array.type) else pa.array([_as_string(value) for value in values])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([_as_string(value) for value in values])


def _storable(kind: Any) -> bool:
    """Return whether Parquet has the type: an object without keys, at any depth, it has not."""
    empty = pa.types.is_struct(kind) and not kind.num_fields
    return not empty and all(_storable(kind.field(place).type) for place in range(kind.num_fields))


def _common(known: pa.Schema, other: pa.Schema) -> pa.Schema:
    """Return one schema for both; a column whose types do not go together is one of strings."""
    if known.equals(other):
        return known
    fields = []
    for name in known.names:
        try:
            pair = [pa.schema([known.field(name)]), pa.schema([other.field(name)])]
            fields.append(pa.unify_schemas(pair, promote_options="permissive").field(0))
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            fields.append(pa.field(name, pa.string()))
    return pa.schema(fields)


def _without_null(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(each.name, pa.string()) if pa.types.is_null(each.type) else each for each in schema])


def _cast(column: Any, kind: Any) -> Any:
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([_as_string(value) for value in column.to_pylist()], type=pa.string())


def _as_string(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json_line(value).rstrip("\n")
