"""PGD: several steps towards what would mislead, never far."""

from __future__ import annotations

from torch import nn

from sentimo.train.objectives.step import Batch, Dice, Outcome, no_shift
from sentimo.train.objectives.walk import Walk


class PGD(Walk):
    """Projected gradient descent: the mean of the loss and of the loss at the end of a walk that makes it large.

    From ``d = 0``, `steps` times ``d <- P(d + step_size * |x| * g / |g|)``, where g is the gradient of the loss at
    ``x + d`` over all word embeddings of a text and P cuts d to length ``epsilon * |x|``. Then
    ``(L(x) + L(x + d)) / 2``.

    Args:
        inner: The objective within.
        around: Not needed.
        epsilon: Greatest length of d as a share of the length |x| of the text's embeddings, > 0.
        step_size: Length of a step, as such a share, > 0.
        steps: Number of steps, >= 1; each costs most of a training step more.

    Raises:
        ValueError: a setting is out of range.

    Source: Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks", arXiv:1706.06083,
    section 2.1.
    See also: FreeLB, which learns from every step on the way.
    """

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return (2.3 + 0.6 * (self.steps - 1)) * inner

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        dice, shift = Dice(batch.ids.device), no_shift(model, batch)
        plain = reached = self.inner(model, batch.moved(shift))
        for _ in range(self.steps):
            shift = self.further(reached, shift, keep=reached is plain)
            dice.again()
            reached = self.inner(model, batch.moved(shift))
        return Outcome((plain.loss + reached.loss) / 2, plain.logits)
