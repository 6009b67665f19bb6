"""Focal loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Focal(nn.Module):
    """Cross entropy that counts well-classified rows less: ``-w[y] * (1 - p)**gamma * log(p)``, p of the true label.

    ``gamma=0`` is plain cross entropy. Useful when rare emotions (fear, disgust) drown among neutral texts.

    Args:
        gamma: Focusing strength, >= 0. Values of 1-3 are usual; 5 and more tends to underfit small sets.
        weight: Weight of each label, (n_labels,), or None for equal weights.

    Shape:
        logits (b, n_labels), targets (b,) int64. Result: (b,).

    Raises:
        ValueError: gamma is negative.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", arXiv:1708.02002, eq. 4.
    See also: Asymmetric, for texts with several emotions at once.
    """

    weight: Tensor | None

    def __init__(self, gamma: float = 2.0, weight: Sequence[float] | None = None) -> None:
        super().__init__()
        if gamma < 0:
            raise ValueError(f"gamma {gamma} is negative; expected 0 or more")
        self.gamma = gamma
        self.register_buffer(
            "weight", None if weight is None else torch.tensor(weight, dtype=torch.float32), persistent=False
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row."""
        log_p = logits.log_softmax(dim=-1).gather(1, targets.unsqueeze(1)).squeeze(1)
        loss = -((1.0 - log_p.exp()).clamp(min=1e-12) ** self.gamma) * log_p  # the clamp keeps the gradient finite
        return loss if self.weight is None else loss * self.weight[targets]
