"""A scikit-learn classifier over a fine-tuned encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.data.split import split_examples
from sentimo.errors import InputError, Interrupted
from sentimo.train.calibrate import fit_specs
from sentimo.train.learner import Learner
from sentimo.train.recipe import parse_recipe
from sentimo.train.scratch import base_of

_TASK = "labels"


class SentimoClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Fine-tunes an encoder in `fit`; works in pipelines, grid searches and cross-validation.

    A share of the rows is held back in `fit` to choose the best epoch and to calibrate the probabilities.

    Args:
        base: "minilm", "zh-small", a hub id or a folder.
        epochs: Epochs at most. None: 3, more where rows are few.
        batch_size: Texts per step.
        learning_rate: None takes the default of the optimiser and base.
        max_tokens: Texts are cut to it in training, read in windows after.
        objective: Loss of a single-label task: "cross_entropy" or "focal".
        dev_fraction: Share of the rows held back, in (0, 1).
        seed: Same seed, same rows, same machine: same model.

    Attributes:
        classes_: (n_classes,) the labels, sorted.
        predictor_: The fitted `Predictor`.

    Example:
        >>> model = SentimoClassifier(epochs=2).fit(texts, labels)
        >>> model.predict(["The food was cold."])
        array(['negative'], dtype='<U8')
    """

    def __init__(
        self,
        base: str = "minilm",
        *,
        epochs: float | None = None,
        batch_size: int = 32,
        learning_rate: float | None = None,
        max_tokens: int = 128,
        objective: str = "cross_entropy",
        dev_fraction: float = 0.1,
        seed: int = 13,
    ) -> None:
        self.base = base
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_tokens = max_tokens
        self.objective = objective
        self.dev_fraction = dev_fraction
        self.seed = seed

    def fit(self, X: Sequence[str], y: Sequence[Any], sample_weight: Sequence[float] | None = None) -> Self:
        """Fine-tune on texts and their labels.

        Args:
            X: n texts.
            y: n labels, strings or whole numbers.
            sample_weight: (n,) weight of each row, or None.

        Raises:
            InputError: lengths differ, a text is not a string, there is only one label, or a weight is negative.
        """
        texts = _texts(X)
        labels, weights = _labels(y, len(texts)), _weights(sample_weight, len(texts))
        if not 0 < self.dev_fraction < 1:
            raise InputError(f"dev_fraction is {self.dev_fraction}; expected a share between 0 and 1")
        self.classes_, ids = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"labels {self.classes_.tolist()}: two different ones are needed")
        rows = [
            Example(Document(text), {_TASK: int(label)}, float(weight))
            for text, label, weight in zip(texts, ids, weights, strict=True)
            if weight  # a row that counts nothing may not choose the best epoch either
        ]
        self._train(rows, LabelSpace(_TASK, tuple(map(str, self.classes_))))
        return self

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """Return (n,) labels; a text without any word gets the most likely label of an unknown text."""
        best = self.predict_proba(X).argmax(axis=1)  # before classes_, for what is said when nothing is fitted
        return self.classes_[best]  # type: ignore[no-any-return]

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """Return (n, n_classes) calibrated probabilities, columns as in ``classes_``; unreadable texts get `prior_`."""
        check_is_fitted(self)
        scores = self.predictor_.predict(_texts(X)).tasks[_TASK].scores.astype(np.float64)
        unread = np.isnan(scores).any(axis=1)
        scores[unread] = self.prior_
        return scores / scores.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def _train(self, rows: list[Example], space: LabelSpace) -> None:
        share = self.dev_fraction
        learning, dev, _ = split_examples(rows, _TASK, fractions=(1 - share, share, 0.0), seed=self.seed)
        recipe = parse_recipe(
            {
                "name": "SentimoClassifier",
                "base": str(self.base),
                "tasks": [{"name": _TASK, "train": ["-"], "objective": self.objective}],
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "optimiser": {"learning_rate": self.learning_rate},
                "max_tokens": self.max_tokens,
                "seed": self.seed,
            },
            where="SentimoClassifier",
        )
        base = base_of(recipe, (each.document.text for each in learning))
        learner = Learner.build(recipe, base, {_TASK: space}, {_TASK: learning})
        try:
            learner.fit({_TASK: dev})
        except Interrupted:  # an Exception, which a grid search would count as a failed fit and go on
            raise KeyboardInterrupt from None
        self.predictor_ = learner.predictor(fit_specs(learner.ask({_TASK: dev})))
        counts = np.bincount([int(each.targets[_TASK]) for each in rows], minlength=len(space))  # type: ignore[arg-type]
        self.prior_ = counts / counts.sum()


def _texts(X: Sequence[str]) -> list[str]:
    if isinstance(X, str):
        raise InputError("X is a list of texts; for one text give a list of one")
    texts = list(np.asarray(X, dtype=object).ravel())
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"X, row {row} (from 0): {type(text).__name__} found, a text (str) is needed")
    return texts


def _labels(y: Sequence[Any], n: int) -> NDArray[Any]:
    labels = np.asarray(y, dtype=object)
    if labels.shape != (n,):
        raise InputError(f"{n} texts need as many labels in one dimension; found shape {labels.shape}")
    plain = [each.item() if isinstance(each, np.generic) else each for each in labels.tolist()]
    kinds = {type(each) for each in plain}
    has_parts = any(isinstance(each, float) and not each.is_integer() for each in plain)
    if len(kinds) > 1 or not kinds <= {str, int, float, bool} or has_parts:
        found = "numbers with parts" if has_parts else ", ".join(sorted(each.__name__ for each in kinds))
        raise InputError(
            f"labels must all be strings or all whole numbers, found {found}; for scores use `sentimo train` with kind "
            "score"
        )
    return np.array(plain)


def _weights(sample_weight: Sequence[float] | None, n: int) -> NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise InputError(f"sample_weight: expected {n} numbers of 0 or more in one dimension, found {weights.shape}")
    return weights
