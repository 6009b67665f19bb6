"""Thresholds of multi-label tasks for a changed model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

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


def fitted(model: Predicts, rows: Mapping[str, Sequence[Example]]) -> Thresholds:
    """Return thresholds of the multi-label tasks that fit a model's scores on these rows.

    The thresholds that the original comes with may have been fitted on the very rows that judge.

    Args:
        model: What answers.
        rows: Task -> labelled rows; those of other tasks than multi-label ones are not read.
    """
    found = {}
    for task, examples in rows.items():
        if any(isinstance(each.targets[task], tuple) for each in examples):
            scores = model.predict([each.document.text for each in examples]).tasks[task]
            hot = multi_hot(scores.space, [each.targets[task] for each in examples])
            answered = np.isfinite(scores.scores).all(axis=1)
            found[task] = fit_thresholds(scores.scores[answered], hot[answered], min_positives=MIN_POSITIVES)
    return found


def carried_over(before: Predictions, after: Predictions) -> Thresholds:
    """Return thresholds of the multi-label tasks by which a changed model gives each label as often as the original.

    A threshold goes where the scores around it went: the one that stood between two texts in the order of the
    original's scores stands at the same place between the two of that rank in the order of the new ones.

    A model whose scores moved by a hundredth answers worse by the old thresholds than it could. Fitting them anew to
    labels follows the noise of a few rows: with 28 emotions the same two networks were then between 0.6 points better
    and 1.4 worse, by the draw of the rows.

    Args:
        before, after: The answers of the original, by its thresholds, and of the changed model to the same texts.
    """
    found = {}
    for task, scores in before.tasks.items():
        if scores.space.kind == "multi":
            old, new = (each.astype(np.float64) for each in (scores.scores, after.tasks[task].scores))
            both = (np.isfinite(old) & np.isfinite(new)).all(axis=1)
            cuts = scores.common_thresholds or [0.5] * len(scores.space)
            columns = zip(cuts, old[both].T, new[both].T, strict=True)
            found[task] = tuple(float(np.interp(cut, _scale(x), _scale(y))) for cut, x, y in columns)
    return found


def _scale(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.sort(scores), [1.0]])


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
