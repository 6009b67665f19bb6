"""Ordinal loss: a near miss costs less than a far one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ordinal(nn.Module):
    """Cross entropy of the questions "is the true label at most k?" for every k but the last.

    With ``F_k = sum(softmax(logits)[: k + 1])`` the loss of a row is the mean over k of
    ``-[y <= k] log F_k - [y > k] log(1 - F_k)``: the log version of the ranked probability score. Calling 5 stars "1"
    is wrong in four questions, calling them "4" in one.

    Args:
        weight: Weight of each label, (n_labels,), or None.

    Shape:
        logits (b, n_labels) of labels in order, targets (b,) int64. Result: (b,).

    Source: Epstein 1969 (ranked probability score), with the logarithm of each question as in cumulative link models,
    McCullagh 1980.
    """

    weight: Tensor | None

    def __init__(self, weight: Sequence[float] | None = None) -> None:
        super().__init__()
        self.register_buffer(
            "weight", None if weight is None else torch.tensor(weight, dtype=torch.float32), persistent=False
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row."""
        log_p = logits.log_softmax(dim=-1)
        at_most = log_p[:, :-1].logcumsumexp(dim=-1)
        above = log_p[:, 1:].flip(-1).logcumsumexp(dim=-1).flip(-1)
        cuts = torch.arange(logits.shape[1] - 1, device=logits.device)
        losses = -torch.where(targets.unsqueeze(1) <= cuts, at_most, above).mean(dim=-1)
        return losses if self.weight is None else losses * self.weight[targets]
