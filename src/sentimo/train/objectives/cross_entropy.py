"""Cross entropy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class CrossEntropy(nn.Module):
    """Negative log-probability of the true label: ``-w[y] * log softmax(logits)[y]``.

    Args:
        weight: Weight of each label, (n_labels,), or None. Not renormalised within a batch, so the loss of a row does
            not depend on its neighbours.
        smoothing: Label smoothing s in [0, 1): the target is ``(1 - s)`` on the label and ``s / n_labels`` on all, each
            part with the weight of its label.

    Shape:
        logits (b, n_labels), targets (b,) int64. Result: (b,).

    Raises:
        ValueError: smoothing outside [0, 1).

    Source: Szegedy et al. 2016, arXiv:1512.00567, section 7 (smoothing).
    See also: Focal, when easy rows drown the rare labels.
    """

    weight: Tensor | None

    def __init__(self, weight: Sequence[float] | None = None, smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0.0 <= smoothing < 1.0:
            raise ValueError(f"label smoothing {smoothing} is not in [0, 1)")
        self.smoothing = smoothing
        self.register_buffer(
            "weight", None if weight is None else torch.tensor(weight, dtype=torch.float32), persistent=False
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row."""
        return functional.cross_entropy(
            logits, targets, weight=self.weight, label_smoothing=self.smoothing, reduction="none"
        )
