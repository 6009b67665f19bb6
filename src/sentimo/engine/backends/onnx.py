"""Encoders and their heads as one ONNX graph, run by onnxruntime; the tokenizer is a `tokenizers` file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentimo.core.bundle import Bundle
from sentimo.engine.backends import Prepared
from sentimo.engine.backends.tokens import TokenReader
from sentimo.engine.threads import n_threads
from sentimo.errors import BundleError

GRAPH, TOKENIZER = "model.onnx", "tokenizer.json"
ATTENTION = ".attention"  # ending of the outputs that hold attention weights
WEIGHTS_8_BIT = "int8"
"""Value of the setting "weights" of a bundle whose matrices are stored in 8 bit and computed with in float."""


class OnnxBackend:
    """Runs a graph with inputs ``input_ids`` and ``attention_mask`` (b, t) int64 and one output of logits per task.

    Args:
        graph: The ONNX file.
        reader: What makes windows of token ids.
        threads: Threads of the runtime; 0 takes one per core.
        unpack_weights: Multiply 8-bit weights back to float once, when the graph is opened, not at every run.
    """

    def __init__(self, graph: Path, reader: TokenReader, *, threads: int = 0, unpack_weights: bool = False) -> None:
        self._reader = reader
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Spinning workers burn whole cores between batches and slow down whatever runs beside us.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if unpack_weights:
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        try:
            self._session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises C++ exceptions that share no other base
            raise BundleError(f"{graph} cannot be run by onnxruntime {ort.__version__}: {error}") from error
        outputs = self._session.get_outputs()
        names = [each.name for each in outputs]
        self.n_logits = {each.name: each.shape[-1] for each in outputs}
        self.outputs = tuple(name for name in names if not name.endswith(ATTENTION))
        self.weighing = tuple(name.removesuffix(ATTENTION) for name in names if name.endswith(ATTENTION))

    @classmethod
    def open(cls, bundle: Bundle, *, max_windows: int | None = None) -> Self:
        """Open the graph and the tokenizer of a bundle."""
        given = bundle.manifest.settings
        if absent := [name for name in ("prefix", "suffix", "pad_id") if name not in given]:
            raise BundleError(f"{bundle.path}: the manifest has no setting {', '.join(absent)}")
        settings: dict[str, Any] = {name: given[name] for name in ("prefix", "suffix", "pad_id")}
        tokenizer = _tokenizer(bundle.file(TOKENIZER))
        _check_ids(bundle, settings, tokenizer.get_vocab_size())
        reader = TokenReader(tokenizer, max_tokens=bundle.manifest.max_tokens, max_windows=max_windows, **settings)
        unpack = given.get("weights") == WEIGHTS_8_BIT
        backend = cls(bundle.file(GRAPH), reader, threads=n_threads(), unpack_weights=unpack)
        if missing := {task.name for task in bundle.manifest.tasks} - set(backend.outputs):
            raise BundleError(f"{bundle.path}: the graph has no output for {', '.join(sorted(missing))}")
        for task in bundle.manifest.tasks:
            if (n := backend.n_logits[task.name]) != len(task.space):
                labels = f"the {len(task.space)} labels of {task.name}"
                raise BundleError(f"{bundle.path}: the graph gives {n} logits for {labels}")
        return backend

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows of token ids."""
        return self._reader.prepare(texts)

    def run(self, features: Sequence[list[int]]) -> dict[str, NDArray[np.float32]]:
        """Return task -> logits (len(features), n_labels)."""
        ids, mask = self._reader.pad(features)
        outputs = self._session.run(self.outputs, {"input_ids": ids, "attention_mask": mask})
        return dict(zip(self.outputs, outputs, strict=True))

    def attention(self, text: str) -> dict[str, list[tuple[int, int, float]]]:
        """Return task -> (start, end, weight) of the tokens of a text; see `Predictor.attention`."""
        found: dict[str, list[tuple[int, int, float]]] = {task: [] for task in self.weighing}
        for ids, places in self._reader.places(text) if found else ():
            rows, mask = self._reader.pad([ids])
            names = [task + ATTENTION for task in self.weighing]
            outputs = self._session.run(names, {"input_ids": rows, "attention_mask": mask})
            for task, weights in zip(self.weighing, outputs, strict=True):
                pairs = zip(places, weights[0].tolist(), strict=True)
                found[task] += [(*place, weight) for place, weight in pairs if place is not None]
        return found


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
