"""FixMatch: what the model is sure of for a text is the label of the text in other words."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from sentimo.core.labels import LabelSpace
from sentimo.train.recipe import AugmentMethod
from sentimo.train.semi.consistency import Consistency, check_certainty, label_losses, sure


class FixMatch(Consistency):
    """``L + weight * mean H(best label of p(x), p(x'))`` over texts x of which the model is sure.

    x' is x in other words, the strong view; the weak one is x as it is, under dropout. H is the cross entropy; texts
    whose best label has less than `certainty` add nothing, and all are divided by. Of a multi-label task every label
    is judged for itself: present or absent for sure, or left out. Scores learn from their labels alone.

    Args:
        weight: Factor of the mean over the texts, lambda in the source, > 0.
        certainty: Score from which an answer is taken for a label, tau in the source, in [0, 1).
        ratio: Most texts drawn per labelled row, mu in the source (7 there), > 0.
        views: Methods of augmentation, all done one after the other.

    Raises:
        ValueError: a setting is out of range.

    Source: Sohn et al. 2020, "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence",
    arXiv:2001.07685, eq. 3-4.
    """

    name = "fixmatch"
    needs_labels = True

    def __init__(
        self,
        weight: float = 1.0,
        certainty: float = 0.95,
        ratio: float = 3.0,
        views: Sequence[AugmentMethod] | None = None,
    ) -> None:
        super().__init__(weight, ratio, views)
        check_certainty(certainty)
        self.certainty = certainty

    def losses(self, space: LabelSpace, found: Tensor, plain: Tensor) -> Tensor:
        """Return the cross entropy of the sure answers (b,)."""
        if space.kind == "score":
            return torch.zeros_like(found[:, 0])
        counts = sure(space, plain, self.certainty)
        if space.kind == "multi":
            return label_losses(found, (plain > 0).float(), counts)
        return counts * functional.cross_entropy(found, plain.argmax(dim=1), reduction="none")
