"""How labelled files are read, where they do not say so themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from sentimo.core.labels import Kind
from sentimo.data.readers import choose_columns


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
