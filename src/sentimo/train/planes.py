"""Planes through sparse rows: logistic regression, support vectors, naive Bayes and ridge, by scikit-learn.

Every fit gives weights (n_labels, n_features) and a bias (n_labels,) of logits in the sense of `engine.calibration`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.errors import DataError, MissingExtraError
from sentimo.evaluate.calibration import as_ids, multi_hot

Method = Literal["logistic", "svm", "bayes"]
Floats = NDArray[np.float64]
Planes = tuple[Floats, Floats]

STRENGTHS: Mapping[Method, tuple[float, ...]] = {
    "logistic": (2.0, 8.0, 32.0),  # C
    "svm": (0.1, 0.5, 2.0),  # C
    "bayes": (0.01, 0.1, 1.0),  # added to each count
}
"""The settings worth trying; the middle one suits most sets."""

_RIDGE = 1.0


class PlaneFitter:
    """Fits the planes of tasks by one method.

    Args:
        method: Of classification tasks. A score is answered by ridge regression whatever it is.
        strength: Its setting, see `STRENGTHS`.
        seed: Of the order in which the support vector machine visits rows; the others draw nothing.
    """

    def __init__(self, method: Method, strength: float, seed: int = 13) -> None:
        self._method, self._strength, self._seed = method, strength, seed

    def fit(self, space: LabelSpace, matrix: Any, targets: Sequence[Target], weight: Floats) -> Planes:
        """Fit one task.

        Args:
            space: Its labels.
            matrix: (n, n_features) scipy CSR matrix, not negative.
            targets: (n,) the answers.
            weight: (n,) weight of each row.

        Raises:
            DataError: a single-label task whose rows all have one label.
        """
        if space.range is not None:
            return _fit_score(space.range, matrix, np.asarray(targets, dtype=np.float64), weight)
        if space.kind == "multi":
            return self._fit_multi(matrix, multi_hot(space, targets), weight)
        return self._fit_single(space, matrix, np.array([as_ids(each)[0] for each in targets]), weight)

    def _fit_single(self, space: LabelSpace, matrix: Any, ids: NDArray[Any], weight: Floats) -> Planes:
        present = np.unique(ids)
        if len(present) < 2:
            label = space.labels[present[0]]
            raise DataError(f"{space.name}: every training row has the label {label!r}; there is nothing to learn")
        found, found_bias = self._separate(matrix, ids, weight)
        if len(found) == 1:  # the softmax of (-z/2, z/2) is the sigmoid of z
            found, found_bias = np.concatenate([-found, found]) / 2, np.concatenate([-found_bias, found_bias]) / 2
        weights = np.zeros((len(space), matrix.shape[1]))
        bias = np.full(len(space), found_bias.min() - np.log(1 + len(ids)))  # a label that no row has is never given
        weights[present], bias[present] = found, found_bias
        return weights, bias

    def _fit_multi(self, matrix: Any, hot: NDArray[np.bool_], weight: Floats) -> Planes:
        n_rows, n_with = len(hot), hot.sum(axis=0)
        weights = np.zeros((hot.shape[1], matrix.shape[1]))
        bias = np.log((n_with + 0.5) / (n_rows - n_with + 0.5))  # stays so for a label that all rows have, or none
        for label in np.flatnonzero((n_with > 0) & (n_with < n_rows)):
            found, found_bias = self._separate(matrix, hot[:, label], weight)
            weights[label], bias[label] = found[0], found_bias[0]
        return weights, bias

    def _separate(self, matrix: Any, answers: NDArray[Any], weight: Floats) -> Planes:
        """Return one plane for two answers (positive: the greater one), else one per answer."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import MultinomialNB
        from sklearn.svm import LinearSVC

        two = len(np.unique(answers)) == 2
        if self._method == "bayes":
            bayes = MultinomialNB(alpha=self._strength).fit(matrix, answers, sample_weight=weight)
            return _differences(bayes.feature_log_prob_, two), _differences(bayes.class_log_prior_, two)
        if self._method == "svm":
            planes = LinearSVC(C=self._strength, random_state=self._seed)
        else:  # liblinear is the fastest for two answers and knows no more
            planes = LogisticRegression(C=self._strength, max_iter=1000, solver="liblinear" if two else "lbfgs")
        planes.fit(matrix, answers, sample_weight=weight)
        return planes.coef_, planes.intercept_


def require_sklearn() -> None:
    """Raise MissingExtraError when scikit-learn is not installed."""
    if find_spec("sklearn") is None:
        raise MissingExtraError("fitting an n-gram baseline", "train")


def _differences(log_likelihood: Floats, two: bool) -> Floats:
    """Leave out what all answers share: it changes no answer and would make 8-bit steps coarse."""
    if two:
        return log_likelihood[1:] - log_likelihood[:1]
    centred: Floats = log_likelihood - log_likelihood.mean(axis=0)
    return centred


def _fit_score(bounds: tuple[float, float], matrix: Any, values: Floats, weight: Floats) -> Planes:
    from sklearn.linear_model import Ridge

    low, high = bounds
    share = ((values - low) / (high - low)).clip(0.01, 0.99)  # the ends themselves have infinite logits
    ridge = Ridge(alpha=_RIDGE).fit(matrix, np.log(share / (1 - share)), sample_weight=weight)
    return ridge.coef_.reshape(1, -1), np.atleast_1d(ridge.intercept_)
