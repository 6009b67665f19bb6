"""FreeLB: learn from every step of a walk towards what would mislead."""

from __future__ import annotations

from torch import nn

from sentimo.train.objectives.step import Batch, Dice, Outcome, movable, no_shift, unit
from sentimo.train.objectives.walk import Walk


class FreeLB(Walk):
    """Free large batch: the mean of the losses at the places of a random walk uphill.

    From a random d of length ``epsilon * |x| / 2``, ``(L(x + d_1) + ... + L(x + d_steps)) / steps``, where ``d <- P(d +
    step_size * |x| * g / |g|)`` as in PGD. Every place is learnt from, none is thrown away.

    The answers that it hands on are those to the first moved text, no pass is made without a move: name it first among
    several, or one that stands around it compares with those.

    Args:
        inner: The objective within.
        around: Not needed.
        epsilon: Greatest length of d as a share of the length |x| of the text's embeddings, > 0.
        step_size: Length of a step, as such a share, > 0.
        steps: Number of places, >= 1; a training step costs and holds in memory as many.

    Raises:
        ValueError: a setting is out of range.

    Source: Zhu et al. 2020, "FreeLB: Enhanced Adversarial Training for Natural Language Understanding",
    arXiv:1909.11764, algorithm 1; dropout is the same at all places, section 3.3.
    """

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return (1.3 * self.steps - 0.3) * inner

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        start = no_shift(model, batch).detach().uniform_(-1.0, 1.0) * movable(model, batch).unsqueeze(-1)
        shift = (self.epsilon / 2 * unit(start)).requires_grad_()
        dice = Dice(batch.ids.device)
        first = reached = self.inner(model, batch.moved(shift))
        loss = first.loss / self.steps
        for _ in range(self.steps - 1):
            shift = self.further(reached, shift, keep=True)
            dice.again()
            reached = self.inner(model, batch.moved(shift))
            loss = loss + reached.loss / self.steps
        return Outcome(loss, first.logits)
