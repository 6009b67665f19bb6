"""Save what was learnt beside a base, without the base."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from safetensors.torch import save_file
from torch import nn

from sentimo.engine.backends.adapter import BASE, WEIGHTS, Arrays, graph_weights
from sentimo.engine.backends.onnx import GRAPH
from sentimo.engine.base_weights import hub_folder, read_safetensors, read_weights, weight_files, weights_digest
from sentimo.errors import RecipeError
from sentimo.train.adapt.build import adaptation_of
from sentimo.train.encoder import Base

_FEWEST = 64  # numbers of a weight that is taken out of the graph: shapes, axes and scales stay


def base_folder(base: Base) -> Path:
    """Return the folder with the weights of a base.

    Raises:
        RecipeError: it has no weights as safetensors, so no adapter can name them.
    """
    folder = Path(base.source) if Path(base.source).is_dir() else hub_folder(base.source)
    if folder is None or not weight_files(folder):
        raise RecipeError(f"save adapter: base {base.name!r} has no model.safetensors to refer to; use save model")
    return folder


def write_adapter(network: nn.Module, folder: Path, base: Base, name: str) -> None:
    """Take the weights out of the graph in a folder: those that learnt go beside it, those of the base go.

    Weights are told by what they hold. The exporter turns matrices and gives them new names.

    Args:
        network: What the graph was made from.
        folder: Where the graph is.
        base: Its base.
        name: How the bundle is to call the base: a short name, a hub id, or a path seen from the bundle.
    """
    learns = adaptation_of(network).learns
    learnt = {key: each.detach().contiguous() for key, each in network.named_parameters() if key in learns}
    save_file(learnt, folder / WEIGHTS)
    source = base_folder(base)
    known = {"adapter": dict(read_safetensors(folder / WEIGHTS)), "base": read_weights(source)}
    places = {place: found for file, arrays in known.items() for place, found in _prints(file, arrays)}
    graph = onnx.load(folder / GRAPH)
    where = {}
    for weight in graph.graph.initializer:
        values = numpy_helper.to_array(weight, str(folder))
        if values.size >= _FEWEST and values.dtype == np.float32 and (found := places.get(_print(values))):
            where[weight.name] = found
            weight.ClearField("raw_data")
            weight.data_location = TensorProto.EXTERNAL
            weight.external_data.add(key="location", value=BASE)
    onnx.save(graph, folder / GRAPH)
    (folder / f"{GRAPH}.data").unlink(missing_ok=True)
    about = {"name": name, "digest": weights_digest(source), "weights": where}
    (folder / BASE).write_text(json.dumps(about, indent=1) + "\n", "utf-8")


def adapter_weights(folder: Path, base: Base) -> Arrays:
    """Return the weights that the graph of an adapter in a folder names and does not hold."""
    where = json.loads((folder / BASE).read_text("utf-8"))["weights"]
    return graph_weights(where, base_folder(base), folder / WEIGHTS)


def _prints(file: str, arrays: Arrays) -> Any:
    """Yield fingerprint -> place of each array, and of each matrix turned."""
    for key, values in arrays.items():
        if values.size < _FEWEST or values.dtype.kind != "f":
            continue
        exact = values.astype(np.float32, copy=False)
        if exact.ndim == 2:
            yield _print(exact.T), (file, key, True)
        yield _print(exact), (file, key, False)


def _print(values: NDArray[Any]) -> tuple[tuple[int, ...], bytes]:
    return values.shape, hashlib.sha256(np.ascontiguousarray(values).data).digest()
