"""R-Drop: two draws of dropout shall give one answer."""

from __future__ import annotations

from torch import nn

from sentimo.train.divergence import symmetric_divergence
from sentimo.train.objectives.step import Batch, Outcome, Surroundings, Wrapper


class RDrop(Wrapper):
    """Ask twice with dropout drawn anew, and add how far the answers are apart.

    ``(L_1 + L_2) / 2 + weight / 2 * D`` with D the mean of the divergences of both answers to each other (see
    `sentimo.train.divergence`): half of the source's loss, the size of one pass. D counts rows that have a target for
    the task. Without dropout it changes nothing.

    Args:
        inner: The objective within.
        around: The label spaces.
        weight: Factor of the divergence, alpha in the source, > 0; 1 to 5 there.

    Raises:
        ValueError: the weight is not positive.

    Source: Liang et al. 2021, "R-Drop: Regularized Dropout for Neural Networks", arXiv:2106.14448, eq. 3-4.
    """

    def __init__(self, inner: nn.Module, around: Surroundings, weight: float = 1.0) -> None:
        super().__init__(inner, around)
        if not weight > 0:
            raise ValueError(f"weight {weight} is not positive")
        self.weight = weight

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return 2.0 * inner

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        one, other = self.inner(model, batch), self.inner(model, batch)
        apart = {
            task: batch.has[task] * symmetric_divergence(space, one.logits[task], other.logits[task])
            for task, space in self.around.spaces.items()
        }
        return Outcome((one.loss + other.loss) / 2 + self.weight / 2 * self.total(batch, apart), one.logits)
