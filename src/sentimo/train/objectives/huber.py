"""Huber loss of scores."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Huber(nn.Module):
    """Squared error near the target, linear beyond `delta`: a few wrong labels pull less.

    With ``e = sigmoid(logit) - target``: ``e**2 / 2`` where ``|e| <= delta``, else ``delta * (|e| - delta / 2)``.

    Args:
        delta: Where the loss turns linear, in shares of the range, > 0.

    Shape:
        logits (b, 1), targets (b,) in [0, 1]. Result: (b,).

    Raises:
        ValueError: delta is not positive.

    Source: Huber 1964, "Robust Estimation of a Location Parameter".
    """

    def __init__(self, delta: float = 0.1) -> None:
        super().__init__()
        if delta <= 0:
            raise ValueError(f"delta {delta} is not positive")
        self.delta = delta

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row."""
        return functional.huber_loss(logits.squeeze(-1).sigmoid(), targets, reduction="none", delta=self.delta)
