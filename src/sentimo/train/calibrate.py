"""Dev rows at work: temperatures, thresholds, and the figures that choose the best epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Example, Target
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.engine.calibration import calibrated, logits_of
from sentimo.engine.predictor import Predicts
from sentimo.errors import RecipeError, did_you_mean
from sentimo.evaluate.calibration import fit_temperature, fit_thresholds, multi_hot
from sentimo.evaluate.metrics import ACCURACY, FIGURES, LOWER_IS_BETTER, MAIN_FIGURE, score_task

SPREAD = 0.5
"""Prior of temperatures: two thirds of trained models lie between 0.6 and 1.65. A hundred dev rows outweigh it."""

MIN_POSITIVES = 5
"""Dev rows with a label from which it gets a threshold of its own; one fitted on fewer is noise."""


@dataclass(frozen=True)
class Answers:
    """What an uncalibrated model says about the labelled rows of a task.

    Attributes:
        space: The task's labels.
        logits: (n, n_labels) of the rows that were answered, up to a constant per row; for a score the value itself.
        targets: (n,) the truth.
    """

    space: LabelSpace
    logits: NDArray[Any]
    targets: list[Target]

    def scores(self, temperature: float) -> NDArray[Any]:
        """Return the calibrated scores (n, n_labels)."""
        return self.logits if self.space.kind == "score" else calibrated(self.space, self.logits, temperature)


def ask(predictor: Predicts, rows: Mapping[str, Sequence[Example]]) -> dict[str, Answers]:
    """Ask a model of temperature 1 for the labelled rows of each task; rows it does not answer are left out."""
    texts = list(dict.fromkeys(each.document.text for members in rows.values() for each in members))
    predictions = predictor.predict(texts)
    place = {text: row for row, text in enumerate(texts)}
    found = {}
    for task, members in rows.items():
        scored = predictions.tasks[task]
        scores = scored.scores[[place[each.document.text] for each in members]].astype(np.float64)
        answered = np.flatnonzero(np.isfinite(scores).all(axis=1)).tolist()
        targets = [members[row].targets[task] for row in answered]
        found[task] = Answers(scored.space, _logits(scored.space, scores[answered]), targets)
    return found


def fit_specs(answers: Mapping[str, Answers]) -> tuple[TaskSpec, ...]:
    """Fit per task the temperature, and for a multi-label one the thresholds (on the calibrated scores)."""
    specs = []
    for task, each in answers.items():
        temperature = fit_temperature(each.space, each.logits, each.targets, spread=SPREAD)
        thresholds = None
        if each.space.kind == "multi" and each.targets:
            hot = multi_hot(each.space, each.targets)
            thresholds = fit_thresholds(each.scores(temperature), hot, min_positives=MIN_POSITIVES)
        specs.append(TaskSpec(task, each.space, temperature, thresholds))
    return tuple(specs)


def dev_figures(answers: Mapping[str, Answers], metric: str) -> dict[str, float]:
    """Return the figures of an epoch: "main" (the mean of the tasks' main ones), those, accuracies, and `metric`.

    Thresholds are fitted on the same rows first: at 0.5 rare labels of an untrained head are never given.
    """
    figures: dict[str, float] = {}
    mains = []
    for spec in fit_specs(answers):
        task, kind = spec.name, spec.space.kind
        each = answers[task]
        scores = each.scores(spec.temperature)
        report = score_task(spec.space, each.targets, scores, spec.thresholds, n_bootstrap=0)
        mains.append(report.figures[MAIN_FIGURE[kind]].value)
        wanted = (MAIN_FIGURE[kind], ACCURACY[kind], metric.removeprefix(f"{task}."))
        figures |= {f"{task}.{name}": report.figures[name].value for name in wanted if name and name in report.figures}
    return {"main": sum(mains) / len(mains), **figures}


def check_metric(metric: str, spaces: Mapping[str, LabelSpace]) -> None:
    """Raise RecipeError when `metric` is not a dev figure where higher is better."""
    known = [
        f"{task}.{name}"
        for task, space in spaces.items()
        for name in FIGURES[space.kind]
        if name not in LOWER_IS_BETTER and name != "macro_auroc"  # undefined where a label is missing in dev
    ]
    if metric not in ("main", *known):
        raise RecipeError(
            f"early_stopping.metric {metric!r} is not a dev figure where higher is better (main, {', '.join(known)})."
            + did_you_mean(metric, known)
        )


def _logits(space: LabelSpace, scores: NDArray[Any]) -> NDArray[Any]:
    return scores if space.kind == "score" else logits_of(space, scores)
