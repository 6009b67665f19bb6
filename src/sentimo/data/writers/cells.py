"""Rows of text from columns, by Arrow: many times faster than row by row, and beside other threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def spelt(values: Sequence[Any], spell: Callable[[Any], str | None], truth: tuple[str, str]) -> pa.Array:
    """Return the values of a column as strings, null where there is nothing.

    Args:
        values: The values.
        spell: How a value is written that is neither of one of the plain types nor None; strings are left as they are.
        truth: How True and False are written.
    """
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str}:
        return pa.array(values, pa.string())
    if kinds == {float}:
        return _numbers(values)
    if kinds == {bool}:
        return pc.if_else(pa.array(values, pa.bool_()), *truth)
    # A number is spelt the same way whatever else is in its column.
    numbers = iter(_numbers([value for value in values if type(value) is float]).to_pylist())
    return pa.array(
        [
            next(numbers)
            if type(value) is float
            else value
            if value is None or isinstance(value, str)
            else spell(value)
            for value in values
        ],
        pa.string(),
    )


def _numbers(values: Sequence[float | None]) -> pa.Array:
    """Return numbers as strings; NaN, which stands for nothing in Parquet and pandas, is null."""
    return pc.cast(pa.array(values, pa.float64(), from_pandas=True), pa.string())


def joined(columns: Sequence[pa.Array], separator: str, end: str, *, start: str = "") -> bytes:
    """Return the rows, one after the other: a start, the cells (null: nothing) with a separator between, an end."""
    if not len(columns[0]):
        return b""
    rows = pc.binary_join_element_wise(*columns, separator, null_handling="replace", null_replacement="")
    rows = pc.binary_join_element_wise(start, rows, end, "")
    _, offsets, content = rows.buffers()
    bounds = memoryview(offsets).cast("i")
    return bytes(memoryview(content)[bounds[rows.offset] : bounds[rows.offset + len(rows)]])


def filled(column: pa.Array, empty: str) -> pa.Array:
    """Return a column with something in the place of nothing."""
    column = pc.fill_null(column, "")
    return pc.if_else(pc.equal(column, ""), empty, column)


def holds(column: pa.Array, signs: bytes) -> bool:
    """Return whether any of some ASCII signs occurs in a column."""
    content = column.buffers()[2]
    found = content.to_pybytes() if content is not None else b""
    return len(found.translate(None, signs)) < len(found)
