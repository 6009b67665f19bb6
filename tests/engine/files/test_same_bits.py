"""A resumed run has the bits of an undisturbed one, or it is refused."""

import onnx
import pytest
from onnx import helper
from tables import StopsAt, write

from sentimo.core.predictions import ModelId
from sentimo.engine.analyzer import Analyzer
from sentimo.engine.backends.graph import open_reader
from sentimo.engine.backends.onnx import OnnxBackend
from sentimo.engine.cascade import Cascade
from sentimo.engine.files import predict_file
from sentimo.engine.predictor import Predictor
from sentimo.errors import InputError, Interrupted

TEXTS = [" ".join(["good food ."] * (n % 5) + ["awful staff"] * (n % 3) + ["the"] * n) for n in range(24)]


@pytest.fixture
def source(tmp_path, small_parts):
    return write(tmp_path / "in.csv", [{"text": text} for text in TEXTS])


def interrupt(predictor, source, target):
    with pytest.raises(Interrupted):
        predict_file(StopsAt(predictor, 4), source, target, text="text")


@pytest.fixture
def exact(tiny_bundle, monkeypatch):
    monkeypatch.setenv("SENTIMO_THREADS", "2")
    return lambda: Predictor.load(tiny_bundle.path)


@pytest.fixture
def dynamic(tiny_bundle, tmp_path):
    """The tiny model with its logits in 8 bit, of a scale that depends on all texts of a batch."""
    model = onnx.load(tiny_bundle.path / "model.onnx")
    for task in tiny_bundle.manifest.tasks:
        (last,) = (node for node in model.graph.node if node.output[0] == task.name)
        last.output[0] = f"{task.name}.exact"
        parts = [f"{task.name}.{each}" for each in ("int", "scale", "zero")]
        model.graph.node.append(helper.make_node("DynamicQuantizeLinear", [f"{task.name}.exact"], parts))
        model.graph.node.append(helper.make_node("DequantizeLinear", parts, [task.name]))
    onnx.save(model, tmp_path / "dynamic.onnx")
    reader = open_reader(tiny_bundle)

    def make():
        backend = OnnxBackend(tmp_path / "dynamic.onnx", reader, threads=2)
        return Predictor(backend, tiny_bundle.manifest.tasks, ModelId("dynamic", "00"))

    return make


@pytest.mark.parametrize("kind", ["exact", "dynamic"])
def test_a_graph_on_two_threads_gives_the_same_bytes_after_an_interruption(
    tmp_path, source, request, monkeypatch, kind
):
    monkeypatch.setattr("sentimo.engine.predictor.BATCH_ITEMS", 2)  # two batches a part, in two threads
    make = request.getfixturevalue(kind)
    predict_file(make(), source, tmp_path / "undisturbed.csv", text="text")

    interrupt(make(), source, tmp_path / "out.csv")
    predict_file(make(), source, tmp_path / "out.csv", text="text", resume=True)

    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "undisturbed.csv").read_bytes()


def test_the_dynamic_graph_would_show_another_cut(dynamic):
    alone, among = dynamic().predict(TEXTS[1:2]), dynamic().predict(TEXTS)

    assert alone.tasks["polarity"].scores[0].tolist() != among.tasks["polarity"].scores[1].tolist()


@pytest.mark.parametrize(
    ("how", "threads", "what"),
    [({"max_windows": 1}, "2", "max_windows"), ({}, "1", "number of threads")],
)
def test_other_settings_cannot_go_on_with_a_run(tmp_path, source, exact, tiny_bundle, monkeypatch, how, threads, what):
    interrupt(exact(), source, tmp_path / "out.csv")
    monkeypatch.setenv("SENTIMO_THREADS", threads)

    with pytest.raises(InputError, match=f"was begun with another {what}"):
        predict_file(Analyzer.load(tiny_bundle.path, **how), source, tmp_path / "out.csv", text="text", resume=True)


def test_another_version_cannot_go_on_with_a_run(tmp_path, source, exact, monkeypatch):
    interrupt(exact(), source, tmp_path / "out.csv")
    monkeypatch.setattr("sentimo.__version__", "99")

    with pytest.raises(InputError, match="was begun with another version of Sentimo"):
        predict_file(exact(), source, tmp_path / "out.csv", text="text", resume=True)


def test_the_identity_tells_models_backends_and_precisions(write_tiny, tmp_path, tiny_bundle):
    def copy(folder):
        (folder / "fast.onnx").write_bytes((tiny_bundle.path / "model.onnx").read_bytes())

    two = write_tiny(
        tmp_path / "two", tamper=copy, settings={**tiny_bundle.manifest.settings, "fast_graph": "fast.onnx"}
    )
    fast, exact = (Predictor.load(two.path, precision=each).identity[0] for each in ("fast", "exact"))

    assert (fast["precision"], exact["precision"]) == ("fast fast.onnx", "exact")
    assert fast["model"] == exact["model"] == two.digest
    assert fast["backend"].startswith("onnxruntime 1.")


def test_the_identity_of_a_cascade_tells_both_models_and_the_bounds(fake_predictor):
    def identity(bound):
        return Cascade(fake_predictor(name="a"), fake_predictor(name="b"), {"polarity": bound}).identity

    assert [each["model"] for each in identity(0.5)[:2]] == ["aa", "bb"]
    assert identity(0.5) != identity(0.6)
