"""Whether a model strongly disputes a label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace

_FAR = 0.5  # share of the range of a score that counts as another answer


def disputed(space: LabelSpace, scores: NDArray[np.float32], targets: Sequence[Target], certainty: float) -> list[bool]:
    """Return for each row whether a model is sure of another answer.

    Single and ordinal: it gives another label at least `certainty`. Multi: it gives that to a label that is not among
    those of the row. Score: it is more than half of the range away. A row that it does not answer is not disputed.

    Args:
        space: The task's labels.
        scores: (n, n_labels) calibrated scores; NaN where there is no answer.
        targets: (n,) the labels.
        certainty: In (0.5, 1].
    """
    found = []
    for row, target in zip(scores, targets, strict=True):
        if space.range is not None:
            low, high = space.range
            found.append(bool(abs(row[0] - float(target)) > _FAR * (high - low)))  # type: ignore[arg-type]
        else:
            others = np.ones(len(space), dtype=bool)
            others[list(target) if isinstance(target, tuple) else [int(target)]] = False
            found.append(bool((row[others] >= certainty).any()))
    return found
