"""Confident learning: which labels of a data set are likely to be wrong, from out-of-sample scores.

Source: Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Suspicion:
    """What the scores say about the labels of n rows.

    Attributes:
        counts: (n_labels, n_labels) rows whose given label is i and that are confidently of label j (the confident
            joint); rows that are confidently of no label are not in it.
        own: (n,) score of the given label, in [0, 1]; the lower, the more suspicious.
        likely: (n,) the label with the largest score.
        suspicious: Rows whose label is likely to be wrong, the most suspicious first.
    """

    counts: Ids
    own: Floats
    likely: Ids
    suspicious: Ids


def suspect(labels: Ids, scores: Floats) -> Suspicion:
    """Find the rows whose label is likely to be wrong.

    A row is confidently of label j when the score of j is at least the mean score of j over the rows that are labelled
    j; the largest score decides between several (section 3.1, eq. 1-2). The number of rows that are confidently of
    another label than the given one, and whose largest score is another one's, says how many labels are wrong; which
    they are, the score of the given label says ("self-confidence", section 3.3): the lowest ones, of those rows whose
    largest score is another label's.

    Args:
        labels: (n,) given label ids.
        scores: (n, n_labels) probabilities from models that have not seen the row.
    """
    n, n_labels = scores.shape
    rows = np.arange(n)
    own, likely = scores[rows, labels], scores.argmax(axis=1)
    given = np.bincount(labels, minlength=n_labels)
    # A label that no row has can be nobody's: its threshold is out of reach.
    least = np.array([scores[labels == each, each].mean() if given[each] else np.inf for each in range(n_labels)])
    reached = np.where(scores >= least, scores, -np.inf)
    sure, confident = np.isfinite(reached.max(axis=1)), reached.argmax(axis=1)
    counts = np.zeros((n_labels, n_labels), dtype=np.int64)
    np.add.at(counts, (labels[sure], confident[sure]), 1)
    disputed = np.flatnonzero(likely != labels)
    n_wrong = int((sure[disputed] & (confident[disputed] != labels[disputed])).sum())
    order = np.argsort(own[disputed], kind="stable")
    return Suspicion(counts, own, likely, disputed[order[:n_wrong]])
