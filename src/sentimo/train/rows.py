"""Training rows: examples of several tasks as tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sentimo.core.documents import Example
from sentimo.core.labels import LabelSpace
from sentimo.train.encoder import Base


@dataclass(frozen=True)
class Rows:
    """Texts of several tasks as tensors.

    Attributes:
        ids: n rows of token ids.
        targets: Task -> (n,) ids, (n, n_labels) 0/1, or (n,) places in the range; see `sentimo.train.objectives`.
        has: Task -> (n,) bool, whether the row has a target.
        weight: (n,) weight of each row.
        unknown: Task -> (n, n_labels) bool, the labels that the row's data set does not tell apart; absent where every
            set tells all of them.
        drawn: (n,) how often each row is drawn in an epoch, relative to the others; None draws each once.
        kinds: (n,) bool, two kinds of rows of which every batch holds a like share; None where batches may hold any.
    """

    ids: list[list[int]]
    targets: Mapping[str, Tensor]
    has: Mapping[str, Tensor]
    weight: Tensor
    unknown: Mapping[str, Tensor] = field(default_factory=dict)
    drawn: Sequence[float] | None = None
    kinds: Sequence[bool] | None = None

    def __len__(self) -> int:
        return len(self.ids)


def merge(parts: Mapping[str, Iterable[Example]]) -> list[Example]:
    """Join the examples of several tasks so that a text is read once for all of them.

    The k-th row with a text in one task joins the k-th row with that text in another; rows repeated within a task
    stay separate, and so do rows of different weight or source.
    """
    merged: dict[tuple[tuple[str, float, str], int], Example] = {}
    for examples in parts.values():
        seen: Counter[tuple[str, float, str]] = Counter()
        for each in examples:
            same = (each.document.text, each.weight, each.source)
            key = (same, seen[same])
            seen[same] += 1
            known = merged.get(key)
            if known is not None:
                targets, among = {**known.targets, **each.targets}, {**known.among, **each.among}
                each = Example(each.document, targets, each.weight, each.source, among)
            merged[key] = each
    return list(merged.values())


def to_rows(examples: Sequence[Example], spaces: Mapping[str, LabelSpace], base: Base, max_tokens: int) -> Rows:
    """Tokenise examples, cut to `max_tokens`, and put their targets into tensors."""
    return Rows(
        ids=base.encode([each.document.text for each in examples], base.most_tokens(max_tokens)),
        targets={task: _targets(examples, task, space) for task, space in spaces.items()},
        has={task: torch.tensor([task in each.targets for each in examples]) for task in spaces},
        weight=torch.tensor([each.weight for each in examples], dtype=torch.float32),
        unknown={
            task: _unknown(examples, task, len(space))
            for task, space in spaces.items()
            if any(task in each.among for each in examples)
        },
    )


def _unknown(examples: Sequence[Example], task: str, n_labels: int) -> Tensor:
    unknown = torch.zeros(len(examples), n_labels, dtype=torch.bool)
    for row, each in enumerate(examples):
        if task in each.among:
            unknown[row] = True
            unknown[row, list(each.among[task])] = False
    return unknown


def _targets(examples: Sequence[Example], task: str, space: LabelSpace) -> Tensor:
    if space.kind == "multi":
        hot = torch.zeros(len(examples), len(space))
        for row, each in enumerate(examples):
            for label in each.targets.get(task, ()):  # type: ignore[union-attr]
                hot[row, label] = 1.0
        return hot
    if space.range is not None:
        low, high = space.range
        values = torch.tensor([float(each.targets.get(task, low)) for each in examples])  # type: ignore[arg-type]
        return ((values - low) / (high - low)).clamp(0.0, 1.0)
    return torch.tensor([int(each.targets.get(task, 0)) for each in examples])  # type: ignore[arg-type]
