"""What an adaptation does: which weights learn, what happens at a step, what is left at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from sentimo.train.encoder import Base


class Adaptation:
    """Lets a whole network learn as it is: what a recipe without ``adapt`` does, and what the methods start from.

    Attributes:
        merges: Whether `merge` can put what was learnt into the weights of the base. Others stay in the graph.
        no_decay: Parts of names of weights that are not to be pulled towards 0: they scale, so that 1 is nothing.
        rate_factor: Times the rate of full tuning that its weights learn at by default.
        name: As the recipe calls it.
        learns: Names of the weights of the network that learn; few_shot lets most of them rest later.
    """

    merges: ClassVar[bool] = False
    no_decay: ClassVar[tuple[str, ...]] = ()
    rate_factor: float = 1.0
    name: str = ""
    learns: frozenset[str] = frozenset()

    def apply(self, encoder: nn.Module, base: Base) -> None:
        """Add weights to a frozen encoder, or let some of its own learn.

        Args:
            encoder: What transformers' `AutoModel` returns; nothing of it learns. Changed in place.
            base: What it was made from.

        Raises:
            RecipeError: it has nothing that this method could be put on.
        """

    def begin(self, n_steps: int) -> None:
        """Get ready for a run of so many steps."""

    def penalty(self) -> Tensor | None:
        """Return a scalar to add to the loss of a step, or None."""
        return None

    def after_step(self, step: int) -> None:
        """Act after the optimiser made its step (counted from 1), while the gradients are still there."""

    @property
    def is_settled(self) -> bool:
        """Whether weights as they are now may be kept as the best ones."""
        return True

    def extra_tokens(self) -> int:
        """Return how many positions of the encoder it takes from the texts."""
        return 0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint needs beside the weights: plain values and tensors."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""

    def merge(self, encoder: nn.Module) -> None:
        """Put what was learnt into the weights of the base; the encoder answers as before. Where `merges` only."""

    def compact(self, encoder: nn.Module) -> None:
        """Leave out what does nothing, before weights are stored beside a base; the encoder answers as before."""

    def describe(self, encoder: nn.Module) -> dict[str, Any]:
        """Return what else is worth reporting, plain JSON values."""
        return {}
