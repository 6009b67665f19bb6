"""Pseudo-labels: a model labels texts, and the next one learns from what it was sure of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.evaluate.calibration import multi_hot
from sentimo.train.semi.consistency import check_certainty
from sentimo.train.semi.method import SemiMethod


class PseudoLabel(NamedTuple):
    """The answer that a text is to be learnt with.

    Attributes:
        row: Place among the texts.
        target: Label id, or ids.
        among: Ids of the labels that the model was sure about, where those are not all.
    """

    row: int
    target: Target
    among: tuple[int, ...] | None = None


class Pseudo(SemiMethod):
    """Self-training: learn, calibrate on dev, label texts, keep the sure ones, learn anew from the base.

    A text is kept when its best label has a calibrated score of at least `certainty`. Where several labels may hold, it
    is kept when one surely does; labels that neither surely hold nor surely do not are left out of its loss. A score
    gets no pseudo-labels. Every round labels all texts anew.

    With `balanced` the certainty says how many texts are kept, and of each label the same share of those that it was
    given to, the surest first: a label that the model is never very sure of is not drowned by the others.

    Args:
        certainty: Least calibrated score, in (0, 1); of several labels that may hold at least 0.5.
        balanced: Whether every label gets a cut of its own.
        rounds: How often texts are labelled, >= 1; there is one training more.
        weight: Of a pseudo-labelled row, > 0; a labelled one counts 1.

    Raises:
        ValueError: a setting is out of range.

    Source: Yarowsky 1995, "Unsupervised Word Sense Disambiguation Rivaling Supervised Methods", section 4; Lee 2013,
    "Pseudo-Label", section 2.2; `balanced`: Zou et al. 2018, "Domain Adaptation for Semantic Segmentation via
    Class-Balanced Self-Training", arXiv:1810.07911, section 4.1 (algorithm 2), the portion seen from `certainty`.
    """

    name = "pseudo"
    needs_labels = True

    def __init__(self, certainty: float = 0.9, balanced: bool = False, rounds: int = 1, weight: float = 1.0) -> None:
        check_certainty(certainty)
        if not certainty > 0 or rounds < 1 or rounds != int(rounds) or not weight > 0:
            raise ValueError(
                f"certainty {certainty}, rounds {rounds}, weight {weight}: expected a certainty in (0, 1), whole "
                "rounds, at least 1, and a weight above 0"
            )
        self.certainty, self.balanced, self.rounds, self.weight = certainty, bool(balanced), int(rounds), weight

    def label(
        self, space: LabelSpace, scores: NDArray[Any], dev: NDArray[Any], targets: Sequence[Target]
    ) -> tuple[list[PseudoLabel], str]:
        """Return the labels of the texts that are kept, and a sentence about them.

        Args:
            space: The task's labels; no score.
            scores: (n, n_labels) calibrated scores of the texts, NaN where there is no answer.
            dev: (m, n_labels) the same of dev rows.
            targets: (m,) the labels of those.
        """
        certainty = max(self.certainty, 0.5) if space.kind == "multi" else self.certainty
        cuts = self._cuts(space, scores, certainty)
        given = _given(space, scores, cuts)
        certain = given | (scores <= 1 - certainty) if space.kind == "multi" else given
        found = []
        for row in np.flatnonzero(given.any(axis=1)).tolist():
            ids = np.flatnonzero(given[row]).tolist()
            if space.kind == "multi":
                among = None if certain[row].all() else tuple(np.flatnonzero(certain[row]).tolist())
                found.append(PseudoLabel(row, tuple(ids), among))
            else:
                found.append(PseudoLabel(row, ids[0]))
        counts = ", ".join(f"{name} {n}" for name, n in zip(space.labels, given.sum(axis=0).tolist(), strict=True))
        told = f"{len(found)} of {len(scores)} texts get labels ({counts}); "
        judged = _given(space, dev, cuts)
        if n := int(judged.sum()):
            right = int((judged & multi_hot(space, targets)).sum())
            return found, f"{told}of {n} labels given to dev rows with that certainty {right / n:.1%} are right"
        return found, f"{told}no dev row has a label with that certainty, so nobody knows how many are right"

    def _cuts(self, space: LabelSpace, scores: NDArray[Any], certainty: float) -> NDArray[Any]:
        """Return the least score of each label (n_labels,)."""
        cuts = np.full(len(space), certainty)
        if not self.balanced:
            return cuts
        likely = _given(space, scores, np.full(len(space), 0.5 if space.kind == "multi" else 0.0))
        share = (likely & (scores >= certainty)).sum() / max(1, likely.sum())
        for label in range(len(space)):
            surest = np.sort(scores[likely[:, label], label])[::-1]
            n = round(share * len(surest))
            cuts[label] = surest[n - 1] if n else 2.0  # above every score
        return cuts


def _given(space: LabelSpace, scores: NDArray[Any], cuts: NDArray[Any]) -> NDArray[np.bool_]:
    """Return (n, n_labels) the labels given: those from their cut on, but of exclusive ones the best alone."""
    with np.errstate(invalid="ignore"):
        enough = scores >= cuts  # no answer is never enough
    if space.kind != "multi":
        best = np.zeros_like(enough)
        best[np.arange(len(scores)), np.nan_to_num(scores, nan=-1.0).argmax(axis=1)] = True
        enough &= best
    return np.asarray(enough)
