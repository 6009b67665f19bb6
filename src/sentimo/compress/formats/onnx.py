"""One ONNX file whose outputs are calibrated scores: nothing is left to compute for who runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from sentimo.compress.formats import Runner
from sentimo.compress.graph import save_graph, unpack
from sentimo.core.bundle import Bundle
from sentimo.core.manifest import TaskSpec
from sentimo.engine.backends.onnx import ATTENTION, GRAPH, WEIGHTS_8_BIT
from sentimo.errors import InputError


def export_scores(bundle: Bundle, target: Path) -> Runner:
    """Write the graph with softmax or sigmoid, temperature and range inside.

    Inputs ``input_ids`` and ``attention_mask`` (b, t) int64; one output (b, n_labels) float32 per task, named like it.
    The metadata ``sentimo`` holds the tasks as JSON, ``tokenizer`` the tokenizer, ``prefix``, ``suffix`` and ``pad_id``
    the special tokens.

    Raises:
        InputError: the bundle has no graph.
    """
    model = scoring_graph(bundle)
    save_graph(model, target)
    return runner_of(target)


def scoring_graph(bundle: Bundle) -> onnx.ModelProto:
    """Return the graph of a bundle with calibrated scores as outputs."""
    if GRAPH not in bundle.files:
        raise InputError(
            f"{bundle.path} is a {bundle.manifest.backend} model without a graph; only encoders can be exported"
        )
    model = onnx.load(bundle.file(GRAPH))
    if bundle.manifest.settings.get("weights") == WEIGHTS_8_BIT:
        unpack(model)
    tasks = {task.name: task for task in bundle.manifest.tasks}
    for node in model.graph.node:
        node.output[:] = [_logits(name) if name in tasks else name for name in node.output]
        node.input[:] = [_logits(name) if name in tasks else name for name in node.input]
    for task in tasks.values():
        model.graph.node.extend(_scoring(task, model.graph))
    for entry in _metadata(bundle):
        model.metadata_props.append(entry)
    return model


def runner_of(path: Path) -> Runner:
    """Return what runs the file in plain onnxruntime."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs() if not each.name.endswith(ATTENTION)]

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Mapping[str, NDArray[np.float32]]:
        return dict(zip(names, session.run(names, {"input_ids": ids, "attention_mask": mask}), strict=True))

    return run


def _logits(task: str) -> str:
    return f"{task}.logits"


def _scoring(task: TaskSpec, graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes from logits to scores; see `sentimo.engine.calibration.calibrated`."""
    last = _logits(task.name)

    def stored(name: str, value: float) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"{task.name}.{name}"))
        return f"{task.name}.{name}"

    if task.space.range is not None:
        low, high = task.space.range
        yield helper.make_node("Sigmoid", [last], [f"{task.name}.share"])
        yield helper.make_node("Mul", [f"{task.name}.share", stored("width", high - low)], [f"{task.name}.wide"])
        yield helper.make_node("Add", [f"{task.name}.wide", stored("low", low)], [task.name])
        return
    yield helper.make_node("Div", [last, stored("temperature", task.temperature)], [f"{task.name}.cooled"])
    if task.space.kind == "multi":
        yield helper.make_node("Sigmoid", [f"{task.name}.cooled"], [task.name])
    else:
        yield helper.make_node("Softmax", [f"{task.name}.cooled"], [task.name], axis=-1)


def _metadata(bundle: Bundle) -> Iterator[onnx.StringStringEntryProto]:
    manifest = bundle.manifest
    values = {
        "sentimo": json.dumps([task.to_dict() for task in manifest.tasks], ensure_ascii=False),
        "tokenizer": bundle.file("tokenizer.json").read_text("utf-8"),
        "max_tokens": str(manifest.max_tokens),
        **{name: json.dumps(manifest.settings[name]) for name in ("prefix", "suffix", "pad_id")},
    }
    for key, value in values.items():
        yield onnx.StringStringEntryProto(key=key, value=value)
