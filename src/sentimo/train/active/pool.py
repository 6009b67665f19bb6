"""A pool of texts with a linear model of those that are labelled: it learns anew in a moment after each batch."""

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
_DROPPED = 0.5  # share of the features that a drawn model does without


def ngram_features(texts: Sequence[str]) -> Any:
    """Return the n-grams of texts (n, n_features), a scipy CSR matrix of rows of length 1.

    N-grams and their weights come from all texts, labelled or not, so a pool is read once.

    Raises:
        DataError: no n-gram occurs in two texts.
    """
    return matrix_of(untrained_model(texts, _MOST_FEATURES), texts)


class LabelPool:
    """Texts of which some are labelled.

    Args:
        features: (n, n_features) of the texts, a scipy CSR matrix of rows of length 1: `ngram_features`, or what an
            encoder makes of them (`sentimo.train.active.vectors`).
        space: The labels.
        targets: Row -> its label, of those that are labelled; may grow (`add`).
        out: Rows that are not asked for, such as skipped ones.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """

    def __init__(
        self, features: Any, space: LabelSpace, targets: Mapping[int, Target], out: Sequence[int] = ()
    ) -> None:
        require_sklearn()
        self._space, self._matrix = space, features
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
        return [row for row in range(self._matrix.shape[0]) if row not in self.targets and row not in self._out]

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
        """Return (n, n_unlabelled, n_labels) of models that do without half of the features each (dropout)."""
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
