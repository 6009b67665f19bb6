"""Backends run a model: `prepare` texts on the CPU, `run` features to logits. One file and one catalogue line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle
from sentimo.errors import InputError

BACKENDS: Mapping[str, str] = {
    "adapter": "sentimo.engine.backends.adapter:AdapterBackend",
    "ensemble": "sentimo.engine.backends.ensemble:EnsembleBackend",
    "lexicon": "sentimo.engine.backends.lexicon:LexiconBackend",
    "linear": "sentimo.engine.backends.linear:LinearBackend",
    "onnx": "sentimo.engine.backends.onnx:OnnxBackend",
    "openvino": "sentimo.engine.backends.openvino:OpenvinoBackend",
    "torch": "sentimo.engine.backends.torch:TorchBackend",
}

GRAPH = "model.onnx"
"""The graph of an encoder bundle."""

WEIGHT_BITS, FAST_BITS = "weight_bits", "fast_weight_bits"
"""Settings of a bundle whose graph, or whose faster graph, multiplies in 8 bit: how many bits its weights use, 7 or 8
(the default). Sums of products with 7 cannot overflow 16 bit."""


@dataclass(frozen=True)
class Window:
    """A part of a text that the model reads at once.

    Attributes:
        start, end: Its place, as offsets in characters of the text.
        weight: Number of tokens in it that no earlier window holds.
        features: What the backend's `run` takes.
        length: Its cost, in tokens; batches hold windows of like length.
    """

    start: int
    end: int
    weight: float
    features: Any
    length: int


@dataclass(frozen=True)
class Prepared:
    """A text made ready.

    Attributes:
        windows: Its parts in order; empty when there is nothing a model could read.
        n_tokens: Number of tokens of the whole text, without special tokens.
        coverage: Share of them that the windows hold, in [0, 1]; 0 where the vocabulary knows none.
    """

    windows: tuple[Window, ...]
    n_tokens: int
    coverage: float


class Backend(Protocol):
    """What runs a model.

    Attributes:
        streams: Batches worth running at the same time, each in a thread of its own; 1 where a batch takes all cores.
    """

    streams: int

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows, in order."""
        ...

    def run(self, features: Sequence[Any]) -> dict[str, NDArray[np.float32]]:
        """Return task -> logits (len(features), n_labels) for windows of like length."""
        ...

    def run_beside(self, features: Sequence[Any]) -> dict[str, NDArray[np.float32]]:
        """Do as `run`, while up to `streams` batches run at the same time; not called where `streams` is 1."""
        ...


def open_backend(bundle: Bundle, name: str | None = None, *, max_windows: int | None = None, **how: Any) -> Backend:
    """Open a backend on a bundle.

    Args:
        bundle: An opened bundle.
        name: Key of BACKENDS; None takes the one that the bundle names.
        max_windows: Most windows read of one text; the rest of it is left out and its coverage falls below 1.
        how: What else the backend can be told: see its `open`.

    Raises:
        BundleError: its files do not fit together.
        InputError: max_windows is below 1.
        MissingExtraError: the backend is not installed.
    """
    if max_windows is not None and max_windows < 1:
        raise InputError(f"max_windows is {max_windows}; expected 1 or more, or None to read every text to its end")
    module, kind = BACKENDS[name or bundle.manifest.backend].split(":")
    opened: Backend = getattr(import_module(module), kind).open(bundle, max_windows=max_windows, **how)
    return opened
