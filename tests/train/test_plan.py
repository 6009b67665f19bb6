from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from toy import mood_examples

from sentimo.errors import TrainingError
from sentimo.train import plan
from sentimo.train.network import build_network
from sentimo.train.plan import expected_memory, make_plan
from sentimo.train.precision import has_fast_bf16
from sentimo.train.rows import to_rows


@pytest.fixture
def network(bert_base, spaces, recipe):
    """Builds the network of a recipe over the tiny BERT (2 layers of width 32, 2 heads)."""

    def build(chosen):
        return build_network(bert_base, {"mood": spaces["mood"]}, chosen)

    return build


@pytest.fixture
def rows(bert_base, spaces):
    def make(n, chosen):
        return to_rows(mood_examples(n), {"mood": spaces["mood"]}, bert_base, chosen.max_tokens)

    return make


def n_weights(network):
    return sum(each.numel() for each in network.parameters())


def layers(tokens, longest, n_layers=2, of_width=95, of_length=13):
    # bytes of the activations on a processor in 32 bit, d = 32, h = 2
    return tokens * (of_width * 32 + of_length * 2 * longest) * n_layers


def test_a_plan_counts_texts_tokens_and_steps(network, rows, recipe):
    chosen = recipe(batch_size=8, epochs=2)
    data = rows(20, chosen)

    found = make_plan(network(chosen), data, chosen)

    assert (found.n_rows, found.epochs, found.n_steps) == (20, 2.0, 6)  # 8 + 8 + 4 texts, twice
    assert found.n_tokens == sum(map(len, data.ids))
    assert (found.precision, found.device) == ("fp32", "cpu, 1 threads")


@pytest.mark.parametrize(("epochs", "n_steps"), [(0.5, 2), (1.5, 4), (0.01, 1)])
def test_parts_of_an_epoch_are_rounded_to_steps(network, rows, recipe, epochs, n_steps):
    chosen = recipe(batch_size=8, epochs=epochs)

    assert make_plan(network(chosen), rows(20, chosen), chosen).n_steps == n_steps


def test_the_time_is_that_of_all_tokens_at_the_speed_of_the_trial(network, rows, recipe, monkeypatch):
    monkeypatch.setattr(plan, "_trial", lambda *arguments: 50.0)
    chosen = recipe(epochs=2)
    data = rows(20, chosen)

    assert make_plan(network(chosen), data, chosen).seconds == 2 * sum(map(len, data.ids)) / 50


def test_the_trial_leaves_weights_and_gradients_as_they_were(network, rows, recipe):
    chosen = recipe()
    tried = network(chosen)
    before = {name: value.clone() for name, value in tried.state_dict().items()}

    make_plan(tried, rows(20, chosen), chosen)

    assert all(torch.equal(value, before[name]) for name, value in tried.state_dict().items())
    assert all(each.grad is None for each in tried.parameters())


def test_frozen_weights_do_not_count_as_learning(network, rows, recipe):
    chosen = recipe(freeze="encoder")

    found = make_plan(network(chosen), rows(8, chosen), chosen)

    pooler_and_head = (32 * 32 + 32) + (32 * 2 + 2)
    assert found.n_learning == pooler_and_head


# ---------------------------------------------------------------------------------------------- expected memory


def test_memory_of_adamw_is_five_times_the_weights_and_the_activations(network, recipe):
    # weights, best weights, gradients, two moments; 4 texts of 10 tokens fit into one pass
    chosen = recipe(batch_size=4, micro_tokens=2048)
    learner = network(chosen)

    found = expected_memory(learner, [10, 7, 5], chosen, "fp32")

    assert found == 4 * 5 * n_weights(learner) + layers(tokens=40, longest=10)


@pytest.mark.parametrize(("optimiser", "copies"), [("sgd", 4), ("adafactor", 3)])
def test_other_optimisers_keep_less(network, recipe, optimiser, copies):
    chosen = recipe(batch_size=4, optimiser=optimiser)
    learner = network(chosen)

    assert expected_memory(learner, [10], chosen, "fp32") == 4 * copies * n_weights(learner) + layers(40, 10)


def test_no_more_tokens_than_the_budget_are_in_memory(network, recipe):
    chosen = recipe(batch_size=32, micro_tokens=64)
    learner = network(chosen)

    assert expected_memory(learner, [10], chosen, "fp32") == 4 * 5 * n_weights(learner) + layers(64, 10)


def test_a_text_longer_than_the_budget_is_in_memory_whole(network, recipe):
    chosen = recipe(batch_size=32, micro_tokens=8)
    learner = network(chosen)

    assert expected_memory(learner, [30], chosen, "fp32") == 4 * 5 * n_weights(learner) + layers(30, 30)


def test_bf16_takes_less(network, recipe):
    chosen = recipe(batch_size=4)
    learner = network(chosen)

    activations = layers(40, 10, of_width=80, of_length=10)
    assert expected_memory(learner, [10], chosen, "bf16") == 4 * 5 * n_weights(learner) + activations


STEP = """
import sys
from pathlib import Path
import torch
from transformers import BertConfig, BertModel
from sentimo.train.precision import autocast

def step(rows, length):
    ids = torch.ones((rows, length), dtype=torch.long)
    with autocast(sys.argv[1], torch.device("cpu")):
        network(input_ids=ids).last_hidden_state.float().sum().backward()
    network.zero_grad()
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

torch.set_num_threads(1)
sizes = dict(hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024)
network = BertModel(BertConfig(vocab_size=100, **sizes)).train()
print(-step(1, 2) + step(32, 128))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_activations_take_what_is_told(precision):
    if precision == "bf16" and not has_fast_bf16(torch.device("cpu")):
        pytest.skip("this processor does not compute in bf16")
    took = int(subprocess.run([sys.executable, "-c", STEP, precision], check=True, capture_output=True).stdout)

    of_width, of_length = plan._ON_CPU[precision]
    told = 32 * 128 * (of_width * 256 + of_length * 4 * 128) * 4
    assert 0.75 < took / told < 1.25


def test_layers_that_do_not_learn_keep_no_activations(network, recipe):
    chosen = recipe(batch_size=4, train_last=1)
    learner = network(chosen)
    learning = sum(each.numel() for each in learner.parameters() if each.requires_grad)

    found = expected_memory(learner, [10], chosen, "fp32")

    assert found == 4 * (2 * n_weights(learner) + 3 * learning) + layers(40, 10, n_layers=1)


def test_a_frozen_encoder_keeps_no_activations(network, recipe):
    chosen = recipe(batch_size=4, freeze="encoder")
    learner = network(chosen)
    learning = sum(each.numel() for each in learner.parameters() if each.requires_grad)

    assert expected_memory(learner, [10], chosen, "fp32") == 4 * (2 * n_weights(learner) + 3 * learning)


# ---------------------------------------------------------------------------------------------- out of memory


class Narrow(nn.Module):
    """A network that can hold only so many tokens."""

    def __init__(self, network, most):
        super().__init__()
        self.network, self.encoder, self.most = network, network.encoder, most

    def forward(self, ids, mask):
        if ids.numel() > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.network(ids, mask)


def test_a_trial_that_runs_out_of_memory_takes_less_at_once(network, rows, recipe):
    chosen = recipe(micro_tokens=256)

    assert make_plan(Narrow(network(chosen), most=64), rows(20, chosen), chosen).tokens_per_second > 0


def test_not_enough_memory_for_a_single_text_is_said_before_the_start(network, rows, recipe):
    chosen = recipe()

    with pytest.raises(TrainingError, match="not enough memory for a single text of"):
        make_plan(Narrow(network(chosen), most=1), rows(20, chosen), chosen)


# ---------------------------------------------------------------------------------------------- what is shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5000, "83 min"), (9000, "2.5 h")]
)
def test_a_plan_is_told_in_two_lines(network, rows, recipe, seconds, shown):
    chosen = recipe(epochs=3)
    found = replace(
        make_plan(network(chosen), rows(8, chosen), chosen),
        n_parameters=22_700_000,
        n_learning=10_800_000,
        n_rows=12_345,
        n_tokens=67_890,
        n_steps=1158,
        memory_bytes=1_240_000_000,
        seconds=seconds,
        tokens_per_second=4321.4,
    )

    assert str(found).splitlines() == [
        "22.7 M weights (10.8 M learn); 12,345 texts, 67,890 tokens an epoch; 3 epochs = 1,158 steps",
        f"about 1.2 GB of memory and {shown} at 4,321 tokens/s (fp32, cpu, 1 threads)",
    ]
