"""How far two answers are apart, row by row: what consistency and distillation keep small."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from sentimo.core.labels import LabelSpace


def divergence(space: LabelSpace, found: Tensor, wanted: Tensor, temperature: float = 1.0) -> Tensor:
    """Return how far logits are from wanted ones; 0 where they give the same scores.

    Single and ordinal: KL divergence of the softmax, ``sum p log(p / q)`` with p wanted. Multi: KL divergence of the
    sigmoid of each label, the mean over labels. Score: squared difference of the sigmoids. Logits are divided by the
    temperature first and the result multiplied by its square, so that gradients keep their size (a score has no
    temperature).

    Shape:
        found, wanted (b, n_labels). Result: (b,).

    Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, section 2.
    """
    if space.kind == "score":
        return ((found.sigmoid() - wanted.sigmoid()) ** 2).squeeze(-1)
    found, wanted = found / temperature, wanted / temperature
    if space.kind == "multi":
        p = wanted.sigmoid()
        own = functional.binary_cross_entropy_with_logits(wanted, p, reduction="none")
        losses = functional.binary_cross_entropy_with_logits(found, p, reduction="none") - own
        return losses.mean(dim=1) * temperature**2
    log_p = wanted.log_softmax(dim=1)
    return (log_p.exp() * (log_p - found.log_softmax(dim=1))).sum(dim=1) * temperature**2


def symmetric_divergence(space: LabelSpace, one: Tensor, other: Tensor) -> Tensor:
    """Return the mean of both directions of `divergence` (b,)."""
    return (divergence(space, one, other) + divergence(space, other, one)) / 2
