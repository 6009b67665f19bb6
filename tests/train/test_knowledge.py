"""What a lexicon tells a network, from the text to the exported bundle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy import MOODS, Toy, mood_examples, toy_recipe

from sentimo.compress.weights8 import weights8
from sentimo.core.bundle import Bundle
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.analyzer import BUILT_IN
from sentimo.engine.backends import open_backend
from sentimo.engine.backends.graph import open_reader
from sentimo.engine.knowledge import N_COLUMNS, Knowledge
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError, RecipeError
from sentimo.text.lexicon import Lexicon, built_in_lexicon
from sentimo.text.rules import Rules
from sentimo.train.backend import network_backend
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.encoder import open_base
from sentimo.train.knowledge import GatedFusion, knowledge_for, split
from sentimo.train.network import FusedNetwork, HeadedNetwork, build_network, load_network
from sentimo.train.recipe import load_recipe, parse_recipe
from sentimo.train.rows import to_rows
from sentimo.train.run import train
from sentimo.train.scratch import base_of, fingerprint

TEXTS = ["the food was good", "not good, the staff were rude!", "slow " * 60 + "good", "😀", "?"]
WORDS = Lexicon({"en": {"good": 0.6, "rude": -0.7, "slow": -0.5}})


@pytest.fixture
def knowing(bert):
    """A tiny base that reads texts by a few words."""
    return replace(open_base(str(bert)), knowledge=Knowledge(WORDS))


def test_the_gate_lets_half_through_at_zero():
    fusion = GatedFusion(2)
    for weight in fusion.parameters():
        torch.nn.init.zeros_(weight)
    fusion.project.weight.data[0, 0] = 1.0  # tanh(0.5) = 0.4621172, and sigmoid(0) = 0.5
    features = torch.zeros(1, N_COLUMNS)
    features[0, 0] = 0.5
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])

    found = fusion(hidden, torch.ones(1, 2), features)

    assert found.tolist() == [[[pytest.approx(1.2310586), 2.0], [pytest.approx(3.2310586), 4.0]]]


def test_the_gate_does_not_see_padding():
    fusion, features = GatedFusion(2), torch.ones(1, N_COLUMNS)
    short = fusion(torch.tensor([[[1.0, 2.0]]]), torch.ones(1, 1), features)
    padded = fusion(torch.tensor([[[1.0, 2.0], [9.0, 9.0]]]), torch.tensor([[1.0, 0.0]]), features)

    assert torch.allclose(short[0, 0], padded[0, 0])


def test_columns_are_the_features_in_thousandths():
    columns = Knowledge(WORDS).columns("not good")

    assert columns == [round(1000 * each) for each in Rules(WORDS).read("not good").features]
    features, ids, mask = split(torch.tensor([[*columns, 7, 8]]), torch.ones(1, N_COLUMNS + 2))
    assert features[0].tolist() == pytest.approx([each / 1000 for each in columns])
    assert (ids.tolist(), mask.tolist()) == ([[7, 8]], [[1.0, 1.0]])


def test_training_reads_what_the_engine_reads_first(knowing):
    backend = network_backend(torch.nn.Identity(), knowing, 32)

    for text, prepared, ids in zip(TEXTS, backend.prepare(TEXTS), knowing.encode(TEXTS, 32), strict=True):
        assert prepared.windows[0].features == ids, text
        assert ids[:N_COLUMNS] == knowing.knowledge.columns(text[: prepared.windows[0].end])


def test_every_window_has_its_own_features(knowing):
    (prepared,) = network_backend(torch.nn.Identity(), knowing, 32).prepare([TEXTS[2]])

    first, last = prepared.windows[0].features, prepared.windows[-1].features
    assert first[0] < 0 < last[3]  # all slow; and "good" at the end of the text is the strongest praise there


def test_a_network_answers_the_same_whatever_shares_its_batch(knowing):
    network = build_network(knowing, {"mood": MOODS}, toy_recipe(knowledge="lexicon")).eval()
    backend = network_backend(network, knowing, 32)
    windows = [each.windows[0].features for each in backend.prepare(TEXTS[:3])]

    together = backend.run(windows)["mood"]
    alone = np.concatenate([backend.run([each])["mood"] for each in windows])
    assert np.allclose(together, alone, atol=1e-5)


def test_the_words_move_the_answer_and_the_gate_learns(knowing):
    network = build_network(knowing, {"mood": MOODS}, toy_recipe(knowledge="lexicon"))
    before = network.fusion.gate.weight.detach().clone()
    rows = to_rows(mood_examples(8), {"mood": MOODS}, knowing, 32)
    ids = torch.tensor(rows.ids[1]).unsqueeze(0)  # "good"
    blind = ids.clone()
    blind[:, :N_COLUMNS] = 0
    network.eval()
    assert not torch.equal(network(ids, torch.ones_like(ids))["mood"], network(blind, torch.ones_like(ids))["mood"])

    toy = Toy(knowing, knowledge="lexicon", freeze="encoder").fit(evaluate=None)

    assert isinstance(toy.network, FusedNetwork)
    assert not torch.equal(toy.network.fusion.gate.weight, before)


def test_a_resumed_run_ends_with_the_same_weights(knowing, tmp_path):
    whole = Toy(knowing, knowledge="lexicon", epochs=2).fit(evaluate=None)
    recipe = toy_recipe(knowledge="lexicon", epochs=2)
    checkpoints = Checkpoints.beside(tmp_path / "m", recipe, "")
    Toy(knowing, knowledge="lexicon", epochs=2).fit(evaluate=None, checkpoints=checkpoints)
    again = Toy(knowing, knowledge="lexicon", epochs=2).fit(evaluate=None, checkpoints=checkpoints, resume=True)

    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


def test_other_words_are_another_run(bert):
    one = base_of(toy_recipe(base=str(bert), knowledge="lexicon"), [])

    assert fingerprint(one) == built_in_lexicon().digest
    assert fingerprint(base_of(toy_recipe(base=str(bert)), [])) == ""


def test_without_knowledge_nothing_changes(bert):
    base = base_of(toy_recipe(base=str(bert)), [])

    assert base.knowledge is None
    assert type(build_network(base, {"mood": MOODS}, toy_recipe(pooling="mean"))) is HeadedNetwork


def test_a_list_of_the_user_counts_before_ours(tmp_path):
    (tmp_path / "mine.csv").write_text("word,valence\ngood,-1\nfrobbly,0.5\n", "utf-8")
    (tmp_path / "r.yaml").write_text("tasks: [{name: mood, train: a.csv}]\nknowledge: {file: mine.csv}\n", "utf-8")
    words = knowledge_for(load_recipe(tmp_path / "r.yaml")).lexicon.words["en"]

    assert (words["good"], words["frobbly"], words["awful"]) == (-1.0, 0.5, -0.9)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"knowledge": "lexikon"}, "knowledge.name"),
        ({"knowledge": {"fil": "a.csv"}}, "unknown key 'knowledge.fil'. Did you mean 'file'"),
        ({"knowledge": {"built_in": False}}, "built_in false leaves no word"),
        ({"knowledge": {"file": "a", "format": "vadr"}}, "Did you mean 'vader'"),
        ({"knowledge": "lexicon", "pooling": "native"}, "knowledge needs heads of our own"),
    ],
)
def test_wrong_recipes_are_told(settings, says):
    with pytest.raises(RecipeError, match=says):
        parse_recipe({"tasks": [{"name": "mood", "train": "a.csv"}], **settings})


@pytest.fixture(scope="module")
def fused(labelled, encoder, tmp_path_factory):
    """A model with knowledge and an attention head, trained, exported and proven by its probes."""
    recipe = parse_recipe(
        {
            "name": "fused",
            "base": str(encoder),
            "tasks": [
                {"name": "polarity", "train": labelled / "polarity.csv", "space": "polarity-3", "head": "attention"},
                {"name": "stars", "train": labelled / "stars.csv", "kind": "ordinal"},
            ],
            "knowledge": "lexicon",
            "max_tokens": 32,
            "batch_size": 8,
            "epochs": 2,
            "optimiser": {"learning_rate": 1e-3},
            "precision": "fp32",
            "threads": 1,
            "baseline": False,
        }
    )
    return train(recipe, tmp_path_factory.mktemp("fused") / "model").bundle


def scores(predictor, texts=TEXTS):
    return {name: task.scores for name, task in predictor.predict(texts).tasks.items()}


def test_a_bundle_holds_its_words_and_says_so(fused):
    assert {"lexicon.json", "knowledge.safetensors", "heads.safetensors"} <= set(fused.files)
    assert fused.manifest.settings["knowledge"] == N_COLUMNS
    reader = open_reader(fused)
    assert reader.prepare(["good"])[0].windows[0].features[:N_COLUMNS] == Knowledge(built_in_lexicon()).columns("good")


def test_every_way_to_run_it_gives_the_same_scores(fused):
    graph, torch_ = scores(Predictor.load(fused.path)), scores(Predictor.load(fused.path, backend="torch"))
    base = replace(open_base(str(fused.path)), knowledge=Knowledge(built_in_lexicon()))
    network = load_network(base, {task.name: task.space for task in fused.manifest.tasks})
    loaded = Predictor(network_backend(network, base, 32), fused.manifest.tasks, ModelId("loaded", ""))

    for task, expected in graph.items():
        assert np.allclose(expected, torch_[task], atol=1e-4)
        assert np.allclose(expected, scores(loaded)[task], atol=1e-4)


def test_the_words_in_the_bundle_decide(fused, tmp_path):
    draft = tmp_path / "other"
    draft.mkdir()
    fused.copy_to(draft)
    (draft / "lexicon.json").write_text(Lexicon({"en": {"good": -1.0}}).to_json(), "utf-8")
    other = Bundle(draft, fused.manifest, "", fused.files)
    specs: tuple[TaskSpec, ...] = fused.manifest.tasks
    plain = scores(Predictor.load(fused.path), ["good"])["polarity"]

    assert not np.allclose(plain, scores(Predictor(open_backend(other), specs, ModelId("o", "")), ["good"])["polarity"])


def test_attention_is_told_of_tokens_alone(fused):
    (places,) = Predictor.load(fused.path).attention("I love this hotel").values()

    assert [("I love this hotel")[start:end] for start, end, _ in places] == ["I", "love", "this", "hotel"]
    assert 0 < sum(weight for *_, weight in places) <= 1.0001


def test_eight_bit_weights_keep_the_knowledge(fused, material_of_texts, tmp_path):
    small = weights8(fused, tmp_path / "small", material_of_texts)

    exact, found = scores(Predictor.load(fused.path)), scores(Predictor.load(small.path))
    assert np.abs(exact["polarity"] - found["polarity"]).max() < 0.05
    assert small.manifest.settings["knowledge"] == N_COLUMNS


@pytest.fixture
def material_of_texts():
    from sentimo.compress.material import Material

    return Material({})


def test_heads_that_are_kept_keep_their_knowledge(fused):
    kept = toy_recipe(base=str(fused.path), keep_heads=True)

    assert knowledge_for(kept).lexicon == built_in_lexicon()


def test_heads_without_knowledge_cannot_get_it():
    with pytest.raises(RecipeError, match="trained without it; leave out keep_heads"):
        knowledge_for(toy_recipe(base=str(BUILT_IN / "en"), keep_heads=True, knowledge="lexicon"))


def test_other_programs_are_not_given_half_a_model(fused, tmp_path):
    from sentimo.compress.export import export
    from sentimo.train.pipeline import HuggingFacePipeline

    with pytest.raises(InputError, match="it runs in Sentimo"):
        export(fused.path, tmp_path / "out", "onnx")
    with pytest.raises(BundleError, match="no Hugging Face pipeline"):
        HuggingFacePipeline(fused)
