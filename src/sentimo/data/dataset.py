"""Labelled files to examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sentimo.core.documents import Document, Example, Source
from sentimo.core.labels import LabelSpace
from sentimo.data.augment.rows import ORIGINAL
from sentimo.data.readers import BadRow, Row, columns, read_rows, require_columns
from sentimo.data.reading import Reading
from sentimo.data.targets import LeftOut, TargetReader, infer_space, is_empty
from sentimo.errors import AmbiguousLabelError, DataError, UnknownLabelError


@dataclass(frozen=True)
class Skipped:
    """A row that gave no example: its file, its number from 1, and why."""

    path: str
    number: int
    reason: str


@dataclass(frozen=True)
class Dataset:
    """The examples of one task.

    Attributes:
        examples: One per usable row, in the order of the files.
        space: The task's labels.
        skipped: The other rows.
        places: (file, number from 1) of each example.
        first_id: Number of the first label where the labels are written as ids, else None.
    """

    examples: list[Example]
    space: LabelSpace
    skipped: list[Skipped]
    first_id: int | None = None
    places: list[tuple[str, int]] = field(default_factory=list)

    @property
    def note(self) -> str | None:
        """How the numbers in the label column were read, where they are ids and that is worth telling."""
        if self.first_id is None or str(self.first_id) == self.space.labels[0]:
            return None
        first, last = self.space.labels[0], self.space.labels[-1]
        end = self.first_id + len(self.space) - 1
        return f"numbers in the label column are read as ids: {self.first_id} is {first!r}, {end} is {last!r}"


def load_dataset(
    paths: Sequence[str | Path],
    reading: Reading,
    *,
    task: str,
    space: LabelSpace | None = None,
    first_id: int | None = None,
) -> Dataset:
    """Read labelled files.

    Rows without a text or a label are skipped and listed. So are, with ``on_unknown="skip"``, rows whose label is
    unknown or does not fit the task; by default the first one ends the reading.

    Args:
        paths: The files; together they are one data set.
        reading: Columns and what stands in them.
        task: Name of the task that the labels belong to.
        space: Its labels; seen from the files by default (`infer_space`).
        first_id: See `TargetReader`.

    Raises:
        DataError: a file or column is missing, or labels do not fit; an unknown label comes as UnknownLabelError.
    """
    reading = reading.with_columns(paths[0])
    separator, mapping = reading.separator, reading.mapping
    rows, skipped = _read(paths, reading)
    cells = [row.label for row in rows]
    if space is None:
        space = infer_space(cells, task, kind=reading.kind, separator=separator, mapping=mapping)
    reader = TargetReader(space, cells, separator=separator, mapping=mapping, first_id=first_id)
    examples, places = [], []
    for path, number, document, cell in rows:
        try:
            target = reader.target(cell, f"{path}, row {number}")
        except LeftOut as reason:
            skipped.append(Skipped(path, number, str(reason)))
        except DataError as error:
            if reading.on_unknown == "error":
                raise _with_way_out(error) from error
            skipped.append(Skipped(path, number, str(error)))
        else:
            source: Source = "augmented" if ORIGINAL in document.meta else "gold"
            examples.append(Example(document, {task: target}, source=source))
            places.append((path, number))
    return Dataset(examples, space, skipped, reader.first_id, places)


class _Labelled(NamedTuple):
    path: str
    number: int
    document: Document
    label: Any


def _read(paths: Sequence[str | Path], reading: Reading) -> tuple[list[_Labelled], list[Skipped]]:
    """Return rows with a text, and the others."""
    text, label = reading.columns
    rows: list[_Labelled] = []
    skipped: list[Skipped] = []
    for path in map(str, paths):
        require_columns(path, columns(path, **reading.options), {"text": text, "label": label})
        for row in read_rows(path, **reading.options):
            if isinstance(row, BadRow):
                skipped.append(Skipped(path, row.number, row.reason))
            elif is_empty(content := row.cells.get(text)):
                skipped.append(Skipped(path, row.number, "no text"))
            else:
                rows.append(_Labelled(path, row.number, _document(str(content), row), row.cells.get(label)))
    return rows, skipped


def _document(text: str, row: Row) -> Document:
    """Return the document of a row; one of an augmented file knows what it was made from."""
    original = row.cells.get(ORIGINAL)
    return Document(text) if is_empty(original) else Document(text, meta={ORIGINAL: str(original)})


def _with_way_out(error: DataError) -> DataError:
    sentence = f"{error} Use --on-unknown skip to leave such rows out."
    if isinstance(error, AmbiguousLabelError):
        return error
    if not isinstance(error, UnknownLabelError):
        return DataError(sentence)
    error.args = (sentence,)
    return error
