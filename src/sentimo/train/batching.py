"""Which rows are learnt from together, and their tokens as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_POOL = 50  # batches whose texts are sorted together: long enough to leave little padding, short enough to stay random


def epoch_batches(
    lengths: Sequence[int],
    batch_size: int,
    seed: int,
    epoch: int,
    drawn: Sequence[float] | None = None,
    kinds: Sequence[bool] | None = None,
) -> list[list[int]]:
    """Return the batches of an epoch: every row once, texts of like length together, batches in random order.

    The same seed and epoch give the same batches. With `drawn`, as many rows are drawn, each as often as that says.
    With `kinds`, the short ones of both kinds stand together, and so do the long ones: no batch is of one kind alone.
    """
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    if drawn is None:
        order = torch.randperm(len(lengths), generator=generator).tolist()
    else:
        order = _draw(drawn, generator)
    chunks: list[list[int]] = []
    for start in range(0, len(order), batch_size * _POOL):
        pool = sorted(order[start : start + batch_size * _POOL], key=lambda row: lengths[row])
        if kinds is not None:
            pool = _side_by_side(pool, kinds)
        chunks += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    return [chunks[at] for at in torch.randperm(len(chunks), generator=generator).tolist()]


def _side_by_side(rows: Sequence[int], kinds: Sequence[bool]) -> list[int]:
    """Return rows of two kinds so that any stretch holds both in about the shares of the whole, each in its order."""
    parts = ([row for row in rows if kinds[row]], [row for row in rows if not kinds[row]])
    return [row for _, row in sorted(((at + 0.5) / len(part), row) for part in parts for at, row in enumerate(part))]


def _draw(shares: Sequence[float], generator: torch.Generator) -> list[int]:
    """Return as many rows as there are shares: each as often as its share says, give or take one."""
    # Systematic sampling: equally spaced points from one random start on the line of shares. Less noise than drawing
    # each row for itself.
    order = torch.randperm(len(shares), generator=generator)
    ends = torch.tensor(shares, dtype=torch.float64)[order].cumsum(0)
    start = torch.rand((), generator=generator, dtype=torch.float64)
    points = (torch.arange(len(shares)) + start) / len(shares) * ends[-1]
    places = torch.searchsorted(ends, points, right=True).clamp(max=len(shares) - 1)
    drawn = order[places]
    mixed: list[int] = drawn[torch.randperm(len(shares), generator=generator)].tolist()
    return mixed


def padded(ids: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return ids and mask (b, longest); the mask hides what fills short rows."""
    filled = np.zeros((len(ids), max(map(len, ids))), dtype=np.int64)
    mask = np.zeros_like(filled)
    for place, row in enumerate(ids):
        filled[place, : len(row)], mask[place, : len(row)] = row, 1
    return torch.from_numpy(filled).to(device), torch.from_numpy(mask).to(device)
