from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sentimo.compress.weights8 import quantize_bundle, quantize_weights
from sentimo.core.bundle import Bundle
from sentimo.engine.backends.onnx import GRAPH
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError

TEXTS = ["I love this hotel", "服务太差了，真生气", "the meeting is on Friday", "good and bad " * 40]


@pytest.fixture(scope="module")
def small(trained, tmp_path_factory):
    """The shared model with 8-bit weights."""
    return quantize_bundle(trained.bundle.path, tmp_path_factory.mktemp("small") / "four")


def graph_of(weights, nodes, outputs, path):
    """Write a graph of float inputs x (b, n) or ids (b,) to `path`."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", None])]
    inputs += [helper.make_tensor_value_info("ids", TensorProto.INT64, ["b"])]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    stored = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, results, stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def run(path, **inputs):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def stored(path):
    return {each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}


def test_the_graph_takes_about_a_quarter(trained, small):
    assert small.file(GRAPH).stat().st_size < 0.35 * trained.bundle.file(GRAPH).stat().st_size


def test_torch_weights_are_left_out_and_all_else_is_kept(trained, small):
    assert set(trained.bundle.files) - set(small.files) == {"model.safetensors"}
    assert set(small.files) <= set(trained.bundle.files)
    for name in ("tokenizer.json", "recipe.yaml", "README.md"):
        assert small.files[name] == trained.bundle.files[name]


def test_scores_stay_close_and_long_texts_are_read_to_the_end(trained, small):
    before, after = (Predictor.load(each.path).predict(TEXTS) for each in (trained.bundle, small))

    for task, scores in before.tasks.items():
        assert after.tasks[task].scores == pytest.approx(scores.scores, abs=0.02)
    assert after.coverage.tolist() == [1.0] * 4


def test_the_manifest_says_how_the_weights_are_stored(trained, small):
    assert small.manifest.settings == {**trained.bundle.manifest.settings, "weights": "int8"}
    assert small.manifest.tasks == trained.bundle.manifest.tasks
    assert small.probes().tolerance == 0.05
    assert small.digest != trained.bundle.digest


def test_more_files_can_be_put_in(trained, tmp_path):
    bundle = quantize_bundle(
        trained.bundle.path,
        tmp_path / "mine",
        extra=lambda folder: (folder / "README.md").write_text("# small") and None,
    )

    assert bundle.file("README.md").read_text("utf-8") == "# small"


def test_a_taken_target_is_left_alone(trained, small, tmp_path):
    shutil.copytree(small.path, tmp_path / "mine")

    with pytest.raises(BundleError, match="already holds a model"):
        quantize_bundle(trained.bundle.path, tmp_path / "mine")

    assert Bundle.open(tmp_path / "mine").digest == small.digest


def test_a_model_that_answers_otherwise_is_not_kept(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("sentimo.compress.weights8.PROBE_TOLERANCE", 0.0)

    with pytest.raises(BundleError, match="does not answer as it did before saving"):
        quantize_bundle(trained.bundle.path, tmp_path / "mine")

    assert list(tmp_path.iterdir()) == []


def test_a_linear_model_has_no_graph_to_shrink(tmp_path, trained):
    folder = tmp_path / "linear"
    folder.mkdir()
    (folder / "manifest.json").write_text(
        json.dumps({"format": "sentimo-bundle", "version": 1, **trained.bundle.manifest.to_dict(), "files": {}}),
        "utf-8",
    )

    with pytest.raises(BundleError, match=r"the bundle has no file"):
        quantize_bundle(folder, tmp_path / "mine")


# ---------------------------------------------------------------------------------------------- one matrix


def test_a_right_factor_has_one_scale_per_column(tmp_path):
    weights = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    weights[:, 1] *= 1000  # a column of its own size must not coarsen the others
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph_of({"w": weights}, [product], ["y"], tmp_path / "large.onnx")

    quantize_weights(tmp_path / "large.onnx", tmp_path / "small.onnx")

    found = stored(tmp_path / "small.onnx")
    assert (found["w.int8"].dtype, found["w.int8"].shape, found["w.scale"].shape) == (np.int8, (64, 64), (64,))
    assert found["w.scale"] == pytest.approx(np.abs(weights).max(axis=0) / 127)
    assert np.abs(found["w.int8"]).max(axis=0).tolist() == [127] * 64
    identity, ids = np.eye(64, dtype=np.float32), np.zeros(64, np.int64)
    (product,) = run(tmp_path / "small.onnx", x=identity, ids=ids)
    assert (np.abs(product - weights) <= found["w.scale"] / 2 * 1.001).all()


def test_a_table_of_embeddings_has_one_scale_per_row(tmp_path):
    weights = np.random.default_rng(0).normal(size=(128, 32)).astype(np.float32)
    weights[3] *= 1000
    weights[5] = 0.0
    graph_of({"w": weights}, [helper.make_node("Gather", ["w", "ids"], ["y"])], ["y"], tmp_path / "large.onnx")

    quantize_weights(tmp_path / "large.onnx", tmp_path / "small.onnx")

    found = stored(tmp_path / "small.onnx")
    assert found["w.rows"].dtype == np.int8
    assert found["w.row_scale"].shape == (128, 1)
    (rows,) = run(tmp_path / "small.onnx", x=np.zeros((1, 1), np.float32), ids=np.array([3, 4, 5]))
    assert (np.abs(rows - weights[3:6]) <= found["w.row_scale"][3:6] / 2 * 1.001).all()
    assert (rows[2] == 0).all()


def test_a_matrix_that_is_both_multiplied_and_looked_up_is_answered_rightly(tmp_path):
    weights = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Gather", ["w", "ids"], ["z"])]
    graph_of({"w": weights}, nodes, ["y", "z"], tmp_path / "large.onnx")

    quantize_weights(tmp_path / "large.onnx", tmp_path / "small.onnx")

    y, z = run(tmp_path / "small.onnx", x=np.eye(64, dtype=np.float32), ids=np.arange(64))
    assert y == pytest.approx(weights, abs=0.02)
    assert z == pytest.approx(weights, abs=0.02)


def test_small_tables_vectors_and_whole_numbers_stay_as_they_are(tmp_path):
    tables = {
        "small": np.ones((63, 65), np.float32),  # 4095 numbers
        "bias": np.ones(8192, np.float32),
        "cube": np.ones((16, 16, 32), np.float32),
        "whole": np.ones((64, 128), np.int64),
    }
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    graph_of(tables, nodes, ["y"], tmp_path / "large.onnx")

    quantize_weights(tmp_path / "large.onnx", tmp_path / "small.onnx")

    assert set(stored(tmp_path / "small.onnx")) == set(tables)
