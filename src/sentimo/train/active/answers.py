"""The file of answers: one line of JSON per label, on disk before the next text is shown."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentimo.core.durable import publish
from sentimo.errors import DataError


class Answers:
    """What was answered about the rows of a pool, in the order it was given.

    A line is ``{"row": 3, "text": "...", "label": "joy"}``, with a list of labels where several may hold and null for a
    skipped text; there is one line per row, which is told by its number in the file of texts. A line that was cut off
    when the machine stopped is taken off the file.

    Args:
        path: The file; it need not be there.
        texts: The texts of the pool.
        rows: Their numbers in the file of texts; by default from 1 on.

    Raises:
        DataError: a line is no such answer, or its text is another than that of the pool.
    """

    def __init__(self, path: Path, texts: list[str], rows: Sequence[int] | None = None) -> None:
        self.path, self._texts = path, texts
        self.rows = rows or range(1, len(texts) + 1)
        self._places = {number: place for place, number in enumerate(self.rows)}
        self.labels: dict[int, Any] = {}
        if path.exists():
            self._read()

    def place(self, number: int) -> int | None:
        """Return the place in the pool of a row of the file; None where it is not there."""
        return self._places.get(number)

    def text(self, row: int) -> str:
        """Return the text of a row."""
        return self._texts[row]

    def give(self, row: int, label: Any) -> None:
        """Keep an answer, in the place of an earlier one; it is on disk when this returns."""
        is_new = row not in self.labels
        self.labels.pop(row, None)
        self.labels[row] = label
        if is_new:
            self._append(row)
        else:
            self._rewrite()

    def undo(self) -> int | None:
        """Take the last answer back and return its row; None where there is none."""
        if not self.labels:
            return None
        row, _ = self.labels.popitem()
        self._rewrite()
        return row

    def _line(self, row: int) -> str:
        answer = {"row": self.rows[row], "text": self._texts[row], "label": self.labels[row]}
        return json.dumps(answer, ensure_ascii=False) + "\n"

    def _append(self, row: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(self._line(row))
            file.flush()
            os.fsync(file.fileno())

    def _rewrite(self) -> None:
        new = self.path.with_name(self.path.name + ".unfinished")
        new.write_text("".join(map(self._line, self.labels)), "utf-8", newline="\n")
        publish(new, self.path)

    def _read(self) -> None:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("rb+") as file:
                file.truncate(whole)
        for number, line in enumerate(content[:whole].decode("utf-8").split("\n")[:-1], 1):
            where = f"{self.path}, line {number}"
            try:
                answer = json.loads(line)
                number_there = int(answer["row"])
            except (ValueError, KeyError, TypeError):
                raise DataError(f"{where}: no answer. Expected an object with row, text and label.") from None
            row = self.place(number_there)
            if row is None or answer.get("text") != self._texts[row]:
                raise DataError(
                    f"{where}: row {number_there} has another text here. Give the file that was labelled before."
                )
            self.labels.pop(row, None)
            self.labels[row] = answer.get("label")
