"""CSV or TSV in UTF-8. Empty cells stand for None; lists and objects become JSON."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from sentimo.data.writers import Columns
from sentimo.data.writers.cells import filled, holds, joined, spelt
from sentimo.data.writers.jsonl import json_line

_SIGNS = "=+-@\t\r"
_NUMBER = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)([eE][+-]?\d+)?%?")
_TRUTH = ("True", "False")


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
        self._to_quote = f'{delimiter}"\r\n'

    def header(self, names: Sequence[str]) -> bytes:
        """Return the row of names."""
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=self._delimiter).writerow(map(guarded, names) if self._guard else names)
        return written.getvalue().encode("utf-8")

    def encode(self, columns: Columns, schema: Any) -> bytes:
        """Return the rows."""
        cells = [self._cells(values) for values in columns.values()]
        if len(cells) == 1:  # or an empty cell would be a blank line, which is no row
            cells = [filled(cells[0], '""')]
        return joined(cells, self._delimiter, "\r\n")

    def _cells(self, values: Sequence[Any]) -> Any:
        cells = spelt(values, _spelt, _TRUTH)
        if self._guard and holds(cells, _SIGNS.encode()):
            cells = spelt([guarded(each) if isinstance(each, str) else each for each in values], _spelt, _TRUTH)
        if holds(cells, self._to_quote.encode()):
            cells = spelt([each and self._quoted(each) for each in cells.to_pylist()], str, _TRUTH)
        return cells

    def _quoted(self, text: str) -> str:
        quoted = any(sign in text for sign in self._to_quote)
        return '"' + text.replace('"', '""') + '"' if quoted else text


def guarded(text: str) -> str:
    """Return a text that begins like a formula with an apostrophe before it, unless it is a number."""
    return f"'{text}" if text.startswith(tuple(_SIGNS)) and not _NUMBER.fullmatch(text) else text


def _spelt(value: Any) -> str:
    return json_line(value).rstrip("\n") if isinstance(value, (list, tuple, dict)) else str(value)
