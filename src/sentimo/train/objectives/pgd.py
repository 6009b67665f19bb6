"""PGD: several steps towards what would mislead, never far."""

from __future__ import annotations

import torch
from torch import nn

from sentimo.train.objectives.step import Batch, Dice, Outcome, Surroundings, Wrapper, no_shift, unit, within


class PGD(Wrapper):
    """Projected gradient descent: the mean of the loss and of the loss at the end of a walk that makes it large.

    From ``d = 0``, `steps` times ``d <- P(d + step_size * g / |g|)``, where g is the gradient of the loss at ``x + d``
    over all word embeddings of a text and P cuts d to length epsilon. Then ``(L(x) + L(x + d)) / 2``.

    Args:
        inner: The objective within.
        around: Not needed.
        epsilon: Greatest length of d, > 0.
        step_size: Length of a step, > 0.
        steps: Number of steps, >= 1; each costs most of a training step more.

    Raises:
        ValueError: a setting is out of range.

    Source: Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks", arXiv:1706.06083,
    section 2.1.
    See also: FreeLB, which learns from every step on the way.
    """

    def __init__(
        self, inner: nn.Module, around: Surroundings, epsilon: float = 1.0, step_size: float = 0.4, steps: int = 3
    ) -> None:
        super().__init__(inner, around)
        if not epsilon > 0 or not step_size > 0 or steps < 1 or steps != int(steps):
            raise ValueError(
                f"epsilon {epsilon}, step_size {step_size}, steps {steps}: expected lengths above 0 and whole steps, "
                "at least 1"
            )
        self.epsilon, self.step_size, self.steps = epsilon, step_size, steps

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return (2.3 + 0.6 * (self.steps - 1)) * inner

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        dice, shift = Dice(batch.ids.device), no_shift(model, batch)
        plain = reached = self.inner(model, batch.moved(shift))
        for _ in range(self.steps):
            (gradient,) = torch.autograd.grad(reached.loss, shift, retain_graph=reached is plain)
            shift = within(shift.detach() + self.step_size * unit(gradient), self.epsilon).requires_grad_()
            dice.again()
            reached = self.inner(model, batch.moved(shift))
        return Outcome((plain.loss + reached.loss) / 2, plain.logits)
