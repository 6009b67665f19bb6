"""static8: linear layers multiply in 8 bit, ranges fixed on the user's texts; the most sensitive stay in float."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from sentimo.compress.derive import derive, plain_manifest
from sentimo.compress.graph import (
    load_graph,
    look_up_in_8_bit,
    multiplied,
    replace_constants,
    save_graph,
    weight_bits,
)
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.quiet import quiet
from sentimo.compress.ranges import Feed, feeds, open_session
from sentimo.core.bundle import Bundle
from sentimo.core.manifest import Manifest
from sentimo.engine.backends import GRAPH, WEIGHT_BITS
from sentimo.engine.backends.onnx import ATTENTION
from sentimo.errors import MissingExtraError

CALIBRATION_TEXTS = 128
JUDGED_TEXTS = 32
MOST_IN_FLOAT = 4
"""Layers that may stay in float: each costs about 3 % of a six-layer encoder's gain."""

_WORTH = 0.05
"""Share of the distance from the float answers that a layer must take away to stay in float."""


def static8(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with 8-bit products whose ranges are fixed; needs the graph, labelled rows and NNCF.

    Outliers of the activations are moved into the weights first (SmoothQuant). Then linear layers are set back to
    float one by one, that first which brings the logits closest to those of the original, while each takes away 5 %
    of the distance or more, four at most.

    Source: Xiao et al. 2023, "SmoothQuant", arXiv:2211.10438; NNCF, post-training quantization.
    """
    if not material.texts:
        raise NotPossible("static8 fixes ranges on texts, and there are none")

    def change(folder: Path) -> Manifest:
        model = load_graph(source)
        seen = list(feeds(source, material.texts, CALIBRATION_TEXTS, material.seed))
        smaller = calibrate(model, seen)
        look_up_in_8_bit(smaller)
        in_float = set_back_sensitive(smaller, model, seen[:JUDGED_TEXTS])
        material.tell(f"static8: {len(in_float)} of {len(multiplied(model))} linear layers stay in float")
        save_graph(smaller, folder / GRAPH)
        return plain_manifest(source, **{WEIGHT_BITS: weight_bits()})

    return derive(source, target, change)


def calibrate(model: onnx.ModelProto, texts: Sequence[Feed]) -> onnx.ModelProto:
    """Return the graph with quantized linear layers; the activations' ranges are those of the texts.

    Raises:
        MissingExtraError: NNCF is not installed.
    """
    with quiet():
        try:
            import nncf
            from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix
        except ImportError:
            raise MissingExtraError("static8 (nncf)", "compress") from None
        overflow = OverflowFix.ENABLE if weight_bits() == 7 else OverflowFix.DISABLE
        chosen = {node.name for node in multiplied(model)}
        others = [node.name for node in model.graph.node if node.op_type in ("Gather", "Gemm", "MatMul")]
        quantized: onnx.ModelProto = nncf.quantize(
            model,
            nncf.Dataset(list(texts)),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(texts),
            ignored_scope=nncf.IgnoredScope(names=[name for name in others if name not in chosen]),
            advanced_parameters=AdvancedQuantizationParameters(overflow_fix=overflow),
        )
    return quantized


def set_back_sensitive(model: onnx.ModelProto, original: onnx.ModelProto, feeds: Sequence[Feed]) -> list[str]:
    """Set the layers back to float whose quantization moves the logits most, in place; return their names."""
    wanted = _logits(original, feeds)
    layers = list(_quantized_layers(model))
    distance = _distance(_logits(model, feeds), wanted)
    chosen: list[str] = []
    # One pass finds what each layer costs alone; trying all pairs would cost as many runs squared.
    gain = {name: distance - _distance(_logits(_in_float(model, [name]), feeds), wanted) for name in layers}
    for name in sorted(layers, key=lambda name: -gain[name])[:MOST_IN_FLOAT]:
        tried = _distance(_logits(_in_float(model, [*chosen, name]), feeds), wanted)
        if tried > distance * (1 - _WORTH):
            break
        chosen.append(name)
        distance = tried
    model.CopyFrom(_in_float(model, chosen))
    return chosen


def _quantized_layers(model: onnx.ModelProto) -> Iterator[str]:
    stored = {each.name for each in model.graph.initializer}
    made_by = {node.output[0]: node for node in model.graph.node}
    for node in model.graph.node:
        if node.op_type != "MatMul":
            continue
        left, right = (made_by.get(name) for name in node.input)
        both = left is not None and right is not None and left.op_type == right.op_type == "DequantizeLinear"
        if both and right is not None and right.input[0] in stored:
            yield node.name


def _in_float(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Return a copy in which the named layers multiply in float; their weights keep the values of the 8-bit ones."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    made_by = {node.output[0]: node for node in copy.graph.node}
    stored = {each.name: each for each in copy.graph.initializer}
    changed: dict[str, NDArray[np.generic] | None] = {}
    for node in copy.graph.node:
        if node.name in names:
            left, right = (made_by[name] for name in node.input)
            node.input[0] = made_by[left.input[0]].input[0]  # what the quantizer read
            values, scale = (numpy_helper.to_array(stored[name]) for name in right.input[:2])
            changed[f"{node.name}.float"] = (values * scale).astype(np.float32)
            node.input[1] = f"{node.name}.float"
    replace_constants(copy, changed)
    _drop_unread(copy)
    return copy


def _drop_unread(model: onnx.ModelProto) -> None:
    """Remove nodes and stored tensors whose output nobody reads any more."""
    while True:
        read = {name for node in model.graph.node for name in node.input} | {each.name for each in model.graph.output}
        kept = [node for node in model.graph.node if read.intersection(node.output)]
        if len(kept) == len(model.graph.node):
            break
        del model.graph.node[:]
        model.graph.node.extend(kept)
    replace_constants(model, {each.name: None for each in model.graph.initializer if each.name not in read})


def _logits(model: onnx.ModelProto, feeds: Sequence[Feed]) -> list[NDArray[np.float32]]:
    session = open_session(model)
    names = [each.name for each in session.get_outputs() if not each.name.endswith(ATTENTION)]
    return [np.concatenate([row.ravel() for row in session.run(names, feed)]) for feed in feeds]


def _distance(found: Sequence[NDArray[np.float32]], wanted: Sequence[NDArray[np.float32]]) -> float:
    return float(np.mean([np.square(a - b).mean() for a, b in zip(found, wanted, strict=True)]))
