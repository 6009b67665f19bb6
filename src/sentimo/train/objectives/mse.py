"""Mean squared error of scores."""

from __future__ import annotations

from torch import Tensor, nn


class MeanSquaredError(nn.Module):
    """``(sigmoid(logit) - target)**2``: the head's logit becomes a place in the score's range.

    Shape:
        logits (b, 1), targets (b,) in [0, 1], 0 the lowest and 1 the highest value of the range. Result: (b,).

    See also: Huber, when some labels are far off.
    """

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row."""
        return (logits.squeeze(-1).sigmoid() - targets) ** 2
