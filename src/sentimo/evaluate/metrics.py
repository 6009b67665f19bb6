"""Judge one task: every figure with its interval, per label too, the confusion table and the reliability bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.errors import InputError
from sentimo.evaluate.bootstrap import RANK_BOOTSTRAP, Figure, Floats, Measure, bootstrap, figure
from sentimo.evaluate.calibration import ReliabilityBin, as_ids, multi_hot, reliability_bins
from sentimo.evaluate.measures import Flags, multi_measure, score_measure, single_measure
from sentimo.evaluate.ranks import auroc_measure, spearman_measure

_F1 = ("macro_f1", "micro_f1", "weighted_f1")
_SINGLE = ("accuracy", "balanced_accuracy", "macro_recall", *_F1, "mcc", "macro_auroc", "ece", "brier")
FIGURES: Mapping[str, tuple[str, ...]] = {
    "single": _SINGLE,
    "ordinal": (*_SINGLE, "mae", "quadratic_kappa"),
    "multi": (*_F1, "subset_accuracy", "macro_recall", "macro_auroc", "ece", "brier"),
    "score": ("pearson", "spearman", "mae", "rmse"),
}
"""The figures of each kind of task, in the order they are shown. ``balanced_accuracy`` is ``macro_recall``."""

MAIN_FIGURE: Mapping[str, str] = {
    "single": "macro_f1",
    "ordinal": "macro_f1",
    "multi": "macro_f1",
    "score": "pearson",
}
ACCURACY: Mapping[str, str | None] = {
    "single": "accuracy",
    "ordinal": "accuracy",
    "multi": "subset_accuracy",
    "score": None,
}
"""The share of rows answered exactly right, where a kind has one."""

LOWER_IS_BETTER = frozenset({"ece", "brier", "mae", "rmse"})


@dataclass(frozen=True)
class LabelRow:
    """How one label fares.

    Attributes:
        label: The label.
        support: Number of rows that have it.
        predicted: Number of rows it was given to.
        precision, recall, f1, auroc: Figures in [0, 1]; None where undefined: recall and auroc of a label that no row
            has, precision of one that was never given, f1 of one that is both.
        threshold: The score from which it was given; None when the highest score decides.
    """

    label: str
    support: int
    predicted: int
    precision: Figure | None
    recall: Figure | None
    f1: Figure | None
    auroc: Figure | None
    threshold: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON; what is undefined is None."""
        return {name: value.to_dict() if isinstance(value, Figure) else value for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LabelRow:
        """Build a row from what `to_dict` gave."""
        fields: dict[str, Any] = {k: Figure.from_dict(v) if isinstance(v, Mapping) else v for k, v in data.items()}
        return cls(**fields)


@dataclass(frozen=True)
class TaskReport:
    """What one task's scores are worth on labelled rows.

    Attributes:
        space: The labels.
        n: Number of rows judged.
        main: Name of the figure to choose models by; always in `figures`.
        figures: Name -> figure, in the order of `FIGURES`. ``macro_auroc`` is absent when no label both occurs and is
            missing somewhere; all others are always there.
        per_label: One row per label; empty for a score.
        confusion: (n_labels, n_labels) counts, rows = truth, columns = answers; None for multi and score.
        reliability: Bins of confidence against accuracy (multi: all row-label pairs); empty for a score.
        n_bootstrap: Resamples behind the intervals (AUROC and Spearman: at most 200).
        unanswered: Rows left out because the model gave no answer for this task.
    """

    space: LabelSpace
    n: int
    main: str
    figures: Mapping[str, Figure]
    per_label: tuple[LabelRow, ...] = ()
    confusion: NDArray[np.int64] | None = field(default=None, compare=False)
    reliability: tuple[ReliabilityBin, ...] = ()
    n_bootstrap: int = 0
    unanswered: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON: every name of `FIGURES` is there, None where undefined; never NaN."""
        figures = {name: self.figures.get(name) for name in FIGURES[self.space.kind]}
        return {
            "space": self.space.to_dict(),
            "n": self.n,
            "unanswered": self.unanswered,
            "n_bootstrap": self.n_bootstrap,
            "main": self.main,
            "figures": {name: value.to_dict() if value else None for name, value in figures.items()},
            "per_label": [row.to_dict() for row in self.per_label],
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "reliability": [each.to_dict() for each in self.reliability],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskReport:
        """Build a report from what `to_dict` gave."""
        return cls(
            space=LabelSpace.from_dict(data["space"]),
            n=data["n"],
            main=data["main"],
            figures={name: Figure.from_dict(value) for name, value in data["figures"].items() if value},
            per_label=tuple(LabelRow.from_dict(row) for row in data["per_label"]),
            confusion=None if data["confusion"] is None else np.array(data["confusion"], dtype=np.int64),
            reliability=tuple(ReliabilityBin(**each) for each in data["reliability"]),
            n_bootstrap=data["n_bootstrap"],
            unanswered=data["unanswered"],
        )


def score_task(
    space: LabelSpace,
    targets: Sequence[Target],
    scores: NDArray[Any],
    thresholds: Sequence[float] | None = None,
    *,
    n_bootstrap: int = 1000,
    seed: int = 13,
) -> TaskReport:
    """Judge the scores of one task.

    Args:
        space: The task's labels.
        targets: The truth, one per row, at least one row.
        scores: (n_rows, n_labels) finite: probabilities, or (n_rows, 1) numbers of a score task.
        thresholds: Multi only: per label the score from which it is given; 0.5 each by default.
        n_bootstrap: Resamples for the 95% intervals; 0 leaves them out, which is much faster. AUROC and Spearman,
            which need sorting, use at most 200.
        seed: Of the resamples: the same seed gives the same intervals.

    Raises:
        InputError: no rows, shapes that do not fit, a target outside the space or a score that is not a number.
    """
    matrix = checked_scores(space, targets, scores)
    linear, ranked = measures(space, targets, matrix, thresholds)
    values = bootstrap(linear, len(matrix), n_bootstrap, seed)
    values |= bootstrap(ranked, len(matrix), min(n_bootstrap, RANK_BOOTSTRAP), seed)
    if "auroc" in values:
        values["macro_auroc"] = _mean_of_defined(values["auroc"])
    found = {name: figure(values[name]) for name in FIGURES[space.kind]}
    report = TaskReport(
        space=space,
        n=len(matrix),
        main=MAIN_FIGURE[space.kind],
        figures={name: value for name, value in found.items() if value},
        n_bootstrap=n_bootstrap,
    )
    return report if space.kind == "score" else _with_labels(report, targets, matrix, thresholds, values)


def measures(
    space: LabelSpace, targets: Sequence[Target], scores: Floats, thresholds: Sequence[float] | None
) -> tuple[Measure, Measure]:
    """Return the measures of a task: those that are sums over rows, and those that need ranks."""
    if space.kind == "score":
        truth, answers = np.array(targets, dtype=np.float64), scores[:, 0]
        return score_measure(truth, answers), spearman_measure(truth, answers)
    hot = multi_hot(space, targets)
    if space.kind == "multi":
        return multi_measure(hot, scores, _answered(space, scores, thresholds)), auroc_measure(hot, scores)
    ids = hot.argmax(axis=1)
    return single_measure(ids, scores, ordinal=space.kind == "ordinal"), auroc_measure(hot, scores)


def is_right(
    space: LabelSpace, targets: Sequence[Target], scores: Floats, thresholds: Sequence[float] | None
) -> Flags | None:
    """Return (n_rows,), True where the whole answer is right; None for a score, which is never just right or wrong."""
    if space.kind == "score":
        return None
    right: Flags = (multi_hot(space, targets) == _answered(space, scores, thresholds)).all(axis=1)
    return right


def checked_scores(space: LabelSpace, targets: Sequence[Target], scores: NDArray[Any]) -> Floats:
    """Return the scores as float64 after a check against the targets; see `score_task` for what is refused."""
    matrix = np.asarray(scores, dtype=np.float64)
    wanted = (len(targets), len(space))
    if not len(targets):
        raise InputError(f"label space {space.name!r}: there are no rows to judge; give at least one labelled row")
    if matrix.shape != wanted:
        raise InputError(f"label space {space.name!r}: scores have shape {matrix.shape}, the targets need {wanted}")
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise InputError(
            f"label space {space.name!r}: the scores of row {bad[0]} (from 0; {len(bad)} such rows) are not all "
            "numbers. Leave rows out that the model did not answer."
        )
    for row, target in enumerate(targets):
        if not _fits(space, target):
            raise InputError(f"row {row} (from 0): target {target!r} does not fit {space.kind} space {space.name!r}")
    return matrix


def _fits(space: LabelSpace, target: Target) -> bool:
    if space.kind == "score":
        return not isinstance(target, tuple) and bool(np.isfinite(target))
    ids = as_ids(target)
    return (space.kind == "multi" or len(ids) == 1) and all(0 <= label < len(space) for label in ids)


def _answered(space: LabelSpace, scores: Floats, thresholds: Sequence[float] | None) -> Flags:
    """Return (n_rows, n_labels), True where the label is given."""
    if space.kind == "multi":
        cuts = np.full(len(space), 0.5) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
        if cuts.shape != (len(space),):
            raise InputError(f"label space {space.name!r} has {len(space)} labels but {cuts.size} thresholds")
        return np.asarray(scores >= cuts)
    return np.asarray(np.eye(len(space), dtype=bool)[scores.argmax(axis=1)])


def _with_labels(
    report: TaskReport,
    targets: Sequence[Target],
    scores: Floats,
    thresholds: Sequence[float] | None,
    values: Mapping[str, Floats],
) -> TaskReport:
    space, multi = report.space, report.space.kind == "multi"
    hot, answered = multi_hot(space, targets), _answered(space, scores, thresholds)
    cuts: list[float | None] = [None] * len(space)
    if multi:
        cuts = [0.5] * len(space) if thresholds is None else [float(cut) for cut in thresholds]
    rows = tuple(
        LabelRow(
            label=name,
            support=int(hot[:, label].sum()),
            predicted=int(answered[:, label].sum()),
            precision=figure(values["precision"][:, label]),
            recall=figure(values["recall"][:, label]),
            f1=figure(values["f1"][:, label]),
            auroc=figure(values["auroc"][:, label]),
            threshold=cuts[label],
        )
        for label, name in enumerate(space.labels)
    )
    if multi:
        return replace(report, per_label=rows, reliability=reliability_bins(scores, hot))
    right = (hot == answered).all(axis=1)
    confusion = hot.T.astype(np.int64) @ answered.astype(np.int64)
    bins = reliability_bins(scores.max(axis=1), right)
    return replace(report, per_label=rows, confusion=confusion, reliability=bins)


def _mean_of_defined(values: Floats) -> Floats:
    """Return the mean over the defined columns of each line, NaN where there are none."""
    n = np.isfinite(values).sum(axis=1)
    mean = np.full(len(values), np.nan)
    np.divide(np.nan_to_num(values).sum(axis=1), n, out=mean, where=n > 0)
    return mean
