"""One bundle that answers texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId, Prediction, Predictions, TaskScores, WindowScores
from sentimo.engine.backends import Backend, Prepared, open_backend
from sentimo.engine.batching import batches
from sentimo.engine.calibration import calibrated
from sentimo.engine.windows import aggregate
from sentimo.engine.work import Work
from sentimo.errors import InputError
from sentimo.text.language import language_of

BATCH_TOKENS, BATCH_ITEMS = 4096, 64
"""Size of a batch. On CPUs larger ones fall out of the caches and gain nothing."""

_TEXTS_AT_ONCE = 2048  # texts tokenised together; bounds the memory of a long call

Scores = dict[str, NDArray[np.float32]]


class Predicts(Protocol):
    """What answers a list of texts: a `Predictor`, an `Analyzer`, or anything else that can be judged or run."""

    def predict(self, texts: Sequence[str], /) -> Predictions:
        """Return one answer per text, in order."""
        ...


class Predictor:
    """Answers texts with one model.

    The order of the texts is kept, and one bad text never ends a call: its row carries an error instead of scores.

    Args:
        backend: What runs the model.
        tasks: Its tasks.
        model: Its name and digest.
    """

    def __init__(self, backend: Backend, tasks: Sequence[TaskSpec], model: ModelId) -> None:
        self._backend, self._tasks, self.model = backend, tuple(tasks), model
        self.spaces: Mapping[str, LabelSpace] = {task.name: task.space for task in tasks}
        self.bundle: Bundle | None = None
        self._work, self._counting = Work(), Lock()

    @property
    def work(self) -> Work:
        """What it has done so far."""
        return self._work

    @classmethod
    def load(cls, path: str | Path, *, max_windows: int | None = None) -> Self:
        """Open a bundle.

        Args:
            path: Its folder.
            max_windows: Most windows read of one text; the rest is left out and `coverage` says so. None reads all.

        Raises:
            BundleError: there is no bundle, or it is damaged, too new or not trusted.
        """
        bundle = Bundle.open(path)
        backend = open_backend(bundle, max_windows=max_windows)
        predictor = cls(backend, bundle.manifest.tasks, ModelId(bundle.manifest.name, bundle.digest))
        predictor.bundle = bundle
        return predictor

    def analyze(self, text: str) -> Prediction:
        """Answer one text."""
        prediction: Prediction = self.predict([text])[0]
        return prediction

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Answer many texts, in the order given.

        Raises:
            InputError: `texts` is one string. A list of one is meant: ``predict([text])``.
        """
        if isinstance(texts, str):
            raise InputError("predict() takes a list of texts; for one text call analyze(text)")
        answers = _Answers(self._tasks, self.model, [readable(text) for text in texts])
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            self._fill(answers, range(start, min(start + _TEXTS_AT_ONCE, len(texts))))
        self._count(n_texts=len(texts))
        return answers.finish()

    def _count(self, **counts: int) -> None:
        with self._counting:  # several threads may ask one predictor
            self._work += Work(**counts)

    def attention(self, text: str) -> dict[str, list[tuple[int, int, float]]]:
        """Return where the attention heads of the model look in a text: where, not a proof of why.

        Returns:
            Task -> (start, end, weight) per token, offsets in characters, weights in [0, 1] that add up to 1 in a
            window together with its special tokens. A token in the overlap of two windows occurs twice. Tasks with
            another head, and models without any attention head, have none.
        """
        look = getattr(self._backend, "attention", None)
        return look(readable(text)[0]) if look else {}

    def _fill(self, answers: _Answers, rows: range) -> None:
        usable = [row for row in rows if answers.errors[row] is None]
        prepared = self._backend.prepare([answers.texts[row] for row in usable])
        scores = self._score(prepared)
        first = 0
        for row, each in zip(usable, prepared, strict=True):
            last = first + len(each.windows)
            answers.put(row, each, {task: values[first:last] for task, values in scores.items()})
            first = last

    def _score(self, prepared: Sequence[Prepared]) -> Scores:
        """Return task -> calibrated scores (n_windows in all, n_labels), windows in the order of the texts."""
        windows = [window for each in prepared for window in each.windows]
        scores = {task.name: np.empty((len(windows), len(task.space)), np.float32) for task in self._tasks}
        lengths = [window.length for window in windows]
        for batch in batches(lengths, BATCH_TOKENS, BATCH_ITEMS):
            self._count(n_tokens=sum(lengths[each] for each in batch), n_slots=len(batch) * lengths[batch[0]])
            logits = self._backend.run([windows[position].features for position in batch])
            for task in self._tasks:
                scores[task.name][batch] = calibrated(task.space, logits[task.name], task.temperature)
        return scores


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


class _Answers:
    """Columns that fill up."""

    def __init__(self, tasks: Sequence[TaskSpec], model: ModelId, texts: Sequence[tuple[str, str | None]]) -> None:
        n = len(texts)
        self._tasks, self._model = tasks, model
        self._spaces = {task.name: task.space for task in tasks}
        self._scores = {task.name: np.full((n, len(task.space)), np.nan, np.float32) for task in tasks}
        self._tokens, self._coverage = np.zeros(n, np.int64), np.ones(n)
        self._windows: list[tuple[WindowScores, ...]] = [()] * n
        self.texts = [text for text, _ in texts]
        self.errors = [error for _, error in texts]

    def put(self, row: int, prepared: Prepared, scores: Scores) -> None:
        self._tokens[row], self._coverage[row] = prepared.n_tokens, prepared.coverage
        windows = prepared.windows
        if not windows:
            self.errors[row] = "nothing to read: no word, sign or emoji in the text"
            return
        whole = {task: values[0] for task, values in scores.items()}
        if len(windows) > 1:
            whole = aggregate(self._spaces, scores, [window.weight for window in windows])
            self._windows[row] = tuple(
                WindowScores(window.start, window.end, {task: values[place] for task, values in scores.items()})
                for place, window in enumerate(windows)
            )
        if any(np.isnan(values).any() for values in whole.values()):
            self.errors[row] = "the model's answer is not a number"
            return
        for task, values in whole.items():
            self._scores[task][row] = values

    def finish(self) -> Predictions:
        return Predictions(
            texts=tuple(self.texts),
            tasks={task.name: TaskScores(task.space, self._scores[task.name], task.thresholds) for task in self._tasks},
            languages=tuple(language_of(text) for text in self.texts),
            tokens=self._tokens,
            coverage=self._coverage,
            models=(self._model,) * len(self.texts),
            errors=tuple(self.errors),
            windows=tuple(self._windows),
        )
