"""What a part becomes: the columns of the source and of the answers, and the rows without an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sentimo.core.predictions import Predictions
from sentimo.data.readers import BadRow, Row
from sentimo.data.sources import Sources
from sentimo.engine.files.parts import Part

PROBE = ("I like it.", "我喜欢。")
"""One text per built-in model: their answers show which columns there will be."""


class Table:
    """The columns of the output.

    Args:
        sources: The rows.
        text: Column of the texts.
        probe: Answers to `PROBE`.

    Attributes:
        names: All columns, in order.
        renamed: Result column -> its name here, where the source has a column of its name or its task's.
        left_out: Keys that came in a stream after its columns were fixed.
    """

    def __init__(self, sources: Sources, text: str, probe: Predictions) -> None:
        self._sources, self._text = sources, text
        self.left_out: set[str] = set()
        self._results = list(probe.to_columns())
        taken = sources.names
        clashing = {_task_of(name, probe.tasks) for name in self._results if name in taken}
        self.renamed = {
            name: _free_name(name, taken) for name in self._results if _task_of(name, probe.tasks) in clashing
        }
        self._types = {self.renamed.get(name, name): kind for name, kind in probe.column_types().items()}
        self.names = [*taken, *(self.renamed.get(name, name) for name in self._results)]

    def texts(self, part: Part) -> list[Any]:
        """Return the texts of the rows that can be read; what is no text has no answer."""
        return [_text(row.cells.get(self._text)) for _, row in part.rows if isinstance(row, Row)]

    def columns(self, part: Part, answers: Predictions) -> dict[str, list[Any]]:
        """Return the columns of the rows that can be read, with their answers."""
        rows = [row.cells for _, row in part.rows if isinstance(row, Row)]
        if self._sources.is_stream:
            known = set(self._sources.names)
            self.left_out.update(name for cells in rows for name in cells.keys() - known)
        table = {name: [cells.get(name) for cells in rows] for name in self._sources.names}
        if (column := self._sources.file_column) is not None:
            table[column] = [name for name, row in part.rows if isinstance(row, Row)]
        found, nothing = answers.to_columns(), [None] * len(rows)
        return table | {self.renamed.get(name, name): found.get(name, nothing) for name in self._results}

    def bad_rows(self, part: Part, answers: Predictions) -> list[dict[str, Any]]:
        """Return the rows without an answer: (file,) number, reason, cells."""
        bad = []
        errors = iter(answers.errors)
        for name, row in part.rows:
            reason = row.reason if isinstance(row, BadRow) else next(errors)
            if reason is not None:
                file = {"file": name} if self._sources.file_column is not None else {}
                cells = row.raw if isinstance(row, BadRow) else dict(row.cells)
                bad.append({**file, "row": row.number, "reason": reason, "cells": cells})
        return bad

    def schema(self) -> Any:
        """Return the types known for Parquet: those of the results, and of the source if all of it is Parquet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
        fields = [pa.field(name, kinds[kind]) for name, kind in self._types.items()]
        if not self._sources.is_parquet:
            return pa.schema(fields)
        found: dict[str, Any] = {}
        for path in self._sources.files:
            for each in pq.read_schema(path):
                known = found.setdefault(each.name, each)
                if not known.equals(each):
                    found[each.name] = _common(known, each)
        return pa.schema([*found.values(), *fields])


def _common(known: Any, other: Any) -> Any:
    import pyarrow as pa

    try:
        return pa.unify_schemas([pa.schema([known]), pa.schema([other])], promote_options="permissive").field(0)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.field(known.name, pa.string())


def _text(cell: Any) -> Any:
    """Return the text of a cell; numbers are read as texts, None stays what it is: no text."""
    return str(cell) if isinstance(cell, (int, float)) and cell == cell else cell


def _task_of(column: str, tasks: Iterable[str]) -> str:
    """Return the task that a result column belongs to (or the column itself): they are renamed together."""
    return max((task for task in tasks if column == task or column.startswith(f"{task}_")), key=len, default=column)


def _free_name(name: str, taken: Sequence[str]) -> str:
    name = f"predicted_{name}"
    while name in taken:
        name += "_"
    return name
