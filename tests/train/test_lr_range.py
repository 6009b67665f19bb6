from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from toy import Toy

from sentimo.errors import InputError, RecipeError, TrainingError
from sentimo.train.loop import sweep
from sentimo.train.lr_range import lr_range, read_range, smoothed
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.picture import bars, log_curve
from sentimo.train.recipe import parse_recipe


def test_smoothed_losses_are_means_of_what_was_seen():
    # weights 0.1 and 0.1 * 0.9, divided by their sum: (0.09 * 2 + 0.1 * 4) / 0.19
    assert smoothed([2.0, 4.0]) == pytest.approx([2.0, 0.58 / 0.19])


def test_the_steps_of_a_sweep_are_made_with_the_rates_that_were_asked_for(bert_base):
    toy = Toy(bert_base, optimiser={"name": "sgd", "learning_rate": 1.0, "momentum": 0.0, "weight_decay": 0.0})
    before = toy.weights
    still = list(sweep(toy.network, {"mood": CrossEntropy()}, toy.rows, toy.recipe, [0.0] * 7))

    assert len(still) == 7  # more than the 5 batches of an epoch
    assert all(torch.equal(before[name], value) for name, value in toy.weights.items())
    list(sweep(toy.network, {"mood": CrossEntropy()}, toy.rows, toy.recipe, [0.0, 1e-2]))
    assert not all(torch.equal(before[name], value) for name, value in toy.weights.items())


def test_a_sweep_ends_where_the_loss_is_no_number(bert_base):
    class Nan(CrossEntropy):
        calls = 0

        def forward(self, logits, targets):
            self.calls += 1
            return super().forward(logits, targets) * (math.nan if self.calls == 3 else 1.0)

    toy = Toy(bert_base)

    assert len(list(sweep(toy.network, {"mood": Nan()}, toy.rows, toy.recipe, [1.0] * 9))) == 2


def test_the_suggestion_lies_a_tenth_below_the_lowest_loss():
    rates = np.geomspace(1e-5, 1e-1, 41)
    losses = [1.0 - 0.2 * max(0.0, math.log10(rate) + 4) if rate <= 1e-2 else 5.0 for rate in rates]

    found = read_range(rates.tolist(), losses, broke=True, usual=1e-4)

    assert found.lowest == pytest.approx(1e-2, rel=0.05)
    assert found.suggested == pytest.approx(1e-3, rel=0.05)
    assert 1e-4 < found.steepest <= 1e-2
    assert found.breaks_at == pytest.approx(1e-1)


def test_a_loss_that_hardly_falls_says_nothing():
    rates = np.geomspace(1e-5, 1e-1, 12).tolist()

    assert not read_range(
        rates, [0.7, 0.69, 0.71, 0.7, 0.68, 0.7, 0.69, 0.7, 0.71, 0.7, 0.7, 0.69], broke=False, usual=1.0
    ).tells
    assert read_range(rates, [1.0 - 0.05 * at for at in range(12)], broke=False, usual=1.0).tells


def test_a_test_on_a_real_network_finds_rates_that_learn(multi_task):
    recipe = multi_task.model_copy(update={"tasks": multi_task.tasks[:1], "batch_size": 32})

    found = lr_range(recipe, low=1e-5, high=1.0, steps=90)

    assert found.rates[0] == pytest.approx(1e-5)
    assert found.usual == 1e-3
    assert min(found.smoothed) < 0.8 * found.smoothed[0]
    assert 1e-4 < found.suggested < 0.1


@pytest.mark.parametrize("wrong", [{"low": 0}, {"low": 1e-2, "high": 1e-3}, {"steps": 5}])
def test_wrong_bounds_are_refused(wrong, multi_task):
    with pytest.raises(InputError, match="expected 0 < low < high and 10 steps"):
        lr_range(multi_task, **wrong)


def test_pairs_of_texts_have_no_range_of_rates(multi_task):
    recipe = parse_recipe({**multi_task.model_dump(mode="json"), "few_shot": True})

    with pytest.raises(RecipeError, match="leave few_shot out"):
        lr_range(recipe)


def test_a_loss_that_breaks_at_once_says_what_to_do():
    with pytest.raises(TrainingError, match="broke away after 3 steps, at 0.3; start from a lower rate"):
        read_range([0.1, 0.2, 0.3], [1.0, 5.0, 9.0], broke=True, usual=1e-4)


def test_pictures_hold_what_they_show_as_plain_text():
    drawn = bars("a < b", {"x & y": 1.0, "z": 0.5})
    curve = log_curve("t", [(1e-4, 1.0), (1e-3, 0.5), (1e-2, math.nan)], {"best": 1e-3}, across="rate", up="loss")

    assert "a &lt; b" in drawn
    assert "x &amp; y" in drawn
    assert 'width="360.0"' in drawn  # the longest bar
    assert 'width="180.0"' in drawn
    assert curve.count("<polyline") == 1
    assert "nan" not in curve
    assert "1e-3" in curve
