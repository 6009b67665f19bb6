"""UDA: the answer to a text, made sharper, is learnt for the text in other words."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sentimo.core.labels import LabelSpace
from sentimo.train.divergence import divergence
from sentimo.train.recipe import AugmentMethod
from sentimo.train.semi.consistency import Consistency, check_certainty, label_losses, sure


class UDA(Consistency):
    """Unsupervised data augmentation: ``L + weight * mean D(p(x')), p(x) at a low temperature)``.

    x' is x in other words, p(x) a constant: the logits of x divided by `temperature`. D is the divergence of
    `sentimo.train.divergence`. Texts (multi: labels) of which the model is less sure than `certainty` add nothing. A
    score has neither temperature nor certainty: all texts count. Training-signal annealing is left out.

    Args:
        weight: Factor of the mean over the texts, lambda in the source, > 0.
        temperature: Of p(x), in (0, 1]; 0.4 in the source.
        certainty: Score from which the best label counts, beta in the source, in [0, 1).
        ratio: Most texts drawn per labelled row, > 0.
        views: Methods of augmentation, all done one after the other.

    Raises:
        ValueError: a setting is out of range.

    Source: Xie et al. 2020, "Unsupervised Data Augmentation for Consistency Training", arXiv:1904.12848, eq. 1 and
    section 2.4 (confidence-based masking, sharpening).
    """

    name = "uda"

    def __init__(
        self,
        weight: float = 1.0,
        temperature: float = 0.4,
        certainty: float = 0.8,
        ratio: float = 3.0,
        views: Sequence[AugmentMethod] | None = None,
    ) -> None:
        super().__init__(weight, ratio, views)
        if not 0 < temperature <= 1:
            raise ValueError(f"temperature {temperature} is not in (0, 1]")
        check_certainty(certainty)
        self.temperature, self.certainty = temperature, certainty

    def losses(self, space: LabelSpace, found: Tensor, plain: Tensor) -> Tensor:
        """Return the divergence from the sharper answers (b,)."""
        if space.kind == "score":
            return divergence(space, found, plain)
        counts = sure(space, plain, self.certainty)
        sharp = plain / self.temperature
        if space.kind == "multi":
            return label_losses(found, sharp.sigmoid(), counts)
        return counts * divergence(space, found, sharp)
