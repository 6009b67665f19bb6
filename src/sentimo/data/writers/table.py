"""Whole tables that fit into memory, written in one step."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sentimo.core.durable import publish
from sentimo.data.writers import Columns, Writer
from sentimo.errors import InputError


def write_table(target: Path, columns: Columns, *, overwrite: bool = False) -> None:
    """Write columns of equal length to a file; the ending of its name says the format.

    Cells are written as they are: what is trained on must not get the apostrophes that guard spreadsheets.

    Raises:
        InputError: no such format, or the file is there and `overwrite` is off.
    """
    writer = Writer(target, formula_guard=False)
    check_free(target, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(target.name + ".unfinished")
    try:
        if writer.is_parquet:
            pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), new)
        else:
            new.write_bytes(writer.header(list(columns)) + writer.encode(columns))
        publish(new, target)
    finally:
        new.unlink(missing_ok=True)


def check_free(target: Path, *, overwrite: bool) -> None:
    """Raise InputError when a file is there already and may not be replaced."""
    if target.exists() and not overwrite:
        raise InputError(f"{target} is there already. Choose another name, or replace it with --overwrite.")
