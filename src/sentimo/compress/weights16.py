"""weights16: matrices stored in 16 bit, computed with in float: half the size, answers equal to three decimals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from sentimo.compress.derive import derive, plain_manifest
from sentimo.compress.graph import insert_first, load_graph, matrices, replace_constants, save_graph
from sentimo.compress.material import Material
from sentimo.core.bundle import Bundle
from sentimo.core.manifest import Manifest
from sentimo.engine.backends.onnx import GRAPH

_LARGEST = float(np.finfo(np.float16).max)


def weights16(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with 16-bit weights; needs only the graph. Not faster: it computes in float as before."""

    def change(folder: Path) -> Manifest:
        model = load_graph(source)
        store_in_16_bit(model)
        save_graph(model, folder / GRAPH)
        return plain_manifest(source)

    return derive(source, target, change)


def store_in_16_bit(model: onnx.ModelProto) -> None:
    """Store every large float matrix as float16, cast back once when the graph is opened, in place.

    A matrix with numbers beyond 65504, the largest of float16, stays as it is.
    """
    nodes = []
    changed: dict[str, NDArray[np.generic] | None] = {}
    for name, weight in matrices(model).items():
        values = numpy_helper.to_array(weight)
        if np.abs(values).max() > _LARGEST:
            continue
        changed |= {name: None, f"{name}.half": values.astype(np.float16)}
        nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    replace_constants(model, changed)
    insert_first(model, nodes)
