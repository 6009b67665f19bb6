"""Attention pooling: the head learns which tokens matter, and shows it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AttentionHead(nn.Module):
    """Weigh the tokens by learned relevance, then one linear layer.

    The weight of token i is ``softmax_i(v · tanh(W h_i))``. `weights` gives them to the user: which words the head
    looked at (where it looks, not a proof of why it decided).

    Args:
        width: Width of the encoder's output.
        n_labels: Number of logits.
        dropout: Share of the pooled values set to 0 while training, in [0, 1).
        size: Width of W's output.

    Shape:
        hidden (b, t, width), mask (b, t) with 1 for tokens and 0 for padding. Result: (b, n_labels).

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", eq. 5-7.
    """

    def __init__(self, width: int, n_labels: int, dropout: float = 0.1, size: int = 128) -> None:
        super().__init__()
        self.project = nn.Linear(width, size)
        self.relevance = nn.Linear(size, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, n_labels)
        nn.init.normal_(self.output.weight, std=0.02)
        nn.init.zeros_(self.output.bias)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return the logits."""
        pooled = (self.weights(hidden, mask).unsqueeze(1) @ hidden).squeeze(1)
        logits: Tensor = self.output(self.dropout(pooled))
        return logits

    def weights(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return the weight of each token (b, t): in [0, 1], 0 for padding, each row sums to 1."""
        relevance = self.relevance(torch.tanh(self.project(hidden))).squeeze(-1)
        hidden_away = torch.finfo(relevance.dtype).min
        weights: Tensor = relevance.masked_fill(mask == 0, hidden_away).softmax(dim=-1)
        return weights
