"""JSON Lines in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sentimo.data.writers import Columns

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode


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
        rows = zip(*columns.values(), strict=True)
        return "".join(json_line(dict(zip(columns, row, strict=True))) for row in rows).encode("utf-8")


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
