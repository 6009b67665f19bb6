"""What every candidate must keep to, and what each of them does to a model with four heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from sentimo.compress import CANDIDATES, NUMBERS, TRIED, load_candidate, parse_chain
from sentimo.compress.derive import answering_bytes
from sentimo.compress.distil import BATCH_SIZE
from sentimo.compress.dynamic8 import multiply_dynamically
from sentimo.compress.graph import load_graph, matrices, weight_bits
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.ranges import feeds, fix_ranges
from sentimo.core.bundle import Bundle
from sentimo.engine.backends.onnx import GRAPH
from sentimo.engine.certainty import Bound
from sentimo.engine.predictor import Predictor
from sentimo.errors import InputError

TEXTS = ["I love this hotel", "服务太差了，真生气", "the meeting is on Friday", "good and bad " * 40]


@pytest.fixture(scope="module")
def made(trained, rows, texts, tmp_path_factory):
    """Candidate -> the shared model after it, made when first asked for."""
    bundles = {}

    def make(name):
        if name not in bundles:
            material = Material(rows, train=texts, corpus=texts[::2], seed=1, max_drop=5.0)
            target = tmp_path_factory.mktemp("made") / name
            bundles[name] = load_candidate(name)(trained.bundle, target, material)
        return bundles[name]

    return make


def ops(bundle, name=GRAPH):
    return [node.op_type for node in onnx.load(bundle.file(name)).graph.node]


@pytest.mark.parametrize("name", [name for name in CANDIDATES if name not in ("static8", "vocabulary")])
def test_every_candidate_is_a_bundle_of_the_same_tasks_that_answers_any_text(name, trained, made):
    bundle = made(name)

    assert bundle.manifest.tasks == trained.bundle.manifest.tasks
    answers = Predictor.load(bundle.path).predict(TEXTS)
    assert answers.errors == (None,) * len(TEXTS)
    assert answers.coverage.tolist() == [1.0] * len(TEXTS)


@pytest.mark.parametrize(
    ("name", "share"),
    [("weights16", 0.62), ("weights8", 0.45), ("dynamic8", 0.45), ("columns", 0.9), ("layers", 0.8), ("heads", 0.95)],
)
def test_it_takes_less_room(name, share, trained, made):
    assert answering_bytes(made(name)) < share * answering_bytes(trained.bundle)


@pytest.mark.parametrize(("name", "gap"), [("weights16", 1e-3), ("weights8", 0.02), ("dynamic8", 0.05)])
def test_stored_in_fewer_bits_the_scores_stay_close(name, gap, trained, made):
    before, after = (Predictor.load(each.path).predict(TEXTS) for each in (trained.bundle, made(name)))

    for task, scores in before.tasks.items():
        low, high = scores.space.range or (0.0, 1.0)
        assert np.abs(after.tasks[task].scores - scores.scores).max() / (high - low) < gap


def test_dynamic8_multiplies_in_8_bit_and_looks_up_in_8_bit(made):
    found = ops(made("dynamic8"))

    assert found.count("MatMulInteger") == 12  # six linear layers in each of two encoder layers
    stored = {each.name: each for each in onnx.load(made("dynamic8").file(GRAPH)).graph.initializer}
    (table,) = (name for name in stored if name.endswith("word_embeddings.weight.rows"))
    assert stored[table].data_type == onnx.TensorProto.INT8


def largest_weight(model):
    """Return the largest whole number that is multiplied in 8 bit."""
    stored = {each.name: each for each in model.graph.initializer}
    names = [node.input[1] for node in model.graph.node if node.op_type == "MatMulInteger"]
    return max(int(np.abs(onnx.numpy_helper.to_array(stored[name]).astype(int)).max()) for name in names)


@pytest.mark.parametrize(("processor", "bits", "largest"), [(None, 7, 64), ("AMX", 8, 127)])
def test_weights_keep_to_7_bit_where_sums_would_saturate(processor, bits, largest, trained, monkeypatch):
    monkeypatch.setattr("sentimo.compress.graph.int8_instructions", lambda: processor)

    assert weight_bits() == bits
    assert largest_weight(multiply_dynamically(load_graph(trained.bundle))) == largest


@pytest.mark.parametrize("name", ["dynamic8", "qat8"])
def test_the_manifest_says_how_many_bits_the_weights_of_8_bit_products_use(name, made):
    bits = made(name).manifest.settings["weight_bits"]

    assert bits == weight_bits()
    assert largest_weight(onnx.load(made(name).file(GRAPH))) == (64 if bits == 7 else 127)


@pytest.mark.parametrize("name", ["weights16", "weights8", "two-precision"])
def test_graphs_that_compute_in_float_have_no_such_setting(name, made):
    assert "weight_bits" not in made(name).manifest.settings


def test_a_column_of_scales_is_no_matrix():
    column, matrix = (onnx.numpy_helper.from_array(np.ones(shape, np.float32), "w") for shape in ((8192, 1), (64, 64)))

    assert not matrices(onnx.ModelProto(graph=onnx.GraphProto(initializer=[column])))
    assert matrices(onnx.ModelProto(graph=onnx.GraphProto(initializer=[matrix])))


def test_a_graph_that_computes_in_8_bit_is_not_quantized_again(made, material, tmp_path):
    with pytest.raises(NotPossible, match="computes in 8 bit already"):
        load_candidate("weights16")(made("dynamic8"), tmp_path / "again", material)


def test_8_bit_storage_can_be_the_start_of_faster_forms(made, material, tmp_path):
    bundle = load_candidate("dynamic8")(made("weights8"), tmp_path / "faster", material)

    assert "weights" not in bundle.manifest.settings
    assert ops(bundle).count("MatMulInteger") == 12


def test_two_precision_holds_both_graphs_and_a_bound_per_task(trained, made):
    bundle = made("two-precision")

    assert bundle.manifest.settings["fast_graph"] == "model.int8.onnx"
    assert "MatMulInteger" in ops(bundle, "model.int8.onnx")
    assert "MatMulInteger" not in ops(bundle)
    bounds = bundle.manifest.settings["rerun_below"]
    assert bounds.keys() == {task.name for task in trained.bundle.manifest.tasks}
    assert bounds["intensity"] == 0.0  # a score has no label that could turn
    assert all(0 <= each <= 1 for each in bounds.values())


def test_two_precision_says_how_many_bits_its_fast_graph_uses(made):
    bits = made("two-precision").manifest.settings["fast_weight_bits"]

    assert largest_weight(onnx.load(made("two-precision").file("model.int8.onnx"))) == (64 if bits == 7 else 127)


def test_two_precision_keeps_an_exact_graph_that_is_stored_in_8_bit(made, material, tmp_path):
    small = made("weights8")

    bundle = load_candidate("two-precision")(small, tmp_path / "two", material)

    assert bundle.files[GRAPH] == small.files[GRAPH]
    assert bundle.manifest.settings["weights"] == "int8"
    exact, before = (
        Predictor.load(path, precision="exact").predict(TEXTS).tasks["polarity"].scores
        for path in (bundle.path, small.path)
    )
    assert exact == pytest.approx(before, abs=1e-6)


def test_bounds_are_never_rounded_down_and_too_few_rows_are_told(trained, material, tmp_path, monkeypatch):
    asked, told = [], []

    def fitted(task, fast, exact, agreement, *, confidence=0.0):
        asked.append(confidence)
        if confidence:
            raise InputError(f"task {task.name!r}: 60 rows cannot show 99.90% agreement")
        return Bound(0.1234561, 0.2, 1.0)

    monkeypatch.setattr("sentimo.compress.two_precision.fit_bound", fitted)

    bundle = load_candidate("two-precision")(trained.bundle, tmp_path / "two", replace(material, tell=told.append))

    assert set(bundle.manifest.settings["rerun_below"].values()) == {0.123457}
    kinds = [task.space.kind for task in trained.bundle.manifest.tasks]
    assert asked == [each for kind in kinds for each in ([0.0] if kind == "score" else [0.9, 0.0])]
    assert "two-precision: task 'polarity': 60 rows cannot show 99.90% agreement" in told


@pytest.mark.parametrize("name", ["layers", "columns", "heads", "qat8"])
def test_what_changes_the_network_needs_torch_weights(name, made, material, tmp_path):
    with pytest.raises(NotPossible, match="no torch weights"):
        load_candidate(name)(made("weights16"), tmp_path / "mine", material)


@pytest.mark.parametrize("name", ["layers", "columns"])
def test_a_cut_network_that_transformers_knows_keeps_its_torch_weights(name, made):
    assert "model.safetensors" in made(name).files


def test_qat8_needs_texts_to_learn_from(trained, material, tmp_path):
    with pytest.raises(NotPossible, match="--train"):
        load_candidate("qat8")(trained.bundle, tmp_path / "mine", replace(material, train=()))


def test_qat8_fixes_its_ranges_so_that_no_answer_depends_on_its_batch(made):
    assert not [each for each in ops(made("qat8")) if each == "DynamicQuantizeLinear"]
    model = Predictor.load(made("qat8").path)

    alone = [model.predict([text]).tasks["polarity"].scores[0].tolist() for text in TEXTS[:4]]

    assert model.predict(TEXTS[:4]).tasks["polarity"].scores.tolist() == pytest.approx(np.array(alone), abs=1e-6)


def test_fixed_ranges_answer_as_measured_ones_do(made, material):
    graph = onnx.load(made("dynamic8").file(GRAPH))
    seen = list(feeds(made("dynamic8"), material.texts, 20, seed=1))
    measured = answers(graph, seen)

    fix_ranges(graph, seen)

    assert answers(graph, seen) == pytest.approx(measured, abs=0.1)
    assert answers(graph, seen) != pytest.approx(measured, abs=1e-6)


def answers(graph, texts):
    """Return the logits of polarity of every text."""
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["polarity"], feed)[0] for feed in texts])


def test_qat8_learns_from_as_many_texts_as_it_may(trained, material, tmp_path):
    steps = []
    few = replace(material, most_train=2 * BATCH_SIZE, step=lambda done, every: steps.append((done, every)))
    assert len(material.train) > few.most_train

    load_candidate("qat8")(trained.bundle, tmp_path / "mine", few)

    assert steps == [(1, 2), (2, 2)]


def test_a_linear_model_has_no_graph(trained, material, tmp_path):
    linear = Bundle(tmp_path, replace(trained.bundle.manifest, backend="linear"), "", {})

    with pytest.raises(NotPossible, match="a linear model has no graph"):
        load_candidate("dynamic8")(linear, tmp_path / "mine", material)


def test_tokens_that_nothing_else_could_spell_are_never_left_out(trained, material, tmp_path):
    # the tokenizer of the shared model knows whole words only, no letters: without its token a word would be unknown
    with pytest.raises(NotPossible, match="use every token"):
        load_candidate("vocabulary")(trained.bundle, tmp_path / "mine", material)


@pytest.mark.slow
def test_static8_fixes_ranges_on_the_texts(trained, material, tmp_path):
    pytest.importorskip("nncf")

    bundle = load_candidate("static8")(trained.bundle, tmp_path / "static", material)

    assert {"QuantizeLinear", "DequantizeLinear"} <= set(ops(bundle))
    bits = bundle.manifest.settings["weight_bits"]
    assert bits == weight_bits()
    graph = onnx.load(bundle.file(GRAPH)).graph
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    made_by = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    factors = [made_by.get(name) for node in graph.node if node.op_type == "MatMul" for name in node.input]
    largest = [int(np.abs(stored[name].astype(int)).max()) for name in factors if name in stored]
    assert largest
    assert max(largest) <= 2 ** (bits - 1)
    before, after = (Predictor.load(each.path).predict(TEXTS[:3]) for each in (trained.bundle, bundle))
    for task, scores in before.tasks.items():
        low, high = scores.space.range or (0.0, 1.0)
        assert np.abs(after.tasks[task].scores - scores.scores).max() / (high - low) < 0.1


# ------------------------------------------------------------------------------------------------ chains


def test_every_chain_that_is_tried_can_be_read():
    assert ["+".join(parse_chain(each)) for each in TRIED] == list(TRIED)
    assert set(NUMBERS) <= set(CANDIDATES)
    assert {name for each in TRIED for name in parse_chain(each)} == set(CANDIDATES)


@pytest.mark.parametrize(
    ("chain", "why"),
    [
        ("dynamik8", "no candidate 'dynamik8'.*Did you mean 'dynamic8'"),
        ("dynamic8+vocabulary", "write it as vocabulary\\+dynamic8"),
        ("layers+layers", "write it as layers"),
        ("weights8+dynamic8", "weights8 and dynamic8 both say how numbers are stored"),
    ],
)
def test_a_chain_that_makes_no_sense_is_explained(chain, why):
    with pytest.raises(InputError, match=why):
        parse_chain(chain)
