"""Ensembles: how the scores of several models become one. numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import Predictions
from sentimo.engine.calibration import calibrated, logits_of
from sentimo.errors import InputError

SETTING = "ensemble"
"""Setting of a bundle of backend "ensemble": see docs/bundle-format.md."""

Method = Literal["mean", "weighted", "vote", "stack"]
METHODS: tuple[str, ...] = get_args(Method)

LEAST = 1e-6
"""Nearest to 0 and 1 that a stack sees a score: one member that is utterly sure must not outvote all others."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Combination:
    """How the members' scores of one task become one.

    - mean: their mean.
    - weighted: their mean with one weight each, a linear opinion pool.
    - vote: the share of members whose answer is the label. The mean score of the members counts as one more member: it
      decides between labels with equally many votes, and cannot overrule a majority. A score has no votes: the mean.
    - stack: a linear model on the members' logits. Each label is judged by the logits of this label alone (StackingC),
      ``sum over members of coef * logit + bias``, then softmax or sigmoid. For a score, the same on its values.

    Attributes:
        method: One of them.
        weights: (n_members,), >= 0, adding up to 1; of "weighted".
        coef: (n_members, n_labels); of "stack".
        bias: (n_labels,); of "stack".

    Source: Genest & Zidek 1986 for pools; Wolpert 1992, "Stacked Generalization"; Seewald 2002, "How to Make Stacking
    Better and Faster While Also Taking Care of an Unknown Weakness", section 4, for StackingC.
    """

    method: Method
    weights: tuple[float, ...] | None = None
    coef: tuple[tuple[float, ...], ...] | None = None
    bias: tuple[float, ...] | None = None

    def __call__(self, space: LabelSpace, scores: NDArray[Any], cuts: NDArray[Any]) -> Floats:
        """Return the combined scores (n, n_labels).

        Args:
            space: The task's labels.
            scores: (n_members, n, n_labels) calibrated scores of the members; all or none of a row are NaN.
            cuts: (n_members, n_labels) the score from which each member gives each label; read by votes of a
                multi-label task only.
        """
        values = np.asarray(scores, dtype=np.float64)
        if self.method == "weighted":
            return np.asarray(np.tensordot(np.asarray(self.weights), values, axes=1))
        if self.method == "stack":
            return stacked(space, stack_inputs(space, values), np.asarray(self.coef), np.asarray(self.bias))
        mean: Floats = values.mean(axis=0)
        if self.method == "mean" or space.kind == "score":
            return mean
        if space.kind == "multi":
            votes = values >= np.asarray(cuts)[:, None, :]
        else:
            votes = np.eye(len(space), dtype=bool)[values.argmax(axis=2)]
        return np.asarray((votes.sum(axis=0) + mean) / (len(values) + 1))

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON: what the method has."""
        parts = {"weights": self.weights, "coef": self.coef, "bias": self.bias}
        lists = {name: np.asarray(value).tolist() for name, value in parts.items() if value is not None}
        return {"method": self.method, **lists}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], n_members: int, n_labels: int) -> Self:
        """Build a combination from what `to_dict` gave.

        Raises:
            ValueError: it does not fit so many members and labels.
        """
        method = data["method"]
        shapes: Mapping[str, Mapping[str, tuple[int, ...]]] = {
            "weighted": {"weights": (n_members,)},
            "stack": {"coef": (n_members, n_labels), "bias": (n_labels,)},
        }
        wanted = shapes.get(method, {})
        if method not in METHODS:
            raise ValueError(f"method {method!r} is not one of {', '.join(METHODS)}")
        for name, shape in wanted.items():
            found = np.asarray(data[name], dtype=np.float64)
            if found.shape != shape or not np.isfinite(found).all():
                raise ValueError(f"{name} of shape {found.shape}; expected {shape} numbers")
        weights, bias = (tuple(data[name]) if name in wanted else None for name in ("weights", "bias"))
        return cls(method, weights, tuple(map(tuple, data["coef"])) if "coef" in wanted else None, bias)


def stack_inputs(space: LabelSpace, scores: NDArray[Any]) -> Floats:
    """Return what a stack reads, (n_members, n, n_labels): logits; for a score its place in the range, in [0, 1]."""
    if space.range is not None:
        low, high = space.range
        return np.asarray((scores - low) / (high - low), dtype=np.float64)
    inside = np.clip(scores, LEAST, 1 - LEAST)
    return np.stack([logits_of(space, each) for each in inside])


def stacked(space: LabelSpace, inputs: Floats, coef: Floats, bias: Floats) -> Floats:
    """Return the scores (n, n_labels) of a stack."""
    values: Floats = np.einsum("knl,kl->nl", inputs, coef) + bias
    if space.range is not None:
        low, high = space.range
        return np.asarray(low + (high - low) * values.clip(0, 1))
    return calibrated(space, values).astype(np.float64)


def shared_tasks(members: Sequence[tuple[str, Sequence[TaskSpec]]]) -> dict[str, LabelSpace]:
    """Return the tasks that all members have, with the label space of the first, in its order.

    Args:
        members: Name and tasks of each.

    Raises:
        InputError: there is none, or one has other labels, another kind or range in two members.
    """
    first, *others = ({task.name: task.space for task in tasks} for _, tasks in members)
    shared = {name: space for name, space in first.items() if all(name in each for each in others)}
    if not shared:
        found = "; ".join(f"{name} has {', '.join(task.name for task in tasks)}" for name, tasks in members)
        raise InputError(f"the models share no task ({found}). Members of an ensemble answer the same questions.")
    for task, space in shared.items():
        for (name, _), other in zip(members[1:], others, strict=True):
            label_order(members[0][0], space, name, other[task], task)
    return shared


def label_order(name: str, space: LabelSpace, other_name: str, other: LabelSpace, task: str) -> list[int]:
    """Return where the other model has each label of the first; steps of an ordinal task must be in the same order.

    Raises:
        InputError: the labels, kind or range differ.
    """
    same = set(other.labels) == set(space.labels) and (space.kind != "ordinal" or other.labels == space.labels)
    if not same or (other.kind, other.range) != (space.kind, space.range):
        raise InputError(
            f"task {task!r}: {name} answers {_in_words(space)}, {other_name} answers {_in_words(other)}. Members of an "
            "ensemble must have the same labels; leave one out, or train it anew with the labels of the others "
            "(`space` in its recipe)."
        )
    return [other.labels.index(label) for label in space.labels]


def member_scores(answers: Sequence[Predictions], task: str, orders: Sequence[Sequence[int]]) -> Floats:
    """Return the scores of all members, (n_members, n, n_labels).

    A member that left a text open says of it what the others say on average; a text that all left open is NaN.

    Args:
        answers: What each member said of the same n texts.
        task: The task.
        orders: For each member, where it has the labels.
    """
    found = np.stack(
        [each.tasks[task].scores[:, list(order)] for each, order in zip(answers, orders, strict=True)]
    ).astype(np.float64)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(found).all(axis=2))
    if not known.all():
        mean = np.where(known[..., None], found, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)[:, None]
        mean[~known.any(axis=0)] = np.nan
        found = np.where(known[..., None], found, mean)
    return found


def member_cuts(specs: Sequence[TaskSpec], orders: Sequence[Sequence[int]]) -> Floats:
    """Return the score from which each member gives each label of a task, (n_members, n_labels)."""
    cuts = [np.full(len(each.space), 0.5) if each.thresholds is None else np.array(each.thresholds) for each in specs]
    return np.stack([each[list(order)] for each, order in zip(cuts, orders, strict=True)])


def _in_words(space: LabelSpace) -> str:
    bounds = f", {space.range[0]:g} to {space.range[1]:g}" if space.range else ""
    return f"{', '.join(space.labels)} ({space.kind}{bounds})"
