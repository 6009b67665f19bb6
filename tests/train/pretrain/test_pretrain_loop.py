from __future__ import annotations

import signal

import pytest
import torch

from sentimo.errors import Interrupted, TrainingError
from sentimo.train.pretrain.loop import Plan, pretrain
from sentimo.train.pretrain.objectives import OBJECTIVES, MaskedLanguageModel

CPU = torch.device("cpu")


def plan(steps, **settings):
    return Plan(steps, rows=8, log_every=5, precision="fp32", compile=False, **settings)


def weights(model):
    return torch.cat([each.detach().flatten() for each in model.parameters()])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_perplexity_of_texts_not_seen_falls(name, shape, special, rows):
    model = OBJECTIVES[name](shape, special)
    before = pretrain(model, rows[:-4], rows[-4:], plan(1, learning_rate=0.0), device=CPU)[-1]

    log = pretrain(model, rows[:-4], rows[-4:], plan(150, learning_rate=5e-3), device=CPU)

    assert log[-1]["held_out_perplexity"] < before["held_out_perplexity"] / 5
    assert log[0]["tokens_per_s"] > 0


def test_the_rate_rises_stays_and_falls_to_zero():
    rates = [Plan(100, learning_rate=1.0, warmup=0.1, decay=0.2).rate(step) for step in (0, 4, 9, 50, 80, 90, 100)]

    assert rates == pytest.approx([0.1, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0])


def test_an_interrupted_run_ends_with_the_weights_of_an_undisturbed_one(shape, special, rows, tmp_path, monkeypatch):
    whole = MaskedLanguageModel(shape, special)
    torch.manual_seed(13)
    cut = MaskedLanguageModel(shape, special)
    cut.load_state_dict(whole.state_dict())
    pretrain(whole, rows, rows[:4], plan(20), device=CPU)

    real = torch.optim.AdamW.step
    calls = []

    def step(self, *arguments, **settings):  # the signal comes while the weights are half renewed
        calls.append(1)
        if len(calls) == 10:
            signal.raise_signal(signal.SIGINT)
        return real(self, *arguments, **settings)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(Interrupted, match="stopped after step 10 of 20"):
        pretrain(cut, rows, rows[:4], plan(20), device=CPU, checkpoint=tmp_path / "state.pt")
    again = MaskedLanguageModel(shape, special)
    log = pretrain(again, rows, rows[:4], plan(20), device=CPU, checkpoint=tmp_path / "state.pt")

    assert torch.equal(weights(again), weights(whole))
    assert [line["step"] for line in log] == [5, 10, 15, 20, 20]


def test_a_checkpoint_of_another_run_is_refused(shape, special, rows, tmp_path):
    pretrain(MaskedLanguageModel(shape, special), rows, rows, plan(2), device=CPU, checkpoint=tmp_path / "state.pt")

    with pytest.raises(TrainingError, match=r"another .*learning_rate.*delete it to start anew"):
        pretrain(
            MaskedLanguageModel(shape, special),
            rows,
            rows,
            plan(2, learning_rate=0.5),
            device=CPU,
            checkpoint=tmp_path / "state.pt",
        )


def test_too_little_text_is_told(shape, special, rows):
    with pytest.raises(TrainingError, match="2 packed rows are fewer than the 8 of one step"):
        pretrain(MaskedLanguageModel(shape, special), rows[:2], rows, plan(5), device=CPU)


def test_a_rate_far_too_high_is_told(shape, special, rows):
    with pytest.raises(TrainingError, match="not a number; halve the learning rate"):
        pretrain(MaskedLanguageModel(shape, special), rows, rows, plan(40, learning_rate=1e30), device=CPU)
