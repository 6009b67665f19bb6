"""One compressed model against the original: quality on rows it has not seen, agreement, size, time on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Example, Target
from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import Predictions, TaskScores
from sentimo.evaluate.bootstrap import Figure
from sentimo.evaluate.compare import compare
from sentimo.evaluate.report import rows_of
from sentimo.evaluate.speed.ratio import Speed


@dataclass(frozen=True)
class TaskTrial:
    """What became of one task.

    Attributes:
        agreement: Share of rows answered as the original does, in [0, 1]; for a score 1 minus the mean difference, as
            a share of its range.
        main: The figure compared; None for a task without labelled rows.
        before, after: Its values.
        drop: before - after with its paired interval, in points (hundredths).
    """

    agreement: float
    main: str | None = None
    before: float | None = None
    after: float | None = None
    drop: Figure | None = None

    @property
    def lost(self) -> float:
        """Points lost; for a task without labelled rows every changed answer counts as lost."""
        return self.drop.value if self.drop else 100 * (1 - self.agreement)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {**vars(self), "drop": self.drop.to_dict() if self.drop else None, "lost": round(self.lost, 4)}


@dataclass(frozen=True)
class Trial:
    """A candidate and what was measured.

    Attributes:
        chain: Its parts, joined by "+".
        tasks: Task -> what became of it.
        n_rows: Rows judged, over all tasks.
        megabytes: Size of what is needed to answer.
        size_ratio: Size of the original divided by it.
        speed: Its time; see `Speed`.
        notes: What was done, in sentences.
        path: Where the bundle lies while the run goes on.
    """

    chain: str
    tasks: Mapping[str, TaskTrial]
    n_rows: int
    megabytes: float
    size_ratio: float
    speed: Speed
    notes: tuple[str, ...] = ()
    path: Any = field(default=None, repr=False)

    @property
    def lost(self) -> float:
        """Points lost by the task that lost most."""
        return max(each.lost for each in self.tasks.values())

    @property
    def agreement(self) -> float:
        """Agreement of the task that agrees least."""
        return min(each.agreement for each in self.tasks.values())

    def judged(self) -> dict[str, Any]:
        """Return what became of the answers as a plain dictionary for JSON."""
        return {
            "tasks": {name: each.to_dict() for name, each in self.tasks.items()},
            "rows": self.n_rows,
            "lost": round(self.lost, 4),
            "agreement": round(self.agreement, 6),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "candidate": self.chain,
            **self.judged(),
            "megabytes": round(self.megabytes, 2),
            "size_ratio": round(self.size_ratio, 3),
            **{name: round(value, 3) for name, value in vars(self.speed).items()},
            "notes": list(self.notes),
        }


def judge(
    before: Predictions, after: Predictions, rows: Mapping[str, Sequence[Example]], *, seed: int
) -> dict[str, TaskTrial]:
    """Compare the answers of two models to the same texts.

    A row that the original answers and the candidate leaves open counts as answered wrong: as the labels, or the end of
    the range, furthest from the truth. Rows that the original leaves open are left out.

    Args:
        before, after: The answers of the original and of the candidate.
        rows: Task -> labelled rows, whose texts are all among them; tasks may be missing.
        seed: Of the bootstrap.
    """
    place = {text: row for row, text in enumerate(before.texts)}
    found = {}
    for task, scores in before.tasks.items():
        other = after.tasks[task]
        agreement = _agreement(scores, other)
        if task not in rows:
            found[task] = TaskTrial(agreement)
            continue
        chosen = [place[each.document.text] for each in rows[task]]
        targets = [each.targets[task] for each in rows[task]]
        result = compare(rows_of(scores, chosen), _answered(rows_of(other, chosen), targets), targets, seed=seed)
        points = (100 * value for value in (result.difference.value, result.difference.low, result.difference.high))  # type: ignore[operator]
        found[task] = TaskTrial(agreement, result.main, result.a.value, result.b.value, Figure(*points))
    return found


def _answered(scores: TaskScores, targets: Sequence[Target]) -> TaskScores:
    """Return the scores with a wrong answer in every row that has none."""
    filled = scores.scores.copy()
    for row in np.flatnonzero(~np.isfinite(filled).all(axis=1)).tolist():
        filled[row] = _furthest(scores.space, targets[row])
    return replace(scores, scores=filled)


def _furthest(space: LabelSpace, target: Target) -> NDArray[np.float64]:
    """Return the scores (n_labels,) of the answer furthest from the truth."""
    if isinstance(target, tuple):
        return np.array([float(label not in target) for label in range(len(space))])
    low, high = space.range or (0, len(space) - 1)
    end = high if target - low < high - target else low
    return np.array([end]) if space.range else np.eye(len(space))[int(end)]


def _agreement(a: TaskScores, b: TaskScores) -> float:
    answered = np.atleast_1d(np.isfinite(a.scores).all(axis=1))
    if a.space.range is not None:
        low, high = a.space.range
        apart = np.abs(a.scores - b.scores)[answered] / (high - low)
        return float(1 - np.where(np.isfinite(apart), apart, 1.0).mean())
    pairs = [(x, y) for x, y, kept in zip(a.decide(), b.decide(), answered, strict=True) if kept]
    return sum(x == y for x, y in pairs) / max(1, len(pairs))
