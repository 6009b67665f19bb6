"""LoRA."""

from __future__ import annotations

from collections.abc import Sequence

from peft import LoraConfig
from torch import nn

from sentimo.errors import RecipeError
from sentimo.train.adapt.injection import Injected
from sentimo.train.adapt.layers import chosen_layers
from sentimo.train.encoder import Base


class Lora(Injected):
    """Adds a product of two thin matrices to each linear layer: ``W x + (alpha / rank) * B A x``, only A and B learn.

    B starts at 0, so that training starts from the base. The product is merged into W when the model is saved: answers
    cost what they cost without it.

    Args:
        rank: Rows of A and columns of B, 1 or more. 4 to 16 is usual.
        alpha: Strength of the product, above 0. Default: twice the rank.
        dropout: Share of the inputs of A set to 0 while training, in [0, 1).
        targets: Which linear layers: "all" of the transformer layers, or ends of names, such as [query, value].

    Raises:
        ValueError: a setting is out of its range; `apply` raises RecipeError for a rank above the width of the base.

    Source: Hu et al. 2021, "LoRA", arXiv:2106.09685, eq. 3; all linear layers instead of two per layer: Dettmers et al.
    2023, "QLoRA", arXiv:2305.14314, section 4.
    See also: AdaLora, which moves rank to where it helps.
    """

    def __init__(
        self, rank: int = 8, alpha: float | None = None, dropout: float = 0.05, targets: str | Sequence[str] = "all"
    ) -> None:
        if rank < 1:
            raise ValueError(f"rank is {rank}; expected 1 or more")
        if alpha is not None and alpha <= 0:
            raise ValueError(f"alpha is {alpha}; expected a number above 0")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}; expected a number from 0 to below 1")
        self.rank, self.alpha, self.dropout, self.targets = rank, alpha or 2.0 * rank, dropout, targets

    def apply(self, encoder: nn.Module, base: Base) -> None:
        """Put the matrices beside the chosen layers."""
        names = chosen_layers(encoder, self.targets, "adapt lora, targets")
        if self.rank > base.width:
            raise RecipeError(
                f"adapt lora: rank is {self.rank}; above {base.width}, the width of base {base.name!r}, it adds nothing"
            )
        self.inject(encoder, LoraConfig, names, r=self.rank, lora_alpha=self.alpha, lora_dropout=self.dropout)
