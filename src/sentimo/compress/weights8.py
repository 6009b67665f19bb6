"""8-bit weights: a quarter of the size, embeddings included, and the same computation on any processor."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from sentimo.core.bundle import PROBES, Bundle, write_bundle
from sentimo.engine.backends.onnx import GRAPH, WEIGHTS_8_BIT

PROBE_TOLERANCE = 0.05
"""How far a score of the small model may be from that of the large one on the stored probes."""

_SMALLEST = 4096  # elements; smaller tables are not worth a node
_WEIGHT_FILES = (".safetensors", ".data")


def quantize_bundle(
    source: str | Path,
    target: str | Path,
    *,
    overwrite: bool = False,
    extra: Callable[[Path], None] = lambda folder: None,
) -> Bundle:
    """Write a copy of an ONNX bundle with 8-bit weights and without its torch weights.

    Args:
        source: The bundle.
        target: Folder to make.
        overwrite: Replace a bundle that is already there.
        extra: Called with the folder at the end, to put in or replace files such as the card.

    Raises:
        BundleError: see `Bundle.open` and `write_bundle`; also when a probe's score moves by more than 0.05.
    """
    bundle = Bundle.open(source)

    def fill(folder: Path) -> None:
        for name in bundle.files:
            if name not in (GRAPH, PROBES) and not name.endswith(_WEIGHT_FILES):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(bundle.path / name, folder / name)
        quantize_weights(bundle.file(GRAPH), folder / GRAPH)
        extra(folder)

    manifest = replace(bundle.manifest, settings={**bundle.manifest.settings, "weights": WEIGHTS_8_BIT})
    probes = replace(bundle.probes(), tolerance=PROBE_TOLERANCE)
    return write_bundle(target, manifest, fill, probes, overwrite=overwrite)


def quantize_weights(source: Path, target: Path) -> None:
    """Store every large float matrix of a graph as int8 with one scale per output channel (row of an embedding).

    ``w ~ scale * q`` with q in -127..127 and ``scale = max|w| / 127`` over the channel. The graph multiplies back when
    it is opened, so it computes in float as before.

    Source: Jacob et al. 2018, arXiv:1712.05877, section 2.1 (symmetric, weights only).
    """
    model = onnx.load(source)
    graph = model.graph
    kept, nodes = [], []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != onnx.TensorProto.FLOAT or values.ndim != 2 or values.size < _SMALLEST:
            kept.append(weight)
            continue
        axis = _channel_axis(graph, weight.name)
        quantized, scale = _quantized(values, axis)
        names = [f"{weight.name}.int8", f"{weight.name}.scale"]
        kept += [numpy_helper.from_array(each, name) for each, name in zip((quantized, scale), names, strict=True)]
        nodes.append(helper.make_node("DequantizeLinear", names, [weight.name], axis=axis))
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for node in reversed(nodes):
        graph.node.insert(0, node)
    del graph.value_info[:]
    for node in graph.node:
        del node.metadata_props[:]  # notes of the exporter, as large as the weights of a small layer
    onnx.save(model, target)


def _quantized(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    scale = np.abs(values).max(axis=1 - axis) / 127
    scale = np.where(scale > 0, scale, 1.0).astype(np.float32)
    steps = values / (scale[:, None] if axis == 0 else scale[None, :])
    return np.rint(steps).astype(np.int8), scale


def _channel_axis(graph: onnx.GraphProto, name: str) -> int:
    """Return the axis of the output channels: columns of what is multiplied from the right, else rows."""
    users = [node for node in graph.node if name in node.input]
    is_right_factor = all(node.op_type == "MatMul" and node.input[1] == name for node in users)
    return 1 if users and is_right_factor else 0
