"""Out-of-fold models: each row is judged by a model that has not learnt from it, nor from a copy of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from sentimo.core.documents import Example
from sentimo.core.labels import LabelSpace
from sentimo.engine.predictor import Predictor
from sentimo.errors import DataError
from sentimo.text.normalise import folded
from sentimo.train.baselines import fit_baseline
from sentimo.train.tasks import TaskData

_MOST_FEATURES = 50_000  # a quarter of a baseline's: several models are fitted, and they only judge


def fold_models(
    examples: Sequence[Example], task: str, space: LabelSpace, *, n_folds: int = 5, seed: int = 13
) -> Iterator[tuple[list[int], Predictor]]:
    """Yield, for each fold, the rows in it and an n-gram model of all other rows.

    Args:
        examples: Rows with a target for the task.
        task, space: The task and its labels.
        n_folds: At least 2; there are never more than different texts.
        seed: Of the folds and the fits.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        DataError: too few rows: outside a fold all have one label, or no n-gram occurs twice.
    """
    folds = text_folds([folded(each.document.text) for each in examples], n_folds, seed)
    if len(folds) < 2:
        raise DataError(f"task {task!r}: one text cannot be judged by a model of the others; give more rows")
    for rows in folds:
        inside = set(rows)
        others = [each for at, each in enumerate(examples) if at not in inside]
        data = {task: TaskData(space, others, [], [])}
        yield rows, fit_baseline(data, seed=seed, max_features=_MOST_FEATURES).predictor()


def text_folds(keys: Sequence[str], n_folds: int, seed: int) -> list[list[int]]:
    """Return the rows of each fold; rows with one key are in one fold."""
    different = sorted(set(keys))
    random.Random(seed).shuffle(different)
    fold_of = {key: place % n_folds for place, key in enumerate(different)}
    folds: list[list[int]] = [[] for _ in range(min(n_folds, len(different)))]
    for row, key in enumerate(keys):
        folds[fold_of[key]].append(row)
    return folds
