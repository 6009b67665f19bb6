"""JSON Lines in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sentimo.data.writers import Columns

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode
_TRUTH = ("true", "false")
_TO_ESCAPE = b'"\\' + bytes(range(0x20))


def open_format(ending: str, formula_guard: bool) -> JsonlFormat:
    """Return the format; spreadsheets do not read it, so there is nothing to guard."""
    return JsonlFormat()


class JsonlFormat:
    """One object a line."""

    def header(self, names: Sequence[str]) -> bytes:
        """Return nothing: every row names its columns."""
        return b""

    def encode(self, columns: Columns, schema: Any) -> bytes:
        """Return the rows."""
        from sentimo.data.writers.cells import joined

        return joined([_members(name, values) for name, values in columns.items()], ", ", "}\n", start="{")


def _members(name: str, values: Sequence[Any]) -> Any:
    """Return ``"name": value`` of every row."""
    import pyarrow.compute as pc

    from sentimo.data.writers.cells import holds, spelt

    values = [None if type(value) is float and value - value != 0 else value for value in values]
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {str}:
        cells = spelt(values, str, _TRUTH)
        if holds(cells, _TO_ESCAPE):
            cells = spelt([value if value is None else _encode(value) for value in values], str, _TRUTH)
        else:
            cells = pc.binary_join_element_wise('"', cells, '"', "")
    elif kinds <= {bool} or kinds == {float}:
        cells = spelt(values, str, _TRUTH)
    else:
        plain = (type(None), float)
        cells = spelt([each if type(each) in plain else json_line(each).rstrip("\n") for each in values], str, _TRUTH)
    return pc.binary_join_element_wise(f"{_encode(name)}: ", pc.fill_null(cells, "null"), "")


def json_line(value: Any) -> str:
    """Return a value as one line of JSON; what JSON lacks (times, decimals, NaN) becomes a string or null."""
    try:
        return _encode(value) + "\n"
    except ValueError:
        return _encode(_without_nan(value)) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, (list, tuple)) else value
