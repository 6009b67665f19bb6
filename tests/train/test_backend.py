from __future__ import annotations

import numpy as np
import pytest
import torch

from sentimo.core.bundle import Bundle
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.engine.analyzer import BUILT_IN
from sentimo.engine.backends.torch import TorchBackend
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError
from sentimo.train.backend import network_backend
from sentimo.train.export import save_tokenizer
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


@pytest.mark.parametrize(
    ("base", "head", "pooling"),
    [
        ("bert", "linear", "mean"),
        ("bert", "linear", "first"),
        ("bert", "linear", "native"),
        ("bert", "attention", "auto"),
        ("roberta", "linear", "native"),
        ("gpt2", "linear", "last"),
    ],
)
def test_a_saved_network_answers_as_it_did(request, spaces, recipe, tmp_path, base, head, pooling):
    base = request.getfixturevalue(f"{base}_base")
    chosen = recipe({"name": "mood", "head": head}, {"name": "stars", "head": head}, pooling=pooling)
    tasks = {name: spaces[name] for name in ("mood", "stars")}
    network = build_network(base, tasks, chosen)
    network.save(tmp_path)
    save_tokenizer(base, tmp_path)
    manifest = Manifest(
        name="saved",
        backend="torch",
        languages=(),
        tasks=tuple(TaskSpec(*each) for each in tasks.items()),
        max_tokens=16,
        settings={"prefix": list(base.prefix), "suffix": list(base.suffix), "pad_id": base.pad_id},
    )
    bundle = Bundle(tmp_path, manifest, "", {path.name: "" for path in tmp_path.iterdir()})
    texts = ["good", "the film was so bad, and the food", "a lovely hotel"]

    expected, found = network_backend(network, base, 16), TorchBackend.open(bundle)
    features = [each.windows[0].features for each in expected.prepare(texts)]

    assert [each.windows[0].features for each in found.prepare(texts)] == features
    for task, logits in expected.run(features).items():
        assert found.run(features)[task] == pytest.approx(logits, abs=1e-5)


def test_a_bundle_without_torch_weights_is_refused():
    with pytest.raises(BundleError, match="holds no torch weights"):
        Predictor.load(BUILT_IN / "en", backend="torch")
