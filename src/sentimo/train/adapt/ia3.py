"""IA3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from peft import IA3Config
from torch import nn

from sentimo.errors import RecipeError
from sentimo.train.adapt.injection import Injected
from sentimo.train.adapt.layers import chosen_layers, key_and_value_layers, sublayer_outputs
from sentimo.train.encoder import Base


class Ia3(Injected):
    """Scales keys, values and the inner activations of the feed-forward part, each by a learnt vector.

    The fewest weights of all methods that reach into every layer. The vectors start at 1, so that training starts from
    the base, and are merged into the weights when the model is saved.

    Args:
        targets: Layers whose outputs are scaled, as ends of names; default: those that compute keys and values.
        feedforward: Layers whose inputs are scaled; default: the one that ends each feed-forward part.

    Source: Liu et al. 2022, "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning",
    arXiv:2205.05638, section 3.3.
    """

    no_decay: ClassVar[tuple[str, ...]] = (".ia3_l.",)

    def __init__(
        self, targets: str | Sequence[str] | None = None, feedforward: str | Sequence[str] | None = None
    ) -> None:
        self.targets, self.feedforward = targets, feedforward

    def apply(self, encoder: nn.Module, base: Base) -> None:
        """Put the vectors on the chosen layers."""
        if self.targets is not None:
            scaled = chosen_layers(encoder, self.targets, "adapt ia3, targets")
        elif not (scaled := key_and_value_layers(encoder)):
            raise RecipeError("adapt ia3: no layers for keys and values were found; name them in `targets`")
        if self.feedforward is not None:
            inner = chosen_layers(encoder, self.feedforward, "adapt ia3, feedforward")
        else:
            inner = [last for _, last in sublayer_outputs(encoder)]
        self.inject(encoder, IA3Config, [*scaled, *inner], feedforward_modules=inner)
