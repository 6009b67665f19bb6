"""weights8: matrices stored in 8 bit, computed with in float: a quarter of the size, answers as on any machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from sentimo.compress.derive import FOR_TRAINING
from sentimo.compress.graph import (
    insert_first,
    load_graph,
    look_up_in_8_bit,
    matrices,
    quantized,
    replace_constants,
    save_graph,
)
from sentimo.compress.material import Material
from sentimo.core.bundle import Bundle, write_bundle
from sentimo.engine.backends.onnx import GRAPH, WEIGHTS_8_BIT

PROBE_TOLERANCE = 0.05
"""How far a score of the small model may be from that of the large one on the stored probes."""


def weights8(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with 8-bit weights; needs only the graph. Not faster: it computes in float as before."""
    load_graph(source)
    return quantize_bundle(source.path, target)


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
    bundle.check_whole("compression")

    def fill(folder: Path) -> None:
        bundle.copy_to(folder, leave_out=(FOR_TRAINING, GRAPH, "*.data"))
        quantize_weights(bundle.file(GRAPH), folder / GRAPH)
        extra(folder)

    manifest = replace(bundle.manifest, settings={**bundle.manifest.settings, "weights": WEIGHTS_8_BIT})
    probes = replace(bundle.probes(), tolerance=PROBE_TOLERANCE)
    return write_bundle(target, manifest, fill, probes, overwrite=overwrite)


def quantize_weights(source: Path, target: Path) -> None:
    """Store every large float matrix of a graph as int8 with one scale per output channel (row of an embedding).

    ``w ~ scale * q`` with q in -127..127 and ``scale = max|w| / 127`` over the channel. The graph multiplies matrices
    back when it is opened, and embeddings when they are looked up: it computes in float as before.
    """
    model = onnx.load(source)
    look_up_in_8_bit(model)
    nodes = []
    changed: dict[str, NDArray[np.generic] | None] = {}
    for name, weight in matrices(model).items():
        axis = _channel_axis(model.graph, name)
        names = [f"{name}.int8", f"{name}.scale"]
        values = quantized(numpy_helper.to_array(weight), axis)
        changed |= {name: None, **dict(zip(names, values, strict=True))}
        nodes.append(helper.make_node("DequantizeLinear", names, [name], axis=axis))
    replace_constants(model, changed)
    insert_first(model, nodes)
    save_graph(model, target)


def _channel_axis(graph: onnx.GraphProto, name: str) -> int:
    """Return the axis of the output channels: columns of what is multiplied from the right, else rows."""
    users = [node for node in graph.node if name in node.input]
    is_right_factor = all(node.op_type == "MatMul" and node.input[1] == name for node in users)
    return 1 if users and is_right_factor else 0
