"""OpenVINO's own format: a small .xml with the network and a .bin with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import openvino
from numpy.typing import NDArray

from sentimo.compress.formats import Runner
from sentimo.compress.formats.onnx import scoring_graph
from sentimo.compress.graph import save_graph
from sentimo.core.bundle import Bundle
from sentimo.engine.backends.onnx import GRAPH


def export_openvino(bundle: Bundle, target: Path) -> Runner:
    """Write the network with calibrated scores as outputs, weights in float32; inputs and outputs as in format onnx.

    What is metadata there is ``rt_info`` here, below ``sentimo``: ``model.get_rt_info(["sentimo", "tokenizer"])``.

    Raises:
        InputError: the bundle has no graph.
    """
    with TemporaryDirectory(prefix="sentimo-") as folder:
        path = Path(folder) / GRAPH
        graph = scoring_graph(bundle)
        save_graph(graph, path)
        network = openvino.convert_model(path)
        for entry in graph.metadata_props:  # tokenizer, labels and special tokens, as in format onnx
            network.set_rt_info(entry.value, ["sentimo", entry.key])
        openvino.save_model(network, target, compress_to_fp16=False)
    tasks = [task.name for task in bundle.manifest.tasks]
    # On processors with bf16 OpenVINO would round; what is compared is the file, not the processor.
    compiled = openvino.Core().compile_model(target, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Mapping[str, NDArray[np.float32]]:
        found = compiled({"input_ids": ids, "attention_mask": mask})
        return {task: found[task] for task in tasks}

    return run
