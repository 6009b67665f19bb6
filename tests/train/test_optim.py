from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import nn

from sentimo.train.network import build_network
from sentimo.train.optim import (
    DEFAULT_LEARNING_RATES,
    HEAD_FACTORS,
    build_optimiser,
    build_schedule,
    default_head_rate,
    default_learning_rate,
    usual_epochs,
)
from sentimo.train.recipe import Optimiser, Schedule

OPTIMISERS = get_args(Optimiser.model_fields["name"].annotation)


@pytest.fixture
def network(recipe, spaces, bert_base):
    return build_network(bert_base, {"mood": spaces["mood"]}, recipe("mood"))


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "epochs"),
    [(100_000, 32, 3.0), (3_300, 32, 3.0), (1_000, 32, 10.0), (1_000, 8, 3.0), (480, 32, 20.0), (5, 32, 20.0)],
)
def test_few_rows_are_learnt_from_more_often(n_rows, batch_size, epochs):
    # 300 steps: 10 epochs of 32 steps; never above 20 epochs
    assert usual_epochs(n_rows, batch_size) == epochs


def group_of(optimiser, network):
    """Parameter name -> its group."""
    place = {id(parameter): group for group in optimiser.param_groups for parameter in group["params"]}
    return {name: place[id(p)] for name, p in network.named_parameters() if id(p) in place}


def factors(settings, n_steps):
    """The learning rate of every step, as a factor of the full one."""
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = build_schedule(optimiser, settings, n_steps)
    found = []
    for _ in range(n_steps):
        found.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    return found


@pytest.mark.parametrize("name", OPTIMISERS)
def test_norms_and_biases_do_not_decay(name, network):
    groups = group_of(build_optimiser(network, Optimiser(name=name, weight_decay=0.2)), network)

    decays = {each: group["weight_decay"] for each, group in groups.items()}
    assert len(decays) == len(list(network.parameters()))
    assert {decay for each, decay in decays.items() if "LayerNorm" in each or each.endswith("bias")} == {0.0}
    assert {decay for each, decay in decays.items() if "LayerNorm" not in each and not each.endswith("bias")} == {0.2}


def test_the_rate_decays_from_layer_to_layer(network):
    groups = group_of(build_optimiser(network, Optimiser(learning_rate=0.1, layer_decay=0.5)), network)

    rates = {each: group["lr"] for each, group in groups.items()}
    # 2 layers: 0.1 * 0.5**(2 + 1 - k) for layer k, embeddings are layer 0
    assert rates["encoder.bert.embeddings.word_embeddings.weight"] == pytest.approx(0.0125)
    assert rates["encoder.bert.encoder.layer.0.output.dense.weight"] == pytest.approx(0.025)
    assert rates["encoder.bert.encoder.layer.1.output.dense.bias"] == pytest.approx(0.05)
    assert rates["encoder.bert.pooler.dense.weight"] == 0.1
    assert rates["encoder.classifier.weight"] == 0.5  # new heads learn five times faster


def test_heads_may_have_their_own_rate(network):
    settings = Optimiser(learning_rate=0.1, head_learning_rate=0.7)

    groups = group_of(build_optimiser(network, settings), network)

    assert groups["encoder.classifier.bias"]["lr"] == 0.7
    assert groups["encoder.bert.encoder.layer.1.output.dense.bias"]["lr"] == 0.1


def test_what_is_frozen_is_left_out(network):
    for name, parameter in network.named_parameters():
        parameter.requires_grad = "classifier" in name

    groups = group_of(build_optimiser(network, Optimiser()), network)

    assert set(groups) == {"encoder.classifier.weight", "encoder.classifier.bias"}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_has_its_own_default_rate(name, network):
    optimiser = build_optimiser(network, Optimiser(name=name))

    rate = default_learning_rate(name, 384)
    assert {group["lr"] for group in optimiser.param_groups} == {rate, rate * HEAD_FACTORS[name]}
    assert type(optimiser).__name__.lower() == name


@pytest.mark.parametrize("name", DEFAULT_LEARNING_RATES)
def test_wide_encoders_take_smaller_steps(name):
    small, base, large = (default_learning_rate(name, width) for width in (384, 768, 1024))

    assert small > base > large > 0


def test_the_default_rate_depends_on_the_optimiser():
    # SGD does not divide by the size of the gradient; Adafactor's rate is a share of the size of the weights.
    adamw, adafactor, sgd = (default_learning_rate(name, 768) for name in ("adamw", "adafactor", "sgd"))

    assert adamw < adafactor < sgd


def test_sgd_has_momentum(network):
    optimiser = build_optimiser(network, Optimiser(name="sgd", momentum=0.8))

    assert {group["momentum"] for group in optimiser.param_groups} == {0.8}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_lowers_the_loss(name, network):
    optimiser = build_optimiser(network, Optimiser(name=name))
    ids = torch.tensor([[2, 12, 40, 3], [2, 12, 30, 3]])
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(network(ids, torch.ones_like(ids))["mood"], torch.tensor([0, 1]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())

    assert losses[-1] < losses[0]


# Schedules of 10 steps, 2 of them warm-up: 1/3 and 2/3, then 8 steps down from 1.


def test_the_linear_schedule_falls_to_zero_at_the_end():
    assert factors(Schedule(name="linear", warmup=0.2), 10) == pytest.approx(
        [1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    )


def test_the_cosine_schedule_falls_slowly_at_both_ends():
    found = factors(Schedule(name="cosine", warmup=0.2), 10)

    assert found[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert found[6] == pytest.approx(0.5)  # half-way: (1 + cos(pi / 2)) / 2
    assert found[4] == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert found[9] == pytest.approx((1 + math.cos(math.pi * 7 / 8)) / 2)


def test_the_constant_schedule_stays_after_warm_up():
    assert factors(Schedule(name="constant", warmup=0.2), 10) == pytest.approx([1 / 3, 2 / 3] + [1] * 8)


@pytest.mark.parametrize("name", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_every_step_of_a_short_run_moves_the_weights(name, n_steps):
    found = factors(Schedule(name=name, warmup=0.9), n_steps)

    assert all(0 < factor <= 1 for factor in found)


def test_heads_over_a_frozen_encoder_learn_faster():
    assert default_head_rate("adamw", 1e-4, frozen=False) == pytest.approx(5e-4)
    assert default_head_rate("adamw", 1e-4, frozen=True) == pytest.approx(5e-3)
