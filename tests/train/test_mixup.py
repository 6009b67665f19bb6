"""Mixup: pairs of pooled texts and their answers, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_wrappers import AROUND, Sum, batch_of, loss_at, plain
from toy import MOODS, toy_recipe

from sentimo.core.documents import Document, Example
from sentimo.train.learner import Learner
from sentimo.train.objectives.mixup import Mixup
from sentimo.train.objectives.mse import MeanSquaredError
from sentimo.train.objectives.step import ask


class Turned(Mixup):
    """Mixes every row with the one before it, a quarter of its own."""

    def _drawn(self, batch, task):
        n = len(batch.rows)
        return torch.arange(n).roll(1), torch.full((n,), 0.25)


def test_the_loss_is_that_of_the_mixture_for_both_answers():
    # z = 0.3 with label 1 and z = 0.7 with label 0; mixtures 0.25 * 0.3 + 0.75 * 0.7 = 0.6 and 0.4
    batch = batch_of([[1, 0], [1, 2]], targets={"mood": torch.tensor([1, 0])})

    found = Turned(plain(), AROUND)(Sum(), batch)

    first = 0.25 * loss_at(0.6) + 0.75 * loss_at(-0.6)
    second = 0.25 * loss_at(-0.4) + 0.75 * loss_at(0.4)
    assert found.loss.item() == pytest.approx(first + second, rel=1e-5)
    assert found.logits["mood"][:, 1].tolist() == pytest.approx([0.3, 0.7])  # of the texts as they are


def test_both_rows_of_a_pair_keep_their_weights():
    batch = batch_of([[1, 0], [1, 2]], targets={"mood": torch.tensor([1, 0])}, weight=torch.tensor([2.0, 1.0]))

    found = Turned(plain(), AROUND)(Sum(), batch)

    first = 0.25 * 2 * loss_at(0.6) + 0.75 * loss_at(-0.6)
    second = 0.25 * loss_at(-0.4) + 0.75 * 2 * loss_at(0.4)
    assert found.loss.item() == pytest.approx(first + second, rel=1e-5)


def test_mixed_logits_are_those_of_mixed_pooled_vectors(bert_base, spaces):
    # What the docstring says: the last layer is linear, whatever the head.
    for head in ("linear", "attention"):
        recipe = toy_recipe({"name": "mood", "head": head}, dropout=0.0)
        learner = Learner.build(recipe, bert_base, {"mood": MOODS}, {"mood": [Example(Document("good"), {"mood": 1})]})
        layer, _ = learner.network.eval().outputs()["mood"]
        batch, seen = batch_of([[7, 8], [9, 10]]), []
        hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))  # noqa: B023
        logits = ask(learner.network, batch)["mood"]
        hook.remove()

        mixture = layer(0.25 * seen[0] + 0.75 * seen[0].roll(1, dims=0))

        assert torch.allclose(0.25 * logits + 0.75 * logits.roll(1, dims=0), mixture, atol=1e-6)


def test_partners_have_a_target_and_tell_the_same_labels_apart():
    torch.manual_seed(0)
    has = torch.tensor([True, False, True, True, False, True])
    unknown = torch.zeros(6, 2, dtype=torch.bool)
    unknown[3, 0] = True
    batch = batch_of([[1]] * 6, has={"mood": has}, unknown={"mood": unknown})
    mixer, seen = Mixup(plain(), AROUND, alpha=1.0), set()

    for _ in range(50):
        partner, share = mixer._drawn(batch, "mood")
        seen |= {*partner[has].tolist()}
        assert sorted(partner[has].tolist()) == [0, 2, 3, 5]
        assert partner[~has].tolist() == [1, 4]
        assert share[3] == 1.0 or partner[3] == 3
        assert ((share >= 0) & (share <= 1)).all()
    assert seen == {0, 2, 3, 5}


def test_one_share_is_drawn_for_a_batch_so_that_every_row_counts_once():
    batch, mixer = batch_of([[1]] * 6), Mixup(plain(), AROUND)

    partner, share = mixer._drawn(batch, "mood")

    counts = share + torch.zeros(6).index_add(0, partner, 1 - share)
    assert counts.tolist() == pytest.approx([1.0] * 6)


def test_a_squared_error_moves_as_for_the_mean_of_both_targets():
    logits = torch.tensor([[0.3]], requires_grad=True)
    loss = MeanSquaredError()

    both = 0.25 * loss(logits, torch.tensor([0.2])) + 0.75 * loss(logits, torch.tensor([1.0]))
    mean = loss(logits, torch.tensor([0.25 * 0.2 + 0.75 * 1.0]))

    one, other = (torch.autograd.grad(each.sum(), logits, retain_graph=True)[0] for each in (both, mean))
    assert torch.allclose(one, other)


def test_rows_that_leave_out_other_labels_are_not_mixed_and_all_count_once():
    unknown = {"mood": torch.tensor([[False, True], [False, False]] * 10)}
    batch = replace(batch_of([[1, 0]] * 20, targets={"mood": torch.tensor([0, 1] * 10)}), unknown=unknown)

    partner, share = Mixup(plain(), AROUND)._drawn(batch, "mood")

    assert (partner % 2 == torch.arange(20) % 2).all()
    counts = share.new_zeros(20).index_add(0, torch.arange(20), share).index_add(0, partner, 1 - share)
    assert torch.allclose(counts, torch.ones(20))
