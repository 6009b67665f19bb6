from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from toy import mood_examples

from sentimo.core.labels import LabelSpace
from sentimo.errors import RecipeError
from sentimo.train import learning_curve as module
from sentimo.train.learner import Learner
from sentimo.train.learning_curve import Point, checked_sizes, curve_figure, learning_curve, summary
from sentimo.train.recipe import parse_recipe


@pytest.fixture
def moods(bert, tmp_path, monkeypatch):
    """A recipe of one task with 40 training and 8 test rows; small samples run for 3 steps."""
    monkeypatch.setattr(module, "MIN_STEPS", 3)
    rows = [(each.document.text, ("bad", "good")[each.targets["mood"]]) for each in mood_examples(48)]

    def make(train=rows[:40], **settings):
        parts = {"train": train, "dev": rows[40:], "test": rows[40:]}
        for part, members in parts.items():
            lines = [f"{text} {number},{label}" for number, (text, label) in enumerate(members)]
            (tmp_path / f"{part}.csv").write_text("\n".join(["text,mood", *lines]) + "\n", "utf-8")
        files = {part: tmp_path / f"{part}.csv" for part in parts}
        task = {"name": "mood", **files, "space": ["bad", "good"]}
        usual = {"base": str(bert), "batch_size": 8, "epochs": 1, "max_tokens": 32, "precision": "fp32"}
        return parse_recipe({"tasks": [task], **usual, **settings})

    return make


def test_every_size_is_measured_once_per_seed(moods):
    told = []

    curve = learning_curve(moods(), sizes=[16, 8], seeds=2, on_point=told.append)

    assert (curve.task, curve.figure) == ("mood", "macro_f1")
    assert [point.n for point in curve.points] == [8, 16]
    assert told == list(curve.points)
    assert all(len(point.model) == len(point.baseline) == 2 for point in curve.points)
    assert all(0 <= value <= 1 for point in curve.points for value in (*point.model, *point.baseline))


def test_the_same_recipe_gives_the_same_curve(moods):
    assert learning_curve(moods(), sizes=[8], seeds=1) == learning_curve(moods(), sizes=[8], seeds=1)


def test_a_smaller_sample_lies_inside_the_larger_one_and_seeds_draw_others(moods, monkeypatch):
    drawn = []
    build = Learner.build

    def watched(recipe, base, spaces, train, *others):
        drawn.append([each.document.text for each in train["mood"]])
        return build(recipe, base, spaces, train, *others)

    monkeypatch.setattr(Learner, "build", watched)
    learning_curve(moods(), sizes=[8, 16], seeds=2)

    small, other, large, _ = drawn
    assert [len(each) for each in drawn] == [8, 8, 16, 16]
    assert set(small) <= set(large)
    assert set(small) != set(other)


@pytest.mark.parametrize(("n", "epochs", "expected"), [(4, 1.0, 3.0), (16, 1.0, 1.5), (40, 2.0, 2.0)])
def test_small_samples_run_for_more_epochs(moods, monkeypatch, n, epochs, expected):
    # 3 steps at least: 4 rows are 1 step an epoch, 16 are 2; 40 rows make 5 steps an epoch, more than enough
    seen = []
    build = Learner.build
    monkeypatch.setattr(Learner, "build", lambda recipe, *others: seen.append(recipe.epochs) or build(recipe, *others))

    learning_curve(moods(epochs=epochs), sizes=[n], seeds=1)

    assert seen == [expected]


def test_a_multi_label_curve_needs_no_thresholds():
    topics = LabelSpace("topics", ("food", "room"), "multi")

    assert (curve_figure(topics), curve_figure(replace(topics, kind="single"))) == ("macro_auroc", "macro_f1")


def test_a_sample_of_one_label_has_no_baseline(moods):
    train = [(f"the film was bad {number}", "bad") for number in range(30)] + [("so good", "good")]

    (point,) = learning_curve(moods(train), sizes=[4], seeds=1).points

    assert point.baseline == ()
    assert point.to_dict()["baseline"] == {"values": [], "mean": None, "low": None, "high": None}


def test_threads_are_those_of_the_recipe(moods, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)

    learning_curve(moods(threads=1), sizes=[4], seeds=1)

    assert asked == [1]


def test_several_tasks_have_no_one_curve(recipe):
    with pytest.raises(RecipeError, match="a learning curve is for one task"):
        learning_curve(recipe("mood", "stars"))


@pytest.mark.parametrize(
    ("n_rows", "sizes"), [(100, [16, 32, 64, 100]), (64, [16, 32, 64]), (16, [16]), (5, [5]), (17, [16, 17])]
)
def test_by_default_sizes_double_up_to_all_rows(n_rows, sizes):
    assert checked_sizes(None, n_rows) == sizes


def test_given_sizes_are_sorted_and_measured_once():
    assert checked_sizes([30, 10, 30], 30) == [10, 30]


@pytest.mark.parametrize("size", [1, 0, -5, 31])
def test_a_size_outside_the_rows_is_refused(size):
    with pytest.raises(RecipeError, match=f"sizes {size}: expected 2 to 30, the number of training rows"):
        checked_sizes([10, size], 30)


def test_the_interval_is_that_of_students_t():
    # mean 0.6, standard deviation 0.1, n = 3: t(0.975, 2) = 4.3027, half width 4.3027 * 0.1 / sqrt(3) = 0.24842
    found = summary([0.5, 0.6, 0.7])

    assert found["mean"] == pytest.approx(0.6)
    assert (found["low"], found["high"]) == (pytest.approx(0.6 - 0.24842, abs=1e-5), pytest.approx(0.84842, abs=1e-5))


def test_one_value_has_no_interval():
    assert summary([0.5]) == {"mean": 0.5, "low": None, "high": None}


def test_a_point_tells_values_and_summary_of_both():
    told = Point(16, (0.5, 0.7), (0.4,)).to_dict()

    assert (told["n"], told["model"]["values"], told["baseline"]["mean"]) == (16, [0.5, 0.7], 0.4)
    assert math.isclose(told["model"]["mean"], 0.6)
