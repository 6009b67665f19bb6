import shutil

import pytest

from sentimo.compress.derive import derive, plain_manifest
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.speed import profile as profiling
from sentimo.evaluate.speed.profile import count_operations, profile


def event(operator, *inputs, result):
    return {
        "op_name": operator,
        "input_type_shape": [{"float": list(shape)} for shape in inputs],
        "output_type_shape": [{"float": list(result)}],
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # 2 * 32 * 27 rows, inner size 384, 1536 columns; the packed weights are not among the inputs
        (event("MatMul", (32, 27, 384), result=(32, 27, 1536)), 2 * 32 * 27 * 384 * 1536),
        (event("FusedMatMul", (2, 12, 7, 32), (2, 12, 32, 7), result=(2, 12, 7, 7)), 2 * 2 * 12 * 7 * 7 * 32),
        (event("DynamicQuantizeMatMul", (1, 5, 8), (8, 4), result=(1, 5, 4)), 2 * 5 * 8 * 4),
        (event("Gemm", (3, 8), (2,), result=(3, 2)), 2 * 3 * 8 * 2),
        # three projections of 10 x 10, then scores and the weighted sum of 4 tokens, for each of 4 tokens
        (event("Attention", (1, 4, 10), result=(1, 4, 10)), 4 * 2 * (3 * 100 + 2 * 4 * 10)),
        (event("MultiHeadAttention", (1, 4, 10), result=(1, 4, 10)), 4 * 2 * 2 * 4 * 10),
        (event("Softmax", (4, 4), result=(4, 4)), 0),
    ],
    ids=lambda each: each["op_name"] if isinstance(each, dict) else "",
)
def test_operations_are_counted_from_shapes(given, expected):
    assert count_operations(given) == expected


def test_products_with_weights_and_of_attention_are_told_apart():
    assert profiling._kind(event("MatMul", (2, 7, 8), result=(2, 7, 8))) == profiling.PRODUCTS
    assert profiling._kind(event("MatMul", (2, 7, 8), (8, 8), result=(2, 7, 8))) == profiling.PRODUCTS
    assert profiling._kind(event("MatMul", (2, 3, 7, 8), (2, 3, 8, 7), result=(2, 3, 7, 7))) == profiling.ATTENTION


def test_the_parts_of_a_job_add_up_to_it_and_the_operations_are_those_of_the_network(trained):
    texts = ["I love this hotel", "the food was good and the price was fine", "味道很差，一点也不热"] * 8
    texts = [f"{text} {number}" for number, text in enumerate(texts)]

    found = profile(trained.bundle.path, texts)

    assert sum(part.seconds for part in found.parts) == pytest.approx(found.seconds, rel=0.02)
    assert all(part.seconds >= 0 for part in found.parts)
    assert {profiling.PRODUCTS, profiling.TOKENISING, profiling.REST} <= {part.name for part in found.parts}
    # 2 layers of width 128 and 256 inside: 2 * (4 * 128 * 128 + 2 * 128 * 256) weights, two operations each; the
    # attention adds 4 * 128 per token seen and layer, the head next to nothing: below 8 % for at most 20 tokens
    weights = 2 * (4 * 128 * 128 + 2 * 128 * 256)
    assert 2 * weights < found.operations_per_token < 1.15 * 2 * weights


def test_both_graphs_of_two_precisions_are_recorded(trained, tmp_path, monkeypatch):
    def change(folder):
        shutil.copyfile(folder / "model.onnx", folder / "fast.onnx")
        return plain_manifest(trained.bundle, fast_graph="fast.onnx", rerun_below={"polarity": 1.0})

    bundle = derive(trained.bundle, tmp_path / "two", change)
    one, two = (
        (monkeypatch.setenv("SENTIMO_PRECISION", precision), profile(bundle.path, ["good food", "bad"]))[1]
        for precision in ("exact", "fast")
    )

    # no text has a margin of 1: the second graph, here the same one, is asked all of them again
    assert two.n_tokens == 2 * one.n_tokens
    assert two.operations_per_token == one.operations_per_token > 0


def test_other_sessions_of_the_process_are_left_alone(trained, monkeypatch):
    import onnxruntime as ort

    usual, seen = ort.InferenceSession, []
    ask = Predictor.predict

    def predict(self, texts):
        seen.append(ort.InferenceSession is usual)
        return ask(self, texts)

    monkeypatch.setattr(Predictor, "predict", predict)
    profile(trained.bundle.path, ["good", "bad"])

    assert seen == [True, True]  # warming up, measuring
