"""N-gram baselines: what a model without pre-training reaches, fitted in seconds, saved as bundles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentimo.core.bundle import PROBE_TEXTS, Bundle, Probes, write_bundle
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends.linear import LinearBackend, LinearModel, TaskWeights
from sentimo.engine.predictor import Predictor
from sentimo.errors import DataError, InputError
from sentimo.evaluate.calibration import multi_hot
from sentimo.text.ngrams import ngrams
from sentimo.train.calibrate import Answers, ask, fit_specs
from sentimo.train.planes import STRENGTHS, Method, PlaneFitter, require_sklearn
from sentimo.train.tasks import TaskData

MAX_TOKENS = 256
"""Tokens that a baseline reads at once."""

MAX_FEATURES = 200_000
_MIN_TEXTS = 2  # n-grams of one text only are most of all there are, and say little

_MOST_CELLS = 100_000
"""Training rows times labels up to which several strengths are tried; above, fits take minutes rather than seconds."""


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline.

    Attributes:
        method: How it was fitted.
        model: Vocabulary and 8-bit weights. What is judged is what is saved.
        specs: Its tasks, with temperature and thresholds fitted on dev.
        strengths: Task -> the setting of the method that was used (`STRENGTHS`).
        seed: Seed of the fit.
    """

    method: Method
    model: LinearModel
    specs: tuple[TaskSpec, ...]
    strengths: Mapping[str, float]
    seed: int

    def predictor(self, name: str | None = None) -> Predictor:
        """Return a predictor in memory, called "<method> baseline" by default."""
        return _predictor(self.model, self.specs, name or f"{self.method} baseline")

    def manifest(self, name: str, languages: Sequence[str], provenance: Mapping[str, Any]) -> Manifest:
        """Return the manifest of a bundle; method, strengths and seed are added to `provenance`."""
        made_by = {"method": self.method, "strengths": dict(self.strengths), "seed": self.seed}
        return Manifest(
            name=name,
            backend="linear",
            languages=tuple(languages),
            tasks=self.specs,
            max_tokens=MAX_TOKENS,
            provenance={**provenance, **made_by},
        )

    def write(
        self,
        target: str | Path,
        *,
        name: str,
        languages: Sequence[str],
        provenance: Mapping[str, Any],
        overwrite: bool = False,
        extra: Callable[[Path], None] | None = None,
    ) -> Bundle:
        """Save the baseline as a bundle.

        Args:
            target: Folder to make.
            name, languages, provenance: See `manifest`.
            overwrite: Replace a bundle that is already there.
            extra: Called with the folder to put in more files, such as a model card.

        Raises:
            BundleError: see `write_bundle`.
        """

        def fill(folder: Path) -> None:
            self.model.save(folder)
            if extra is not None:
                extra(folder)

        answers = self.predictor(name).predict(PROBE_TEXTS)
        probes = Probes(PROBE_TEXTS, {task: found.scores for task, found in answers.tasks.items()})
        return write_bundle(target, self.manifest(name, languages, provenance), fill, probes, overwrite=overwrite)


def fit_baseline(
    data: Mapping[str, TaskData], *, method: Method = "logistic", seed: int = 13, max_features: int = MAX_FEATURES
) -> Baseline:
    """Fit a linear model of one or several tasks over one vocabulary.

    Of the strengths in `STRENGTHS` the one is taken whose calibrated scores explain dev best (log-likelihood); the
    middle one for a task without dev rows, or with more than 100,000 cells (training rows times labels).

    Args:
        data: Task -> its rows. dev chooses and calibrates; test is not looked at.
        method: "logistic", "svm" or "bayes".
        seed: See `PlaneFitter`.
        max_features: Size of the vocabulary: the n-grams that most training texts hold.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        InputError: no such method.
        DataError: the training rows of a task all have one label, or no n-gram occurs in two texts.
    """
    require_sklearn()
    if method not in STRENGTHS:
        raise InputError(f"method {method!r} is not one of {', '.join(STRENGTHS)}")
    texts = dict.fromkeys(each.document.text for task in data.values() for each in task.train)
    row_of = {text: row for row, text in enumerate(texts)}
    blank = untrained_model(row_of, max_features)
    matrix = matrix_of(blank, row_of)
    weights, specs, strengths = {}, [], {}
    for name, task in data.items():
        rows = matrix[[row_of[each.document.text] for each in task.train]]
        best = _best_fit(name, task, rows, blank, method, seed)
        weights[name], strengths[name] = best.weights, best.strength
        specs.append(best.spec)
    return Baseline(method, replace(blank, tasks=weights), tuple(specs), strengths, seed)


class _Fit(NamedTuple):
    weights: TaskWeights
    strength: float
    spec: TaskSpec
    dev_loss: float


def _best_fit(name: str, task: TaskData, matrix: Any, blank: LinearModel, method: Method, seed: int) -> _Fit:
    strengths = STRENGTHS[method]
    if not task.dev or task.space.kind == "score" or len(task.train) * len(task.space) > _MOST_CELLS:
        strengths = (strengths[len(strengths) // 2],)
    targets = [each.targets[name] for each in task.train]
    row_weight = np.array([each.weight for each in task.train])
    fits = []
    for strength in strengths:
        planes = PlaneFitter(method, strength, seed).fit(task.space, matrix, targets, row_weight)
        weights = TaskWeights.quantised(*planes)
        fits.append(_Fit(weights, strength, *_calibrate(name, task, replace(blank, tasks={name: weights}))))
    return min(fits, key=lambda each: each.dev_loss)


def _calibrate(name: str, task: TaskData, model: LinearModel) -> tuple[TaskSpec, float]:
    """Return the task with temperature and thresholds, and the mean negative log-likelihood of dev."""
    plain = TaskSpec(name, task.space)
    if not task.dev:
        return plain, 0.0
    answers = ask(_predictor(model, [plain], "uncalibrated"), {name: task.dev})
    (spec,) = fit_specs(answers)
    return spec, _log_loss(answers[name], spec.temperature)


def _log_loss(answers: Answers, temperature: float) -> float:
    if answers.space.kind == "score":
        return 0.0  # nothing is chosen by it
    scores, hot = answers.scores(temperature), multi_hot(answers.space, answers.targets)
    right = np.where(hot, scores, 1 - scores) if answers.space.kind == "multi" else scores[hot]
    return float(-np.log(np.maximum(right, 1e-7)).mean())


def _predictor(model: LinearModel, specs: Sequence[TaskSpec], name: str) -> Predictor:
    return Predictor(LinearBackend(model, max_tokens=MAX_TOKENS), specs, ModelId(name, ""))


def untrained_model(texts: Iterable[str], max_features: int) -> LinearModel:
    """Return vocabulary and idf = ln((1 + n_texts) / (1 + texts with the n-gram)) + 1."""
    n_texts, counts = 0, Counter[str]()
    for text in texts:
        counts.update(set(ngrams(text)))
        n_texts += 1
    kept = sorted((-n, gram) for gram, n in counts.items() if n >= _MIN_TEXTS)[:max_features]
    if not kept:
        raise DataError(f"no n-gram occurs in {_MIN_TEXTS} of the {n_texts} training texts; give more rows")
    idf = np.log((1 + n_texts) / (1 - np.array([minus for minus, _ in kept]))) + 1
    return LinearModel(tuple(gram for _, gram in kept), idf.astype(np.float32))


def matrix_of(model: LinearModel, texts: Iterable[str]) -> Any:
    """Return the vectors of texts as a scipy CSR matrix (n_texts, n_features) float64."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    vectors = [model.vector(text) for text in texts]
    ends = np.cumsum([0, *(len(vector.ids) for vector in vectors)])
    ids = np.concatenate([vector.ids for vector in vectors])
    values = np.concatenate([vector.values for vector in vectors]).astype(np.float64)
    return csr_matrix((values, ids, ends), shape=(len(vectors), len(model.vocabulary)))
