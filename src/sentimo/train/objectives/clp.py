"""Counterfactual logit pairing: who is named shall not move the answer."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from sentimo.core.labels import LabelSpace
from sentimo.text.identities import counterfactuals
from sentimo.train.batching import padded
from sentimo.train.objectives.step import Batch, Outcome, Surroundings, Wrapper, ask


class CLP(Wrapper):
    """Add how far logits move when the identities that a text names are exchanged for others.

    ``L + weight * |g(x) - g(x')|``, the mean over the labels that the row's data set tells apart, where x' is one of
    the texts that `sentimo.text.identities.counterfactuals` gives for x, drawn anew each time. Of logits of a softmax
    the mean is taken off first: only differences between them count. Rows that name nobody add nothing; every other row
    counts for every task, with or without a label.

    Args:
        inner: The objective within.
        around: The label spaces, the training texts and their tokenizer.
        weight: Factor of the difference, lambda in the source, > 0.

    Raises:
        ValueError: the weight is not positive.

    Source: Garg et al. 2019, "Counterfactual Fairness in Text Classification through Robustness", arXiv:1809.10610,
    section 4.3.
    """

    def __init__(self, inner: nn.Module, around: Surroundings, weight: float = 1.0) -> None:
        super().__init__(inner, around)
        if not weight > 0:
            raise ValueError(f"weight {weight} is not positive")
        self.weight = weight
        others = {row: found for row, text in enumerate(around.texts) if (found := counterfactuals(text))}
        ids = iter(around.encode([text for found in others.values() for text in found]))
        self._others = {row: [next(ids) for _ in found] for row, found in others.items()}

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return inner + len(self._others) / max(1, len(self.around.texts))

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        plain = self.inner(model, batch)
        places = [place for place, row in enumerate(batch.rows) if row in self._others]
        if not places:
            return Outcome(plain.loss, plain.logits)
        drawn = []
        for place in places:
            others = self._others[batch.rows[place]]
            drawn.append(others[int(torch.randint(len(others), ()))])
        ids, mask = padded(drawn, batch.ids.device)
        weight = batch.weight[places]
        unknown = {task: each[places] for task, each in batch.unknown.items()}
        exchanged = replace(batch, ids=ids, mask=mask, weight=weight, unknown=unknown, shift=None)
        other = ask(model, exchanged)
        apart = {
            task: _apart(space, plain.logits[task][places], other[task], unknown.get(task))
            for task, space in self.around.spaces.items()
        }
        return Outcome(plain.loss + self.weight * self.total(exchanged, apart), plain.logits)


def _apart(space: LabelSpace, one: Tensor, other: Tensor, unknown: Tensor | None) -> Tensor:
    """Return how far logits (b, n_labels) are apart, the mean (b,) over the labels that are not `unknown`."""
    counts = torch.ones_like(one) if unknown is None else (~unknown).to(one.dtype)
    n = counts.sum(dim=1, keepdim=True)
    gap = (one - other) * counts
    if space.kind in ("single", "ordinal"):  # the mean of all logits means nothing
        gap = (gap - gap.sum(dim=1, keepdim=True) / n) * counts
    return gap.abs().sum(dim=1) / n.squeeze(1)
