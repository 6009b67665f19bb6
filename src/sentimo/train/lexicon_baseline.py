"""Lexicon baselines: what words and rules alone reach, their twelve features weighed by a plane per task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentimo.core.bundle import Bundle
from sentimo.core.manifest import TaskSpec
from sentimo.data.lexicons import read_lexicon
from sentimo.engine.backends.lexicon import LexiconModel, Plane, manifest_of, predictor_over, write_lexicon_bundle
from sentimo.engine.predictor import Predictor
from sentimo.text.lexicon import Lexicon, built_in_lexicon
from sentimo.text.rules import Rules
from sentimo.train.calibrate import ask, fit_specs
from sentimo.train.planes import PlaneFitter, require_sklearn
from sentimo.train.tasks import TaskData

_STRENGTH = 1.0


@dataclass(frozen=True)
class LexiconBaseline:
    """A fitted baseline.

    Attributes:
        model: Words and planes.
        specs: Its tasks, with temperature and thresholds fitted on dev.
        seed: Seed of the fit.
    """

    model: LexiconModel
    specs: tuple[TaskSpec, ...]
    seed: int

    def predictor(self, name: str | None = None) -> Predictor:
        """Return a predictor in memory, called "lexicon baseline" by default."""
        return predictor_over(self.model, self.specs, name or "lexicon baseline")

    def manifest(self, name: str, languages: Sequence[str], provenance: Mapping[str, Any]) -> Any:
        """Return the manifest of a bundle; method and seed are added to `provenance`."""
        return manifest_of(self.model, self.specs, name, languages, self._made_by(provenance))

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
        """Save the baseline as a bundle; see `sentimo.train.baselines.Baseline.write`."""
        return write_lexicon_bundle(
            target,
            self.model,
            self.specs,
            name=name,
            languages=languages,
            provenance=self._made_by(provenance),
            overwrite=overwrite,
            extra=extra or (lambda folder: None),
        )

    def _made_by(self, provenance: Mapping[str, Any]) -> dict[str, Any]:
        words = {"words": len(self.model.lexicon), "lexicon": self.model.lexicon.digest}
        return {**provenance, "method": "lexicon", **words, "seed": self.seed}


def fit_lexicon_baseline(
    data: Mapping[str, TaskData], *, lexicon: str | Path | None = None, seed: int = 13
) -> LexiconBaseline:
    """Weigh what the rules say of the training texts by logistic regression (ridge regression for a score).

    Args:
        data: Task -> its rows. dev calibrates; test is not looked at.
        lexicon: File of words to use instead of those that come with Sentimo.
        seed: See `PlaneFitter`.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        DataError: the training rows of a task all have one label, or the lexicon cannot be read.
    """
    require_sklearn()
    words: Lexicon = built_in_lexicon() if lexicon is None else read_lexicon(lexicon)
    rules, planes = Rules(words), {}
    for name, task in data.items():
        matrix = np.array([rules.read(each.document.text).features for each in task.train])
        targets = [each.targets[name] for each in task.train]
        weight = np.array([each.weight for each in task.train])
        coef, bias = PlaneFitter("logistic", _STRENGTH, seed).fit(task.space, matrix, targets, weight)
        planes[name] = Plane(coef.astype(np.float32), np.asarray(bias, np.float32))
    model = LexiconModel(words, planes)
    plain = tuple(TaskSpec(name, task.space) for name, task in data.items())
    with_dev = {name: task.dev for name, task in data.items() if task.dev}
    fitted = {}
    if with_dev:
        answers = ask(predictor_over(model, plain), with_dev)
        fitted = {spec.name: spec for spec in fit_specs(answers)}
    return LexiconBaseline(model, tuple(fitted.get(spec.name, spec) for spec in plain), seed)
