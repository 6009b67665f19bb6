"""Logit adjustment: what is frequent must show more."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LogitAdjusted(nn.Module):
    """Another objective on logits that are raised by how frequent each label is: ``inner(logits + prior, targets)``.

    To answer a frequent label the network must then show more than its frequency, and its own logits, which are used
    without the prior, are those of labels as frequent as each other. With cross entropy this minimises the balanced
    error in the limit.

    Args:
        inner: The objective within.
        prior: What is added to the logits, (n_labels,): the logarithm of the share of rows with the label; for a
            multi-label task its log-odds.

    Shape:
        As the objective within.

    Source: Menon et al. 2021, "Long-tail learning via logit adjustment", arXiv:2007.07314, eq. 10 with tau = 1.
    See also: Focal, and `weight: balanced`.
    """

    prior: Tensor

    def __init__(self, inner: nn.Module, prior: Sequence[float]) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("prior", torch.tensor(prior, dtype=torch.float32), persistent=False)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row."""
        losses: Tensor = self.inner(logits + self.prior, targets)
        return losses
