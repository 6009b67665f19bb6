"""The answers of one call, as columns that fill up part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId, Predictions, TaskScores, WindowScores
from sentimo.engine.backends import Prepared
from sentimo.engine.cache import Remembered, ResultCache
from sentimo.engine.windows import aggregate
from sentimo.errors import InputError
from sentimo.text.language import language_of

Floats = NDArray[np.float32]


def listed(texts: Sequence[str]) -> list[str]:
    """Return the texts as a list: a pandas column counts by its index, not by position.

    Raises:
        InputError: `texts` is one string, whose letters would be taken for texts.
    """
    if isinstance(texts, str):
        raise InputError("predict() takes a list of texts; for one text call predict([text])")
    return list(texts)


def readable(text: Any) -> tuple[str, str | None]:
    """Return a text that can be tokenised and stored, and why it has no answer (or None).

    Half surrogate pairs become U+FFFD: they cannot be written as UTF-8.
    """
    if not isinstance(text, str):
        kind = type(text).__name__
        nothing = kind in ("NoneType", "NAType", "NaTType") or (isinstance(text, float) and text != text)
        return "", f"not a text ({'empty cell' if nothing else kind})"
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text, None if text.strip() else "empty text"


class Answers:
    """Columns over the texts of a call.

    Args:
        tasks: The tasks; their scores stand side by side in one array.
        model: What answers.
        texts: The texts as given.

    Attributes:
        texts: The texts as they are read.
        errors: Why each has no answer, or None.
    """

    def __init__(self, tasks: Sequence[TaskSpec], model: ModelId, texts: Sequence[Any]) -> None:
        read = [readable(text) for text in texts]
        self.texts: list[str] = [text for text, _ in read]
        self.errors: list[str | None] = [error for _, error in read]
        self._tasks, self._model, n = tasks, model, len(read)
        ends = np.cumsum([len(task.space) for task in tasks])
        self._columns = {task.name: slice(end - len(task.space), end) for task, end in zip(tasks, ends, strict=True)}
        self._scores = np.full((n, ends[-1]), np.nan, np.float32)
        self._tokens, self._coverage = np.zeros(n, np.int64), np.ones(n)
        self._windows: list[tuple[WindowScores, ...]] = [()] * n
        self._copies: list[tuple[int, int]] = []  # (row, earlier row of the same text)
        self.n_duplicates = 0

    def recall(self, cache: ResultCache | None) -> list[int]:
        """Fill in what is known already; return the rows to run: of equal texts only the first."""
        first: dict[str, int] = {}
        new = []
        for row, (text, error) in enumerate(zip(self.texts, self.errors, strict=True)):
            if error is not None:
                continue
            if (earlier := first.setdefault(text, row)) != row:
                self._copies.append((row, earlier))
            elif cache is not None and (known := cache.get(text)) is not None:
                self._put_known(row, known)
            else:
                new.append(row)
        self.n_duplicates += len(self._copies)
        return new

    def put(self, rows: Sequence[int], prepared: Sequence[Prepared], scores: Mapping[str, Floats]) -> None:
        """Fill in answers.

        Args:
            rows: Where they belong.
            prepared: The texts of these rows.
            scores: Task -> scores (n_windows in all, n_labels), windows in the order of the texts.
        """
        places = np.asarray(rows, dtype=np.intp)
        n_windows = np.array([len(each.windows) for each in prepared], dtype=np.intp)
        first = np.cumsum(n_windows) - n_windows
        self._tokens[places] = [each.n_tokens for each in prepared]
        self._coverage[places] = [each.coverage for each in prepared]
        whole = n_windows == 1  # nearly all texts: no Python per row for them
        for task, columns in self._columns.items():
            self._scores[places[whole], columns] = scores[task][first[whole]]
        for at in np.flatnonzero(n_windows > 1).tolist():
            here = slice(first[at], first[at] + n_windows[at])
            self._put_long(rows[at], prepared[at], {task: values[here] for task, values in scores.items()})
        for at in np.flatnonzero(n_windows == 0).tolist():
            self.errors[rows[at]] = "nothing to read: no word, sign or emoji in the text"
        for row in places[(n_windows > 0) & np.isnan(self._scores[places]).any(axis=1)].tolist():
            self.errors[row] = "the model's answer is not a number"
            self._scores[row] = np.nan

    def _put_long(self, row: int, prepared: Prepared, scores: Mapping[str, Floats]) -> None:
        spaces = {task.name: task.space for task in self._tasks}
        for task, values in aggregate(spaces, scores, [window.weight for window in prepared.windows]).items():
            self._scores[row, self._columns[task]] = values
        self._windows[row] = tuple(
            WindowScores(window.start, window.end, {task: values[place] for task, values in scores.items()})
            for place, window in enumerate(prepared.windows)
        )

    def _put_known(self, row: int, known: Remembered) -> None:
        self._scores[row], self._tokens[row], self._coverage[row] = known.scores, known.tokens, known.coverage
        self.errors[row], self._windows[row] = known.error, known.windows
        self.n_duplicates += 1

    def remember(self, rows: Sequence[int], cache: ResultCache) -> None:
        """Keep the answers of these rows for later calls."""
        for row in rows:
            tokens, coverage = int(self._tokens[row]), float(self._coverage[row])
            scores = self._scores[row].copy()  # a view would keep the whole call
            cache.put(self.texts[row], Remembered(scores, tokens, coverage, self.errors[row], self._windows[row]))

    def finish(self) -> Predictions:
        """Return the answers of all rows."""
        if self._copies:
            rows, earlier = (list(each) for each in zip(*self._copies, strict=True))
            for column in (self._scores, self._tokens, self._coverage):
                column[rows] = column[earlier]
            for row, source in self._copies:
                self.errors[row], self._windows[row] = self.errors[source], self._windows[source]
        return Predictions(
            texts=tuple(self.texts),
            tasks={
                task.name: TaskScores(task.space, self._scores[:, self._columns[task.name]], task.thresholds)
                for task in self._tasks
            },
            languages=tuple(language_of(text) for text in self.texts),
            tokens=self._tokens,
            coverage=self._coverage,
            models=(self._model,) * len(self.texts),
            errors=tuple(self.errors),
            windows=tuple(self._windows),
        )
