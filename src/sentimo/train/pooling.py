"""Pooling: one vector from the vectors of the tokens."""

from __future__ import annotations

import torch
from torch import Tensor


def pool(hidden: Tensor, mask: Tensor, how: str) -> Tensor:
    """Return one vector per text.

    Args:
        hidden: (b, t, d).
        mask: (b, t), 1 for tokens, 0 for padding on the right.
        how: "mean" of the tokens, their "max" value by value, the "first", or the "last" that is not padding.

    Returns:
        (b, d).
    """
    if how == "mean":
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
    if how == "max":
        return hidden.masked_fill(mask.unsqueeze(-1) == 0, torch.finfo(hidden.dtype).min).max(dim=1).values
    if how == "first":
        return hidden[:, 0]
    last = (mask.to(torch.int64).sum(dim=1) - 1).clamp(min=0)
    return hidden[torch.arange(hidden.shape[0], device=hidden.device), last]
