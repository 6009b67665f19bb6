from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn
from toy import MOODS, Toy, toy_recipe
from transformers import AutoModel

from sentimo.engine.networks import NETWORKS, network_class
from sentimo.errors import RecipeError
from sentimo.train.batching import padded
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.encoder import open_base
from sentimo.train.heads.attention import AttentionHead
from sentimo.train.network import build_network, choose_pooling, depth_of
from sentimo.train.optim import build_optimiser

LONG, SHORT = "the hotel was so bad and so on and so on", "the book was good"
each_network = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture
def build(make_base):
    def make(name, layers=1, **settings):
        base = make_base(name, layers=layers)
        return base, build_network(base, {"mood": MOODS}, toy_recipe(base=name, **settings)).eval()

    return make


def asked(base, network, *texts):
    with torch.no_grad():
        return network(*padded(base.encode(texts, 32), torch.device("cpu")))["mood"]


def learning(network):
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


@each_network
@pytest.mark.parametrize("layers", [1, 2])
def test_the_answer_does_not_depend_on_the_padding(name, layers, build):
    base, network = build(name, layers)

    assert torch.allclose(asked(base, network, SHORT)[0], asked(base, network, SHORT, LONG)[0], atol=1e-6)


@each_network
@pytest.mark.parametrize("text", ["", "good", "zebra", "the book"])
def test_a_text_shorter_than_any_run_has_an_answer(name, text, build):
    assert asked(*build(name), text).isfinite().all()


@pytest.mark.parametrize(("name", "counts"), [("bilstm", True), ("textcnn", True), ("static", False)])
def test_whether_word_order_counts(name, counts, build):
    base, network = build(name)

    assert counts != torch.allclose(
        asked(base, network, "the book was good"), asked(base, network, "good was the book")
    )


def test_both_directions_are_those_of_a_packed_lstm_of_torch():
    kind = network_class("bilstm")
    encoder = kind(kind.config_class(vocab_size=9, embedding_size=4, hidden_size=6)).eval()
    ids, mask = padded([[2, 3, 4, 5, 6], [7, 8, 2]], torch.device("cpu"))
    theirs = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
    layer = encoder.layers[0]
    ours = {**layer.forth.state_dict(), **{f"{key}_reverse": value for key, value in layer.back.state_dict().items()}}
    theirs.load_state_dict(ours)

    packed = nn.utils.rnn.pack_padded_sequence(
        encoder.embedding_norm(encoder.embeddings(ids)), mask.sum(1), batch_first=True
    )
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)

    real = mask.bool()
    assert torch.allclose(encoder(ids, mask).last_hidden_state[real], expected[real], atol=1e-6)


def test_filters_are_those_of_a_convolution_worked_out_by_hand():
    # one filter of length 2 over vectors of width 1: at each token relu(a * x_t + b * x_(t+1) + c), 0 after the end
    kind = network_class("textcnn")
    config = kind.config_class(vocab_size=4, embedding_size=1, hidden_size=1, windows=(2,))
    (layer,) = kind(config).layers
    (conv,) = layer.filters.values()
    conv.weight.data, conv.bias.data = torch.tensor([[[2.0, 1.0]]]), torch.tensor([0.5])

    found = layer(torch.tensor([[[1.0], [2.0], [-3.0], [5.0]]]), torch.tensor([[1, 1, 1, 0]]))

    assert found[0, :3, 0].tolist() == [4.5, 1.5, 0.0]  # 2 + 2 + 0.5, 4 - 3 + 0.5, -6 + 0 + 0.5


def test_an_lstm_is_read_by_attention_and_filters_by_their_maximum(build):
    (lstm, read), (cnn, found) = build("bilstm"), build("textcnn")

    assert (choose_pooling(lstm, toy_recipe()), choose_pooling(cnn, toy_recipe())) == ("attention", "max")
    assert isinstance(read.heads["head_mood"], AttentionHead)
    assert found.heads["head_mood"].pooling == "max"


@each_network
def test_every_parameter_has_a_gradient(name, build):
    base, network = build(name, layers=2)
    network.train()(*padded(base.encode([SHORT, LONG], 32), torch.device("cpu")))["mood"].square().sum().backward()

    assert [each for each, parameter in network.named_parameters() if parameter.grad is None] == []


@each_network
def test_layers_freeze_as_those_of_any_encoder(name, build):
    _, whole = build(name, layers=2)
    _, embeddings = build(name, layers=2, freeze="embeddings")
    _, encoder = build(name, layers=2, freeze="encoder")
    _, last = build(name, layers=2, train_last=1)

    assert learning(whole) == {each for each, _ in whole.named_parameters()}
    vectors = {f"encoder.{each}" for each in ("embeddings.weight", "embedding_norm.weight", "embedding_norm.bias")}
    assert learning(whole) - learning(embeddings) == vectors
    assert all(each.startswith("heads.") for each in learning(encoder))
    assert {depth_of(each, 2, last) for each in learning(last)} == {2, None}
    with pytest.raises(RecipeError, match="train_last is 3; the base has 2 layers"):
        build(name, layers=2, train_last=3)


@each_network
def test_what_starts_from_nothing_learns_fast(name, build):
    _, network = build(name)

    optimiser = build_optimiser(network, toy_recipe().optimiser)

    assert {group["lr"] for group in optimiser.param_groups} == {2e-3}


@each_network
def test_a_saved_encoder_opens_as_a_base_and_in_transformers(name, build, tmp_path):
    base, network = build(name)
    network.save(tmp_path)
    base.tokenizer.save_pretrained(tmp_path)

    opened, plain = open_base(str(tmp_path)), AutoModel.from_pretrained(tmp_path)

    assert opened.encode([SHORT], 32) == base.encode([SHORT], 32)
    assert (opened.prefix, opened.suffix, opened.pad_id, opened.pooling) == ((), (), 0, base.pooling)
    assert opened.is_from_scratch
    mine = network.encoder.state_dict()
    assert all(torch.equal(value, mine[key]) for key, value in plain.state_dict().items())


@each_network
def test_a_resumed_run_ends_with_the_same_weights(name, make_base, tmp_path):
    settings = {"optimiser": {"learning_rate": 5e-3}, "epochs": 2, "checkpoint_minutes": 0}
    whole = Toy(make_base(name), **settings).fit()
    checkpoints = Checkpoints(tmp_path / "toy.checkpoint", "toy")
    states = []
    save = checkpoints.save
    object.__setattr__(checkpoints, "save", lambda state: (states.append(deepcopy(state)), save(state)))
    Toy(make_base(name), **{**settings, "epochs": 2}).fit(checkpoints=checkpoints)
    save(states[3])  # as it lay there after step 4 of 10

    resumed = Toy(make_base(name), **settings).fit(checkpoints=checkpoints, resume=True)

    assert all(torch.equal(value, resumed.weights[key]) for key, value in whole.weights.items())
    assert resumed.history == whole.history


@each_network
def test_a_network_without_pre_training_learns(name, make_base):
    run = Toy(make_base(name), epochs=10, optimiser={"learning_rate": 1e-2}).fit()

    assert run.history[-1]["main"] == 1.0
