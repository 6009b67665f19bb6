"""Tables to files, part by part: each part is whole on disk, and the parts are joined at the end.

A new format is one class and one catalogue line.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sentimo.errors import InputError

Columns = Mapping[str, Sequence[Any]]


class Writer(Protocol):
    """Writes parts of one table and joins them."""

    def write(self, part: Path, columns: Columns, schema: Any = None) -> None:
        """Write a part: columns of equal length. `schema` holds the types that are known (Parquet)."""
        ...

    def join(self, parts: Sequence[Path], target: Path, header: Sequence[str]) -> None:
        """Join the parts, in order, into a file; without parts the file holds only the header."""
        ...


def open_writer(target: Path) -> Writer:
    """Return the writer for the ending of a file name.

    Raises:
        InputError: no such format.
    """
    if target.suffix.lower() not in WRITERS:
        raise InputError(f"{target}: files of kind {target.suffix!r} are not written; known: {', '.join(WRITERS)}")
    return WRITERS[target.suffix.lower()]


class CsvWriter:
    """CSV or TSV in UTF-8. Empty cells stand for None; lists and objects become JSON."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter

    def write(self, part: Path, columns: Columns, schema: Any = None) -> None:
        """Write a part, without header."""
        with part.open("w", encoding="utf-8", newline="") as file:
            rows = zip(*columns.values(), strict=True)
            csv.writer(file, delimiter=self._delimiter).writerows([_cell(each) for each in row] for row in rows)

    def join(self, parts: Sequence[Path], target: Path, header: Sequence[str]) -> None:
        """Write the header, then the parts."""
        with target.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=self._delimiter).writerow(header)
        _append(parts, target)


class JsonlWriter:
    """JSON Lines in UTF-8."""

    def write(self, part: Path, columns: Columns, schema: Any = None) -> None:
        """Write a part."""
        with part.open("w", encoding="utf-8") as file:
            for row in zip(*columns.values(), strict=True):
                file.write(json_line(dict(zip(columns, row, strict=True))))

    def join(self, parts: Sequence[Path], target: Path, header: Sequence[str]) -> None:
        """Write the parts one after the other."""
        target.write_bytes(b"")
        _append(parts, target)


class ParquetWriter:
    """Parquet (zstd). Columns of the source keep their types; a column of mixed values becomes JSON strings."""

    def write(self, part: Path, columns: Columns, schema: Any = None) -> None:
        """Write a part."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = {
            name: _array(values, schema.field(name).type if schema is not None and name in schema.names else None)
            for name, values in columns.items()
        }
        pq.write_table(pa.table(arrays), part, compression="zstd")

    def join(self, parts: Sequence[Path], target: Path, header: Sequence[str]) -> None:
        """Write the parts as row groups of one file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schemas = [pq.read_schema(part) for part in parts] or [pa.schema([(name, pa.string()) for name in header])]
        schema = _common(schemas)
        with pq.ParquetWriter(target, schema, compression="zstd") as file:
            for part in parts:
                table = pq.read_table(part)
                file.write_table(
                    pa.table([_cast(table[name], schema.field(name).type) for name in schema.names], schema)
                )


WRITERS: Mapping[str, Writer] = {
    ".csv": CsvWriter(","),
    ".tsv": CsvWriter("\t"),
    ".jsonl": JsonlWriter(),
    ".parquet": ParquetWriter(),
}


def json_line(value: Any) -> str:
    """Return a value as one line of JSON; what JSON lacks (times, decimals, NaN) becomes a string or null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str) + "\n"
    except ValueError:
        return json.dumps(_without_nan(value), ensure_ascii=False, default=str) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, (list, tuple)) else value


def _cell(value: Any) -> Any:
    return json_line(value).rstrip("\n") if isinstance(value, (list, tuple, dict)) else value


def _append(parts: Sequence[Path], target: Path) -> None:
    with target.open("ab") as file:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, file)


def _array(values: Sequence[Any], kind: Any) -> Any:
    import pyarrow as pa

    try:
        array = pa.array(values, type=kind)
        return array if _storable(array.type) else pa.array([_as_string(value) for value in values])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([_as_string(value) for value in values])


def _storable(kind: Any) -> bool:
    """Return whether Parquet has the type: an object without keys, at any depth, it has not."""
    import pyarrow as pa

    empty = pa.types.is_struct(kind) and not kind.num_fields
    return not empty and all(_storable(kind.field(place).type) for place in range(kind.num_fields))


def _common(schemas: Sequence[Any]) -> Any:
    """Return one schema for all parts; a column whose types do not go together is one of strings."""
    import pyarrow as pa

    fields = []
    for name in schemas[0].names:
        kinds = [schema.field(name) for schema in schemas]
        try:
            fields.append(
                pa.unify_schemas([pa.schema([kind]) for kind in kinds], promote_options="permissive").field(0)
            )
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            fields.append(pa.field(name, pa.string()))
    return pa.schema([pa.field(each.name, pa.string()) if pa.types.is_null(each.type) else each for each in fields])


def _cast(column: Any, kind: Any) -> Any:
    import pyarrow as pa

    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([_as_string(value) for value in column.to_pylist()], type=pa.string())


def _as_string(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json_line(value).rstrip("\n")
