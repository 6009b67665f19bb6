"""Mixup: between two texts lies what is between their answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from sentimo.train.objectives.step import Batch, Dice, Outcome, Surroundings, Wrapper


class Mixup(Wrapper):
    """Learn from pairs of texts whose vectors are mixed, with both answers in the same shares.

    For a text with vector h (what the last layer W of the head reads: the pooled text) and another one drawn from the
    batch, ``share * L(W m, y) + (1 - share) * L(W m, y')`` with ``m = share * h + (1 - share) * h'`` and the share
    drawn from Beta(alpha, alpha), one for the batch: so every row counts once. For cross entropies this is the loss of
    the mixed target, for squared errors so up to a constant. W is linear in every head, so mixing what it reads comes
    to mixing the logits, and costs nothing.

    Each task is mixed for itself, among the rows that have a target for it; rows of data sets that do not tell the same
    labels apart are not mixed with each other. Batches that are split to fit into memory are mixed within their parts.

    Args:
        inner: The objective within.
        around: The label spaces.
        alpha: The higher, the more even the shares, > 0; 1 draws them evenly.

    Raises:
        ValueError: alpha is not positive.

    Source: Guo et al. 2019, "Augmenting Data with Mixup for Sentence Classification", arXiv:1905.08941, section 2.2
    (senMixup); Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", arXiv:1710.09412.
    """

    def __init__(self, inner: nn.Module, around: Surroundings, alpha: float = 0.4) -> None:
        super().__init__(inner, around)
        if not alpha > 0:
            raise ValueError(f"alpha {alpha} is not positive")
        self.alpha = alpha

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return inner

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        dice = Dice(batch.ids.device)  # one that stands around compares with passes that draw nothing but dropout
        mix = {task: self._drawn(batch, task) for task in batch.has}
        dice.again()
        outcome: Outcome = self.inner(model, replace(batch, mix=mix))
        torch.rand(())  # without dropout nothing was drawn since, and every batch would be mixed alike
        return outcome

    def _drawn(self, batch: Batch, task: str) -> tuple[Tensor, Tensor]:
        """Return for each row the place of its partner (b,) and its own share (b,)."""
        has = batch.has[task]
        share = torch.distributions.Beta(self.alpha, self.alpha).sample().repeat(len(has)).to(has.device)
        partner = torch.arange(len(has), device=has.device)
        for alike in _groups(batch, task):  # rows that leave out other labels have no logits to mix
            partner[alike] = alike[torch.randperm(len(alike)).to(has.device)]
        return partner, share


def _groups(batch: Batch, task: str) -> Iterator[Tensor]:
    """Yield the places of rows with a target that leave out the same labels."""
    has = batch.has[task]
    if task not in batch.unknown:
        yield torch.nonzero(has).flatten()
        return
    kinds, kind = torch.unique(batch.unknown[task], dim=0, return_inverse=True)
    for each in range(len(kinds)):
        yield torch.nonzero(has & (kind == each)).flatten()
