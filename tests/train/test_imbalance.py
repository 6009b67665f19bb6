"""One switch makes rare labels count, in four ways."""

from __future__ import annotations

import json
import math
import signal
from collections import Counter

import pytest
import torch
from toy import MOODS, Striking, toy_recipe

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.errors import Interrupted, RecipeError
from sentimo.train.batching import epoch_batches
from sentimo.train.check import check_parts
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.learner import Learner
from sentimo.train.objectives.adjusted import LogitAdjusted
from sentimo.train.objectives.asymmetric import Asymmetric
from sentimo.train.objectives.bce import BinaryCrossEntropy
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.objectives.focal import Focal
from sentimo.train.recipe import parse_recipe
from sentimo.train.run import train
from sentimo.train.weighting import build_objective, drawing, rare_labels

EMOTIONS = LabelSpace("emotions", ("anger", "joy", "fear"), "multi")
STARS = LabelSpace("stars", ("1", "2", "3"), "ordinal")
SHADE = LabelSpace("shade", ("shade",), "score", range=(0.0, 1.0))


def task(imbalance, **settings):
    return toy_recipe({"name": "mood", "imbalance": imbalance, **settings}).tasks[0]


def examples(*targets, name="mood"):
    return [Example(Document("a film"), {} if target is None else {name: target}) for target in targets]


# The objective


def test_adjusted_logits_are_raised_by_the_prior():
    objective = LogitAdjusted(CrossEntropy(), [math.log(0.75), math.log(0.25)])

    # At equal logits the labels are as likely as they are frequent.
    losses = objective(torch.zeros(2, 2), torch.tensor([0, 1]))

    assert losses.tolist() == pytest.approx([-math.log(0.75), -math.log(0.25)])


def test_adjusted_logits_of_several_labels_are_raised_by_their_log_odds():
    objective = LogitAdjusted(BinaryCrossEntropy(), [math.log(0.2 / 0.8)])

    assert objective(torch.zeros(1, 1), torch.ones(1, 1)).item() == pytest.approx(-math.log(0.2))


@pytest.mark.parametrize(
    ("space", "imbalance", "kind"),
    [
        (MOODS, "none", CrossEntropy),
        (MOODS, "weights", CrossEntropy),
        (MOODS, "sampling", CrossEntropy),
        (MOODS, "logit-adjustment", LogitAdjusted),
        (MOODS, "focal", Focal),
        (STARS, "focal", Focal),
        (EMOTIONS, "focal", Asymmetric),
        (EMOTIONS, "logit-adjustment", LogitAdjusted),
    ],
)
def test_the_switch_chooses_the_objective(space, imbalance, kind):
    targets = [(0,), (1, 2)] if space is EMOTIONS else [0, 1]

    assert isinstance(build_objective(task(imbalance), space, examples(*targets)), kind)


def test_weights_are_balanced_unless_they_are_given():
    balanced = build_objective(task("weights"), MOODS, examples(0, 0, 0, 1))
    given = build_objective(task("weights", objective={"name": "focal", "weight": [1, 5]}), MOODS, examples(0, 0, 0, 1))

    assert balanced.weight.tolist() == pytest.approx([4 / 6, 2.0])
    assert given.weight.tolist() == [1.0, 5.0]


def test_focal_keeps_the_settings_of_a_focal_objective():
    found = build_objective(task("focal", objective={"name": "focal", "gamma": 1.0}), MOODS, examples(0, 1))

    assert found.gamma == 1.0


@pytest.mark.parametrize(
    ("space", "settings", "words"),
    [
        (STARS, {"imbalance": "focal", "objective": {"name": "ordinal", "weight": "balanced"}}, "Leave one out"),
        (EMOTIONS, {"imbalance": "weights", "objective": "asymmetric"}, "has no setting 'weight'"),
        (SHADE, {"imbalance": "sampling"}, "'mood' is a score, which has no labels: imbalance sampling cannot work"),
    ],
)
def test_a_switch_that_cannot_work_is_refused(space, settings, words):
    with pytest.raises(RecipeError, match=words):
        build_objective(toy_recipe({"name": "mood", **settings}).tasks[0], space, [])


@pytest.mark.parametrize("imbalance", ["none", "weights", "sampling", "logit-adjustment", "focal"])
def test_a_recipe_with_the_switch_is_checked_without_data(imbalance):
    check_parts(toy_recipe({"name": "mood", "imbalance": imbalance}))


def test_an_unknown_switch_is_refused():
    with pytest.raises(RecipeError, match=r"tasks.0.imbalance: .*'weights', 'sampling'"):
        task("weight")


# Drawing


def test_rows_are_drawn_by_how_rare_their_label_is():
    # n / (n_labels * n_label): 5 / (2 * 4) and 5 / (2 * 1); a row without a label as any row
    drawn = drawing([task("sampling")], {"mood": MOODS}, examples(0, 0, 0, 0, 1, None))

    assert drawn == pytest.approx([0.625] * 4 + [2.5, 1.0])


def test_a_row_with_several_labels_is_drawn_by_the_rarest():
    # rows 4, anger 2, joy 1, fear 0: 4 / (3 * 2), 4 / 3; without a label 1
    drawn = drawing([task("sampling")], {"mood": EMOTIONS}, examples((0,), (0, 1), (), ()))

    assert drawn == pytest.approx([2 / 3, 4 / 3, 1.0, 1.0])


def test_without_the_switch_every_row_is_drawn_once():
    assert drawing([task("weights")], {"mood": MOODS}, examples(0, 1)) is None


def test_an_epoch_of_draws_is_as_long_and_holds_each_row_as_often_as_its_share_says():
    shares = [0.5] * 90 + [5.5] * 10  # sum 100, as many as rows

    counts = Counter(row for batch in epoch_batches([1] * 100, 8, 1, 0, shares) for row in batch)

    assert counts.total() == 100
    assert all(counts[row] in (0, 1) for row in range(90))
    assert all(counts[row] in (5, 6) for row in range(90, 100))


def test_draws_depend_on_seed_and_epoch_only():
    shares = [1.0, 2.0, 3.0] * 20

    first = epoch_batches([1] * 60, 8, 1, 0, shares)

    assert epoch_batches([1] * 60, 8, 1, 0, shares) == first
    assert epoch_batches([1] * 60, 8, 1, 1, shares) != first


def test_over_epochs_every_row_is_drawn():
    shares = [0.25] * 40 + [3.0] * 10

    seen = {row for epoch in range(30) for batch in epoch_batches([1] * 50, 8, 1, epoch, shares) for row in batch}

    assert seen == set(range(50))


# Learning


@pytest.fixture
def learner(bert_base):
    """Builds a learner of 40 equal texts, of which 4 are good."""

    def build(imbalance, **settings):
        recipe = toy_recipe(
            {"name": "mood", "imbalance": imbalance},
            **{"epochs": 8, "dropout": 0.0, "optimiser": {"learning_rate": 3e-3}, **settings},
        )
        rows = examples(*[int(at < 4) for at in range(40)])
        return Learner.build(recipe, bert_base, {"mood": MOODS}, {"mood": rows})

    return build


@pytest.mark.parametrize(
    ("imbalance", "low", "high"),
    [("none", 0.02, 0.2), ("weights", 0.35, 0.65), ("sampling", 0.35, 0.65), ("logit-adjustment", 0.35, 0.65)],
)
def test_a_text_that_tells_nothing_is_answered_as_often_as_labels_are_meant_to_count(learner, imbalance, low, high):
    made = learner(imbalance)
    made.fit(None)

    good = made.predictor().predict(["a film"]).tasks["mood"].scores[0, 1]

    assert low < good < high


def test_an_interrupted_run_that_draws_goes_on_to_the_same_weights(learner, tmp_path):
    checkpoints = Checkpoints(tmp_path / "toy.checkpoint", "toy")
    undisturbed = learner("sampling", epochs=2)
    undisturbed.fit(None)

    stopped = learner("sampling", epochs=2)
    stopped.objectives["mood"] = Striking(7, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(Interrupted):
        stopped.fit(None, checkpoints=checkpoints)
    resumed = learner("sampling", epochs=2)
    resumed.fit(None, checkpoints=checkpoints, resume=True)

    one, other = undisturbed.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


# The report


def test_labels_with_less_than_half_of_an_even_share_are_rare():
    assert rare_labels(MOODS, [0] * 8 + [1] * 2) == {"good": 2}
    assert rare_labels(MOODS, [0] * 6 + [1] * 4) == {}
    assert rare_labels(SHADE, [0.5]) == {}


def test_a_run_tells_the_recall_of_rare_labels(multi_task, tmp_path):
    data = multi_task.model_dump()
    data["tasks"] = [{**data["tasks"][1], "imbalance": "logit-adjustment"}]

    result = train(parse_recipe({**data, "epochs": 1, "baseline": False}), tmp_path / "model")

    notes = json.loads(result.bundle.file("report.json").read_text("utf-8"))["notes"]
    (told,) = [note for note in notes if "recall of rare labels" in note]
    assert told.startswith("emotions: recall of rare labels with imbalance logit-adjustment: ")
    assert " rows of train, " in told
