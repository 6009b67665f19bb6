import shutil
from dataclasses import replace

import pytest

from sentimo.core.bundle import write_bundle
from sentimo.engine import runtime
from sentimo.engine.predictor import Predictor
from sentimo.engine.runtime import choose_runtime
from sentimo.errors import BundleError, InputError

SETTINGS = {"prefix": [2], "suffix": [3], "pad_id": 0}
FAST = {**SETTINGS, "fast_graph": "fast.onnx", "rerun_below": {"polarity": 0.25}}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("SENTIMO_BACKEND", "SENTIMO_PRECISION", "SENTIMO_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def processor(monkeypatch):
    """Says which instructions for 8-bit products the processor has."""

    def has(name, avx2=True):
        monkeypatch.setattr(runtime, "int8_instructions", lambda: name)
        monkeypatch.setattr(runtime, "has_avx2", lambda: avx2)

    return has


@pytest.fixture(scope="module")
def two_graphs(write_tiny, tmp_path_factory):
    """A bundle with a second graph that is unsure of "good" alone, where the exact one is not."""
    import onnx
    from onnx import numpy_helper

    def add_fast(folder):
        graph = onnx.load(folder / "model.onnx")
        (words,) = (each for each in graph.graph.initializer if each.name == "polarity.words")
        words.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(words) * 0.55, words.name))
        onnx.save(graph, folder / "fast.onnx")

    return write_tiny(tmp_path_factory.mktemp("two") / "model", tamper=add_fast, settings=FAST)


def test_onnxruntime_runs_a_graph(tiny_bundle):
    chosen = choose_runtime(tiny_bundle)

    assert (chosen.backend, chosen.precision, chosen.fast_graph) == ("onnx", "exact", None)
    assert chosen.reasons["precision"] == "the bundle has one graph"


def test_a_backend_may_be_asked_for_by_argument_or_environment(tiny_bundle, monkeypatch):
    monkeypatch.setenv("SENTIMO_BACKEND", "torch")

    assert choose_runtime(tiny_bundle).backend == "torch"
    assert choose_runtime(tiny_bundle).reasons["backend"] == "asked for by SENTIMO_BACKEND"
    assert choose_runtime(tiny_bundle, backend="onnx").backend == "onnx"


@pytest.mark.parametrize("settings", [{"backend": "onxx"}, {"precision": "fats"}, {"backend": "linear"}])
def test_what_is_not_known_is_refused(tiny_bundle, settings):
    with pytest.raises(InputError, match="is not known"):
        choose_runtime(tiny_bundle, **settings)


def test_the_environment_is_checked_too(tiny_bundle, monkeypatch):
    monkeypatch.setenv("SENTIMO_PRECISION", "exakt")

    with pytest.raises(InputError, match=r"precision 'exakt' \(asked for by SENTIMO_PRECISION\).*'exact'"):
        Predictor.load(tiny_bundle.path)


@pytest.mark.parametrize(("name", "precision"), [("AVX-512 VNNI", "fast"), (None, "exact")])
def test_the_fast_graph_is_used_where_the_processor_has_instructions_for_it(two_graphs, processor, name, precision):
    processor(name)

    chosen = choose_runtime(two_graphs)

    assert chosen.precision == precision
    assert (name or "no instructions") in chosen.reasons["precision"]


@pytest.mark.parametrize(("bits", "avx2", "precision"), [(7, True, "fast"), (7, False, "exact"), (8, True, "exact")])
def test_avx2_is_enough_for_weights_of_7_bits(two_graphs, processor, bits, avx2, precision):
    processor(None, avx2)
    manifest = replace(two_graphs.manifest, settings={**FAST, "fast_weight_bits": bits})

    assert choose_runtime(replace(two_graphs, manifest=manifest)).precision == precision


@pytest.mark.parametrize("name", ["AMX", None])
@pytest.mark.parametrize("precision", ["fast", "exact"])
def test_the_precision_may_be_set(two_graphs, processor, name, precision):
    processor(name)

    assert choose_runtime(two_graphs, precision=precision).precision == precision


def test_unsure_texts_get_the_answer_of_the_exact_graph(two_graphs):
    fast, exact = (Predictor.load(two_graphs.path, precision=each) for each in ("fast", "exact"))
    texts = ["good", "good good good", "awful staff", "the food"]

    found, expected = fast.predict(texts), exact.predict(texts)

    # Of "good" the fast graph says 2.2 against 2 of neutral, e^2.2 / (1 + e^2 + e^2.2) = 0.518 and 0.424: margin 0.094.
    # Sure: 6.6 against 2. Unsure like "good": "awful staff". Sure: "the food", neutral 2 against 0 and 0.
    assert fast.work.n_rerun == 2
    same = [0, 2, 3]
    assert found.tasks["polarity"].scores[same] == pytest.approx(expected.tasks["polarity"].scores[same], abs=1e-6)
    assert found.tasks["polarity"].scores[1] != pytest.approx(expected.tasks["polarity"].scores[1], abs=1e-6)
    assert exact.work.n_rerun == 0


def test_a_bundle_with_two_graphs_is_proven_by_the_exact_one(two_graphs):
    assert two_graphs.probes().texts  # written, so a fresh process has answered the probes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fast_graph": "other.onnx"}, "fast_graph is 'other.onnx'; expected a file of the bundle"),
        ({"fast_graph": 5}, "fast_graph is 5"),
        (
            {"fast_graph": "model.onnx", "rerun_below": {"polarity": "much"}},
            "rerun_below is .*; expected task to margin",
        ),
        ({"fast_graph": "model.onnx", "rerun_below": {"mood": 0.1}}, "rerun_below is"),
    ],
)
def test_settings_that_do_not_fit_are_refused(write_tiny, tmp_path, monkeypatch, changes, message):
    monkeypatch.setattr("sentimo.core.bundle._prove_in_fresh_process", lambda folder: None)
    bundle = write_tiny(tmp_path / "model", settings={**SETTINGS, **changes})

    with pytest.raises(BundleError, match=message):
        choose_runtime(bundle, precision="fast")


@pytest.mark.parametrize(
    ("installed", "told"), [("2026.4", "=openvino computes"), (None, "pip install 'sentimo[openvino]'")]
)
def test_openvino_is_advised_where_it_would_compute_in_bf16(tiny_bundle, monkeypatch, installed, told):
    monkeypatch.setattr(runtime, "bf16_instructions", lambda: "AMX")
    monkeypatch.setattr(runtime, "find_spec", lambda package: installed)

    chosen = choose_runtime(tiny_bundle)

    assert chosen.backend == "onnx"
    assert told in chosen.reasons["backend"]


def test_a_bundle_without_a_graph_is_run_by_torch(trained, tmp_path):
    source = trained.bundle
    manifest = replace(source.manifest, backend="torch")

    def fill(folder):
        for name in source.files:
            if name not in ("model.onnx", "probes.json"):
                shutil.copyfile(source.path / name, folder / name)

    bundle = write_bundle(tmp_path / "model", manifest, fill, source.probes())  # proven in a fresh process

    chosen = choose_runtime(bundle)
    assert (chosen.backend, chosen.reasons["backend"]) == ("torch", "the bundle has no graph (model.onnx)")
    assert Predictor.load(bundle.path).analyze("good").error is None
    with pytest.raises(BundleError, match="no file 'model.onnx'"):
        Predictor.load(bundle.path, backend="onnx")
