"""Ranges of what goes into 8-bit products, fixed on texts: then no answer depends on what else is in its batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from sentimo.compress.graph import replace_constants
from sentimo.core.bundle import Bundle
from sentimo.engine.backends import open_backend

Feed = Mapping[str, NDArray[np.int64]]
"""Input of a graph -> its values for one text."""


def feeds(source: Bundle, texts: Sequence[str], most: int, seed: int) -> Iterator[Feed]:
    """Yield what the graph reads, one text at a time, of as many texts as `most`, drawn by the seed."""
    backend: Any = open_backend(source, max_windows=1)
    for at in np.random.default_rng(seed).permutation(len(texts))[:most].tolist():
        for window in backend.prepare([texts[at]])[0].windows:
            ids = np.array([window.features], dtype=np.int64)
            yield {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def fix_ranges(model: onnx.ModelProto, texts: Iterable[Feed]) -> None:
    """Let a graph that measures ranges at every run use those of the texts, in place.

    An encoder's extremes hardly differ between texts: its normalised layers let the same few columns stand out.
    """
    measuring = [node for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
    ranges = _ranges(model, list(dict.fromkeys(node.input[0] for node in measuring)), texts)
    constants: dict[str, NDArray[np.generic] | None] = {}
    for node in measuring:
        low, high = ranges[node.input[0]]
        step = np.maximum(np.float32((high - low) / 255), np.float32(1e-12))
        _, scale, zero = node.output
        constants[scale] = np.asarray(step, np.float32)
        constants[zero] = np.asarray(np.clip(np.round(-low / step), 0, 255), np.uint8)
        node.CopyFrom(helper.make_node("QuantizeLinear", [node.input[0], scale, zero], node.output[:1], node.name))
    replace_constants(model, constants)


def open_session(model: onnx.ModelProto) -> Any:
    """Return a session of a graph that was made here: its weights keep to what this processor multiplies exactly."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _ranges(model: onnx.ModelProto, names: Sequence[str], texts: Iterable[Feed]) -> dict[str, tuple[float, float]]:
    """Return tensor -> its least (or 0) and largest (or 0) value on the texts."""
    telling = onnx.ModelProto()
    telling.CopyFrom(model)
    telling.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = open_session(telling)
    found = dict.fromkeys(names, (0.0, 0.0))
    for feed in texts:
        for name, values in zip(names, session.run(names, feed), strict=True):
            low, high = found[name]
            found[name] = min(low, float(values.min())), max(high, float(values.max()))
    return found
