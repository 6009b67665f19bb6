"""Texts without labels: what they add to a step, which labels they get, and runs with them."""

from __future__ import annotations

import json
import math
import signal

import numpy as np
import pytest
import torch
from test_wrappers import AROUND, Sum, batch_of, loss_at, plain
from toy import MOODS, toy_recipe

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.engine.predictor import Predictor
from sentimo.errors import DataError, Interrupted, RecipeError
from sentimo.train import run as run_module
from sentimo.train.batching import epoch_batches
from sentimo.train.check import check_parts
from sentimo.train.divergence import divergence
from sentimo.train.learner import Learner
from sentimo.train.loop import FitResult
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.objectives.step import Surroundings
from sentimo.train.recipe import AugmentMethod, dump_recipe, load_recipe, parse_recipe, with_settings
from sentimo.train.remarks import on_labelling
from sentimo.train.run import train
from sentimo.train.search import search
from sentimo.train.semi.consistency import Consistency, TextsAgree
from sentimo.train.semi.fixmatch import FixMatch
from sentimo.train.semi.pseudo import Pseudo
from sentimo.train.semi.uda import UDA

THREE = LabelSpace("three", ("a", "b", "c"))
MULTI = LabelSpace("emotions", ("anger", "joy", "fear"), "multi")
SCORE = LabelSpace("shade", ("shade",), "score", range=(0.0, 1.0))
TEXTS = [
    "the staff were kind",
    "an awful screen",
    "这本书很好，我很开心",
    "服务很差，真生气",
    "a fine day",
    "a sad night",
]


def logits(*scores):
    """Logits of binary scores."""
    return torch.tensor([[math.log(score / (1 - score)) for score in scores]])


def equal(weights, others):
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


# What a text adds, by hand. p = (0.1, 0.9) is log-odds of ln 9.


def test_fixmatch_learns_the_best_label_of_sure_texts_only():
    plain_logits = torch.tensor([[0.0, math.log(9.0)], [0.0, 0.0]])
    found = torch.tensor([[0.0, 0.7], [0.0, 0.7]])

    losses = FixMatch(certainty=0.85).losses(MOODS, found, plain_logits)

    assert losses.tolist() == pytest.approx([loss_at(0.7), 0.0])


def test_fixmatch_judges_every_label_of_several_for_itself():
    # present for sure, absent for sure, in doubt: -ln 0.5 for the first two, over three labels
    losses = FixMatch(certainty=0.9).losses(MULTI, torch.zeros(1, 3), logits(0.95, 0.02, 0.6))

    assert losses.item() == pytest.approx(2 * math.log(2) / 3, rel=1e-5)


def test_uda_learns_sharper_answers_of_sure_texts():
    plain_logits = torch.tensor([[0.0, math.log(9.0)], [0.0, 1.0]])
    found = torch.tensor([[0.0, 0.7], [0.0, 0.7]])

    losses = UDA(temperature=0.5, certainty=0.8).losses(MOODS, found, plain_logits)

    # logits doubled: 81 / 82 = 0.9878
    p, q = 81 / 82, 1 / (1 + math.exp(-0.7))
    expected = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert losses.tolist() == pytest.approx([expected, 0.0], rel=1e-5)


def test_uda_of_several_labels_and_of_a_score():
    uda = UDA(temperature=1.0, certainty=0.9)
    sharp, found = logits(0.95, 0.02, 0.6), torch.zeros(1, 3)

    kept = divergence(MULTI, found[:, :2], sharp[:, :2]).item()  # a mean over two labels, here over three
    assert uda.losses(MULTI, found, sharp).item() == pytest.approx(kept * 2 / 3, rel=1e-4)
    assert uda.losses(SCORE, torch.zeros(1, 1), logits(0.75)).item() == pytest.approx(0.25**2)
    assert FixMatch().losses(SCORE, torch.zeros(1, 1), logits(0.75)).item() == 0.0


class Far(Consistency):
    """The difference of the second logits; the other words of a text are tokens 1, 2."""

    def __init__(self, **settings):
        super().__init__(**{"weight": 1.0, "ratio": 2.0, "views": None, **settings})

    def losses(self, space, found, plain):
        return (found - plain)[:, 1].abs()


def test_only_rows_without_a_label_are_asked_anew_and_their_mean_counts_by_weight():
    # Two labelled rows and four texts, of which two are drawn per labelled row: each counts half, times the weight.
    around = Surroundings(
        AROUND.spaces, AROUND.factors, ["good film"] * 6, lambda texts: [[1, 2] for _ in texts], unlabelled=range(2, 6)
    )
    batch = batch_of([[1, 0], [1, 0], [2, 0]], rows=[0, 2, 5], has={"mood": torch.tensor([True, False, False])})
    model = Sum()

    found = TextsAgree(plain(), around, Far(weight=3.0), seed=1)(model, batch)

    # z of the other words 0.7, of the texts 0.3 and 0.4
    assert found.loss.item() == pytest.approx(loss_at(0.3) + 3.0 / 2 * (0.4 + 0.3), rel=1e-5)
    assert [len(each) for each in model.seen] == [3, 2]
    assert found.logits["mood"].shape == (3, 2)
    assert TextsAgree(plain(), around, Far(), seed=1).passes == pytest.approx(1 + 2 / 3)


def test_the_answers_to_the_texts_as_they_are_do_not_learn():
    around = Surroundings(AROUND.spaces, AROUND.factors, ["good"], lambda texts: [[1]], unlabelled=[0])
    model = Sum()
    TextsAgree(plain(), around, FixMatch(certainty=0.0), 1)(
        model, batch_of([[2]], has={"mood": torch.tensor([False])})
    ).loss.backward()

    assert model.words.weight.grad[1].abs().sum() > 0
    assert model.words.weight.grad[2].abs().sum() == 0


# Other words


def test_other_words_depend_on_text_seed_and_epoch_only():
    method = FixMatch()

    first = method.rewrite(TEXTS, seed=1, epoch=0)

    assert method.rewrite(TEXTS[::-1], seed=1, epoch=0) == first[::-1]
    assert method.rewrite(TEXTS, seed=1, epoch=1) != first
    assert method.rewrite(TEXTS, seed=2, epoch=0) != first
    assert sum(one != other for one, other in zip(first, TEXTS, strict=True)) >= 4
    assert any(one != other for one, other in zip(first[2:4], TEXTS[2:4], strict=True))  # Chinese


def test_views_are_done_one_after_the_other(tmp_path):
    words = tmp_path / "words.csv"
    words.write_text("word,synonym\nkind,nice\nnice,warm\n", "utf-8")
    view = AugmentMethod(name="synonym", share=1.0, dictionary=str(words), built_in=False)

    assert UDA(views=[view]).rewrite(["so kind"], 1, 0) == ["so nice"]
    assert UDA(views=[view, view]).rewrite(["so kind"], 1, 0) == ["so warm"]


# Drawing


def test_few_labelled_rows_are_drawn_until_each_has_no_more_than_ratio_texts():
    has_label = [True] * 10 + [False] * 300
    shares = FixMatch(ratio=2).drawn(None, has_label)

    batches = epoch_batches([5] * 310, 32, 1, 0, shares)

    n_labelled = sum(row < 10 for batch in batches for row in batch)
    assert sum(map(len, batches)) == 310  # an epoch is as many rows as there are
    assert n_labelled == pytest.approx(310 / 3, abs=10)


def test_enough_labelled_rows_are_drawn_once():
    assert FixMatch(ratio=3).drawn(None, [True] * 10 + [False] * 30) is None
    assert FixMatch(ratio=3).drawn([2.0, 1.0, 1.0], [True, True, False]) == [2.0, 1.0, 1.0]
    assert Pseudo().drawn(None, [True]) is None


def test_a_model_that_is_worse_than_the_one_that_labelled_says_so():
    fitted = FitResult([{"epoch": 1, "main": 0.5}], 0, 1, 0.0, 1, "fp32")

    assert list(on_labelling(fitted, "main", None)) == list(on_labelling(fitted, "main", 0.5)) == []
    (said,) = on_labelling(fitted, "main", 0.75)
    assert said.startswith("the model that gave labels has main 0.7500 on dev, the one that learnt from them 0.5000")


# Pseudo-labels

SCORES = np.array([[0.95, 0.03, 0.02], [0.92, 0.05, 0.03], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1]])


def test_texts_get_the_label_that_the_model_is_sure_of():
    found, told = Pseudo(certainty=0.9).label(THREE, SCORES, SCORES[:3], [0, 1, 0])

    assert [(each.row, each.target, each.among) for each in found] == [(0, 0, None), (1, 0, None)]
    assert told == (
        "2 of 5 texts get labels (a 2, b 0, c 0); of 2 labels given to dev rows with that certainty 50.0% are right"
    )


def test_balanced_keeps_the_same_share_of_what_each_label_was_given_to():
    # 2 of 5 texts are sure: of three texts called a the surest one (0.4 * 3), of two called b the surest one
    found, _ = Pseudo(certainty=0.9, balanced=True).label(THREE, SCORES, SCORES, [0] * 5)

    assert [(each.row, each.target) for each in found] == [(0, 0), (3, 1)]


def test_a_text_without_an_answer_gets_no_label():
    scores = np.array([[np.nan, np.nan, np.nan], [0.99, 0.01, 0.0]])

    for balanced in (False, True):
        found, told = Pseudo(balanced=balanced).label(THREE, scores, scores[:0], [])
        assert [each.row for each in found] == [1]
        assert "nobody knows how many are right" in told


def test_of_several_labels_those_in_doubt_are_left_out():
    scores = np.array([[0.95, 0.02, 0.5], [0.95, 0.99, 0.01], [0.01, 0.02, 0.03], [0.5, 0.6, 0.7]])

    found, told = Pseudo(certainty=0.9).label(MULTI, scores, scores[:2], [(0,), (1,)])

    assert [tuple(each) for each in found] == [(0, (0,), (0, 1)), (1, (0, 1), None)]
    assert "of 3 labels given to dev rows with that certainty 66.7% are right" in told


# Runs


@pytest.fixture
def files(labelled, tmp_path):
    """A recipe of two tasks whose texts are, but for one dev text, new; and the folder."""
    texts = tmp_path / "texts.csv"
    lines = [f"{start} {text}" for start in ("well,", "so", "and") for text in TEXTS]
    texts.write_text("text\n" + "\n".join(f'"{line}"' for line in [*lines, "THE FILM starts at nine in the evening"]))
    return texts


@pytest.fixture
def quick(multi_task, files):
    """Builds a recipe of few steps."""

    def build(semi, **settings):
        tasks = [each.model_dump() for each in multi_task.tasks if each.name in ("polarity", "emotions")]
        given = {**multi_task.model_dump(), "tasks": tasks, "epochs": 1, "batch_size": 32, "baseline": False}
        return parse_recipe({**given, "semi": {"text": str(files), **semi}, **settings})

    return build


@pytest.fixture
def no_graph(monkeypatch):
    """Leaves out what follows the training."""

    class Saved(Exception):
        pass

    kept = {}

    def save(self, learner, specs, reports, fitted):
        kept["weights"] = {name: value.clone() for name, value in learner.network.state_dict().items()}
        kept["notes"], kept["learner"] = self.notes, learner
        raise Saved

    monkeypatch.setattr(run_module._Training, "_save", save)

    def go(recipe, output, **arguments):
        with pytest.raises(Saved):
            train(recipe, output, **arguments)
        return dict(kept)

    return go


def stopped(recipe, output, at_call, monkeypatch):
    """Train and be interrupted in the n-th call of the loss of polarity."""
    calls, forward = [], CrossEntropy.forward

    def strike(self, *arguments):
        calls.append(None)
        if len(calls) == at_call:
            signal.raise_signal(signal.SIGINT)
        return forward(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(CrossEntropy, "forward", strike)
        with pytest.raises(Interrupted):
            train(recipe, output)


ALL = {
    "adapt": {"name": "lora", "rank": 4},
    "objective": ["fgm", "rdrop"],
    "augment": ["synonym"],
    "micro_tokens": 4096,
}


@pytest.mark.parametrize("method", [pytest.param("uda", marks=pytest.mark.slow), "fixmatch"])
def test_an_interrupted_run_with_everything_goes_on_to_the_same_weights(method, quick, no_graph, tmp_path, monkeypatch):
    recipe = quick({"method": method, "certainty": 0.3}, **ALL, epochs=1.4)
    undisturbed = no_graph(recipe, tmp_path / "one")

    stopped(recipe, tmp_path / "two", 30, monkeypatch)  # in the eighth step, of the second epoch: four calls a step
    resumed = no_graph(recipe, tmp_path / "two", resume=True)

    assert equal(resumed["weights"], undisturbed["weights"])
    assert len(undisturbed["learner"].around.unlabelled) == 18  # the dev text is left out


def test_texts_change_what_is_learnt(quick, no_graph, tmp_path):
    with_texts = no_graph(quick({"method": "fixmatch", "certainty": 0.3}), tmp_path / "one")["weights"]
    light = no_graph(quick({"method": "fixmatch", "certainty": 0.3, "weight": 0.1}), tmp_path / "two")["weights"]

    assert not equal(with_texts, light)


@pytest.mark.parametrize(
    "at_call", [6, pytest.param(30, marks=pytest.mark.slow)], ids=["in the first round", "after it"]
)
def test_interrupted_self_training_goes_on_to_the_same_weights(at_call, quick, no_graph, tmp_path, monkeypatch):
    recipe = quick({"method": "pseudo", "certainty": 0.34, "weight": 0.5}, **ALL)
    undisturbed = no_graph(recipe, tmp_path / "one")

    stopped(recipe, tmp_path / "two", at_call, monkeypatch)
    rounds = [each.name for each in (tmp_path / "two.checkpoint").iterdir()]
    resumed = no_graph(recipe, tmp_path / "two", resume=True)

    assert ("state.pt" in rounds) == (at_call == 30)
    assert equal(resumed["weights"], undisturbed["weights"])
    assert resumed["notes"] == undisturbed["notes"]
    assert 0.5 in resumed["learner"].rows.weight


def test_self_training_tells_what_every_round_did(quick, no_graph, tmp_path):
    found = no_graph(quick({"method": "pseudo", "certainty": 0.34, "rounds": 2, "weight": 0.5}), tmp_path / "one")

    notes = "\n".join(found["notes"])
    assert "semi pseudo: 18 texts without labels" in notes
    for number in (1, 2):
        assert f"semi pseudo, round {number}: the model that labels has main 0." in notes
        assert f"semi pseudo, round {number}: polarity: " in notes
        assert f"semi pseudo, round {number}: emotions: " in notes
    assert set(found["learner"].rows.weight.tolist()) == {1.0, 0.5}
    assert not found["learner"].around.unlabelled  # they are labelled rows now, or left out


def test_one_recipe_with_everything_trains_and_exports(quick, tmp_path):
    recipe = quick({"method": "fixmatch", "certainty": 0.5, "views": ["synonym", "delete"]}, **ALL)

    result = train(recipe, tmp_path / "model")

    assert Predictor.load(tmp_path / "model").predict(TEXTS).tasks["polarity"].scores.shape == (6, 3)
    saved = load_recipe(result.bundle.file("recipe.yaml"))
    assert saved.semi.text[0].resolve() == recipe.semi.text[0].resolve()
    assert [each.name for each in saved.semi.views] == ["synonym", "delete"]
    notes = json.loads(result.bundle.file("report.json").read_text("utf-8"))["notes"]
    assert "semi fixmatch: 18 texts without labels" in notes


def test_a_teacher_and_texts_of_its_own_learn_together(quick, no_graph, trained, tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("a text of the teacher\n" + TEXTS[0] + "\nwell, " + TEXTS[0] + "\n", "utf-8")
    teacher = {"models": str(trained.bundle.path), "text": str(own)}

    found = no_graph(quick({"method": "uda"}, teacher=teacher), tmp_path / "one")

    assert len(found["learner"].around.unlabelled) == 3 + 18 - 1  # one text stands in both
    assert found["learner"].around.lesson.wanted["polarity"].shape[0] == len(found["learner"].rows)


def test_the_vocabulary_of_an_encoder_without_pre_training_knows_the_texts(quick, no_graph, files, tmp_path):
    files.write_text("text\n" + "\n".join(["a zebra here", "the zebra there"]), "utf-8")

    found = no_graph(quick({"method": "fixmatch"}, base="textcnn", epochs=0.1), tmp_path / "one")

    assert "zebra" in found["learner"].base.tokenizer.get_vocab()


def test_texts_that_are_all_known_are_refused(quick, files, tmp_path):
    files.write_text("text\nthe film starts at nine in the evening\n", "utf-8")

    with pytest.raises(DataError, match=r"semi: every text of .*texts.csv also stands in train, dev or test"):
        train(quick({"method": "uda"}), tmp_path / "one")


def test_the_size_of_the_micro_batches_does_not_change_the_result(bert_base):
    rows = [Example(Document(text), {"mood": at % 2}) for at, text in enumerate(["a good film", "a bad film"] * 4)]
    found = []
    for tokens in (16, 4096):
        recipe = toy_recipe(
            "mood",
            micro_tokens=tokens,
            dropout=0.0,
            semi={"method": "fixmatch", "text": "a.csv", "certainty": 0.1},
            optimiser={"name": "sgd", "learning_rate": 0.05},
        )
        learner = Learner.build(recipe, bert_base, {"mood": MOODS}, {"mood": rows}, TEXTS[:2] + TEXTS[4:])
        learner.fit(None)
        found.append(learner.network.state_dict())

    assert all(torch.allclose(found[0][name], found[1][name], atol=1e-5) for name in found[0])


def test_sure_texts_teach_a_word_that_no_label_has(bert_base):
    # "good" and "bad" are labelled; "lovely" comes with "good" in the texts, "awful" with "bad".
    rows = [Example(Document(f"the {thing} was {word}"), {"mood": at}) for thing in ("film", "book", "room", "food")
            for at, word in enumerate(("bad", "good"))]  # fmt: skip
    texts = [f"the {thing} was {words}" for thing in ("hotel", "phone", "screen", "staff", "price", "story")
             for words in ("good lovely", "bad awful", "lovely good", "awful bad")]  # fmt: skip
    scores = []
    view = {"name": "delete", "share": 0.4}
    for semi, epochs in ((None, 96), ({"method": "fixmatch", "text": "a.csv", "certainty": 0.95, "views": [view]}, 24)):
        recipe = toy_recipe(
            "mood", epochs=epochs, semi=semi, dropout=0.0, pooling="mean", optimiser={"learning_rate": 2e-3}
        )
        learner = Learner.build(recipe, bert_base, {"mood": MOODS}, {"mood": rows}, texts if semi else [])
        learner.fit(None)  # both for 96 steps
        found = learner.predictor().predict(["the day was lovely", "the day was awful"]).tasks["mood"].scores
        scores.append(float(found[0, 1] - found[1, 1]))

    assert scores[0] < 0.5
    assert scores[1] > 0.9


# The recipe


def test_paths_are_relative_to_the_recipe(tmp_path):
    recipe = toy_recipe(semi={"method": "uda", "text": "a.csv", "views": [{"name": "synonym", "dictionary": "w.csv"}]})
    path = tmp_path / "recipe.yaml"
    path.write_text(dump_recipe(recipe), "utf-8")

    found = load_recipe(path).semi

    assert found.text == [tmp_path / "a.csv"]
    assert found.views[0].model_extra == {"dictionary": [str(tmp_path / "w.csv")]}


def test_settings_reach_the_method():
    given = with_settings(toy_recipe(), {"semi.method": "pseudo", "semi.text": "a.csv", "semi.certainty": 0.7})

    assert (given.semi.method, given.semi.model_extra) == ("pseudo", {"certainty": 0.7})
    assert with_settings(given, {"semi": None}).semi is None


@pytest.mark.parametrize(
    ("semi", "words"),
    [
        ("pseudo", "'semi.text' is missing"),
        ({"method": "psuedo", "text": "a.csv"}, "semi method 'psuedo' is not known.*Did you mean 'pseudo'"),
        ({"method": "pseudo", "text": []}, "semi.text"),
        ({"method": "pseudo", "text": "a.csv", "view": ["swap"]}, "semi 'pseudo' has no setting 'view'"),
        ({"method": "pseudo", "text": "a.csv", "views": ["swap"]}, "semi 'pseudo' has no setting 'views'"),
        ({"method": "pseudo", "text": "a.csv", "certainty": 0}, r"expected a certainty in \(0, 1\)"),
        ({"method": "pseudo", "text": "a.csv", "rounds": 0}, "rounds 0"),
        ({"method": "uda", "text": "a.csv", "temperature": 0}, "temperature 0 is not in"),
        ({"method": "uda", "text": "a.csv", "ratio": 0}, "ratio 0"),
        ({"method": "uda", "text": "a.csv", "certanty": 0.5}, "no setting 'certanty'. Did you mean 'certainty'"),
        ({"method": "fixmatch", "text": "a.csv", "certainty": 1}, "certainty 1 is not in"),
        ({"method": "fixmatch", "text": "a.csv", "views": ["swop"]}, "augment method 'swop' is not known"),
        ({"method": "fixmatch", "text": "a.csv", "views": [{"name": "swap", "share": 0}]}, "semi.views 'swap': share"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(semi, words):
    with pytest.raises(RecipeError, match=words):
        check_parts(toy_recipe(semi=semi))


@pytest.mark.parametrize("method", ["pseudo", "fixmatch"])
def test_a_score_alone_is_refused_where_certainty_is_needed(method, bert_base):
    recipe = toy_recipe("shade", semi={"method": method, "text": "a.csv"})
    rows = [Example(Document("good"), {"shade": 0.5})]

    with pytest.raises(RecipeError, match=f"semi {method}: shade is a score.*Use method uda"):
        Learner.build(recipe, bert_base, {"shade": SCORE}, {"shade": rows})


def test_what_learns_from_labels_alone_says_so(tmp_path):
    recipe = toy_recipe("mood", base="bilstm", semi={"method": "uda", "text": "a.csv"})

    with pytest.raises(RecipeError, match="a search learns from labelled rows alone; leave `semi` out"):
        search(recipe, tmp_path / "study")
