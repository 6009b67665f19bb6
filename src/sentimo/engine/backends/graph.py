"""What every runtime of an ONNX graph shares: the tokenizer, the inputs and outputs of the graph, and their checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentimo.core.bundle import Bundle
from sentimo.engine.backends import FAST_BITS, GRAPH, WEIGHT_BITS, Prepared
from sentimo.engine.backends.tokens import Ids, TokenReader
from sentimo.engine.knowledge import knowledge_of
from sentimo.errors import BundleError

TOKENIZER = "tokenizer.json"
ATTENTION = ".attention"  # ending of the outputs that hold attention weights
WEIGHTS_8_BIT = "int8"
"""Value of the setting "weights" of a bundle whose matrices are stored in 8 bit and computed with in float."""


class GraphBackend(ABC):
    """Runs a graph with inputs ``input_ids`` and ``attention_mask`` (b, t) int64 and one output of logits per task.

    Args:
        reader: What makes windows of token ids.
        n_logits: Output of the graph -> number of its columns (whatever the runtime says of an unknown one).
        streams: Batches worth running at the same time.
    """

    def __init__(self, reader: TokenReader, n_logits: dict[str, Any], streams: int) -> None:
        self._reader, self.n_logits, self.streams = reader, n_logits, streams
        self.outputs = tuple(name for name in n_logits if not name.endswith(ATTENTION))
        self.weighing = tuple(name.removesuffix(ATTENTION) for name in n_logits if name.endswith(ATTENTION))

    @classmethod
    def open(cls, bundle: Bundle, *, max_windows: int | None = None, graph: str = GRAPH, exact: bool = False) -> Self:
        """Open a graph and the tokenizer of a bundle.

        Args:
            bundle: The bundle.
            max_windows: Most windows read of one text; None reads all.
            graph: Which graph of the bundle.
            exact: Compute in float32 even where the CPU has a faster format.

        Raises:
            BundleError: the files do not fit together, or the runtime cannot run the graph.
        """
        reader = open_reader(bundle, max_windows=max_windows)
        settings, own = bundle.manifest.settings, graph == GRAPH
        unpack = own and settings.get("weights") == WEIGHTS_8_BIT
        bits = settings.get(WEIGHT_BITS if own else FAST_BITS, 8)
        backend = cls._start(bundle.file(graph), reader, unpack_weights=unpack, weight_bits=bits, exact=exact)
        backend.check(bundle)
        return backend

    def check(self, bundle: Bundle) -> None:
        """Raise BundleError where the outputs of the graph are not the tasks of the bundle."""
        if missing := {task.name for task in bundle.manifest.tasks} - set(self.outputs):
            raise BundleError(f"{bundle.path}: the graph has no output for {', '.join(sorted(missing))}")
        for task in bundle.manifest.tasks:
            if (n := self.n_logits[task.name]) != len(task.space):
                labels = f"the {len(task.space)} labels of {task.name}"
                raise BundleError(f"{bundle.path}: the graph gives {n} logits for {labels}")

    @classmethod
    @abstractmethod
    def _start(cls, graph: Path, reader: TokenReader, *, unpack_weights: bool, weight_bits: int, exact: bool) -> Self:
        """Load a graph into the runtime."""

    @abstractmethod
    def _compute(self, names: Sequence[str], ids: Ids, mask: Ids, *, beside: bool) -> list[NDArray[np.float32]]:
        """Return the named outputs; `beside`: other batches are run at the same time."""

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows of token ids."""
        return self._reader.prepare(texts)

    def run(self, features: Sequence[list[int]]) -> dict[str, NDArray[np.float32]]:
        """Return task -> logits (len(features), n_labels)."""
        return self._run(features, beside=False)

    def run_beside(self, features: Sequence[list[int]]) -> dict[str, NDArray[np.float32]]:
        """Do as `run` while other batches run."""
        return self._run(features, beside=True)

    def _run(self, features: Sequence[list[int]], *, beside: bool) -> dict[str, NDArray[np.float32]]:
        found = self._compute(self.outputs, *self._reader.pad(features), beside=beside)
        return dict(zip(self.outputs, found, strict=True))

    def attention(self, text: str) -> dict[str, list[tuple[int, int, float]]]:
        """Return task -> (start, end, weight) of the tokens of a text; see `Predictor.attention`."""
        found: dict[str, list[tuple[int, int, float]]] = {task: [] for task in self.weighing}
        names = [task + ATTENTION for task in self.weighing]
        for ids, places in self._reader.places(text) if found else ():
            outputs = self._compute(names, *self._reader.pad([ids]), beside=False)
            for task, weights in zip(self.weighing, outputs, strict=True):
                pairs = zip(places, weights[0].tolist(), strict=True)
                found[task] += [(*place, weight) for place, weight in pairs if place is not None]
        return found


def open_reader(bundle: Bundle, *, max_windows: int | None = None) -> TokenReader:
    """Return the reader of an encoder bundle: its tokenizer and special tokens.

    Raises:
        BundleError: a setting is missing or does not fit the tokenizer.
    """
    given = bundle.manifest.settings
    if absent := [name for name in ("prefix", "suffix", "pad_id") if name not in given]:
        raise BundleError(f"{bundle.path}: the manifest has no setting {', '.join(absent)}")
    settings: dict[str, Any] = {name: given[name] for name in ("prefix", "suffix", "pad_id")}
    tokenizer = _tokenizer(bundle.file(TOKENIZER))
    _check_ids(bundle, settings, tokenizer.get_vocab_size())
    known = knowledge_of(bundle)
    most = bundle.manifest.max_tokens
    return TokenReader(tokenizer, max_tokens=most, max_windows=max_windows, knowledge=known, **settings)


def _check_ids(bundle: Bundle, settings: dict[str, Any], n_tokens: int) -> None:
    for name in ("prefix", "suffix"):
        if not isinstance(settings[name], list):
            raise BundleError(f"{bundle.path}: the setting {name} is {settings[name]!r}; expected a list of token ids")
    ids = [*settings["prefix"], *settings["suffix"], settings["pad_id"]]
    if wrong := [each for each in ids if type(each) is not int or not 0 <= each < n_tokens]:
        raise BundleError(f"{bundle.path}: {wrong[0]!r} is no id of the tokenizer, which has {n_tokens} tokens")


def _tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing more exact
        raise BundleError(f"{path} cannot be read as a tokenizer: {error}") from error
