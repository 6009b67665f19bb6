"""dynamic8: linear layers multiply in 8 bit; the range of what goes in is measured at every run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from sentimo.compress.derive import derive, plain_manifest
from sentimo.compress.graph import load_graph, look_up_in_8_bit, multiplied, save_graph, weight_bits
from sentimo.compress.material import Material
from sentimo.compress.quiet import quiet
from sentimo.core.bundle import Bundle
from sentimo.core.manifest import Manifest
from sentimo.engine.backends import GRAPH, WEIGHT_BITS


def dynamic8(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with 8-bit products, weights scaled per output channel; needs only the graph.

    Heads stay in float: they are small, and every rounding there reaches a label. One range holds for a whole batch,
    so a score depends a little on what else is in the batch.

    Source: onnxruntime, "Quantize ONNX models" (dynamic quantization).
    """

    def change(folder: Path) -> Manifest:
        save_graph(multiply_dynamically(load_graph(source)), folder / GRAPH)
        return plain_manifest(source, **{WEIGHT_BITS: weight_bits()})

    if weight_bits() == 7:
        material.tell("dynamic8: this processor has no VNNI; weights keep to 7 bit, so that sums do not overflow")
    return derive(source, target, change)


def multiply_dynamically(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with 8-bit linear layers and 8-bit tables of embeddings."""
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{number}"  # the quantizer finds nodes by name
    chosen = [node.name for node in multiplied(model)]
    with TemporaryDirectory(prefix="sentimo-") as folder:
        path = Path(folder) / GRAPH
        with quiet():  # its advice does not apply to exported graphs
            quantize_dynamic(
                model,
                path,
                nodes_to_quantize=chosen,
                per_channel=True,
                reduce_range=weight_bits() == 7,
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True},
            )
        smaller = onnx.load(path)
    look_up_in_8_bit(smaller)
    return smaller
