"""Averages of the weights along a run: which weights they hold, and that dev rows judge them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from toy import Toy, toy_recipe

from sentimo.errors import RecipeError
from sentimo.train.averages.ema import Ema
from sentimo.train.averages.swa import Swa
from sentimo.train.check import check_parts


def walk(average, values, n_steps=None):
    """Let a weight take values one after the other; return what the average makes of it."""
    network = nn.Linear(1, 1, bias=False)
    average.begin(n_steps or len(values))
    for step, value in enumerate(values, start=1):
        nn.init.constant_(network.weight, value)
        average.after_step(network, step)
    with average.shown(network):
        shown = network.weight.item()
    assert network.weight.item() == values[-1]  # and its own weights come back
    return shown


def test_a_moving_average_forgets_old_weights():
    mean = 1.0
    for taken, value in enumerate([2.0, 4.0, 8.0], start=1):
        decay = min(0.5, (1 + taken) / (10 + taken))
        mean = decay * mean + (1 - decay) * value

    assert walk(Ema(decay=0.5), [1.0, 2.0, 4.0, 8.0]) == pytest.approx(mean)


def test_stochastic_weight_averaging_is_the_mean_of_the_later_weights():
    values = [float(each) for each in range(10)]

    assert walk(Swa(start=0.5, every=1), values) == pytest.approx((5 + 6 + 7 + 8 + 9) / 5)
    assert walk(Swa(start=0.5, every=3), values) == pytest.approx((5 + 8) / 2)


def test_before_the_first_is_taken_up_the_weights_are_as_they_are():
    assert walk(Swa(start=0.9, every=1), [1.0, 2.0, 3.0], n_steps=30) == 3.0


def test_only_an_epoch_that_ends_with_a_mean_can_be_kept(bert_base):
    figures = iter([0.9, 0.5, 0.6])
    run = Toy(bert_base, epochs=3, average={"name": "swa", "start": 0.5, "every": 1})

    run.fit(evaluate=lambda _: {"main": next(figures)})

    assert run.result.best_epoch == 2


def test_frozen_weights_are_left_alone():
    network = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    network[0].requires_grad_(False)
    average = Swa(start=0, every=1)
    average.begin(2)

    average.after_step(network, 1)

    assert set(average.state()["mean"]) == {"1.weight", "1.bias"}


@pytest.mark.parametrize("average", ["ema", {"name": "swa", "start": 0.2, "every": 1}], ids=["ema", "swa"])
def test_dev_rows_judge_the_mean_and_it_is_kept(average, bert_base):
    plain_weights, judged = [], []
    plain = Toy(bert_base, epochs=2, dropout=0.0)
    plain.fit(evaluate=lambda _: plain_weights.append(plain.weights) or {"main": len(plain_weights)})
    run = Toy(bert_base, epochs=2, dropout=0.0, average=average)

    run.fit(evaluate=lambda _: judged.append(run.weights) or {"main": len(judged)})

    assert all(torch.equal(run.weights[name], judged[-1][name]) for name in judged[-1])
    name = next(reversed(run.weights))  # of the head
    assert not torch.equal(judged[-1][name], plain_weights[-1][name])
    # the mean only looks on: the learning weights of the second epoch are those of the plain run, so its losses are too
    assert [each["loss"] for each in run.history] == [each["loss"] for each in plain.history]


@pytest.mark.parametrize(
    ("average", "said"),
    [
        ({"name": "ema", "decay": 1.0}, "decay is 1.0"),
        ({"name": "swa", "start": 1}, "start is 1"),
        ({"name": "swa", "every": 0}, "every is 0"),
        ({"name": "swa", "form": 1}, "no setting 'form'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(average, said):
    with pytest.raises(RecipeError, match=said):
        check_parts(toy_recipe(average=average))


def test_ranks_do_not_move_where_few_labels_let_the_encoder_rest():
    with pytest.raises(RecipeError, match="use adapt lora"):
        toy_recipe(adapt="adalora", few_shot=True)


def test_a_mean_would_bring_back_ranks_that_were_given_up():
    with pytest.raises(RecipeError, match="leave out average"):
        toy_recipe(adapt="adalora", average="ema")
