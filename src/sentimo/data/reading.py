"""How files of texts and labels are read, where they do not say so themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, Self

from sentimo.core.labels import Kind
from sentimo.data.readers import BadRow, choose_columns, columns, guess_columns, read_rows, require_columns
from sentimo.data.targets import is_empty
from sentimo.errors import DataError


@dataclass(frozen=True)
class Reading:
    """How labelled files are read.

    Attributes:
        text, label: Columns; None: guessed from the first file.
        kind: Kind of task; None: seen from the labels.
        separator: Sign between several labels in one cell; None: one label, unless the cell holds a list.
        mapping: Old label -> new label; rows with none of the old labels are left out. None: labels stay.
        on_unknown: What to do with a label that does not fit: end with an error, or skip the row and list it.
        delimiter: Sign between the cells of a CSV file; None: guessed.
        encoding: Of a text file; None: detected.
    """

    text: str | None = None
    label: str | None = None
    kind: Kind | None = None
    separator: str | None = None
    mapping: Mapping[str, str] | None = None
    on_unknown: Literal["error", "skip"] = "error"
    delimiter: str | None = None
    encoding: str | None = None

    def with_columns(self, path: str | Path) -> Self:
        """Return the same with both columns named, guessed from a file where they are not.

        Raises:
            DataError: no column looks like texts, or like labels.
        """
        text, label = choose_columns(path, self.text, self.label, **self.options)
        return replace(self, text=text, label=label)

    @property
    def options(self) -> dict[str, str | None]:
        """What `sentimo.data.readers` takes by keyword."""
        return {"delimiter": self.delimiter, "encoding": self.encoding}

    @property
    def columns(self) -> tuple[str, str]:
        """The columns of texts and labels, once they are known (`with_columns`)."""
        if self.text is None or self.label is None:
            raise ValueError("the columns are not chosen yet: call with_columns first")
        return self.text, self.label


@dataclass(frozen=True)
class Texts:
    """The texts of a file.

    Attributes:
        texts: In the order of the file.
        rows: The number of each one's row from 1 (a header is not counted).
        column: Where they stand.
        n_without: Rows without a text, or that cannot be read; they are left out.
    """

    texts: list[str]
    rows: list[int]
    column: str
    n_without: int


def read_texts(
    path: str | Path,
    column: str | None = None,
    *,
    most: int | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Texts:
    """Read the column of texts of a file.

    Args:
        path: The file.
        column: The column; None: guessed.
        most: Rows to read, from the first; None reads all.
        delimiter, encoding: See `read_rows`.

    Raises:
        DataError: the file cannot be read, has no such column, or none that looks like texts, or no row has a text.
    """
    if column is None:
        column, _ = guess_columns(path, delimiter=delimiter, encoding=encoding)
    else:
        require_columns(path, columns(path, delimiter=delimiter, encoding=encoding), {"text": column})
    texts, rows, n_without = [], [], 0
    for row in islice(read_rows(path, delimiter=delimiter, encoding=encoding), most):
        if isinstance(row, BadRow) or is_empty(cell := row.cells.get(column)):
            n_without += 1
        else:
            texts.append(str(cell))
            rows.append(row.number)
    if not texts:
        raise DataError(f"{path}: column {column!r} holds no text; name another with --text")
    return Texts(texts, rows, column, n_without)
