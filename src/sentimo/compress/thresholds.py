"""Thresholds of multi-label tasks for a changed model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Example
from sentimo.core.manifest import Manifest
from sentimo.core.predictions import Predictions
from sentimo.engine.predictor import Predicts
from sentimo.evaluate.calibration import fit_thresholds, multi_hot
from sentimo.train.calibrate import MIN_POSITIVES

Thresholds = Mapping[str, tuple[float, ...]]
"""Task -> score from which each label is given."""


def multi_label(rows: Mapping[str, Sequence[Example]]) -> dict[str, Sequence[Example]]:
    """Return the rows of the tasks that have thresholds."""
    return {
        task: examples
        for task, examples in rows.items()
        if any(isinstance(each.targets[task], tuple) for each in examples)
    }


def fitted(model: Predicts, rows: Mapping[str, Sequence[Example]]) -> Thresholds:
    """Return thresholds that fit a model's scores on the rows of multi-label tasks.

    The thresholds that the original comes with may have been fitted on the very rows that judge.
    """
    found = {}
    for task, examples in rows.items():
        scores = model.predict([each.document.text for each in examples]).tasks[task]
        hot = multi_hot(scores.space, [each.targets[task] for each in examples])
        found[task] = fit_thresholds(scores.scores, hot, min_positives=MIN_POSITIVES)
    return found


def carried_over(before: Predictions, after: Predictions) -> Thresholds:
    """Return thresholds of the multi-label tasks by which a changed model gives each label as often as the original.

    A model whose scores moved by a hundredth answers worse by the old thresholds than it could. Fitting them anew to
    labels follows the noise of a few rows: with 28 emotions the same two models were then between 1.0 point better and
    1.2 worse, by the draw of the rows.

    Args:
        before, after: The answers of the original, by its thresholds, and of the changed model to the same texts.
    """
    return {
        task: tuple(
            _cut(old[np.isfinite(old)] >= threshold, new[np.isfinite(new)], threshold)
            for old, new, threshold in zip(
                scores.scores.T,
                after.tasks[task].scores.T,
                scores.common_thresholds or [0.5] * len(scores.space),
                strict=True,
            )
        )
        for task, scores in before.tasks.items()
        if scores.space.kind == "multi"
    }


def _cut(given: NDArray[np.bool_], scores: NDArray[Any], otherwise: float) -> float:
    """Return the middle between the scores that are to be given and the others; `otherwise` where it is all or none."""
    n_given = int(given.sum())
    if not 0 < n_given < len(scores):
        return otherwise
    least_first = np.sort(scores.astype(np.float64))
    return float(least_first[-n_given - 1 : len(scores) - n_given + 1].mean())


def decided_by(predictions: Predictions, thresholds: Thresholds) -> Predictions:
    """Return the answers with other thresholds."""
    tasks = {
        name: replace(scores, thresholds=thresholds.get(name, scores.thresholds))
        for name, scores in predictions.tasks.items()
    }
    return replace(predictions, tasks=tasks)


def written_with(manifest: Manifest, thresholds: Thresholds) -> Manifest:
    """Return the manifest with other thresholds."""
    tasks = (replace(task, thresholds=thresholds.get(task.name, task.thresholds)) for task in manifest.tasks)
    return replace(manifest, tasks=tuple(tasks))
