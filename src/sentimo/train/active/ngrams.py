"""A pool of texts with an n-gram model of those that are labelled: it learns anew in a moment after each batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.engine.calibration import calibrated
from sentimo.train.active import Floats
from sentimo.train.baselines import matrix_of, untrained_model
from sentimo.train.planes import PlaneFitter, require_sklearn

_STRENGTH = 8.0  # C of the logistic regression
_MOST_FEATURES = 50_000
_DROPPED = 0.5  # share of the n-grams that a drawn model does without


class NgramPool:
    """Texts of which some are labelled.

    N-grams and their weights come from all texts, labelled or not, so the pool is read once.

    Args:
        texts: All texts.
        space: The labels.
        targets: Row -> its label, of those that are labelled; may grow (`add`).
        out: Rows that are not asked for, such as skipped ones.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        DataError: no n-gram occurs in two texts.
    """

    def __init__(
        self, texts: Sequence[str], space: LabelSpace, targets: Mapping[int, Target], out: Sequence[int] = ()
    ) -> None:
        require_sklearn()
        self._space, self._n = space, len(texts)
        self._matrix = matrix_of(untrained_model(texts, _MOST_FEATURES), texts)
        self.targets, self._out = dict(targets), set(out)
        self._planes: tuple[Floats, Floats] | None = None

    @property
    def several(self) -> bool:
        """Whether several labels may hold of one text."""
        return self._space.kind == "multi"

    @property
    def labelled(self) -> list[int]:
        """Rows that have a label, in order."""
        return sorted(self.targets)

    @property
    def unlabelled(self) -> list[int]:
        """Rows that may be asked for, in order."""
        return [row for row in range(self._n) if row not in self.targets and row not in self._out]

    @property
    def can_learn(self) -> bool:
        """Whether the labels tell anything: two different ones."""
        return len({str(each) for each in self.targets.values()}) > 1

    def add(self, row: int, target: Target | None) -> None:
        """Label a row, or leave it out for good (None)."""
        if target is None:
            self._out.add(row)
        else:
            self.targets[row] = target
        self._planes = None

    def remove(self, row: int) -> None:
        """Take a label back."""
        self.targets.pop(row, None)
        self._out.discard(row)
        self._planes = None

    def suggestion(self, row: int) -> tuple[list[str], float]:
        """Return the likely labels of a row and the score of the likeliest; without any, none and 0."""
        (scores,) = self.scores_of(self._matrix[[row]])
        best = int(scores.argmax())
        chosen = [label for label in np.argsort(-scores) if scores[label] >= 0.5] if self.several else [best]
        return [self._space.labels[label] for label in chosen], float(scores[best])

    def scores(self) -> Floats:
        """Return (n_unlabelled, n_labels)."""
        return self.scores_of(self._matrix[self.unlabelled])

    def scores_of(self, matrix: Any) -> Floats:
        """Return (n, n_labels) for rows of the matrix of this pool."""
        return self._answers(matrix, None)

    def samples(self, n: int, seed: int) -> Floats:
        """Return (n, n_unlabelled, n_labels) of models that do without half of the n-grams each (dropout)."""
        draw, matrix = np.random.default_rng(seed), self._matrix[self.unlabelled]
        kept = draw.random((n, matrix.shape[1])) >= _DROPPED
        return np.stack([self._answers(matrix, mask / (1 - _DROPPED)) for mask in kept])

    def vectors(self) -> Any:
        """Return (n_rows, n_features) of all rows."""
        return self._matrix

    def _answers(self, matrix: Any, factors: NDArray[np.float64] | None) -> Floats:
        weights, bias = self._fitted()
        if factors is not None:
            weights = weights * factors
        logits = np.asarray(matrix @ weights.T) + bias
        return np.asarray(calibrated(self._space, logits, 1.0), dtype=np.float64)

    def _fitted(self) -> tuple[Floats, Floats]:
        if self._planes is None:
            rows = self.labelled
            targets = [self.targets[row] for row in rows]
            fitter = PlaneFitter("logistic", _STRENGTH)
            self._planes = fitter.fit(self._space, self._matrix[rows], targets, np.ones(len(rows)))
        return self._planes
