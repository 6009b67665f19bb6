"""Answers: columns for many texts (`Predictions`), one row for people (`Prediction`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.labels import LabelSpace
from sentimo.core.trace import Fired
from sentimo.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.floating[Any]]
Answer = int | float | tuple[int, ...] | None

POLARITY, INTENSITY, EMOTIONS = "polarity", "intensity", "emotions"
RESERVED_NAMES = frozenset(
    {"text", "language", "confidence", "coverage", "truncated", "tokens", "model", "model_digest", "error"}
    | {"windows", "start", "end", "trace", "rules", "emotion_labels", "input_ids", "attention_mask"}
)
"""Keys of every answer, its columns and its windows, and the inputs of the graph; no task may be called so."""


@dataclass(frozen=True)
class ModelId:
    """Which model answered: its name and the SHA-256 digest of its bundle."""

    name: str
    digest: str


@dataclass(frozen=True)
class TaskScores:
    """The scores of one task for many texts.

    Attributes:
        space: The task's labels.
        scores: (n, n_labels), calibrated probabilities in [0, 1]; for a score (n, 1), the value in ``space.range``.
            A row of NaN was not answered.
        thresholds: For a multi-label task the score from which each label is given, (n_labels,), or (n, n_labels) where
            several models answered; None means 0.5 everywhere.
    """

    space: LabelSpace
    scores: Floats
    thresholds: tuple[float, ...] | Floats | None = None

    @cached_property
    def cuts(self) -> Floats:
        """The score from which each label of each row is given, (n, n_labels)."""
        return np.broadcast_to(0.5 if self.thresholds is None else np.asarray(self.thresholds), self.scores.shape)

    @property
    def common_thresholds(self) -> tuple[float, ...] | None:
        """The thresholds that all rows share; raise InputError where several models answered with their own."""
        if isinstance(self.thresholds, np.ndarray):
            name = self.space.name
            raise InputError(
                f"several models answer in {name!r}, each with thresholds of its own; judge them one by one"
            )
        return self.thresholds

    def decide(self) -> list[Answer]:
        """Return per row a label id (single, ordinal), label ids (multi), a number (score), or None (no answer)."""
        rows = zip(self.scores, self.cuts, strict=True)
        return [None if np.isnan(row).any() else _decide(self.space, row, cuts) for row, cuts in rows]


@dataclass(frozen=True)
class Choice:
    """The answer of a classification task.

    Attributes:
        label: The label (single, ordinal), or None for a multi-label task.
        labels: The labels given: one, or any number for a multi-label task, most likely first.
        probabilities: Calibrated probability of every label, in [0, 1]; they sum to 1 unless the task is multi-label.
        space: The task's label space.
    """

    label: str | None
    labels: tuple[str, ...]
    probabilities: Mapping[str, float]
    space: LabelSpace = field(repr=False)

    @property
    def confidence(self) -> float:
        """Probability that the answer is right, in [0, 1]; multi-label: right about every label, each for itself."""
        if self.label is not None:
            return self.probabilities[self.label]
        return prod(p if name in self.labels else 1 - p for name, p in self.probabilities.items())

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"label": ..., "probabilities": {...}}``, with "labels" for a multi-label task."""
        given = {"label": self.label} if self.label is not None else {"labels": list(self.labels)}
        return {**given, "probabilities": _rounded(self.probabilities)}


@dataclass(frozen=True)
class WindowScores:
    """What a long text says in one place.

    Attributes:
        start, end: The place, as offsets in characters of the text.
        scores: Task -> (n_labels,) calibrated scores of this window alone.
    """

    start: int
    end: int
    scores: Mapping[str, Floats]


@dataclass(frozen=True)
class Prediction:
    """The answer to one text.

    Attributes:
        text: The text as given (half surrogate pairs are replaced).
        language: Its language by script: "en", "zh", "other" or "und".
        tasks: Task -> `Choice`, or a number for a score. Empty when there is an error.
        confidence: Calibrated probability that the main answer (polarity, else the first classification) is right.
        coverage: Share of the tokens that were read, in [0, 1]; 0 where the vocabulary holds none of them and the
            answer is a guess.
        tokens: Number of tokens of the text.
        model: The model that answered.
        windows: For a text longer than the model reads at once, (start, end, tasks) of each place read.
        error: Why there is no answer, or None.
        trace: The rules of the user that fired, in the order of the text; None where no rules were given.
    """

    text: str
    language: str
    tasks: Mapping[str, Choice | float]
    confidence: float | None
    coverage: float
    tokens: int
    model: ModelId
    windows: tuple[tuple[int, int, Mapping[str, Choice | float]], ...] = ()
    error: str | None = None
    trace: tuple[Fired, ...] | None = None

    @property
    def truncated(self) -> bool:
        """Whether a part of the text was not read."""
        return self.coverage < 1.0

    @property
    def polarity(self) -> Choice | None:
        """The answer of the task "polarity", if the model has it."""
        found = self.tasks.get(POLARITY)
        return found if isinstance(found, Choice) else None

    @property
    def intensity(self) -> float | None:
        """Strength of feeling whatever its sign, in [0, 1].

        The task "intensity" where the model has it, else 1 - P(neutral) of a polarity with a neutral label.
        """
        found = self.tasks.get(INTENSITY)
        if found is not None:
            return found if isinstance(found, float) else None
        if self.polarity and "neutral" in self.polarity.probabilities:
            return 1.0 - self.polarity.probabilities["neutral"]
        return None

    @property
    def emotions(self) -> Mapping[str, float] | None:
        """Emotion -> probability of the task "emotions", if the model has it."""
        found = self.tasks.get(EMOTIONS)
        return found.probabilities if isinstance(found, Choice) else None

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON. Tasks other than the standard three stand under their own names."""
        head: dict[str, Any] = {"text": self.text, "language": self.language}
        tail = {
            "coverage": round(self.coverage, 4),
            "truncated": self.truncated,
            "tokens": self.tokens,
            "model": {"name": self.model.name, "digest": self.model.digest},
        }
        if self.trace is not None:
            tail["trace"] = [fired.to_dict() for fired in self.trace]
        if self.error is not None:
            return {**head, "error": self.error, **tail}
        if self.polarity:
            head[POLARITY] = self.polarity.to_dict()
        if self.intensity is not None:
            head[INTENSITY] = round(self.intensity, 4)
        if self.emotions is not None:
            head[EMOTIONS] = _rounded(self.emotions)
            if (found := self.tasks[EMOTIONS]) and isinstance(found, Choice) and found.label is None:
                head["emotion_labels"] = list(found.labels)
        head |= {name: _plain(value) for name, value in self.tasks.items() if name not in head}
        if self.confidence is not None:
            head["confidence"] = round(self.confidence, 4)
        if self.windows:
            tail["windows"] = [
                {"start": start, "end": end, **{name: _plain(value) for name, value in tasks.items()}}
                for start, end, tasks in self.windows
            ]
        return {**head, **tail}

    def _repr_html_(self) -> str:
        from sentimo.core.html_table import html_table

        return html_table([self])


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Predictions(Sequence[Prediction]):
    """The answers to many texts, as columns. Row ``[i]`` is a `Prediction`.

    Attributes:
        texts: The n texts, in the order given.
        tasks: Task -> its scores for all n texts.
        languages: (n,) language of each text.
        tokens: (n,) number of tokens.
        coverage: (n,) share of the tokens that were read, in [0, 1]; 0 where the answer is a guess.
        models: (n,) the model that answered each text.
        errors: (n,) why a text has no answer, or None.
        windows: (n,) places of each text that is longer than the model reads at once; empty for the others.
        traces: (n,) the user's rules that fired in each text; None where no rules were given.
    """

    texts: tuple[str, ...]
    tasks: Mapping[str, TaskScores]
    languages: tuple[str, ...]
    tokens: NDArray[np.int64]
    coverage: Floats
    models: tuple[ModelId, ...]
    errors: tuple[str | None, ...]
    windows: tuple[tuple[WindowScores, ...], ...]
    traces: tuple[tuple[Fired, ...], ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: Any) -> Any:  # an int gives a Prediction, a slice a list of them
        if isinstance(index, slice):
            return [self._row(row) for row in range(*index.indices(len(self)))]
        return self._row(range(len(self))[index])

    def __iter__(self) -> Iterator[Prediction]:
        return (self._row(row) for row in range(len(self)))

    def _row(self, row: int) -> Prediction:
        tasks = self._answers({name: task.scores[row] for name, task in self.tasks.items()}, row)
        main = next((each for each in (tasks.get(POLARITY), *tasks.values()) if isinstance(each, Choice)), None)
        return Prediction(
            text=self.texts[row],
            language=self.languages[row],
            tasks=tasks,
            confidence=main.confidence if main else None,
            coverage=float(self.coverage[row]),
            tokens=int(self.tokens[row]),
            model=self.models[row],
            windows=tuple((each.start, each.end, self._answers(each.scores, row)) for each in self.windows[row]),
            error=self.errors[row],
            trace=self.traces[row] if self.traces is not None else None,
        )

    def _answers(self, scores: Mapping[str, Floats], row: int) -> dict[str, Choice | float]:
        return {
            name: _answer(self.tasks[name].space, values, self.tasks[name].cuts[row])
            for name, values in scores.items()
            if not np.isnan(values).any()
        }

    def take(self, rows: Sequence[int]) -> Predictions:
        """Return the answers of some rows, in the order given."""
        places = np.asarray(rows, dtype=np.intp)
        return Predictions(
            texts=tuple(self.texts[row] for row in rows),
            tasks={
                name: TaskScores(
                    task.space,
                    task.scores[places],
                    task.thresholds[places] if isinstance(task.thresholds, np.ndarray) else task.thresholds,
                )
                for name, task in self.tasks.items()
            },
            languages=tuple(self.languages[row] for row in rows),
            tokens=self.tokens[places],
            coverage=self.coverage[places],
            models=tuple(self.models[row] for row in rows),
            errors=tuple(self.errors[row] for row in rows),
            windows=tuple(self.windows[row] for row in rows),
            traces=tuple(self.traces[row] for row in rows) if self.traces is not None else None,
        )

    def to_dict(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per text, ready for JSON."""
        return [each.to_dict() for each in self]

    def to_columns(self) -> dict[str, list[Any]]:
        """Return flat columns, each (n,), for tables and files.

        A classification task gives its answer under its name (labels of a multi-label task joined by "|") and
        ``<task>_<label>`` per label (with "_" added while the name is taken); a score gives one column. What has no
        answer is None.
        """
        columns: dict[str, list[Any]] = {"language": list(self.languages)}
        order = [name for name in _ORDER if name in self.tasks] + [name for name in self.tasks if name not in _ORDER]
        for name in order:
            space, scores = self.tasks[name].space, self.tasks[name].scores
            if space.kind == "score":
                columns[name] = _none_for_nan(scores[:, 0])
                continue
            columns[name] = _names_of(self.tasks[name])
            for label, values in zip(space.labels, scores.T, strict=True):
                column = f"{name}_{label.replace(' ', '_')}"
                while column in columns or column in self.tasks:  # label "b" of task "a" beside a task "a_b"
                    column += "_"
                columns[column] = _none_for_nan(values)
        if not np.isnan(intensity := self._intensity()).all():  # also where only one of two models has the task
            columns[INTENSITY] = _none_for_nan(intensity)
        return {
            **columns,
            "confidence": _none_for_nan(self._confidence()),
            "coverage": np.round(self.coverage, 6).tolist(),
            "truncated": (self.coverage < 1.0).tolist(),
            "tokens": self.tokens.tolist(),
            "model": [each.name for each in self.models],
            "model_digest": [each.digest for each in self.models],
            **({"rules": [_fired_names(each) for each in self.traces]} if self.traces is not None else {}),
            "error": list(self.errors),
        }

    def _intensity(self) -> Floats:
        """Return the intensity of each row (see `Prediction.intensity`), (n,); NaN where there is none."""
        intensity = np.full(len(self), np.nan)
        if (polarity := self.tasks.get(POLARITY)) and polarity.space.kind != "score":
            labels = polarity.space.labels
            if "neutral" in labels:
                intensity = 1.0 - polarity.scores[:, labels.index("neutral")].astype(np.float64)
        if task := self.tasks.get(INTENSITY):
            answered = ~np.isnan(task.scores).any(axis=1)
            intensity[answered] = task.scores[answered, 0] if task.space.kind == "score" else np.nan
        return intensity

    def _confidence(self) -> Floats:
        """Return the confidence of each row (see `Prediction.confidence`), (n,); NaN where there is none."""
        confidence = np.full(len(self), np.nan)
        for name in sorted(self.tasks, key=lambda name: name != POLARITY):
            task = self.tasks[name]
            if task.space.kind != "score":
                scores = task.scores.astype(np.float64)
                sure = np.where(scores >= task.cuts, scores, 1 - scores).prod(axis=1)
                most = scores.max(axis=1) if task.space.kind != "multi" else sure
                confidence = np.where(np.isnan(confidence), most, confidence)
        return confidence

    def column_types(self) -> dict[str, type]:
        """Return column -> str, float, int or bool, the same whatever the texts; any value may also be None."""
        texts = {"language", "model", "model_digest", "error", "rules"}
        texts |= {name for name, task in self.tasks.items() if task.space.kind != "score"}
        others = {"truncated": bool, "tokens": int}
        return {name: str if name in texts else others.get(name, float) for name in self.to_columns()}

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame: the text and the columns of `to_columns`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtraError("to_frame()", "frame") from None
        return pd.DataFrame({"text": list(self.texts), **self.to_columns()})

    def _repr_html_(self) -> str:
        from sentimo.core.html_table import html_table

        return html_table(list(self[:50]), more=max(0, len(self) - 50))


_ORDER = (POLARITY, INTENSITY, EMOTIONS)


def _decide(space: LabelSpace, values: Floats, cuts: Floats) -> int | float | tuple[int, ...]:
    if space.kind == "score":
        return float(values[0])
    return tuple(np.flatnonzero(values >= cuts).tolist()) if space.kind == "multi" else int(values.argmax())


def _answer(space: LabelSpace, values: Floats, cuts: Floats) -> Choice | float:
    decided, labels = _decide(space, values, cuts), space.labels
    if isinstance(decided, float):
        return decided
    probabilities = {label: float(p) for label, p in zip(labels, values, strict=True)}
    if isinstance(decided, int):
        return Choice(labels[decided], (labels[decided],), probabilities, space)
    given = sorted((labels[place] for place in decided), key=lambda each: -probabilities[each])
    return Choice(None, tuple(given), probabilities, space)


def _plain(value: Choice | float) -> Any:
    return value.to_dict() if isinstance(value, Choice) else round(value, 4)


def _names_of(task: TaskScores) -> list[str | None]:
    """Return the answer of each row as a string: its label, or its labels joined by "|", likeliest first."""
    labels, scores = task.space.labels, task.scores
    answered = np.isfinite(scores.sum(axis=1)).tolist()
    if task.space.kind == "multi":
        given = (scores >= task.cuts).tolist()
        ranked = np.argsort(-scores, axis=1, kind="stable").tolist()
        names = ["|".join(labels[at] for at in order if row[at]) for row, order in zip(given, ranked, strict=True)]
    else:
        names = [labels[at] for at in scores.argmax(axis=1).tolist()]
    return [name if known else None for name, known in zip(names, answered, strict=True)]


def _fired_names(trace: Sequence[Fired]) -> str:
    """Return the names of the user's rules in a trace, each once, joined by "|"."""
    return "|".join(dict.fromkeys(fired.name for fired in trace if fired.name))


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.items()}


def _none_for_nan(values: Floats) -> list[float | None]:
    rounded = np.round(values.astype(np.float64), 6)
    found: list[float | None] = rounded.tolist()
    return [None if value != value else value for value in found] if np.isnan(rounded).any() else found
