"""VAT: answers that hold still around every text, with or without a label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sentimo.train.divergence import divergence
from sentimo.train.objectives.step import Batch, Dice, Outcome, Surroundings, Wrapper, ask, movable, no_shift, unit


class VAT(Wrapper):
    """Virtual adversarial training: add how far the answers move where they move most.

    ``L + weight * D(p(x), p(x + r))`` with r of length ``epsilon * |x|`` in the direction in which the divergence D
    (see `sentimo.train.divergence`) grows fastest, found by power iteration from a random one. The answers p(x) are
    taken as constants. It needs no labels, so every row counts for every task.

    Args:
        inner: The objective within.
        around: The label spaces.
        weight: Factor of the divergence, > 0.
        epsilon: Length of r as a share of the length |x| of the text's word embeddings, > 0.
        xi: Length at which the direction is sought, as a share of epsilon, in (0, 1]. Far smaller ones drown in the
            rounding of bf16.
        iterations: Power iterations, >= 1.

    Raises:
        ValueError: a setting is out of range.

    Source: Miyato et al. 2017, "Adversarial Training Methods for Semi-Supervised Text Classification",
    arXiv:1605.07725, eq. 6-8; Miyato et al. 2018, arXiv:1704.03976, section 3.3 (power iteration).
    See also: SMART, whose answers learn on both sides.
    """

    def __init__(
        self,
        inner: nn.Module,
        around: Surroundings,
        weight: float = 1.0,
        epsilon: float = 0.02,
        xi: float = 0.3,
        iterations: int = 1,
    ) -> None:
        super().__init__(inner, around)
        if not weight > 0 or not 0 < epsilon <= 1 or not 0 < xi <= 1 or iterations < 1 or iterations % 1:
            raise ValueError(
                f"weight {weight}, epsilon {epsilon}, xi {xi}, iterations {iterations}: expected a weight above "
                "0, epsilon and xi in (0, 1] and whole iterations, at least 1"
            )
        self.weight, self.epsilon, self.xi, self.iterations = weight, epsilon, xi, iterations

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return inner + 1.0 + 0.6 * self.iterations

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        direction = unit(torch.randn_like(no_shift(model, batch)) * movable(model, batch).unsqueeze(-1))
        dice = Dice(batch.ids.device)
        plain = self.inner(model, batch)
        for _ in range(self.iterations):
            shift = (self.xi * self.epsilon * direction).detach().requires_grad_()
            dice.again()
            (gradient,) = torch.autograd.grad(self._distance(model, batch, shift, plain), shift)
            direction = unit(gradient)
        dice.again()
        smooth = self._distance(model, batch, self.epsilon * direction, plain)
        return Outcome(plain.loss + self.weight * smooth, plain.logits)

    def _distance(self, model: nn.Module, batch: Batch, shift: Tensor, plain: Outcome) -> Tensor:
        moved = ask(model, batch.moved(shift))
        wanted = {task: each.detach() for task, each in plain.logits.items()}
        spaces = self.around.spaces.items()
        return self.total(batch, {task: divergence(space, moved[task], wanted[task]) for task, space in spaces})
