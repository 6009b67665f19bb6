from __future__ import annotations

import io
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
from rich.console import Console
from torch import nn
from toy import MOODS, Striking, Toy, toy_recipe

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.errors import Interrupted, TrainingError
from sentimo.train import stopping
from sentimo.train.batching import epoch_batches, padded
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.loop import fit, is_out_of_memory
from sentimo.train.objectives.bce import BinaryCrossEntropy
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.progress import Progress
from sentimo.train.rows import to_rows


@pytest.fixture
def make(bert_base):
    """Builds a run that has not started: 36 rows are 5 steps of 8 an epoch, the last one short."""
    return lambda **settings: Toy(bert_base, **settings)


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "toy.checkpoint", "toy")


@pytest.fixture
def shown():
    """Progress that writes into a string, and the string."""
    text = io.StringIO()
    return Progress(Console(file=text, width=200)), text


def equal(weights, others):
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


def interrupt(number=signal.SIGINT):
    return lambda: signal.raise_signal(number)


def figures(*values):
    """Dev figures as they come, epoch after epoch."""
    coming = iter(values)
    return lambda network: {"main": next(coming)}


# Batches


def test_an_epoch_holds_every_row_once():
    batches = epoch_batches([3, 5, 2, 9, 4, 4, 7], batch_size=3, seed=1, epoch=0)

    assert sorted(row for batch in batches for row in batch) == list(range(7))
    assert sorted(map(len, batches)) == [1, 3, 3]


def test_texts_of_like_length_come_together():
    lengths = [length for length in (4, 40) for _ in range(8)]

    batches = epoch_batches(lengths, batch_size=4, seed=1, epoch=0)

    assert all(len({lengths[row] for row in batch}) == 1 for batch in batches)


def test_rows_of_two_kinds_are_mixed_in_every_batch_even_where_their_lengths_differ():
    lengths, kinds = [5 + at % 10 for at in range(20)] + [50 + at % 30 for at in range(60)], [True] * 20 + [False] * 60

    batches = epoch_batches(lengths, 8, seed=1, epoch=0, kinds=kinds)

    assert sorted(row for batch in batches for row in batch) == list(range(80))
    assert {sum(kinds[row] for row in batch) for batch in batches} == {2}
    shortest, *_, longest = sorted(batches, key=lambda batch: min(lengths[row] for row in batch if not kinds[row]))
    assert max(lengths[row] for row in shortest) < min(lengths[row] for row in longest if not kinds[row])


def test_batches_depend_on_seed_and_epoch_only():
    lengths = list(range(100))

    first = epoch_batches(lengths, 8, seed=1, epoch=0)

    assert epoch_batches(lengths, 8, seed=1, epoch=0) == first
    assert epoch_batches(lengths, 8, seed=1, epoch=1) != first
    assert epoch_batches(lengths, 8, seed=2, epoch=0) != first


def test_short_rows_are_filled_and_masked():
    ids, mask = padded([[5, 6, 7], [8]], torch.device("cpu"))

    assert ids[0].tolist() == [5, 6, 7]
    assert ids[1, 0] == 8
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


# Learning


def test_fit_learns_a_separable_task(make):
    run = make(epochs=5, pooling="mean", optimiser={"learning_rate": 0.01, "head_learning_rate": 0.01}).fit()

    assert run.history[-1]["loss"] < 0.2 * run.history[0]["loss"]
    assert run.accuracy(run.network) == {"main": 1.0}


@pytest.mark.parametrize("name", ["roberta_base", "gpt2_base"])
def test_other_bases_learn_too(name, request):
    run = Toy(request.getfixturevalue(name), epochs=3).fit()

    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_the_history_tells_loss_and_figures_of_each_epoch(make):
    run = make(epochs=2).fit(evaluate=figures(0.25, 0.75))

    assert [(each["epoch"], each["main"]) for each in run.history] == [(1, 0.25), (2, 0.75)]
    assert (run.result.n_steps, run.result.samples, run.result.best_epoch) == (10, 72, 1)


def test_the_loss_of_the_first_epoch_is_that_of_its_texts(make):
    # A rate too small to move anything: the loss of a step is the mean over its rows, that of an epoch over its steps.
    run = make(optimiser={"learning_rate": 1e-12}, dropout=0.0)
    batches = epoch_batches([len(ids) for ids in run.rows.ids], 8, run.recipe.seed, epoch=0)
    losses = CrossEntropy()(
        run.network.eval()(*padded(run.rows.ids, torch.device("cpu")))["mood"], run.rows.targets["mood"]
    )

    run.fit()

    expected = sum(losses[batch].mean().item() for batch in batches) / len(batches)
    assert run.history[0]["loss"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("epochs", "steps"), [(0.2, 1), (0.01, 1), (1, 5), (1.6, 8)])
def test_a_run_may_end_inside_an_epoch(epochs, steps, make):
    run = make(epochs=epochs).fit()

    assert run.result.n_steps == steps
    assert len(run.history) == math.ceil(epochs)


def test_the_seed_fixes_the_run(make):
    first, same, other = (make(seed=seed).fit().weights for seed in (1, 1, 2))

    assert equal(first, same)
    assert not equal(first, other)


def test_tasks_add_up_by_weight_and_rows_without_a_target_count_nothing(bert_base, spaces):
    recipe = toy_recipe(
        {"name": "mood", "loss_weight": 2.0}, "emotions", dropout=0.0, optimiser={"learning_rate": 1e-12}
    )
    chosen = {"mood": MOODS, "emotions": spaces["emotions"]}
    network = toy.build_network(bert_base, chosen, recipe).eval()
    examples = [
        Example(Document("good film"), {"mood": 1, "emotions": (1,)}),
        Example(Document("bad film"), {"mood": 0}, weight=0.5),
        Example(Document("slow film"), {"emotions": ()}),
    ]
    rows = to_rows(examples, chosen, bert_base, recipe.max_tokens)
    logits = network(*padded(rows.ids, torch.device("cpu")))
    mood = CrossEntropy()(logits["mood"], torch.tensor([1, 0, 0])).tolist()
    emotions = BinaryCrossEntropy()(logits["emotions"], torch.tensor([[0.0, 1, 0], [0, 0, 0], [0, 0, 0]])).tolist()

    result = fit(
        network,
        {"mood": CrossEntropy(), "emotions": BinaryCrossEntropy()},
        rows,
        recipe,
        evaluate=None,
    )

    expected = (2 * mood[0] + emotions[0] + 0.5 * 2 * mood[1] + emotions[2]) / 3
    assert result.history[0]["loss"] == pytest.approx(expected, rel=1e-4)


def test_a_label_that_a_set_does_not_tell_apart_is_left_out_of_the_loss_of_its_rows(bert_base):
    sides = LabelSpace("sides", ("negative", "neutral", "positive"))
    recipe = toy_recipe({"name": "side"}, dropout=0.0, optimiser={"learning_rate": 1e-12})
    network = toy.build_network(bert_base, {"side": sides}, recipe).eval()
    two_way = Example(Document("good film"), {"side": 2}, among={"side": (0, 2)})
    rows = to_rows([two_way, Example(Document("a film"), {"side": 1})], {"side": sides}, bert_base, 32)
    logits = network(*padded(rows.ids, torch.device("cpu")))["side"]
    expected = CrossEntropy()(logits[:1, [0, 2]], torch.tensor([1])) + CrossEntropy()(logits[1:], torch.tensor([1]))

    result = fit(network, {"side": CrossEntropy()}, rows, recipe, evaluate=None)

    assert result.history[0]["loss"] == pytest.approx(float(expected.detach().sum()) / 2, rel=1e-4)


def test_gradients_are_clipped_to_the_norm_of_the_recipe(make):
    plain = {"name": "sgd", "learning_rate": 1.0, "momentum": 0.0, "weight_decay": 0.0, "clip_norm": 1e-3}
    run = make(optimiser=plain, epochs=0.2, schedule={"name": "constant", "warmup": 0.0})
    before = run.weights
    after = run.fit().weights

    moved = math.sqrt(sum((after[name] - before[name]).square().sum().item() for name in before))
    assert moved == pytest.approx(1e-3, rel=1e-3)


# The best epoch


def test_the_weights_of_the_best_epoch_are_restored(make):
    run, seen = make(epochs=4), []

    def evaluate(network):
        seen.append(run.weights)
        return {"main": [0.5, 0.9, 0.8, 0.7][len(seen) - 1]}

    run.fit(evaluate=evaluate)

    assert run.result.best_epoch == 1
    assert equal(run.weights, seen[1])
    assert not equal(run.weights, seen[3])


def test_the_run_stops_when_dev_does_not_improve(make, shown):
    progress, text = shown
    run = make(epochs=9, early_stopping={"patience": 2})

    run.fit(evaluate=figures(0.5, 0.9, 0.9, 0.8, 1.0), progress=progress)

    assert [epoch["main"] for epoch in run.history] == [0.5, 0.9, 0.9, 0.8]
    assert run.result.best_epoch == 1
    assert "no better dev figure for 2 epochs: stopped early" in text.getvalue()


def test_the_watched_figure_is_the_one_of_the_recipe(make):
    run = make(epochs=2, early_stopping={"metric": "mood.accuracy"})
    coming = iter([{"main": 0.1, "mood.accuracy": 0.9}, {"main": 0.9, "mood.accuracy": 0.1}])

    run.fit(evaluate=lambda network: next(coming))

    assert run.result.best_epoch == 0


def test_without_dev_figures_the_last_weights_are_kept(make):
    with_figures = make(epochs=2).fit(evaluate=figures(0.1, 0.2))

    assert equal(make(epochs=2).fit(evaluate=None).weights, with_figures.weights)


# Memory


def test_the_size_of_the_micro_batches_does_not_change_the_result(make):
    settings = {"epochs": 2, "dropout": 0.0, "optimiser": {"name": "sgd", "learning_rate": 0.05}}

    whole, single = (make(micro_tokens=tokens, **settings).fit().weights for tokens in (100_000, 16))

    assert all(torch.allclose(whole[name], single[name], atol=1e-5) for name in whole)


def limited_to(network, n_tokens, error):
    """Make a network run out of memory beyond a number of tokens."""
    forward = network.forward

    def refuse(input_ids, attention_mask):
        if input_ids.numel() > n_tokens:
            raise error
        return forward(input_ids, attention_mask)

    network.forward = refuse


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
    ids=["device", "cpu", "python"],
)
def test_out_of_memory_halves_what_is_read_at_once_and_says_so(error, make, shown):
    progress, text = shown
    run = make(micro_tokens=512)
    limited_to(run.network, 64, error)

    run.fit(evaluate=None, progress=progress)

    # 512 -> 256 -> 128 -> 64; dropout is drawn anew, as if 64 had been asked for
    assert "out of memory: now 64 tokens at once; a step still learns from 8 texts" in text.getvalue()
    assert equal(run.weights, make(micro_tokens=64).fit(evaluate=None).weights)


def test_too_little_memory_for_one_text_ends_the_run(make):
    run = make()
    limited_to(run.network, 0, torch.OutOfMemoryError("out of memory"))

    with pytest.raises(TrainingError, match=r"not enough memory for a single text of \d+ tokens. Lower max_tokens"):
        run.fit()


def test_other_errors_are_not_taken_for_out_of_memory(make):
    run = make()
    limited_to(run.network, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        run.fit()
    assert not is_out_of_memory(ValueError("out of memory"))


def test_a_loss_that_is_no_number_ends_the_run_before_it_spoils_the_weights(make):
    class Broken(nn.Module):
        def forward(self, logits, targets):
            return logits[:, 0] * math.nan

    run = make()
    before = run.weights

    with pytest.raises(TrainingError, match=r"the loss became nan at step 1. Lower the learning rate"):
        run.fit(Broken())
    assert equal(run.weights, before)


# Going on. Two epochs of 5 steps; one call of the objective a step.


@pytest.mark.parametrize("step", [1, 3, 5, 6, 10])
def test_an_interrupted_run_goes_on_to_the_same_weights(step, make, checkpoints):
    undisturbed = make(epochs=2).fit()

    with pytest.raises(Interrupted):
        make(epochs=2).fit(Striking(step, interrupt()), checkpoints=checkpoints)
    resumed = make(epochs=2).fit(checkpoints=checkpoints, resume=True)

    assert resumed.result.n_steps == 10
    assert resumed.history == undisturbed.history
    assert resumed.result.best_epoch == undisturbed.result.best_epoch
    assert equal(resumed.weights, undisturbed.weights)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": {"name": "sgd", "learning_rate": 0.05}},
        {"optimiser": {"name": "adafactor", "learning_rate": 0.01, "layer_decay": 0.9}},
        {"schedule": "cosine", "micro_tokens": 32},
        {"tasks": [{"name": "mood", "train": "made-up.csv", "head": "attention"}]},
        {"train_last": 1, "epochs": 1.8},
        {"average": "ema"},
        {"average": {"name": "swa", "start": 0.2, "every": 2}},
    ],
    ids=["sgd", "adafactor", "micro-batches", "attention", "frozen", "ema", "swa"],
)
def test_every_kind_of_run_goes_on_to_the_same_weights(settings, make, checkpoints):
    undisturbed = make(**{"epochs": 2, **settings}).fit()

    with pytest.raises(Interrupted):
        make(**{"epochs": 2, **settings}).fit(Striking(3, interrupt()), checkpoints=checkpoints)
    resumed = make(**{"epochs": 2, **settings}).fit(checkpoints=checkpoints, resume=True)

    assert equal(resumed.weights, undisturbed.weights)


@pytest.mark.parametrize("epoch", [1, 2], ids=["between epochs", "after the last"])
def test_a_wish_to_stop_while_dev_rows_are_judged_is_heard(make, checkpoints, epoch):
    undisturbed = make(epochs=2).fit(evaluate=figures(0.1, 0.2))
    coming = iter([{"main": 0.1}, {"main": 0.2}])

    def evaluate(network):
        found = next(coming)
        if found["main"] == epoch / 10:
            os.kill(os.getpid(), signal.SIGTERM)
        return found

    with pytest.raises(Interrupted):
        make(epochs=2).fit(evaluate=evaluate, checkpoints=checkpoints)
    resumed = make(epochs=2).fit(evaluate=lambda network: next(coming), checkpoints=checkpoints, resume=True)

    assert equal(resumed.weights, undisturbed.weights)


def test_a_run_goes_on_after_any_number_of_interruptions(make, checkpoints):
    undisturbed = make(epochs=2).fit()

    for step in (2, 3, 4):  # counted from where each goes on
        with pytest.raises(Interrupted):
            make(epochs=2).fit(Striking(step, interrupt()), checkpoints=checkpoints, resume=checkpoints.exists())
    resumed = make(epochs=2).fit(checkpoints=checkpoints, resume=True)

    assert equal(resumed.weights, undisturbed.weights)


def test_the_best_weights_survive_an_interruption(make, checkpoints):
    dev = {"epochs": 3, "early_stopping": {"patience": 3}}
    undisturbed = make(**dev).fit(evaluate=figures(0.9, 0.5, 0.4))

    with pytest.raises(Interrupted):
        make(**dev).fit(Striking(7, interrupt()), evaluate=figures(0.9), checkpoints=checkpoints)
    resumed = make(**dev).fit(evaluate=figures(0.5, 0.4), checkpoints=checkpoints, resume=True)

    assert resumed.result.best_epoch == 0
    assert equal(resumed.weights, undisturbed.weights)


def test_dev_figures_of_any_number_type_can_be_saved(make, checkpoints):
    run = make(epochs=2)
    with pytest.raises(Interrupted):
        run.fit(Striking(7, interrupt()), evaluate=lambda network: {"main": np.float64(0.5)}, checkpoints=checkpoints)

    assert checkpoints.load()["position"]["best"] == 0.5


def test_a_finished_run_has_nothing_left_to_do(make, checkpoints):
    finished = make(epochs=2).fit(checkpoints=checkpoints)

    again = make(epochs=2).fit(checkpoints=checkpoints, resume=True)

    assert again.result.samples == 0
    assert equal(again.weights, finished.weights)


def test_ctrl_c_saves_and_says_how_to_go_on(make, checkpoints):
    with pytest.raises(
        Interrupted, match=r"stopped after step 3 of 5; the same command with --resume goes on from there"
    ):
        make().fit(Striking(3, interrupt()), checkpoints=checkpoints)

    assert checkpoints.load()["position"]["step"] == 3


def test_ctrl_c_without_a_checkpoint_promises_nothing(make):
    with pytest.raises(Interrupted, match=r"stopped after step 3 of 5; nothing was saved$"):
        make().fit(Striking(3, interrupt()))


def test_being_told_to_end_saves_too(make, checkpoints):
    with pytest.raises(Interrupted):
        make().fit(Striking(2, interrupt(signal.SIGTERM)), checkpoints=checkpoints)

    assert checkpoints.load()["position"]["step"] == 2


def test_a_second_ctrl_c_stops_at_once(make, checkpoints, monkeypatch):
    monkeypatch.setattr(stopping, "ONE_PRESS", 0.01)

    def twice():
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.02)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        make().fit(Striking(2, twice), checkpoints=checkpoints)
    assert not checkpoints.exists()


def test_an_echo_of_ctrl_c_does_not_keep_a_run_from_saving(make, checkpoints):
    def echoed():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="--resume"):
        make().fit(Striking(2, echoed), checkpoints=checkpoints)
    assert checkpoints.exists()


def test_signals_are_handed_back(make):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    make(epochs=0.2).fit()

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_killed_run_goes_on_to_the_same_weights(bert, make, checkpoints):
    # Killed in its 8th step, with a checkpoint after every step.
    command = [sys.executable, toy.__file__, str(bert), str(checkpoints.folder), "8"]
    paths = os.pathsep.join([str(Path(toy.__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")])
    killed = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert checkpoints.load()["position"]["step"] == 7

    resumed = make(epochs=2).fit(checkpoints=checkpoints, resume=True)

    undisturbed = make(epochs=2).fit()
    assert resumed.history == undisturbed.history
    assert equal(resumed.weights, undisturbed.weights)
