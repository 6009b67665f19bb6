from __future__ import annotations

import json
import shutil
import signal
from random import Random

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from sentimo.errors import InputError, Interrupted, TrainingError
from sentimo.train.augment.mask import Mask
from sentimo.train.encoder import open_base
from sentimo.train.pretrain.run import Pretraining, run
from sentimo.train.run import train

SENTENCES = [
    f"the {thing} was {word} and {other}"
    for thing in ("film", "book", "hotel", "room", "phone", "food")
    for word in ("good", "bad", "great", "awful", "fine", "poor")
    for other in ("warm", "kind", "slow", "dirty", "quick")
]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(f"{each}, I said mesmerising" for each in SENTENCES) + "\n", "utf-8")
    return path


@pytest.fixture
def settings(bert):
    return {"base": str(bert), "epochs": 12, "rows": 8, "length": 32, "held_out": 0.1, "learning_rate": 3e-3}


def weights(folder):
    return load_file(folder / "model.safetensors")


def test_a_base_that_read_the_corpus_guesses_its_tokens_better(settings, corpus, tmp_path):
    found = run(Pretraining(**settings), [corpus], tmp_path / "base")

    assert found.after["perplexity"] < 0.8 * found.before["perplexity"]
    assert not (tmp_path / "base.checkpoint").exists()
    record = json.loads((tmp_path / "base" / "pretraining.json").read_text("utf-8"))
    assert record["after"] == found.after
    texts = ["the film was good and warm", "the room was awful and slow"]
    new = Mask(base=str(tmp_path / "base"), share=0.3).rewrite(texts, [Random(1), Random(2)])
    read = {*open_base(str(tmp_path / "base")).tokenizer.tokenize(corpus.read_text("utf-8"))}
    assert new != texts
    assert {word for each in new for word in each.split()} <= read  # a head that has not learnt would say any word
    assert str(tmp_path) not in (tmp_path / "base" / "pretraining.json").read_text("utf-8").replace(
        settings["base"], ""
    )


@pytest.mark.parametrize("objective", ["mlm", "replaced-tokens"])
def test_new_words_are_tokens_of_the_new_base(objective, settings, corpus, tmp_path):
    chosen = Pretraining(**{**settings, "epochs": 1, "objective": objective, "extend": 5})

    found = run(chosen, [corpus], tmp_path / "base")

    base = open_base(str(tmp_path / "base"))
    assert base.tokenizer.tokenize("mesmerising") == ["mesmerising"]
    assert found.n_new_tokens == 2  # and "said"
    assert AutoModel.from_pretrained(tmp_path / "base").config.vocab_size == len(base.tokenizer)
    assert base.pooling == "mean"


def test_a_new_token_begins_as_the_mean_of_its_pieces(settings, corpus, bert, tmp_path):
    chosen = Pretraining(**{**settings, "epochs": 0.01, "learning_rate": 1e-12, "extend": 5})

    run(chosen, [corpus], tmp_path / "base")

    old, new = open_base(str(bert)).tokenizer, open_base(str(tmp_path / "base")).tokenizer
    words = weights(tmp_path / "base")["embeddings.word_embeddings.weight"].float()
    before = AutoModel.from_pretrained(bert).embeddings.word_embeddings.weight
    mean = before[old("mesmerising", add_special_tokens=False)["input_ids"]].mean(0)
    assert torch.allclose(words[new.convert_tokens_to_ids("mesmerising")], mean, atol=1e-3)


def test_going_on_starts_where_the_last_run_ended(settings, corpus, tmp_path):
    first = run(Pretraining(**settings), [corpus], tmp_path / "first")

    second = run(
        Pretraining(**{**settings, "base": str(tmp_path / "first"), "epochs": 1}), [corpus], tmp_path / "second"
    )

    assert second.before["perplexity"] == pytest.approx(first.after["perplexity"], rel=0.02)  # weights are kept in fp16


@pytest.mark.parametrize("objective", ["mlm", "replaced-tokens"])
def test_without_a_base_a_vocabulary_is_learnt_and_an_encoder_starts(objective, corpus, tmp_path):
    chosen = Pretraining(
        objective=objective, epochs=2, rows=4, length=32, vocabulary=520, width=32, layers=2, held_out=0.1
    )

    found = run(chosen, [corpus], tmp_path / "base")

    assert found.after["perplexity"] < found.before["perplexity"]
    base = open_base(str(tmp_path / "base"))
    assert (base.width, base.config.num_hidden_layers) == (32, 2)


def test_an_interrupted_run_ends_with_the_weights_of_an_undisturbed_one(settings, corpus, tmp_path, monkeypatch):
    chosen = Pretraining(**{**settings, "epochs": 6})
    run(chosen, [corpus], tmp_path / "whole")
    real, calls = torch.optim.AdamW.step, []

    def step(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 56:  # the 50 before are the new layer's
            signal.raise_signal(signal.SIGINT)
        return real(self, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(torch.optim.AdamW, "step", step)
        with pytest.raises(Interrupted, match=r"stopped after step 6 of \d+; the same command with --resume goes on"):
            run(chosen, [corpus], tmp_path / "cut")
    with pytest.raises(TrainingError, match="holds the checkpoint of an earlier run. Go on with --resume"):
        run(chosen, [corpus], tmp_path / "cut")
    with pytest.raises(TrainingError, match="a run with other settings or texts"):
        run(Pretraining(**{**settings, "epochs": 7}), [corpus], tmp_path / "cut", resume=True)

    run(chosen, [corpus], tmp_path / "cut", resume=True)

    whole, cut = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(value, cut[name]) for name, value in whole.items())


def test_the_result_is_a_base_to_train_on(settings, corpus, labelled, recipe, tmp_path):
    run(Pretraining(**{**settings, "epochs": 1}), [corpus], tmp_path / "base")
    task = {"name": "polarity", "train": labelled / "polarity.csv"}

    result = train(recipe(task, base=str(tmp_path / "base"), baseline=False, threads=1), tmp_path / "model")

    assert result.test.tasks["polarity"].figures["accuracy"].value >= 0


@pytest.mark.parametrize("name", ["roberta", "gpt2"])
def test_a_base_of_another_architecture_is_refused(name, settings, corpus, request, tmp_path):
    with pytest.raises(InputError, match=rf"its model_type is '{name}', expected 'bert'. Take a BERT-type encoder"):
        run(Pretraining(**{**settings, "base": str(request.getfixturevalue(name))}), [corpus], tmp_path / "base")


def test_a_base_with_other_layers_inside_is_refused(settings, corpus, bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}), "utf-8")

    with pytest.raises(InputError, match="its hidden_act is 'relu', expected 'gelu'"):
        run(Pretraining(**{**settings, "base": str(folder)}), [corpus], tmp_path / "base")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"objective": "clm"}, "objective 'clm' is not known; choose one of mlm, replaced-tokens"),
        ({"base": None, "extend": 5}, "needs no extension"),
        ({"held_out": 0.0}, "held_out 0.0: expected a share"),
        ({"vocabulary": 100}, "vocabulary 100: expected 262 to 65535"),
        ({"width": 100}, "width 100: expected a multiple of 32"),
        ({"epochs": 0}, "must be positive"),
    ],
)
def test_choices_that_do_not_fit_are_refused(wrong, message, settings):
    with pytest.raises(InputError, match=message):
        Pretraining(**{**settings, **wrong})


def test_a_folder_that_is_no_base_of_ours_is_left_alone(settings, corpus, tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "thesis.txt").write_text("years of work")

    with pytest.raises(InputError, match="is not a base of ours; it is left as it is"):
        run(Pretraining(**settings), [corpus], tmp_path / "base", overwrite=True)


def test_too_little_text_is_told(settings, tmp_path):
    (tmp_path / "corpus.txt").write_text("so good\n")

    with pytest.raises(TrainingError, match="give more text"):
        run(Pretraining(**settings), [tmp_path / "corpus.txt"], tmp_path / "base")
