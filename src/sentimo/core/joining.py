"""Answers of several models in one order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import Predictions, TaskScores
from sentimo.errors import InputError


def join_predictions(parts: Sequence[tuple[Sequence[int], Predictions]], n: int) -> Predictions:
    """Put answers of several models back into one order.

    Args:
        parts: (rows, predictions) pairs: where each answer of a part belongs. Together the rows are 0..n-1.
        n: Number of rows in all.

    Raises:
        InputError: two models answer a task of one name in different label spaces.
    """
    owner = {row: (part, place) for part, (rows, _) in enumerate(parts) for place, row in enumerate(rows)}
    order = [owner[row] for row in range(n)]
    traced = any(part.traces is not None for _, part in parts)
    tasks: dict[str, TaskScores] = {}
    for rows, part in parts:
        for name, found in part.tasks.items():
            known = tasks.get(name)
            if known is None:
                known = tasks[name] = _blank(name, found.space, n, [each for _, each in parts])
            if _meaning(known.space) != _meaning(found.space):
                raise InputError(f"two models answer task {name!r} with different labels")
            places = np.asarray(rows, dtype=np.intp)
            known.scores[places] = found.scores
            if isinstance(known.thresholds, np.ndarray):
                known.thresholds[places] = found.cuts
    return Predictions(
        texts=tuple(parts[part][1].texts[place] for part, place in order),
        tasks=tasks,
        languages=tuple(parts[part][1].languages[place] for part, place in order),
        tokens=np.array([parts[part][1].tokens[place] for part, place in order], dtype=np.int64),
        coverage=np.array([parts[part][1].coverage[place] for part, place in order], dtype=np.float64),
        models=tuple(parts[part][1].models[place] for part, place in order),
        errors=tuple(parts[part][1].errors[place] for part, place in order),
        windows=tuple(parts[part][1].windows[place] for part, place in order),
        traces=tuple((parts[part][1].traces or {place: ()})[place] for part, place in order) if traced else None,
    )


def _blank(task: str, space: LabelSpace, n: int, parts: Sequence[Predictions]) -> TaskScores:
    """Return the scores of no row yet; thresholds are those of all parts, or per row where they have their own."""
    shape = (n, len(space))
    cuts = [part.tasks[task].thresholds for part in parts if task in part.tasks]
    alike = all(not isinstance(each, np.ndarray) and each == cuts[0] for each in cuts)
    return TaskScores(space, np.full(shape, np.nan, np.float32), cuts[0] if alike else np.full(shape, 0.5))


def _meaning(space: LabelSpace) -> tuple[Any, ...]:
    return space.labels, space.kind, space.range
