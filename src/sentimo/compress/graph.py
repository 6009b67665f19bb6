"""Reading, changing and writing the graph of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from sentimo.compress.material import NotPossible
from sentimo.core.bundle import Bundle
from sentimo.engine.backends.onnx import GRAPH, WEIGHTS_8_BIT
from sentimo.engine.cpu import int8_instructions

LARGE = 4096  # elements; smaller tables are not worth a node


def weight_bits() -> int:
    """Return how many bits the weights of 8-bit products use here: 8, or 7 where only those are fast.

    Without instructions for such products AVX2 adds pairs of them in 16 bit, which hold weights within -64..64:
    2 * 255 * 64 = 32,640 < 32,768. Larger weights are multiplied another way there.
    """
    return 8 if int8_instructions() else 7


def load_graph(bundle: Bundle) -> onnx.ModelProto:
    """Return the graph with its matrices in float, whatever form they are stored in.

    Raises:
        NotPossible: the bundle has no graph, or its graph computes in 8 bit already.
    """
    if GRAPH not in bundle.files:
        raise NotPossible(f"a {bundle.manifest.backend} model has no graph; only encoders can be compressed")
    model = onnx.load(bundle.file(GRAPH))
    if bundle.manifest.settings.get("weights") == WEIGHTS_8_BIT:
        unpack(model)
    kinds = {node.op_type for node in model.graph.node}
    if kinds & {"QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger"}:
        raise NotPossible("the graph computes in 8 bit already; start from the original model")
    return model


def save_graph(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph without the notes that exporters leave, which are as large as the weights of a small layer."""
    del model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
    onnx.save(model, path)


def matrices(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """Return name -> stored float matrix, of those that are large."""
    return {
        each.name: each
        for each in model.graph.initializer
        if each.data_type == onnx.TensorProto.FLOAT
        and len(each.dims) == 2
        and min(each.dims) > 1  # a column of scales is none
        and np.prod(each.dims) >= LARGE
    }


def multiplied(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Return the MatMul nodes whose right factor is a stored float matrix: the linear layers of the encoder."""
    stored = matrices(model)
    return [node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in stored]


def replace_constants(model: onnx.ModelProto, changed: dict[str, NDArray[np.generic] | None]) -> None:
    """Replace stored tensors by name; None takes one out, an unknown name adds one."""
    kept = [each for each in model.graph.initializer if each.name not in changed]
    kept += [numpy_helper.from_array(values, name) for name, values in changed.items() if values is not None]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def insert_first(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    """Put nodes that read nothing but stored tensors before all others."""
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])


def substitute(model: onnx.ModelProto, make: Callable[[onnx.NodeProto], list[onnx.NodeProto]]) -> None:
    """Replace every node by the nodes that `make` returns for it."""
    nodes = [new for node in model.graph.node for new in make(node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def unpack(model: onnx.ModelProto) -> None:
    """Multiply 8-bit stored matrices back to float, in place."""
    stored = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    changed: dict[str, NDArray[np.generic] | None] = {}

    def plain(node: onnx.NodeProto) -> list[onnx.NodeProto]:
        if node.op_type != "DequantizeLinear" or node.input[0] not in stored:
            return [node]
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1)
        scale = stored[node.input[1]]
        wide = scale.reshape([-1 if place == axis else 1 for place in range(stored[node.input[0]].ndim)])
        changed[node.output[0]] = (stored[node.input[0]] * wide).astype(np.float32)
        changed.update({node.input[0]: None, node.input[1]: None})
        return []

    substitute(model, plain)
    replace_constants(model, changed)


def quantized(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the whole numbers (-127..127) and the scale of each channel of a matrix along an axis.

    Source: Jacob et al. 2018, arXiv:1712.05877, section 2.1 (symmetric).
    """
    scale = np.abs(values).max(axis=1 - axis) / 127
    scale = np.where(scale > 0, scale, 1.0).astype(np.float32)
    steps = values / (scale[:, None] if axis == 0 else scale[None, :])
    return np.rint(steps).astype(np.int8), scale


def look_up_in_8_bit(model: onnx.ModelProto) -> None:
    """Store tables of embeddings as int8 with a scale per row, multiplied back after the look-up, in place.

    Only the rows that are looked up are multiplied, so the table keeps its small size in memory too.
    """
    tables = matrices(model)
    changed: dict[str, NDArray[np.generic] | None] = {}

    def look_up(node: onnx.NodeProto) -> list[onnx.NodeProto]:
        if node.op_type != "Gather" or node.input[0] not in tables or any(each.i for each in node.attribute):
            return [node]
        table, ids = node.input[:2]
        rows, scale = quantized(numpy_helper.to_array(tables[table]), 0)
        names = [f"{table}.rows", f"{table}.row_scale"]  # the table may be multiplied too, stored in another way
        changed.update({table: None, names[0]: rows, names[1]: scale[:, None]})
        found = [f"{node.output[0]}.{part}" for part in ("int8", "float", "scale")]
        return [
            helper.make_node("Gather", [names[0], ids], [found[0]]),
            helper.make_node("Cast", [found[0]], [found[1]], to=onnx.TensorProto.FLOAT),
            helper.make_node("Gather", [names[1], ids], [found[2]]),
            helper.make_node("Mul", [found[1], found[2]], list(node.output)),
        ]

    substitute(model, look_up)
    still = {name for node in model.graph.node for name in node.input}
    replace_constants(
        model, {name: values for name, values in changed.items() if name not in still or values is not None}
    )
