"""BitFit."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from sentimo.errors import RecipeError
from sentimo.train.adapt.adaptation import Adaptation
from sentimo.train.encoder import Base


class BitFit(Adaptation):
    """Lets only the biases of the encoder learn, those of its norms among them.

    It adds nothing, so there is nothing to merge: the model is saved as one that was tuned in full.

    Source: Ben Zaken, Ravfogel & Goldberg 2022, "BitFit", arXiv:2106.10199, section 3.
    """

    merges: ClassVar[bool] = True

    def apply(self, encoder: nn.Module, base: Base) -> None:
        """Let the biases learn."""
        biases = [each for name, each in encoder.named_parameters() if name.endswith("bias") and "pooler" not in name]
        if not biases:
            raise RecipeError(f"adapt bitfit: base {base.name!r} has no biases; use adapt lora")
        for each in biases:
            each.requires_grad = True
