"""FGM: learn the texts as they are and one step towards what would mislead."""

from __future__ import annotations

import torch
from torch import nn

from sentimo.train.objectives.step import Batch, Dice, Outcome, Surroundings, Wrapper, no_shift, unit


class FGM(Wrapper):
    """Fast gradient method: the mean of the loss and of the loss where the word embeddings x of each text moved.

    ``(L(x) + L(x + epsilon * |x| * g / |g|)) / 2`` with g the gradient of the loss over all embeddings of a
    text, taken as a constant. A step costs a little more than two.

    Args:
        inner: The objective within.
        around: Not needed.
        epsilon: Length of the move as a share of the length |x| of the text's embeddings, in (0, 1]. Papers and
            other programs give it as it is, often 1.0 for a batch: the same number is far more here.

    Raises:
        ValueError: epsilon is out of range.

    Source: Miyato et al. 2017, "Adversarial Training Methods for Semi-Supervised Text Classification",
    arXiv:1605.07725, eq. 5; the mean with the plain loss is Goodfellow et al. 2015, arXiv:1412.6572, section 6.
    See also: PGD and FreeLB, several smaller steps.
    """

    def __init__(self, inner: nn.Module, around: Surroundings, epsilon: float = 0.02) -> None:
        super().__init__(inner, around)
        if not 0 < epsilon <= 1:
            raise ValueError(f"epsilon {epsilon} is not in (0, 1], a share of the length of a text")
        self.epsilon = epsilon

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return 2.3 * inner

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        dice, shift = Dice(batch.ids.device), no_shift(model, batch)
        plain = self.inner(model, batch.moved(shift))
        (gradient,) = torch.autograd.grad(plain.loss, shift, retain_graph=True)
        dice.again()
        misled = self.inner(model, batch.moved(self.epsilon * unit(gradient)))
        return Outcome((plain.loss + misled.loss) / 2, plain.logits)
