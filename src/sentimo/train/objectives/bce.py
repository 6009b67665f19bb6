"""Binary cross entropy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class BinaryCrossEntropy(nn.Module):
    """One yes-or-no question per label: the mean over labels of ``-(w * y * log p + (1 - y) * log(1 - p))``.

    Args:
        weight: Weight w of the positive rows of each label, (n_labels,), or None.

    Shape:
        logits (b, n_labels), targets (b, n_labels) in {0, 1}. Result: (b,).

    See also: Asymmetric, when most labels are absent from most texts.
    """

    weight: Tensor | None

    def __init__(self, weight: Sequence[float] | None = None) -> None:
        super().__init__()
        self.register_buffer(
            "weight", None if weight is None else torch.tensor(weight, dtype=torch.float32), persistent=False
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row."""
        losses = functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=self.weight, reduction="none")
        return losses.mean(dim=-1)
