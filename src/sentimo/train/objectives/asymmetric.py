"""Asymmetric loss."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Asymmetric(nn.Module):
    """Binary cross entropy that forgives easy absent labels more than easy present ones.

    Per label, with p the probability and ``q = max(p - margin, 0)``: a present label costs
    ``-(1 - p)**gamma_positive * log(p)``, an absent one ``-q**gamma_negative * log(1 - q)``; the mean over labels.

    Args:
        gamma_negative: Focusing on absent labels, >= 0.
        gamma_positive: Focusing on present labels, >= 0.
        margin: Absent labels below this probability cost nothing, in [0, 1).

    Shape:
        logits (b, n_labels), targets (b, n_labels) in {0, 1}. Result: (b,).

    Raises:
        ValueError: a gamma is negative or the margin is outside [0, 1).

    Source: Ridnik et al. 2021, "Asymmetric Loss For Multi-Label Classification", arXiv:2009.14119, eq. 7.
    """

    def __init__(self, gamma_negative: float = 4.0, gamma_positive: float = 1.0, margin: float = 0.05) -> None:
        super().__init__()
        if gamma_negative < 0 or gamma_positive < 0 or not 0.0 <= margin < 1.0:
            raise ValueError(
                f"gamma_negative {gamma_negative}, gamma_positive {gamma_positive}, margin {margin}: expected gammas "
                ">= 0 and a margin in [0, 1)"
            )
        self.gamma_negative, self.gamma_positive, self.margin = gamma_negative, gamma_positive, margin

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row."""
        p = logits.sigmoid()
        present = (1.0 - p).clamp(min=1e-8) ** self.gamma_positive * functional.logsigmoid(logits)
        q = (p - self.margin).clamp(min=0.0)
        absent = q.clamp(min=1e-8) ** self.gamma_negative * (1.0 - q).clamp(min=1e-8).log()
        return -(targets * present + (1.0 - targets) * absent).mean(dim=-1)
