"""SMART's smoothness: answers that hold still around every text, learning on both sides."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sentimo.train.divergence import symmetric_divergence
from sentimo.train.objectives.step import Batch, Dice, Outcome, Surroundings, Wrapper, ask, movable, no_shift

_LEAST = 1e-12


class SMART(Wrapper):
    """Smoothness-inducing adversarial regularisation: add how far answers and moved answers are apart, both ways.

    ``L + weight * (D(p(x), p(x + d)) + D(p(x + d), p(x))) / 2``, d being sought by `steps` steps uphill from normal
    noise, no coordinate of it beyond epsilon. Both sides learn. Every row counts for every task, with or without a
    label. The second half of the method, the proximal point optimiser, is not part of this.

    Args:
        inner: The objective within.
        around: The label spaces.
        weight: Factor of the divergence, > 0.
        epsilon: Greatest size of a coordinate of d as a share of the root mean square of the text's embeddings, > 0.
        steps: Steps uphill, >= 1; the length of each is epsilon in its greatest coordinate.

    Raises:
        ValueError: a setting is out of range.

    Source: Jiang et al. 2020, "SMART: Robust and Efficient Fine-Tuning for Pre-trained Natural Language Models",
    arXiv:1911.03437, eq. 2 and section 3.1.
    See also: VAT, R-Drop.
    """

    def __init__(
        self, inner: nn.Module, around: Surroundings, weight: float = 1.0, epsilon: float = 0.2, steps: int = 1
    ) -> None:
        super().__init__(inner, around)
        if not weight > 0 or not 0 < epsilon <= 1 or steps < 1 or steps != int(steps):
            raise ValueError(
                f"weight {weight}, epsilon {epsilon}, steps {steps}: expected a weight above 0, an epsilon in "
                "(0, 1] and whole steps, at least 1"
            )
        self.weight, self.epsilon, self.steps = weight, epsilon, steps

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return inner + 1.0 + 0.6 * self.steps

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        noise = torch.randn_like(no_shift(model, batch)).clamp(-3.0, 3.0)
        coordinates = (movable(model, batch).sum(dim=1) * noise.shape[2]).view(-1, 1, 1)
        most = self.epsilon * coordinates.clamp(min=1) ** -0.5  # of a shift, whose unit is the length of the text
        shift = most / 3 * noise
        dice = Dice(batch.ids.device)
        plain = self.inner(model, batch)
        fixed = {task: each.detach() for task, each in plain.logits.items()}
        for _ in range(self.steps):
            shift = shift.detach().requires_grad_()
            dice.again()
            (gradient,) = torch.autograd.grad(self._distance(model, batch, shift, fixed), shift)
            greatest = gradient.flatten(1).abs().amax(dim=1).clamp(min=_LEAST).view(-1, 1, 1)
            shift = (shift + most * gradient / greatest).clamp(-most, most)
        dice.again()
        smooth = self._distance(model, batch, shift.detach(), plain.logits)
        return Outcome(plain.loss + self.weight * smooth, plain.logits)

    def _distance(self, model: nn.Module, batch: Batch, shift: Tensor, logits: Mapping[str, Tensor]) -> Tensor:
        moved = ask(model, batch.moved(shift))
        spaces = self.around.spaces.items()
        return self.total(
            batch, {task: symmetric_divergence(space, moved[task], logits[task]) for task, space in spaces}
        )
