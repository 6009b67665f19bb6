from __future__ import annotations

import numpy as np
import pytest
import torch

from sentimo.train.backend import network_backend
from sentimo.train.network import build_network


@pytest.fixture
def backend(bert_base, spaces, recipe):
    network = build_network(bert_base, {"mood": spaces["mood"]}, recipe(dropout=0.5))
    return network_backend(network, bert_base, max_tokens=8)


def test_texts_become_windows_with_their_special_tokens(backend, bert_base):
    begin, end = bert_base.prefix[0], bert_base.suffix[0]

    short, long = backend.prepare(["good", "good " * 9])

    assert [window.features[0] for window in (*short.windows, *long.windows)] == [begin] * 3
    assert [window.features[-1] for window in (*short.windows, *long.windows)] == [end] * 3
    assert [window.length for window in (*short.windows, *long.windows)] == [
        3,
        8,
        6,
    ]  # 6 words, then 3 and one of them again


def test_a_training_network_answers_without_dropout(backend):
    features = [each.windows[0].features for each in backend.prepare(["good film", "bad food"])]
    backend._network.train()

    first, again = backend.run(features), backend.run(features)

    assert first["mood"].shape == (2, 2)
    assert first["mood"].dtype == np.float32
    assert (first["mood"] == again["mood"]).all()


def test_padding_changes_no_answer(backend):
    features = [each.windows[0].features for each in backend.prepare(["good", "the film was so bad"])]

    together, alone = backend.run(features)["mood"], backend.run(features[:1])["mood"]

    assert together[0] == pytest.approx(alone[0], abs=1e-6)


def test_the_tokenizer_of_the_base_is_left_as_it_is(bert_base, spaces, recipe):
    bert_base.tokenizer.backend_tokenizer.enable_truncation(3)
    try:
        network = build_network(bert_base, {"mood": spaces["mood"]}, recipe())
        (prepared,) = network_backend(network, bert_base, max_tokens=8).prepare(["so so so so good"])

        assert prepared.n_tokens == 5
        assert bert_base.tokenizer.backend_tokenizer.truncation["max_length"] == 3
    finally:
        bert_base.tokenizer.backend_tokenizer.no_truncation()


def test_asking_keeps_no_gradients(backend):
    backend.run([each.windows[0].features for each in backend.prepare(["good"])])

    assert all(each.grad is None for each in backend._network.parameters())
    assert torch.is_grad_enabled()
