"""Parts of pruning and learning, against numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from sentimo.compress.distil import distance
from sentimo.compress.dynamic8 import multiply_dynamically
from sentimo.compress.heads import drop_heads
from sentimo.compress.importance import importance
from sentimo.compress.layers import keep_layers
from sentimo.compress.layout import keep_inputs, keep_outputs, layers_of
from sentimo.compress.material import NotPossible
from sentimo.compress.network import open_network
from sentimo.compress.qat8 import RoundedLinear, round_inputs, round_weights, weight_levels
from sentimo.core.labels import LabelSpace

SINGLE = LabelSpace("moods", ("bad", "good"))
MULTI = LabelSpace("emotions", ("anger", "joy"), "multi")
SCORE = LabelSpace("shade", ("shade",), "score", range=(0.0, 1.0))


def logits(*probabilities):
    return torch.tensor([[math.log(p / (1 - p)) for p in probabilities]])


def test_the_distance_of_single_labels_is_the_kl_divergence():
    # teacher (0.75, 0.25), student (0.5, 0.5): 0.75 ln 1.5 + 0.25 ln 0.5 = 0.13081
    wanted, found = torch.tensor([[math.log(3.0), 0.0]]), torch.zeros(1, 2)

    assert distance(SINGLE, found, wanted).item() == pytest.approx(0.13081, abs=1e-5)


def test_the_distance_of_several_labels_adds_up_over_the_labels():
    # the first label as above, the second the same in both: 0
    assert distance(MULTI, logits(0.5, 0.9), logits(0.75, 0.9)).item() == pytest.approx(0.13081, abs=1e-5)


def test_the_distance_of_scores_is_the_squared_difference():
    assert distance(SCORE, logits(0.5), logits(0.7)).item() == pytest.approx(0.04, abs=1e-6)


@pytest.mark.parametrize("space", [SINGLE, MULTI])
def test_equal_answers_are_no_distance_apart(space):
    assert distance(space, logits(0.3, 0.9), logits(0.3, 0.9)).item() == pytest.approx(0.0, abs=1e-6)


# ------------------------------------------------------------------------------------------------ rounding


def test_inputs_are_rounded_to_256_steps_that_hold_zero():
    values = torch.tensor([-1.0, 0.0, 0.3, 4.1])  # a step is 5.1 / 255 = 0.02, zero lies at step 50

    assert round_inputs(values).tolist() == pytest.approx([-1.0, 0.0, 0.3, 4.1], abs=1e-6)
    assert round_inputs(torch.tensor([-1.0, 0.0, 0.311, 4.1])).tolist()[2] == pytest.approx(0.32, abs=1e-6)


def test_weights_have_a_scale_per_output():
    weight = torch.tensor([[1.27, 0.634], [127.0, 0.4]])

    assert round_weights(weight, 127).flatten().tolist() == pytest.approx([1.27, 0.63, 127.0, 0.0], abs=1e-5)


def test_gradients_pass_the_rounding():
    values = torch.tensor([0.311, 1.0], requires_grad=True)

    round_inputs(values).sum().backward()

    assert values.grad.tolist() == [1.0, 1.0]


def test_a_rounded_layer_computes_what_onnxruntime_does(tmp_path):
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(96, 64)
    values = torch.randn(5, 96, generator=generator)
    weight = layer.weight.detach().numpy()
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["product"], "product"),
            helper.make_node("Add", ["product", "b"], ["y"]),
        ],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 96])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])],
        [numpy_helper.from_array(weight.T.copy(), "w"), numpy_helper.from_array(layer.bias.detach().numpy(), "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path = Path(tmp_path) / "layer.onnx"
    onnx.save(multiply_dynamically(model), path)

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": values.numpy()})

    with torch.no_grad():
        expected = RoundedLinear(layer, weight_levels())(values).numpy()
        exact = layer(values).numpy()
    assert np.abs(found - expected).max() < 0.2 * np.abs(found - exact).max()  # as good as equal beside the rounding


# ------------------------------------------------------------------------------------------------ cutting


def test_a_linear_layer_keeps_the_chosen_inputs_and_outputs():
    layer = nn.Linear(3, 2)
    layer.weight.data, layer.bias.data = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), torch.tensor([7.0, 8.0])

    assert keep_inputs(layer, torch.tensor([0, 2])).weight.tolist() == [[1.0, 3.0], [4.0, 6.0]]
    assert keep_inputs(layer, torch.tensor([0, 2])).bias.tolist() == [7.0, 8.0]
    assert keep_outputs(layer, torch.tensor([1])).weight.tolist() == [[4.0, 5.0, 6.0]]
    assert keep_outputs(layer, torch.tensor([1])).bias.tolist() == [8.0]


@pytest.fixture(scope="module")
def opened(trained):
    return open_network(trained.bundle)


def answer(network):
    with torch.no_grad():
        return network(torch.tensor([[2, 7, 8, 9, 3]]), torch.ones(1, 5, dtype=torch.int64))["polarity"]


def test_what_is_opened_answers_as_the_graph_does(trained, opened):
    from sentimo.compress.network import predictor_of
    from sentimo.engine.predictor import Predictor

    texts = ["I love this hotel", "服务太差了"]
    found = predictor_of(*opened, trained.bundle).predict(texts)
    for task, scores in Predictor.load(trained.bundle.path).predict(texts).tasks.items():
        assert found.tasks[task].scores == pytest.approx(scores.scores, abs=1e-4)


def test_a_head_that_adds_nothing_is_the_least_important_and_its_loss_changes_nothing(trained, opened, rows):
    network, base = opened
    layer = layers_of(network)[0]
    width, before = layer.head_width, layer.merge.weight.data.clone()
    layer.merge.weight.data[:, :width] = 0.0  # nobody reads head 0 of layer 0
    try:
        spaces = {task.name: task.space for task in trained.bundle.manifest.tasks}
        merge = [each.merge for each in layers_of(network)]
        scores = importance(network, merge, width, base, spaces, rows, 32)
        smaller = drop_heads(network, scores, 1)

        assert scores.shape == (2, 2)
        assert scores.flatten().argmin() == 0
        assert scores[0, 0] == 0.0
        assert [each.n_heads for each in layers_of(smaller)] == [1, 2]
        assert torch.allclose(answer(smaller), answer(network), atol=1e-5)
    finally:
        layer.merge.weight.data = before


def test_every_layer_keeps_a_head(opened):
    smaller = drop_heads(opened[0], torch.ones(2, 2), 4)

    assert [each.n_heads for each in layers_of(smaller)] == [1, 1]


def test_layers_are_left_out_of_a_copy(opened):
    network, _ = opened
    before = answer(network)

    smaller = keep_layers(network, [1])

    assert len(layers_of(smaller)) == 1
    assert smaller.encoder.config.num_hidden_layers == 1
    assert torch.equal(answer(network), before)
    assert not torch.allclose(answer(smaller), before)


def test_encoders_of_another_layout_are_refused_in_a_sentence(opened):
    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = opened[0].encoder

    network = Other()
    from copy import deepcopy

    network = deepcopy(network)
    for layer in network.encoder.base_model.encoder.layer:
        layer.feed_forward = layer._modules.pop("intermediate")

    with pytest.raises(NotPossible, match="laid out as BERT is; bert is not"):
        layers_of(network)
