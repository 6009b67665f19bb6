"""Thresholds of multi-label tasks, fitted anew for a changed model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sentimo.core.documents import Example
from sentimo.core.manifest import Manifest
from sentimo.core.predictions import Predictions
from sentimo.engine.predictor import Predicts
from sentimo.evaluate.calibration import fit_thresholds, multi_hot
from sentimo.train.calibrate import MIN_POSITIVES

Thresholds = Mapping[str, tuple[float, ...]]
"""Task -> score from which each label is given."""


def fitted_anew(model: Predicts, rows: Mapping[str, Sequence[Example]]) -> Thresholds:
    """Return thresholds of the multi-label tasks that fit a model's scores.

    A model whose scores moved by a hundredth answers worse by the old thresholds than it could. And the thresholds of
    the original were fitted on the very rows that judge, if those are the dev rows of its training: fitted on the same
    other rows, both stand on equal ground.

    Args:
        model: What answers.
        rows: Task -> labelled rows; those of other tasks than multi-label ones are not read.
    """
    found = {}
    for task, examples in rows.items():
        if any(isinstance(each.targets[task], tuple) for each in examples):
            scores = model.predict([each.document.text for each in examples]).tasks[task]
            hot = multi_hot(scores.space, [each.targets[task] for each in examples])
            found[task] = fit_thresholds(scores.scores, hot, min_positives=MIN_POSITIVES)
    return found


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
