"""Judge a whole model as a black box, and show what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentimo.core.documents import Example, Target
from sentimo.core.predictions import Predictions, TaskScores
from sentimo.engine.predictor import Predicts
from sentimo.errors import InputError
from sentimo.evaluate.bootstrap import Figure
from sentimo.evaluate.metrics import FIGURES, LOWER_IS_BETTER, TaskReport, score_task

TITLES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy (macro recall)",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "weighted_f1": "weighted F1",
    "subset_accuracy": "subset accuracy",
    "mcc": "MCC",
    "macro_auroc": "macro AUROC",
    "ece": "ECE",
    "brier": "Brier",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "mae": "MAE",
    "rmse": "RMSE",
    "quadratic_kappa": "quadratic kappa",
}
_WIDE = 128  # columns; on a narrower terminal fewer intervals are shown (JSON has all)
_MOST_CONFUSED_LABELS = 12  # a wider confusion table does not fit a terminal


@dataclass(frozen=True)
class Report:
    """What a model is worth on labelled data.

    Attributes:
        title: Heading.
        model: Name of the model; several are joined by " + ".
        digest: SHA-256 digest of its bundle, as the predictions name it.
        data: Where the rows come from, such as a path.
        n_rows: Rows judged for at least one task.
        n_skipped: Rows that could not be read.
        tasks: Task name -> what was found.
    """

    title: str
    model: str
    digest: str
    data: str
    n_rows: int
    n_skipped: int
    tasks: Mapping[str, TaskReport]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON; never NaN."""
        return {**vars(self), "tasks": {name: task.to_dict() for name, task in self.tasks.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Build a report from what `to_dict` gave."""
        tasks = {name: TaskReport.from_dict(task) for name, task in data["tasks"].items()}
        return cls(**{**data, "tasks": tasks})


def evaluate(
    predictor: Predicts,
    datasets: Mapping[str, Sequence[Example]],
    *,
    title: str = "Evaluation",
    data: str = "",
    n_skipped: int = 0,
    n_bootstrap: int = 1000,
    seed: int = 13,
) -> Report:
    """Ask the model for every labelled text and judge its answers, task by task.

    A text that several tasks share is asked once. Examples without a target for the task are passed over; rows that
    the model left unanswered are counted in `TaskReport.unanswered` and not judged.

    Args:
        predictor: Anything with ``predict(texts) -> Predictions``.
        datasets: Task name -> its examples, targets in the label space of the model's task.
        title, data, n_skipped: For the heading of the report.
        n_bootstrap, seed: See `score_task`.

    Raises:
        InputError: no labelled example, a task the model does not have, or no row answered.
    """
    labelled = {task: [each for each in rows if task in each.targets] for task, rows in datasets.items()}
    for task, rows in labelled.items():
        if not rows:
            raise InputError(f"{data or 'the data'}: no row has a target for task {task!r}; nothing to evaluate")
    texts = list(dict.fromkeys(each.document.text for rows in labelled.values() for each in rows))
    if not texts:
        raise InputError("no task was given; nothing to evaluate")
    predictions = predictor.predict(texts)
    place = {text: row for row, text in enumerate(texts)}
    tasks = {}
    for task, rows in labelled.items():
        scores = rows_of(task_of(predictions, task), [place[each.document.text] for each in rows])
        targets = [each.targets[task] for each in rows]
        tasks[task] = score_answered(scores, targets, n_bootstrap=n_bootstrap, seed=seed)
    models = list(dict.fromkeys(predictions.models))
    return Report(
        title=title,
        model=" + ".join(each.name for each in models),
        digest=" + ".join(each.digest for each in models),
        data=data,
        n_rows=len({id(each) for rows in labelled.values() for each in rows}),
        n_skipped=n_skipped,
        tasks=tasks,
    )


def task_of(predictions: Predictions, task: str) -> TaskScores:
    """Return the scores of a task; raise InputError naming the tasks there are."""
    if task not in predictions.tasks:
        known = ", ".join(predictions.tasks) or "none"
        raise InputError(f"the model has no task {task!r}; its tasks: {known}. Choose one of them with --task.")
    return predictions.tasks[task]


def rows_of(scores: TaskScores, rows: Sequence[int]) -> TaskScores:
    """Return the scores of some rows, in the order asked."""
    return replace(scores, scores=scores.scores[np.asarray(rows, dtype=np.intp)])


def score_answered(
    scores: TaskScores, targets: Sequence[Target], *, n_bootstrap: int = 1000, seed: int = 13
) -> TaskReport:
    """Judge the rows that have an answer (no NaN) and count the others.

    Raises:
        InputError: no row has an answer, and what `score_task` refuses.
    """
    answered = np.flatnonzero(np.isfinite(scores.scores).all(axis=1))
    if not len(answered):
        raise InputError(f"label space {scores.space.name!r}: the model answered none of {len(targets)} rows")
    report = score_task(
        scores.space,
        [targets[row] for row in answered.tolist()],
        scores.scores[answered],
        scores.common_thresholds,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )
    return replace(report, unanswered=len(targets) - len(answered))


def print_report(report: Report, console: Console, beside: Mapping[str, Report] | None = None) -> None:
    """Print the report as tables, each figure with its interval.

    Args:
        report: What to show.
        console: Where.
        beside: Heading -> another report on the same rows (the untuned start, a baseline), shown in its own column.
    """
    console.print(Text(report.title, style="bold"))
    console.print(Text(_heading(report)))
    for name, task in report.tasks.items():
        console.print()
        others = {heading: each.tasks[name] for heading, each in (beside or {}).items() if name in each.tasks}
        console.print(_figures_table(name, task, others, wide=console.width >= _WIDE))
        if task.per_label:
            console.print(_label_table(task, wide=console.width >= _WIDE))
        if task.confusion is not None and len(task.space) <= _MOST_CONFUSED_LABELS:
            console.print(_confusion_table(task))


def shown_figures(task: TaskReport) -> dict[str, Figure]:
    """Return the figures to show, the main one first; macro recall appears once, as balanced accuracy."""
    twin = "macro_recall" if "balanced_accuracy" in task.figures else None
    names = [task.main, *(name for name in FIGURES[task.space.kind] if name not in (task.main, twin))]
    return {name: task.figures[name] for name in names if name in task.figures}


def _heading(report: Report) -> str:
    skipped = f", {report.n_skipped} unreadable rows skipped" if report.n_skipped else ""
    data = f" on {report.data}" if report.data else ""
    return f"{report.model or 'model'} ({report.digest[:12] or 'no digest'}){data}: {report.n_rows} rows{skipped}"


def _figures_table(name: str, task: TaskReport, others: Mapping[str, TaskReport], *, wide: bool) -> Table:
    unanswered = f", {task.unanswered} unanswered rows left out" if task.unanswered else ""
    table = Table(title=Text(f"{name} ({task.space.kind}, {len(task.space)} labels, {task.n} rows{unanswered})"))
    table.title_justify = "left"
    table.add_column("figure")
    table.add_column("value [95% interval]" if task.n_bootstrap else "value", justify="right")
    for heading in others:
        table.add_column(Text(heading), justify="right")
    for key, value in shown_figures(task).items():
        style = "bold" if key == task.main else ""
        cells = [_beside(key, value, other.figures.get(key), wide=wide) for other in others.values()]
        table.add_row(Text(TITLES[key], style=style), Text(str(value), style=style), *cells)
    return table


def _beside(name: str, value: Figure, other: Figure | None, *, wide: bool) -> Text:
    """Return another report's figure, green where it is clearly better than ours: their intervals do not meet."""
    if other is None:
        return Text("-")
    ours, theirs = (value, other) if name not in LOWER_IS_BETTER else (other, value)
    is_better = ours.high is not None and theirs.low is not None and theirs.low > ours.high
    return Text(str(other) if wide else f"{other.value:.4f}", style="green" if is_better else "")


def _label_table(task: TaskReport, *, wide: bool) -> Table:
    table = Table()
    table.add_column("label")
    for heading in ("rows", "given", "precision", "recall", "F1", "AUROC"):
        table.add_column(heading, justify="right")
    multi = task.space.kind == "multi"
    if multi:
        table.add_column("threshold", justify="right")
    for row in task.per_label:
        cells = [row.label, str(row.support), str(row.predicted)]
        found = ((row.precision, wide), (row.recall, wide), (row.f1, True), (row.auroc, wide))
        cells += ["-" if value is None else _short(value, interval=interval) for value, interval in found]
        if multi:
            cells.append(f"{row.threshold:.2f}")
        table.add_row(*map(Text, cells))
    return table


def _short(value: Figure, *, interval: bool) -> str:
    if not interval or value.low is None or value.high is None:
        return f"{value.value:.3f}"
    return f"{value.value:.3f} [{value.low:.2f}, {value.high:.2f}]"


def _confusion_table(task: TaskReport) -> Table:
    assert task.confusion is not None  # the caller asked for tables of tasks that have one
    table = Table(title="confusion: truth down, answer across")
    table.title_justify = "left"
    table.add_column("")
    for label in task.space.labels:
        table.add_column(Text(label), justify="right")
    for row, label in enumerate(task.space.labels):
        counts = [Text(str(n), style="bold" if row == column else "") for column, n in enumerate(task.confusion[row])]
        table.add_row(Text(label), *counts)
    return table
