from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentimo.core.labels import INTENSITY, LabelSpace
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.evaluate.metrics import score_task
from sentimo.evaluate.report import Report
from sentimo.train.card import model_card

MOODS = LabelSpace("moods", ("bad", "good"))


@pytest.fixture
def manifest():
    return Manifest(
        name="hotel moods",
        backend="onnx",
        languages=("en", "zh"),
        tasks=(TaskSpec("mood", MOODS), TaskSpec("intensity", INTENSITY)),
        max_tokens=128,
        provenance={"base": "minilm", "seed": 13},
    )


def report(right, data="the test rows"):
    """A report on four rows of which `right` are answered rightly, half of the rows bad, half good."""
    truth = [0, 0, 1, 1]
    answers = [label if row < right else 1 - label for row, label in enumerate(truth)]
    scores = np.eye(2)[answers] * 0.8 + 0.1
    return Report("title", "model", "", data, 4, 0, {"mood": score_task(MOODS, truth, scores, n_bootstrap=0)})


def test_the_card_begins_with_the_name_and_how_to_open_it(manifest):
    card = model_card(manifest, {"mine": report(4)})

    assert card.startswith("# hotel moods\n\nA Sentimo bundle (onnx) for en, zh; open it with\n`Analyzer.load(")


def test_a_model_for_no_language_in_particular_says_so(manifest):
    assert "A Sentimo bundle (onnx) for any language;" in model_card(replace(manifest, languages=()), {"a": report(4)})


def test_every_task_has_a_line_with_its_labels(manifest):
    card = model_card(manifest, {"mine": report(4)})

    assert "| mood | single | bad, good |" in card
    assert "| intensity | score | intensity, 0 to 1 |" in card


def test_figures_stand_side_by_side_the_own_one_first(manifest):
    card = model_card(manifest, {"mine": report(4), "before": report(2), "baseline": report(3)})

    assert "On the test rows, with 95 % bootstrap intervals." in card
    assert "**mood** (4 rows)\n\n| figure | mine | before | baseline |\n| --- | --- | --- | --- |" in card
    assert "| accuracy | 1.0000 | 0.5000 | 0.7500 |" in card


def test_a_report_without_the_task_shows_a_dash(manifest):
    card = model_card(manifest, {"mine": report(4), "other": replace(report(4), tasks={})})

    assert "| accuracy | 1.0000 | - |" in card


def test_a_label_with_a_bar_does_not_break_the_table(manifest):
    task = TaskSpec("mood", LabelSpace("moods", ("bad|sad", "good")))

    assert r"| mood | single | bad\|sad, good |" in model_card(replace(manifest, tasks=(task,)), {"mine": report(4)})


def test_notes_provenance_and_what_the_author_says_are_in_it(manifest):
    card = model_card(manifest, {"mine": report(4)}, notes=["3 rows were left out"], about="\nFor hotels only.\n")

    assert "\n\nFor hotels only.\n\n## Figures" in card
    assert "## How it was made\n\n- base: minilm\n- seed: 13\n- 3 rows were left out\n- every choice: " in card


def test_a_baseline_has_no_recipe_to_point_to(manifest):
    assert "recipe.yaml" not in model_card(replace(manifest, backend="linear"), {"mine": report(4)})
