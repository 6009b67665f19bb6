from __future__ import annotations

from dataclasses import replace

import pytest

from sentimo.core.documents import Document, Example
from sentimo.train.rows import merge, to_rows


def example(text, weight=1.0, source="gold", **targets):
    return Example(Document(text), targets, weight, source)


def found(examples):
    return [(each.document.text, dict(each.targets)) for each in examples]


def test_a_text_of_two_tasks_is_read_once():
    merged = merge({"mood": [example("a", mood=1), example("b", mood=0)], "stars": [example("b", stars=4)]})

    assert found(merged) == [("a", {"mood": 1}), ("b", {"mood": 0, "stars": 4})]


def test_rows_repeated_within_a_task_stay_separate():
    merged = merge(
        {
            "mood": [example("a", mood=1), example("a", mood=0)],
            "stars": [example("a", stars=2), example("a", stars=3), example("a", stars=4)],
        }
    )

    assert found(merged) == [("a", {"mood": 1, "stars": 2}), ("a", {"mood": 0, "stars": 3}), ("a", {"stars": 4})]


def test_rows_of_different_weight_or_source_stay_separate():
    merged = merge(
        {
            "mood": [example("a", mood=1), example("b", mood=1)],
            "stars": [example("a", weight=0.3, stars=2), example("b", source="pseudo", stars=2)],
        }
    )

    assert sorted((each.document.text, each.weight, each.source) for each in merged) == [
        ("a", 0.3, "gold"),
        ("a", 1.0, "gold"),
        ("b", 1.0, "gold"),
        ("b", 1.0, "pseudo"),
    ]


def test_one_task_is_left_as_it_is():
    rows = [example("a", mood=1), example("a", mood=1), example("b", mood=0)]

    assert merge({"mood": rows}) == rows


@pytest.fixture
def rows(bert_base, recipe, spaces):
    def make(*examples, **settings):
        return to_rows(examples, spaces, bert_base, recipe(*spaces, **settings).max_tokens)

    return make


def test_targets_take_the_form_of_their_kind(rows):
    made = rows(example("good", mood=1, stars=4, emotions=(0, 2), intensity=3.0))

    assert made.targets["mood"].tolist() == [1]
    assert made.targets["stars"].tolist() == [4]
    assert made.targets["emotions"].tolist() == [[1.0, 0.0, 1.0]]
    assert made.targets["intensity"].tolist() == [0.75]  # 3 of the range 0 to 4


def test_a_row_without_a_target_is_told_from_one_with_the_first_label(rows):
    made = rows(example("good", mood=0, emotions=()), example("bad", stars=0, intensity=0.0))

    assert {task: has.tolist() for task, has in made.has.items()} == {
        "mood": [True, False],
        "emotions": [True, False],
        "stars": [False, True],
        "intensity": [False, True],
    }
    assert all(len(targets) == 2 for targets in made.targets.values())


def test_a_score_outside_its_range_is_taken_to_the_edge(rows):
    assert rows(example("a", intensity=-1.0), example("b", intensity=9.0)).targets["intensity"].tolist() == [0.0, 1.0]


def test_weights_go_with_their_rows(rows):
    made = rows(example("a", mood=0), example("b", weight=0.5, mood=1))

    assert (len(made), made.weight.tolist()) == (2, [1.0, 0.5])


def test_texts_are_cut_to_what_recipe_and_encoder_allow(rows):
    assert len(rows(example("good " * 99, mood=1), max_tokens=16).ids[0]) == 16
    assert len(rows(example("good " * 99, mood=1), max_tokens=512).ids[0]) == 64


def test_labels_that_a_set_does_not_tell_apart_are_unknown(rows):
    examples = [example("praise", emotions=(1,)), example("dread", emotions=(2,)), example("film", mood=1)]
    examples[0] = replace(examples[0], among={"emotions": (0, 1)})

    found = rows(*examples)

    assert {task: each.tolist() for task, each in found.unknown.items()} == {
        "emotions": [[False, False, True], [False] * 3, [False] * 3]
    }
