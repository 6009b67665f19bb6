"""Lexicon models: the rules of `sentimo.text.rules` and a plane per task over what they say of a text, by numpy alone.

A bundle holds its words (``lexicon.json``), so that a later list does not change its answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import LEXICON, PROBE_TEXTS, Bundle, Probes, write_bundle
from sentimo.core.labels import INTENSITY, POLARITY_3
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.core.trace import Fired
from sentimo.engine.backends import Prepared, Window
from sentimo.engine.knowledge import RULES, lexicon_of
from sentimo.engine.predictor import Predictor
from sentimo.engine.windows import spans
from sentimo.errors import BundleError
from sentimo.text.lexicon import Lexicon
from sentimo.text.ngrams import token_spans
from sentimo.text.rules import FEATURES, VERSION, Rules

Floats = NDArray[np.float32]

MAX_TOKENS = 256
"""Tokens that are read at once; a contrast weighs within a sentence, so little is lost at the seams."""

_SHARPNESS, _NEUTRAL = 4.0, 0.8
"""Logits of valence v: -4 v negative, 0.8 neutral, 4 v positive: neutral up to |v| = 0.2."""

_FEELING, _CALM = 4.0, -2.0
"""Logit of intensity: -2 + 4 (positive mass + negative mass)."""


@dataclass(frozen=True)
class Plane:
    """Logits of a task: ``coef @ features + bias``.

    Attributes:
        coef: (n_labels, 12) float32, over `sentimo.text.rules.FEATURES`.
        bias: (n_labels,) float32.
    """

    coef: Floats
    bias: Floats


@dataclass(frozen=True)
class LexiconModel:
    """Words, and what their reading means for each task.

    Attributes:
        lexicon: The words.
        planes: Task -> plane.
    """

    lexicon: Lexicon
    planes: Mapping[str, Plane]

    def save(self, folder: Path) -> None:
        """Write the files of the model."""
        (folder / LEXICON).write_text(self.lexicon.to_json(), "utf-8", newline="\n")
        for task, plane in self.planes.items():
            np.save(folder / f"coef.{task}.npy", plane.coef)
            np.save(folder / f"bias.{task}.npy", plane.bias)

    @classmethod
    def load(cls, bundle: Bundle) -> Self:
        """Read the files of a model.

        Raises:
            BundleError: a file is missing or does not fit the manifest, or it was made with other rules.
        """
        planes = {}
        for task in bundle.manifest.tasks:
            n = len(task.space)
            coef = _array(bundle, f"coef.{task.name}.npy", (n, len(FEATURES)))
            planes[task.name] = Plane(coef, _array(bundle, f"bias.{task.name}.npy", (n,)))
        return cls(lexicon_of(bundle), planes)


class LexiconBackend:
    """Runs a lexicon model.

    Args:
        model: The model.
        max_tokens: Most tokens (Han characters, words, signs) read at once; longer texts are read in windows.
        max_windows: Most windows read of one text; None reads all.
    """

    streams = 1

    def __init__(self, model: LexiconModel, *, max_tokens: int = MAX_TOKENS, max_windows: int | None = None) -> None:
        self._planes, self._rules = model.planes, Rules(model.lexicon)
        self._max_tokens, self._max_windows = max_tokens, max_windows

    @classmethod
    def open(cls, bundle: Bundle, *, max_windows: int | None = None) -> Self:
        """Open the model of a bundle."""
        return cls(LexiconModel.load(bundle), max_tokens=bundle.manifest.max_tokens, max_windows=max_windows)

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows whose features are those of the rules."""
        return [self._prepared(text) for text in texts]

    def run(self, features: Sequence[Floats]) -> dict[str, Floats]:
        """Return task -> logits (len(features), n_labels)."""
        read = np.stack(features)
        return {task: read @ plane.coef.T + plane.bias for task, plane in self._planes.items()}

    run_beside = run

    def trace(self, text: str) -> tuple[Fired, ...]:
        """Return the rules that fire in a text."""
        return self._rules.read(text).trace

    def _prepared(self, text: str) -> Prepared:
        tokens = token_spans(text)
        windows, last = [], 0
        for first, last, n_new in spans(len(tokens), self._max_tokens, most=self._max_windows):
            start, end = tokens[first][0], tokens[last - 1][1]
            features = np.array(self._rules.read(text[start:end]).features, np.float32)
            windows.append(Window(start, end, n_new, features, last - first))
        return Prepared(tuple(windows), len(tokens), last / len(tokens) if tokens else 1.0)


def untrained_model(lexicon: Lexicon) -> tuple[LexiconModel, tuple[TaskSpec, ...]]:
    """Return a model of polarity and intensity that needs no labelled text, and its tasks."""
    polarity, intensity = np.zeros((3, len(FEATURES)), np.float32), np.zeros((1, len(FEATURES)), np.float32)
    polarity[:, FEATURES.index("valence")] = (-_SHARPNESS, 0.0, _SHARPNESS)
    for mass in ("positive mass", "negative mass"):
        intensity[0, FEATURES.index(mass)] = _FEELING
    planes = {
        "polarity": Plane(polarity, np.array([0.0, _NEUTRAL, 0.0], np.float32)),
        "intensity": Plane(intensity, np.array([_CALM], np.float32)),
    }
    return LexiconModel(lexicon, planes), (TaskSpec("polarity", POLARITY_3), TaskSpec("intensity", INTENSITY))


def predictor_over(model: LexiconModel, specs: Sequence[TaskSpec], name: str = "lexicon") -> Predictor:
    """Return a predictor over a model in memory."""
    return Predictor(LexiconBackend(model), specs, ModelId(name, ""))


def manifest_of(
    model: LexiconModel, specs: Sequence[TaskSpec], name: str, languages: Sequence[str], provenance: Mapping[str, Any]
) -> Manifest:
    """Return the manifest of a lexicon model."""
    return Manifest(
        name=name,
        backend="lexicon",
        languages=tuple(languages or sorted(model.lexicon.words)),
        tasks=tuple(specs),
        max_tokens=MAX_TOKENS,
        settings={RULES: VERSION},
        provenance=provenance,
    )


def write_lexicon_bundle(
    target: str | Path,
    model: LexiconModel,
    specs: Sequence[TaskSpec],
    *,
    name: str = "lexicon",
    languages: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    extra: Any = lambda folder: None,
) -> Bundle:
    """Save a lexicon model as a bundle.

    Args:
        target: Folder to make.
        model, specs: The model and its tasks.
        name: Name of the model.
        languages: Its languages; by default those of its words.
        provenance: Where it comes from.
        overwrite: Replace a bundle that is already there.
        extra: Called with the folder to put in more files.

    Raises:
        BundleError: see `write_bundle`.
    """
    answers = predictor_over(model, specs, name).predict(PROBE_TEXTS)
    probes = Probes(PROBE_TEXTS, {task: found.scores for task, found in answers.tasks.items()})
    manifest = manifest_of(model, specs, name, languages, provenance or {})

    def fill(folder: Path) -> None:
        model.save(folder)
        extra(folder)

    return write_bundle(target, manifest, fill, probes, overwrite=overwrite)


def _array(bundle: Bundle, name: str, shape: tuple[int, ...]) -> Floats:
    path = bundle.file(name)
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BundleError(f"{path} cannot be read as an array: {error}") from error
    if array.dtype != np.float32 or array.shape != shape:
        raise BundleError(f"{path} holds {array.dtype} of shape {array.shape}; expected float32 of shape {shape}")
    return array
