from __future__ import annotations

import pytest
import torch

from sentimo.errors import RecipeError
from sentimo.train.catalogue import build
from sentimo.train.heads import HEADS
from sentimo.train.heads.attention import AttentionHead
from sentimo.train.heads.linear import LinearHead

WIDTH, N_LABELS = 6, 3
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


@pytest.fixture
def hidden():
    return torch.randn(2, 4, WIDTH, generator=torch.Generator().manual_seed(5))


def made(name, **settings):
    torch.manual_seed(0)
    return build(HEADS[name], f"head {name!r}", WIDTH, N_LABELS, **settings).eval()


@pytest.mark.parametrize("name", HEADS)
def test_every_head_gives_a_finite_logit_per_label(name, hidden):
    logits = made(name)(hidden, MASK)

    assert logits.shape == (2, N_LABELS)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", HEADS)
def test_every_head_ignores_padding(name, hidden):
    head = made(name)
    changed = hidden.clone()
    changed[1, 2:] = 1000.0

    assert torch.equal(head(changed, MASK), head(hidden, MASK))
    assert torch.allclose(head(hidden[1:, :2], MASK[1:, :2]), head(hidden, MASK)[1:], atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_every_head_reads_more_than_padding(name, hidden):
    changed = hidden.clone()
    changed[1, :2] += 1.0

    assert not torch.allclose(made(name)(changed, MASK)[1], made(name)(hidden, MASK)[1])


@pytest.mark.parametrize("name", HEADS)
def test_every_parameter_of_every_head_learns(name, hidden):
    head = made(name)
    head(hidden, MASK).square().sum().backward()

    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in head.parameters())


@pytest.mark.parametrize("name", HEADS)
def test_every_head_drops_pooled_values_only_while_training(name, hidden):
    head = made(name, dropout=0.5)

    assert torch.equal(head(hidden, MASK), head(hidden, MASK))
    assert not torch.equal(head.train()(hidden, MASK), head(hidden, MASK))


@pytest.mark.parametrize("name", HEADS)
def test_every_head_names_the_nearest_setting(name):
    with pytest.raises(RecipeError, match=r"has no setting 'dropot'. Did you mean 'dropout'"):
        made(name, dropot=0.5)


def test_a_linear_head_is_worked_out_by_hand():
    head = LinearHead(width=2, n_labels=1, pooling="mean").eval()
    head.load_state_dict({"output.weight": torch.tensor([[2.0, -1.0]]), "output.bias": torch.tensor([0.5])})
    hidden = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]]])

    # mean of the two tokens: (2, 2); 2 * 2 - 2 + 0.5
    assert head(hidden, torch.tensor([[1, 1, 0]])).item() == 2.5


@pytest.mark.parametrize(("pooling", "token"), [("first", 0), ("last", 2)])
def test_a_linear_head_may_read_one_token(pooling, token):
    head = LinearHead(width=1, n_labels=1, pooling=pooling).eval()
    head.load_state_dict({"output.weight": torch.ones(1, 1), "output.bias": torch.zeros(1)})

    assert head(torch.tensor([[[1.0], [2.0], [3.0], [4.0]]]), torch.tensor([[1, 1, 1, 0]])).item() == token + 1.0


def test_attention_weights_are_read_per_token_and_sum_to_one(hidden):
    weights = made("attention").weights(hidden, MASK)

    assert weights.shape == (2, 4)
    assert weights.sum(dim=1).tolist() == pytest.approx([1.0, 1.0])
    assert (weights >= 0).all()
    assert weights[1, 2:].tolist() == [0.0, 0.0]


def test_attention_weights_are_worked_out_by_hand():
    head = AttentionHead(width=1, n_labels=1, size=1).eval()
    head.load_state_dict(
        {
            "project.weight": torch.ones(1, 1),
            "project.bias": torch.zeros(1),
            "relevance.weight": torch.full((1, 1), 2.0),
            "output.weight": torch.ones(1, 1),
            "output.bias": torch.zeros(1),
        }
    )
    hidden = torch.tensor([[[0.0], [0.5]]])

    # relevance 2 tanh(0) = 0 and 2 tanh(0.5) = 0.924234; softmax 1 / (1 + e**0.924234) = 0.284088
    assert head.weights(hidden, torch.ones(1, 2))[0].tolist() == pytest.approx([0.284088, 0.715912], rel=1e-4)
    # pooled: 0.715912 * 0.5
    assert head(hidden, torch.ones(1, 2)).item() == pytest.approx(0.357956, rel=1e-4)


def test_attention_weights_hold_in_half_precision(hidden):
    head = made("attention").bfloat16()

    weights = head.weights(hidden.bfloat16(), MASK)

    assert weights[1, 2:].tolist() == [0.0, 0.0]
    assert weights.float().sum(dim=1).tolist() == pytest.approx([1.0, 1.0], abs=0.02)


@pytest.mark.parametrize("pooling", ["mena", "native", "auto", ""])
def test_a_pooling_that_is_none_is_refused(pooling):
    with pytest.raises(ValueError, match="is not one of mean, max, first, last"):
        LinearHead(4, 2, pooling=pooling)
