"""A cheap model answers what it is sure of; the exact one is asked for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle, write_bundle
from sentimo.core.joining import join_predictions
from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import ModelId, Predictions
from sentimo.core.trace import Fired
from sentimo.engine.answers import listed
from sentimo.engine.certainty import differ, fit_bound, unsure
from sentimo.engine.overrides import Overrides, overrides_of
from sentimo.engine.predictor import Predictor
from sentimo.engine.work import Work
from sentimo.errors import InputError

SETTING = "cascade"
"""Setting of a bundle that is the cheap model of a cascade: ``{"exact": digest, "bounds": {task: margin}}``."""

AGREEMENT, CONFIDENCE = 0.995, 0.9


class Exact(Protocol):
    """What a cascade asks when its cheap model is not sure: a `Predictor`, or an `Analyzer` with one model."""

    @property
    def model(self) -> ModelId | None:
        """The model that answers, None for several."""
        ...

    @property
    def spaces(self) -> Mapping[str, LabelSpace]:
        """Task -> label space."""
        ...

    @property
    def identity(self) -> tuple[Mapping[str, str], ...]:
        """What its answers depend on."""
        ...

    @property
    def work(self) -> Work:
        """What it has done so far."""
        ...

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Answer texts."""
        ...

    def attention(self, text: str) -> dict[str, list[tuple[int, int, float]]]:
        """Return where its attention heads look."""
        ...


class Cascade:
    """Answers with the cheap model where all its margins reach their bounds, else with the exact one.

    Every answer names the model that gave it. A text that the cheap model does not answer, or knows nothing of, is the
    exact model's.

    Args:
        cheap: The cheap model, such as one of `sentimo baseline`.
        exact: The model that it stands in for.
        bounds: Task -> margin (`sentimo.engine.certainty.margins`) from which the cheap answer is given.
        rules: Rules of the user that move the answers, whichever model gave them; not given to `exact`.

    Raises:
        InputError: the two do not answer the same tasks in the same labels, a task has no labels (a score), or a task
            has no bound.
    """

    def __init__(
        self, cheap: Predictor, exact: Exact, bounds: Mapping[str, float], rules: Overrides | None = None
    ) -> None:
        check_tasks(cheap, exact)
        if missing := set(cheap.spaces) - set(bounds):
            raise InputError(f"the cascade has no bound for task {', '.join(sorted(missing))}; fit it anew")
        self._cheap, self._exact, self._bounds = cheap, exact, dict(bounds)
        self._answered, self._lock = Work(), Lock()
        self.spaces = exact.spaces
        self._rules = rules
        if rules is not None:
            rules.check(self.spaces)

    @classmethod
    def load(cls, folder: str | Path, exact: Exact, rules: Overrides | str | Path | None = None) -> Self:
        """Open a cheap model that was fitted to `exact` with `sentimo cascade`.

        Raises:
            BundleError: there is no bundle, or it is damaged.
            InputError: the bundle was not fitted, or to another model.
        """
        cheap = Predictor.load(folder)
        assert cheap.bundle is not None  # load() sets it
        fitted = cheap.bundle.manifest.settings.get(SETTING)
        if not fitted:
            raise InputError(f"{folder} is no cascade. Fit one: sentimo cascade {folder} MODEL FILE -o models/cascade")
        if exact.model is None:
            raise InputError("a cascade stands in for one model; name it with --model")
        if fitted["exact"] != exact.model.digest:
            raise InputError(
                f"{folder} was fitted to the model {fitted['exact'][:12]}; found {exact.model.name} "
                f"{exact.model.digest[:12]}. Fit a cascade to this one: sentimo cascade"
            )
        return cls(cheap, exact, fitted["bounds"], overrides_of(rules))

    @property
    def identity(self) -> tuple[Mapping[str, str], ...]:
        """What the answers depend on, see `Predictor.identity`."""
        bounds = {"bounds of the cascade": str(sorted(self._bounds.items()))}
        bounds |= {"rules": self._rules.digest} if self._rules else {}
        return (*self._cheap.identity, *self._exact.identity, bounds)

    @property
    def work(self) -> Work:
        """What the exact model has done, and how many texts did not need it."""
        return self._exact.work + self._answered

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Answer many texts, in the order given.

        Raises:
            InputError: `texts` is one string.
        """
        found = self._predict(listed(texts))
        return self._rules.apply(found) if self._rules else found

    def _predict(self, texts: list[str]) -> Predictions:
        quick = self._cheap.predict(texts)
        tasks = self._cheap.tasks
        rows = unsure(tasks, {name: each.scores for name, each in quick.tasks.items()}, self._bounds)
        rows |= _unanswered(quick)
        asked, answered = np.flatnonzero(rows).tolist(), np.flatnonzero(~rows).tolist()
        with self._lock:
            self._answered += Work(n_texts=len(answered), n_cheap=len(answered))
        if not answered:
            return self._exact.predict(texts)
        # The exact model is asked even for nothing: the answers keep its tasks and their order.
        parts = [(asked, self._exact.predict([texts[row] for row in asked])), (answered, quick.take(answered))]
        return join_predictions(parts, len(texts))

    def explain_rules(self, text: str) -> tuple[Fired, ...]:
        """Return what the cheap model found in a text, where it is a lexicon model."""
        return self._cheap.explain_rules(text)

    def attention(self, text: str) -> dict[str, list[tuple[int, int, float]]]:
        """Return where the attention heads of the exact model look."""
        return self._exact.attention(text)


@dataclass(frozen=True)
class Fit:
    """What a cascade does on rows it was not fitted on.

    Attributes:
        bounds: Task -> margin from which the cheap answer is given.
        n_rows: Rows that it was checked on; as many again chose the bounds.
        answered: Share of them that the cheap model answers, in [0, 1].
        agreement: Task -> share of them whose final labels are those of the exact model, in [0, 1].
    """

    bounds: Mapping[str, float]
    n_rows: int
    answered: float
    agreement: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "bounds": dict(self.bounds),
            "rows": self.n_rows,
            "answered": round(self.answered, 4),
            "agreement": {task: round(share, 4) for task, share in self.agreement.items()},
        }


def fit_cascade(cheap: Predictor, exact: Exact, texts: Sequence[str], agreement: float = AGREEMENT) -> Fit:
    """Find from where on the cheap model may be believed. Needs texts, no labels.

    Every other text chooses the bounds, so that with 90 % confidence the labels of each task agree as wanted; the rest
    check them.

    Args:
        cheap: The cheap model.
        exact: The model that it stands in for.
        texts: Texts like those to come, which neither model was trained on; equal ones count once.
        agreement: Share of texts whose final labels must be those of the exact model, in (0, 1).

    Raises:
        InputError: the models do not fit each other, or the texts are too few for this agreement.
    """
    check_tasks(cheap, exact)
    if exact.model is not None and cheap.model.digest == exact.model.digest:
        raise InputError("the cheap model is the exact one; a cascade needs two")
    texts = list(dict.fromkeys(texts))
    quick, full = cheap.predict(texts), exact.predict(texts)
    usable = [row for row, error in enumerate(quick.errors) if error is None and full.errors[row] is None]
    chosen, held_out = usable[::2], usable[1::2]
    tasks = cheap.tasks
    bounds = {
        task.name: fit_bound(
            task,
            quick.tasks[task.name].scores[chosen],
            full.tasks[task.name].scores[chosen],
            agreement,
            confidence=CONFIDENCE,
        ).value
        for task in tasks
    }
    asked = unsure(tasks, {name: each.scores[held_out] for name, each in quick.tasks.items()}, bounds)
    asked |= _unanswered(quick)[held_out]
    same = {}
    for task in tasks:
        pair = (each.tasks[task.name].scores[held_out] for each in (quick, full))
        same[task.name] = 1.0 - float((differ(task, *pair) & ~asked).mean())
    return Fit(bounds, len(held_out), float((~asked).mean()), same)


def _unanswered(predictions: Predictions) -> NDArray[np.bool_]:
    """Return which texts have no answer, or a mere guess, (n,)."""
    silent = np.array([error is not None for error in predictions.errors], dtype=bool)
    return np.asarray(silent | (predictions.coverage == 0))


def write_cascade(cheap: Bundle, exact: ModelId, fit: Fit, target: str | Path, *, overwrite: bool = False) -> Bundle:
    """Write a copy of the cheap bundle that knows its bounds and the model it was fitted to.

    Raises:
        BundleError: see `write_bundle`.
    """
    settings = {**cheap.manifest.settings, SETTING: {"exact": exact.digest, "bounds": dict(fit.bounds)}}
    provenance = {**cheap.manifest.provenance, SETTING: {"model": exact.name, **fit.to_dict()}}
    manifest = replace(cheap.manifest, settings=settings, provenance=provenance)
    return write_bundle(target, manifest, cheap.copy_to, cheap.probes(), overwrite=overwrite)


def check_tasks(cheap: Predictor, exact: Exact) -> None:
    """Raise InputError unless both models answer the same tasks in the same labels."""
    for task in (*exact.spaces, *cheap.spaces):
        one, other = cheap.spaces.get(task), exact.spaces.get(task)
        if one is None or other is None:
            who = "cheap" if one is None else "exact"
            raise InputError(f"the {who} model of the cascade has no task {task!r}; both must answer the same tasks")
        if (one.labels, one.kind) != (other.labels, other.kind):
            raise InputError(
                f"task {task!r}: the cheap model answers {', '.join(one.labels)} ({one.kind}), the exact one "
                f"{', '.join(other.labels)} ({other.kind}); a cascade needs the same labels in the same order"
            )
        if one.kind == "score":
            raise InputError(f"task {task!r} is a score: it has no labels that could agree, so it cannot be cascaded")
