from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import AlbertConfig, AlbertModel, AutoModel, AutoModelForSequenceClassification

from sentimo.core.labels import LabelSpace
from sentimo.errors import RecipeError
from sentimo.train.encoder import open_base
from sentimo.train.heads.attention import AttentionHead
from sentimo.train.heads.linear import LinearHead
from sentimo.train.network import HeadedNetwork, NativeNetwork, build_network, choose_pooling, depth_of

ATTENTION = {"name": "mood", "head": "attention"}


@pytest.fixture
def build(recipe, spaces):
    def make(base, *tasks, **settings):
        wanted = recipe(*tasks, **settings)
        return build_network(base, {task.name: spaces[task.name] for task in wanted.tasks}, wanted).eval()

    return make


@pytest.fixture
def albert(bert, tmp_path):
    """A base whose one layer runs three times."""
    folder = shutil.copytree(bert, tmp_path / "albert")
    vocabulary_size = open_base(str(bert)).config.vocab_size
    sizes = {"hidden_size": 32, "embedding_size": 16, "num_attention_heads": 2, "intermediate_size": 64}
    AlbertModel(AlbertConfig(vocab_size=vocabulary_size, num_hidden_layers=3, **sizes)).save_pretrained(folder)
    return open_base(str(folder))


def batch_of(base, *texts):
    ids = base.encode(texts, 32)
    longest = max(map(len, ids))
    filled = torch.tensor([[*row, *[base.pad_id] * (longest - len(row))] for row in ids])
    return filled, torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])


def learning(network):
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


BASES = ["bert_base", "roberta_base", "gpt2_base"]
HEADS = [["mood"], ["mood", "emotions", "stars", "intensity"], [ATTENTION, "emotions"]]


@pytest.mark.parametrize("tasks", HEADS, ids=["one task", "four tasks", "attention"])
@pytest.mark.parametrize("name", BASES)
def test_every_task_gets_a_logit_per_label(name, tasks, build, spaces, request):
    base = request.getfixturevalue(name)
    network = build(base, *tasks)

    logits = network(*batch_of(base, "good film", "the hotel was so slow and dirty", ""))

    assert {task: each.shape for task, each in logits.items()} == {task: (3, len(spaces[task])) for task in logits}
    assert list(logits) == [task if isinstance(task, str) else task["name"] for task in tasks]
    assert all(each.isfinite().all() for each in logits.values())


@pytest.mark.parametrize("tasks", [["mood"], [ATTENTION]], ids=["linear", "attention"])
@pytest.mark.parametrize("name", BASES)
def test_the_answer_does_not_depend_on_the_padding(name, tasks, build, request):
    base = request.getfixturevalue(name)
    network = build(base, *tasks)

    alone = network(*batch_of(base, "good film"))["mood"][0]
    beside = network(*batch_of(base, "good film", "the hotel was so slow and dirty"))["mood"][0]

    assert torch.allclose(alone, beside, atol=1e-5)


@pytest.mark.parametrize("tasks", [["mood"], [ATTENTION]], ids=["linear", "attention"])
def test_the_seed_draws_the_heads(tasks, build, bert_base):
    batch = batch_of(bert_base, "good film")

    first, same, other = (build(bert_base, *tasks, seed=seed)(*batch)["mood"] for seed in (1, 1, 2))

    assert torch.equal(first, same)
    assert not torch.allclose(first, other)


# How linear heads see a text


def test_plain_linear_heads_are_those_of_transformers(build, bert_base):
    assert isinstance(build(bert_base, "mood", "emotions"), NativeNetwork)


@pytest.mark.parametrize(
    ("tasks", "settings", "pooling"),
    [
        (["mood"], {}, "native"),
        (["mood"], {"pooling": "first"}, "first"),
        ([ATTENTION, "emotions"], {}, "mean"),
        ([{"name": "mood", "head": {"name": "linear", "pooling": "last"}}], {}, "mean"),
    ],
)
def test_an_encoder_is_read_natively_unless_a_head_is_special(tasks, settings, pooling, recipe, bert_base):
    assert choose_pooling(bert_base, recipe(*tasks, **settings)) == pooling


def test_a_decoder_is_read_at_its_last_token(build, recipe, gpt2_base):
    assert choose_pooling(gpt2_base, recipe()) == "last"
    network = build(gpt2_base, "mood")
    ids, mask = batch_of(gpt2_base, "so good", "the hotel was so slow")

    logits = network(ids, mask)["mood"]

    hidden = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    last = torch.stack([hidden[0, len("so good") - 1], hidden[1, len("the hotel was so slow") - 1]])
    assert torch.allclose(logits, network.heads["head_mood"].output(last))


def test_a_decoder_has_no_native_reading(build, gpt2_base):
    # transformers would look for the last token by its id, and a decoder's padding token is often its end of text.
    with pytest.raises(RecipeError, match=r"pooling native: base .* has no sequence classification"):
        build(gpt2_base, "mood", pooling="native")


def test_the_settings_of_a_head_come_from_the_recipe(build, bert_base):
    network = build(
        bert_base,
        {"name": "mood", "head": {"name": "attention", "size": 7}},
        {"name": "emotions", "head": {"name": "linear", "pooling": "first"}},
        "stars",
        dropout=0.25,
        pooling="last",
    )

    assert isinstance(network.heads["head_mood"], AttentionHead)
    assert network.heads["head_mood"].project.out_features == 7
    assert network.heads["head_emotions"].pooling == "first"
    assert network.heads["head_stars"].pooling == "last"
    assert {head.dropout.p for head in network.heads.values()} == {0.25}


def test_a_wrong_setting_of_a_head_is_refused(build, bert_base):
    with pytest.raises(RecipeError, match=r"head 'attention' has no setting 'siz'. Did you mean 'size'"):
        build(bert_base, {"name": "mood", "head": {"name": "attention", "siz": 7}})


@pytest.mark.parametrize("name", ["type", "values", "train", "forward", "embed", "layer", "pooler-2"])
def test_a_task_may_be_called_like_a_part_of_a_network(name, recipe, bert_base):
    wanted = recipe({"name": name, "head": "attention"}, freeze="encoder")
    network = build_network(bert_base, {name: LabelSpace(name, ("a", "b"))}, wanted)

    assert list(network(*batch_of(bert_base, "good"))) == [name]
    assert all(parameter.requires_grad for parameter in network.heads.parameters())


# Saving


@pytest.mark.parametrize("name", ["bert_base", "roberta_base"])
def test_a_native_network_opens_in_plain_transformers_with_equal_logits(name, build, request, tmp_path):
    base = request.getfixturevalue(name)
    network, batch = build(base, "mood", "emotions"), batch_of(base, "good film", "slow")
    network.save(tmp_path)

    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()

    logits = plain(input_ids=batch[0], attention_mask=batch[1]).logits
    assert torch.equal(logits, torch.cat(list(network(*batch).values()), dim=1))
    names = plain.config.id2label.values()
    assert list(names) == ["mood/bad", "mood/good", "emotions/anger", "emotions/joy", "emotions/fear"]
    assert (tmp_path / "model.safetensors").is_file()


def test_the_labels_of_a_single_task_are_saved_as_they_are(build, bert_base, tmp_path):
    build(bert_base, "mood").save(tmp_path)

    assert json.loads((tmp_path / "config.json").read_text())["id2label"] == {"0": "bad", "1": "good"}


@pytest.mark.parametrize("name", BASES)
def test_a_headed_network_is_built_again_from_what_it_saved(name, build, request, tmp_path):
    base = request.getfixturevalue(name)
    network, batch = build(base, ATTENTION, "emotions"), batch_of(base, "good film", "slow")
    network.save(tmp_path)

    plain = AutoModel.from_pretrained(tmp_path).eval()
    hidden = plain(input_ids=batch[0], attention_mask=batch[1]).last_hidden_state
    settings = json.loads((tmp_path / "heads.json").read_text())
    weights = load_file(tmp_path / "heads.safetensors")

    assert settings["mood"] == {"name": "attention"}
    assert settings["emotions"]["name"] == "linear"
    heads = {"mood": AttentionHead(32, 2), "emotions": LinearHead(32, 3, pooling=settings["emotions"]["pooling"])}
    for task, head in heads.items():
        prefix = f"{task}."
        head.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
        assert torch.allclose(head.eval()(hidden, batch[1]), network(*batch)[task], atol=1e-6)


# What learns


def test_everything_learns_unless_the_recipe_says_otherwise(build, bert_base):
    network = build(bert_base, "mood")

    assert learning(network) == {name for name, _ in network.named_parameters()}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("tasks", [["mood"], [ATTENTION]], ids=["linear", "attention"])
def test_every_parameter_that_learns_has_a_gradient(name, tasks, build, request):
    # Several processes wait for the gradient of each of them.
    base = request.getfixturevalue(name)
    network = build(base, *tasks)
    network(*batch_of(base, "good film"))["mood"].square().sum().backward()

    assert [each for each, p in network.named_parameters() if p.requires_grad and p.grad is None] == []


@pytest.mark.parametrize("name", BASES)
def test_with_a_frozen_encoder_only_what_follows_learns(name, build, request):
    base = request.getfixturevalue(name)

    assert learning(build(base, ATTENTION, freeze="encoder")) == {
        "heads.head_mood.project.weight",
        "heads.head_mood.project.bias",
        "heads.head_mood.relevance.weight",
        "heads.head_mood.output.weight",
        "heads.head_mood.output.bias",
    }


def test_with_a_frozen_encoder_a_native_pooler_and_classifier_learn(build, bert_base):
    assert learning(build(bert_base, "mood", freeze="encoder")) == {
        "encoder.bert.pooler.dense.weight",
        "encoder.bert.pooler.dense.bias",
        "encoder.classifier.weight",
        "encoder.classifier.bias",
    }


def test_with_frozen_embeddings_the_layers_learn(build, bert_base, gpt2_base):
    encoder, decoder = (build(base, "mood", freeze="embeddings") for base in (bert_base, gpt2_base))

    for network, mark in ((encoder, ".embeddings."), (decoder, ".wte.")):
        assert {name for name in learning(network) if mark in name} == set()
    assert {name for name, _ in encoder.named_parameters()} - learning(encoder) == {
        f"encoder.bert.embeddings.{part}"
        for part in (
            "word_embeddings.weight",
            "position_embeddings.weight",
            "token_type_embeddings.weight",
            "LayerNorm.weight",
            "LayerNorm.bias",
        )
    }
    assert {name for name, _ in decoder.named_parameters()} - learning(decoder) == {
        "encoder.wte.weight",
        "encoder.wpe.weight",
    }


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("bert_base", "encoder.bert.encoder.layer.0.", "encoder.bert.encoder.layer.1."),
        ("gpt2_base", "encoder.h.0.", "encoder.h.1."),
    ],
)
def test_the_last_layers_learn_alone(name, first, last, build, request):
    network = build(request.getfixturevalue(name), "mood", train_last=1)

    learns = learning(network)

    assert not any(each.startswith(first) or "embed" in each or ".wte." in each for each in learns)
    assert {each for each, _ in network.named_parameters() if each.startswith(last)} <= learns


def test_a_shared_layer_counts_as_the_last_one(build, albert):
    assert not any("albert_layers" in name for name in learning(build(albert, "mood", freeze="encoder")))
    assert any("albert_layers" in name for name in learning(build(albert, "mood", train_last=1)))


@pytest.mark.parametrize(
    ("name", "depths"),
    [
        (
            "bert_base",
            {
                "encoder.bert.embeddings.word_embeddings.weight": 0,
                "encoder.bert.embeddings.LayerNorm.bias": 0,
                "encoder.bert.encoder.layer.0.attention.self.query.weight": 1,
                "encoder.bert.encoder.layer.1.output.dense.bias": 2,
                "encoder.bert.pooler.dense.weight": None,
                "encoder.classifier.weight": None,
            },
        ),
        (
            "roberta_base",
            {"encoder.roberta.encoder.layer.1.output.dense.bias": 2, "encoder.classifier.dense.bias": None},
        ),
        (
            "gpt2_base",
            {
                "encoder.wte.weight": 0,
                "encoder.wpe.weight": 0,
                "encoder.h.0.attn.c_attn.weight": 1,
                "encoder.h.1.mlp.c_fc.bias": 2,
                "encoder.ln_f.weight": 2,
                "heads.head_mood.output.weight": None,
            },
        ),
    ],
)
def test_the_depth_of_a_parameter_is_its_layer(name, depths, build, request):
    network = build(request.getfixturevalue(name), "mood")

    assert depths.keys() <= dict(network.named_parameters()).keys()
    assert {each: depth_of(each, 2, network) for each in depths} == depths


def test_a_headed_network_has_the_depths_of_its_encoder(build, bert_base):
    network = build(bert_base, ATTENTION)

    assert isinstance(network, HeadedNetwork)
    assert depth_of("encoder.encoder.layer.1.output.dense.bias", 2, network) == 2
    assert depth_of("encoder.embeddings.word_embeddings.weight", 2, network) == 0
    assert depth_of("heads.head_mood.project.weight", 2, network) is None


def test_more_layers_than_the_base_has_cannot_learn(bert_base, recipe, spaces):
    with pytest.raises(RecipeError, match="train_last is 9; the base has 2 layers"):
        build_network(bert_base, {"mood": spaces["mood"]}, recipe("mood", train_last=9))
