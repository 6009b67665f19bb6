from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel

from sentimo.train.pretrain.encoder import PackedBert
from sentimo.train.pretrain.packing import layout


@pytest.fixture
def encoder(shape):
    encoder = PackedBert(shape).eval()
    for parameter in encoder.parameters():  # biases and norms too, or they would hide a mistake
        torch.nn.init.normal_(parameter, std=0.3)
    return encoder


def test_it_answers_as_transformers_bert_with_the_same_weights(encoder, shape):
    theirs = BertModel(BertConfig(**shape.to_config(pad_id=0)), add_pooling_layer=False).eval()
    theirs.load_state_dict(encoder.state_dict())
    ids = torch.tensor([[2, 300, 301, 302, 3], [2, 400, 3, 0, 0]])

    with torch.no_grad():
        found = encoder(ids, *layout(ids, first=2, pad=0))
        expected = theirs(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state

    assert torch.allclose(found[ids != 0], expected[ids != 0], atol=1e-5)


def test_documents_in_a_row_do_not_see_each_other(encoder):
    alone = torch.tensor([[2, 300, 301, 3]])
    beside = torch.tensor([[2, 400, 401, 402, 3, 2, 300, 301, 3, 0]])

    with torch.no_grad():
        found = encoder(beside, *layout(beside, first=2, pad=0))[:, 5:9]
        expected = encoder(alone, *layout(alone, first=2, pad=0))

    assert torch.allclose(found, expected, atol=1e-5)
