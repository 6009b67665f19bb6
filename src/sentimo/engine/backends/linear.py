"""N-gram linear models: TF-IDF times 8-bit weights, with numpy alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle
from sentimo.engine.backends import Prepared, Window
from sentimo.engine.windows import spans
from sentimo.errors import BundleError
from sentimo.text.ngrams import ngrams, token_spans

Floats = NDArray[np.float32]

VOCABULARY, IDF = "vocabulary.txt", "idf.npy"


class Vector(NamedTuple):
    """A text as a sparse vector of length 1 (all zero where no n-gram is known).

    Attributes:
        ids: (n,) positions in the vocabulary, each once.
        values: (n,) their values.
    """

    ids: NDArray[np.int32]
    values: Floats


@dataclass(frozen=True)
class TaskWeights:
    """The weights of one task: ``logits = scale * (coef @ vector) + bias``.

    Attributes:
        coef: (n_labels, n_features) int8.
        scale: (n_labels,) float32, what one step of `coef` is worth.
        bias: (n_labels,) float32.
    """

    coef: NDArray[np.int8]
    scale: Floats
    bias: Floats

    @classmethod
    def quantised(cls, weights: NDArray[Any], bias: NDArray[Any]) -> Self:
        """Round weights (n_labels, n_features) to 255 steps per label, the largest weight at the end."""
        largest = np.abs(weights).max(axis=1)
        scale = np.where(largest > 0, largest / 127, 1.0)
        coef = np.rint(weights / scale[:, None]).astype(np.int8)
        return cls(coef, scale.astype(np.float32), np.asarray(bias, dtype=np.float32))

    def logits(self, vector: Vector) -> Floats:
        """Return (n_labels,)."""
        found: Floats = self.scale * (self.coef[:, vector.ids] @ vector.values) + self.bias
        return found


@dataclass(frozen=True)
class LinearModel:
    """One vocabulary and the weights of one or several tasks.

    Attributes:
        vocabulary: The n-grams known (`sentimo.text.ngrams`); the id of one is its position.
        idf: (n_features,) float32, inverse document frequency of each.
        tasks: Task -> weights.
    """

    vocabulary: tuple[str, ...]
    idf: Floats
    tasks: Mapping[str, TaskWeights] = field(default_factory=dict)

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {gram: position for position, gram in enumerate(self.vocabulary)}

    def vector(self, text: str) -> Vector:
        """Return TF-IDF of the known n-grams of a text: ``(1 + ln(count)) * idf``, scaled to length 1."""
        get = self._ids.get
        counts = Counter(found for gram in ngrams(text) if (found := get(gram)) is not None)
        ids = np.fromiter(counts.keys(), np.int32, len(counts))
        values = (1 + np.log(np.fromiter(counts.values(), np.float32, len(counts)))) * self.idf[ids]
        return Vector(ids, values / (np.sqrt(values @ values) or np.float32(1)))

    def save(self, folder: Path) -> None:
        """Write the files of the model."""
        (folder / VOCABULARY).write_text("".join(f"{gram}\n" for gram in self.vocabulary), "utf-8", newline="\n")
        np.save(folder / IDF, self.idf)
        for task, weights in self.tasks.items():
            np.save(folder / f"coef.{task}.npy", weights.coef)
            np.save(folder / f"scale.{task}.npy", weights.scale)
            np.save(folder / f"bias.{task}.npy", weights.bias)

    @classmethod
    def load(cls, bundle: Bundle) -> Self:
        """Read the files of a model.

        Raises:
            BundleError: a file is missing, or its contents do not fit the manifest.
        """
        vocabulary = tuple(bundle.file(VOCABULARY).read_text("utf-8").split("\n")[:-1])
        tasks = {}
        for task in bundle.manifest.tasks:
            n_labels = len(task.space)
            tasks[task.name] = TaskWeights(
                coef=_array(bundle, f"coef.{task.name}.npy", np.int8, (n_labels, len(vocabulary))),
                scale=_array(bundle, f"scale.{task.name}.npy", np.float32, (n_labels,)),
                bias=_array(bundle, f"bias.{task.name}.npy", np.float32, (n_labels,)),
            )
        return cls(vocabulary, _array(bundle, IDF, np.float32, (len(vocabulary),)), tasks)


class LinearBackend:
    """Runs a linear model.

    Args:
        model: The model.
        max_tokens: Most tokens (Han characters, words, signs) read at once; longer texts are read in windows.
        max_windows: Most windows read of one text; None reads all.
    """

    streams = 1

    def __init__(self, model: LinearModel, *, max_tokens: int, max_windows: int | None = None) -> None:
        self._model, self._max_tokens, self._max_windows = model, max_tokens, max_windows

    @classmethod
    def open(cls, bundle: Bundle, *, max_windows: int | None = None) -> Self:
        """Open the model of a bundle."""
        return cls(LinearModel.load(bundle), max_tokens=bundle.manifest.max_tokens, max_windows=max_windows)

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows whose features are vectors."""
        return [self._prepared(text) for text in texts]

    def run(self, features: Sequence[Vector]) -> dict[str, Floats]:
        """Return task -> logits (len(features), n_labels)."""
        return {
            task: np.stack([weights.logits(vector) for vector in features])
            for task, weights in self._model.tasks.items()
        }

    run_beside = run

    def _prepared(self, text: str) -> Prepared:
        tokens = token_spans(text)
        windows, last = [], 0
        for first, last, n_new in spans(len(tokens), self._max_tokens, most=self._max_windows):
            start, end = tokens[first][0], tokens[last - 1][1]
            windows.append(Window(start, end, n_new, self._model.vector(text[start:end]), last - first))
        covered = last / len(tokens) if tokens else 1.0
        known = not windows or any(len(window.features.ids) for window in windows)
        return Prepared(tuple(windows), len(tokens), covered if known else 0.0)


def _array(bundle: Bundle, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    path = bundle.file(name)
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BundleError(f"{path} cannot be read as an array: {error}") from error
    if array.dtype != dtype or array.shape != shape:
        raise BundleError(
            f"{path} holds {array.dtype} of shape {array.shape}; the manifest and {VOCABULARY} ask for "
            f"{np.dtype(dtype)} of shape {shape}"
        )
    return array
