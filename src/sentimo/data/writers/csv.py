"""CSV or TSV in UTF-8. Empty cells stand for None; lists and objects become JSON."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from sentimo.data.writers import Columns
from sentimo.data.writers.jsonl import json_line

_SIGNS = frozenset("=+-@\t\r")
_NUMBER = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)([eE][+-]?\d+)?%?")


def open_format(ending: str, formula_guard: bool) -> CsvFormat:
    """Return the format of an ending."""
    return CsvFormat("\t" if ending == ".tsv" else ",", formula_guard)


class CsvFormat:
    """Rows of cells with a delimiter between them.

    With `formula_guard`, a text that begins with = + - @, a tab or a carriage return gets an apostrophe before it, so
    that no spreadsheet runs what a stranger wrote; numbers stay as they are.

    Source: OWASP, "CSV Injection".
    """

    def __init__(self, delimiter: str, formula_guard: bool) -> None:
        self._delimiter, self._guard = delimiter, formula_guard

    def header(self, names: Sequence[str]) -> bytes:
        """Return the row of names."""
        return self._rows([self._cells(names)])

    def encode(self, columns: Columns, schema: Any) -> bytes:
        """Return the rows."""
        return self._rows(zip(*map(self._cells, columns.values()), strict=True))

    def _rows(self, rows: Any) -> bytes:
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=self._delimiter).writerows(rows)
        return written.getvalue().encode("utf-8")

    def _cells(self, values: Sequence[Any]) -> Sequence[Any]:
        kinds = set(map(type, values))  # most columns need no look at each value
        if kinds & {list, tuple, dict}:
            values = [_json(value) for value in values]
        if self._guard and str in kinds:
            return [guarded(value) if isinstance(value, str) and value[:1] in _SIGNS else value for value in values]
        return values


def guarded(text: str) -> str:
    """Return a text that begins like a formula with an apostrophe before it, unless it is a number."""
    return text if _NUMBER.fullmatch(text) else f"'{text}"


def _json(value: Any) -> Any:
    return json_line(value).rstrip("\n") if isinstance(value, (list, tuple, dict)) else value
