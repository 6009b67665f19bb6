"""One linear layer over the pooled text."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

from sentimo.train.pooling import pool

Pooling = Literal["mean", "max", "first", "last"]
POOLINGS: tuple[str, ...] = get_args(Pooling)


class LinearHead(nn.Module):
    """Pool the tokens, then one linear layer.

    Args:
        width: Width of the encoder's output.
        n_labels: Number of logits.
        dropout: Share of the pooled values set to 0 while training, in [0, 1).
        pooling: "mean" or "max" over tokens, "first" token (BERT's [CLS]) or "last" token (GPT-type decoders).

    Shape:
        hidden (b, t, width), mask (b, t) with 1 for tokens and 0 for padding. Result: (b, n_labels).

    Raises:
        ValueError: there is no such pooling.
    """

    def __init__(self, width: int, n_labels: int, dropout: float = 0.1, pooling: Pooling = "mean") -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling {pooling!r} is not one of {', '.join(POOLINGS)}")
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, n_labels)
        nn.init.normal_(self.output.weight, std=0.02)
        nn.init.zeros_(self.output.bias)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.output(self.dropout(pool(hidden, mask, self.pooling)))
        return logits
