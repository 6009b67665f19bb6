"""A walk of the word embeddings towards what would mislead."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sentimo.train.objectives.step import Outcome, Surroundings, Wrapper, unit, within


class Walk(Wrapper):
    """What `PGD` and `FreeLB` share: steps uphill that never lead far.

    Args:
        inner: The objective within.
        around: Not needed.
        epsilon: Greatest length of the whole move as a share of the length |x| of the text's embeddings, in
            (0, 1].
        step_size: Length of a step, as such a share, in (0, 1].
        steps: Number of steps or places, >= 1.

    Raises:
        ValueError: a setting is out of range.
    """

    def __init__(
        self, inner: nn.Module, around: Surroundings, epsilon: float = 0.02, step_size: float = 0.008, steps: int = 3
    ) -> None:
        super().__init__(inner, around)
        if not 0 < epsilon <= 1 or not 0 < step_size <= 1 or steps < 1 or steps != int(steps):
            raise ValueError(
                f"epsilon {epsilon}, step_size {step_size}, steps {steps}: expected lengths in (0, 1] and whole "
                "steps, at least 1"
            )
        self.epsilon, self.step_size, self.steps = epsilon, step_size, steps

    def further(self, reached: Outcome, shift: Tensor, *, keep: bool) -> Tensor:
        """Return the shift (b, t, e) a step on, where the loss is larger; `keep` the graph to learn from the place."""
        (gradient,) = torch.autograd.grad(reached.loss, shift, retain_graph=keep)
        return within(shift.detach() + self.step_size * unit(gradient), self.epsilon).requires_grad_()
