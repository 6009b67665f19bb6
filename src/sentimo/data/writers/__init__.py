"""Writers turn tables into bytes, part by part. A new format is one file and one catalogue line.

The parts of a file are appended to a log, so that a run can stop after any of them. The log of a row format is the file
itself; that of Parquet is made into one, or into a folder of them, when all parts are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from sentimo.data.streams import compress, ending_of
from sentimo.errors import InputError

WRITERS: Mapping[str, str] = {
    ".csv": "sentimo.data.writers.csv",
    ".tsv": "sentimo.data.writers.csv",
    ".jsonl": "sentimo.data.writers.jsonl",
    ".parquet": "sentimo.data.writers.parquet",
}
"""Ending of the file name -> module. All but Parquet may end in .gz or .zst too."""

Columns = Mapping[str, Sequence[Any]]


class Format(Protocol):
    """How a writer module spells a table; `open_format` makes one."""

    def header(self, names: Sequence[str]) -> bytes:
        """Return what stands before the rows."""
        ...

    def encode(self, columns: Columns, schema: Any) -> bytes:
        """Return a part: columns of equal length. `schema` holds the types that are known (Parquet)."""
        ...


class Writer:
    """What the parts of one target are written with.

    Args:
        target: File to write; its name says the compression and, without `ending`, the format.
        ending: Ending that says the format.
        formula_guard: Whether cells that a spreadsheet would run get an apostrophe before them (CSV and TSV).

    Raises:
        InputError: no such format, or Parquet with a compression of its own.
    """

    def __init__(self, target: Path, ending: str | None = None, *, formula_guard: bool = True) -> None:
        found, self._compression = ending_of(target)
        self.ending = ending or found
        if self.ending not in WRITERS:
            raise InputError(
                f"{target}: files of kind {self.ending!r} are not written; known: {', '.join(WRITERS)}, "
                "all but .parquet also with .gz or .zst behind"
            )
        self.is_parquet = self.ending == ".parquet"
        if self.is_parquet and self._compression:
            raise InputError(f"{target}: Parquet compresses itself; write it to {target.with_suffix('')}")
        self._format: Format = import_module(WRITERS[self.ending]).open_format(self.ending, formula_guard)

    def header(self, names: Sequence[str]) -> bytes:
        """Return what stands before the rows."""
        return compress(self._format.header(names), self._compression)

    def encode(self, columns: Columns, schema: Any = None) -> bytes:
        """Return a part; parts one after the other, behind the header, are a whole file (Parquet: a log)."""
        return compress(self._format.encode(columns, schema), self._compression)
