from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from sentimo.engine.base_weights import read_weights
from sentimo.errors import InputError
from sentimo.train.encoder import load_encoder, load_native, open_base
from sentimo.train.pretrain.encoder import PackedBert, Shape
from sentimo.train.pretrain.packing import layout
from sentimo.train.pretrain.save import save_base, store_in_8_bit
from sentimo.train.pretrain.start import begin_with


def test_a_saved_encoder_is_a_base_with_the_same_answers(shape, vocabulary, tmp_path):
    encoder = PackedBert(shape).half().float().eval()  # weights are stored in 16 bits
    save_base(tmp_path / "base", encoder, vocabulary, {"tokens": 7})

    base = open_base(str(tmp_path / "base"))
    ids = torch.tensor(base.encode(["这家酒店真好 warm"], 32))
    with torch.no_grad():
        found = load_encoder(base, 0.0).eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        expected = encoder(ids, *layout(ids, first=2, pad=0))

    assert (base.prefix, base.suffix, base.pad_id, base.pooling) == ((2,), (3,), 0, "mean")
    assert torch.allclose(found, expected, atol=1e-5)
    assert json.loads((tmp_path / "base" / "pretraining.json").read_text("utf-8")) == {"tokens": 7}


def test_a_base_in_8_bit_is_opened_as_before_but_for_rounding(shape, vocabulary, tmp_path):
    encoder = PackedBert(shape).half().float()
    save_base(tmp_path / "base", encoder, vocabulary, {})
    size = (tmp_path / "base" / "model.safetensors").stat().st_size

    store_in_8_bit(tmp_path / "base")

    base = open_base(str(tmp_path / "base"))
    stored = {name: torch.tensor(np.array(values)) for name, values in read_weights(tmp_path / "base").items()}
    opened, native = load_encoder(base, None).state_dict(), load_native(base, ["no", "yes"], None).state_dict()
    assert not (tmp_path / "base" / "model.safetensors").exists()
    assert (tmp_path / "base" / "model.int8.safetensors").stat().st_size < 0.75 * size  # narrow: scales weigh most here
    for name, exact in encoder.state_dict().items():
        step = exact.abs().amax(dim=-1, keepdim=True) / 127 if exact.ndim == 2 else torch.tensor(0.0)
        assert ((opened[name] - exact).abs() <= 0.501 * step).all()
        assert torch.equal(opened[name], stored[name].float())  # adapters know the weights of their base by this
        assert torch.equal(native[f"bert.{name}"], opened[name])


def test_layers_of_another_encoder_and_the_embeddings_of_shared_tokens_are_copied(shape):
    other = PackedBert(Shape(100, width=32, layers=2, heads=4, inner=48, positions=64))
    mine = PackedBert(shape)

    n = begin_with(mine, other.state_dict(), {"a": 7, "b": 9, "c": 11}, {"a": 70, "c": 3, "d": 5})

    words, theirs = mine.embeddings.word_embeddings.weight, other.embeddings.word_embeddings.weight
    assert n == 2
    assert torch.equal(words[[7, 11]], theirs[[70, 3]])
    assert not torch.equal(words[9], theirs[9])
    assert words.std().item() == pytest.approx(theirs.std().item(), rel=0.1)
    layer = "encoder.layer.1.output.dense.weight"
    assert torch.equal(mine.state_dict()[layer], other.state_dict()[layer])
    assert torch.equal(mine.embeddings.position_embeddings.weight, other.embeddings.position_embeddings.weight[:48])


def test_weights_of_another_width_are_refused(shape):
    other = PackedBert(Shape(100, width=16, layers=2, heads=4, inner=48, positions=64))

    with pytest.raises(InputError, match=r"do not fit: .* expected"):
        begin_with(PackedBert(shape), other.state_dict(), {})
