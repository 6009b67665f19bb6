from __future__ import annotations

import json

import pytest

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.errors import DataError, InputError, RecipeError, UnknownLabelError
from sentimo.train.recipe import parse_recipe
from sentimo.train.tasks import TaskData, default_task_name, drop_leaks, load_task, load_tasks

MOODS = LabelSpace("moods", ("bad", "good"))
PRAISE, BLAME = ("good", "great", "fine", "lovely", "warm"), ("bad", "awful", "poor", "sad", "cold")


@pytest.fixture
def write(tmp_path):
    """Writes a CSV of texts and labels, and gives its path."""

    def make(name, rows, label="mood"):
        path = tmp_path / name
        path.write_text("\n".join([f"text,{label}", *(f"{text},{value}" for text, value in rows)]) + "\n", "utf-8")
        return path

    return make


@pytest.fixture
def moods(write):
    """Twenty rows, half good and half bad."""
    kinds = ((PRAISE, "good"), (BLAME, "bad"))
    rows = [(f"the {thing} was {word}", label) for words, label in kinds for word in words for thing in ("film", "书")]
    return write("moods.csv", rows)


def task(train, **settings):
    return parse_recipe({"tasks": [{"name": "mood", "train": train, **settings}]}).tasks[0]


def texts(examples):
    return [each.document.text for each in examples]


def data(train, dev=(), test=()):
    parts = ([Example(Document(text), {"mood": 0}) for text in part] for part in (train, dev, test))
    return TaskData(MOODS, *parts)


def test_one_file_is_split_into_eight_one_and_one_tenths(moods):
    found = load_task(task(moods), seed=13)

    assert [len(found.train), len(found.dev), len(found.test)] == [16, 2, 2]
    assert {each.targets["mood"] for each in found.dev} == {0, 1}
    assert not set(texts(found.train)) & set(texts([*found.dev, *found.test]))
    assert found.notes == ["mood: no dev file given; rows were split 16 / 2 / 2"]


def test_the_split_depends_on_the_seed_only(moods):
    first, again, other = (load_task(task(moods), seed) for seed in (13, 13, 14))

    assert texts(first.test) == texts(again.test)
    assert (texts(first.dev), texts(first.test)) != (texts(other.dev), texts(other.test))


def test_tasks_over_the_same_texts_are_split_alike(write):
    path = write("rows.csv", [(f"text {number} {label}", label) for label in ("up", "down") for number in range(20)])
    one, two = (task(path).model_copy(update={"name": name, "space": ["up", "down"]}) for name in ("one", "two"))

    found = load_tasks([one, two], seed=13)

    assert set(texts(found["one"].dev)) == set(texts(found["two"].dev))
    assert set(texts(found["one"].test)) == set(texts(found["two"].test))
    assert [len(each.train) for each in drop_leaks(found).values()] == [32, 32]


def test_files_of_their_own_are_not_split(moods, write):
    dev = write("dev.csv", [("so good", "good"), ("so bad", "bad")])
    test = write("test.csv", [("too good", "good")])

    found = load_task(task(moods, dev=dev, test=test), seed=13)

    assert (len(found.train), texts(found.dev), texts(found.test)) == (20, ["so good", "so bad"], ["too good"])
    assert found.notes == []


def test_with_a_test_file_only_dev_is_split_off(moods, write):
    found = load_task(task(moods, test=write("test.csv", [("too good", "good")])), seed=13)

    assert (len(found.train), len(found.dev), texts(found.test)) == (18, 2, ["too good"])


def test_with_a_dev_file_only_there_is_no_test(moods, write):
    found = load_task(task(moods, dev=write("dev.csv", [("so good", "good")])), seed=13)

    assert (len(found.train), len(found.dev), found.test) == (20, 1, [])


def test_several_files_are_one_data_set(moods, write):
    more = write("more.csv", [("the hotel was good", "good")] * 2)

    assert len(load_task(task([moods, more], dev=moods, test=moods), seed=13).train) == 22


def test_dev_is_read_in_the_label_space_of_train(moods, write):
    with pytest.raises(UnknownLabelError, match="'godo'.*Did you mean 'good'"):
        load_task(task(moods, dev=write("dev.csv", [("so good", "godo")])), seed=13)


def test_rows_that_cannot_be_used_are_counted(moods, write):
    dev = write("dev.csv", [("so good", "good"), ("", "bad"), ("odd", "odd")])

    found = load_task(task(moods, dev=dev, test=dev, on_unknown="skip"), seed=13)

    assert found.notes == ["mood: 2 rows of dev could not be used", "mood: 2 rows of test could not be used"]


def test_a_file_without_a_usable_row_is_refused(moods, write):
    with pytest.raises(DataError, match=r"dev\.csv: no row has a text and a label for task 'mood'"):
        load_task(task(moods, dev=write("dev.csv", [("", "good")])), seed=13)


def test_too_few_rows_to_hold_some_back_are_refused(write):
    with pytest.raises(DataError, match="task 'mood': 2 rows are too few to hold some back"):
        load_task(task(write("two.csv", [("so good", "good"), ("so bad", "bad")])), seed=13)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        load_task(task(tmp_path / "nowhere.csv"), seed=13)


def test_labels_in_the_recipe_fix_their_order(moods):
    assert load_task(task(moods, space=["good", "bad"]), seed=13).space == LabelSpace("mood", ("good", "bad"))


def test_a_known_space_may_be_of_another_kind(write):
    rows = [(f"{word} {number}", label) for word, label in (("good", "joy"), ("bad", "fear")) for number in range(10)]

    found = load_task(task(write("emotions.csv", rows), space="ekman-7", kind="multi"), seed=13)

    assert (found.space.kind, len(found.space)) == ("multi", 7)
    assert {each.targets["mood"] for each in found.dev} == {(3,), (2,)}


def test_a_score_with_labels_is_refused(moods):
    with pytest.raises(InputError, match="task 'mood': a score has no labels"):
        load_task(task(moods, space=["low", "high"], kind="score"), seed=13)


def test_a_known_space_of_an_impossible_kind_is_refused(moods):
    with pytest.raises(InputError, match="a score has one label and a range"):
        load_task(task(moods, space="polarity-3", kind="score"), seed=13)


def test_an_intensity_beyond_its_range_is_refused(write):
    path = write("rows.csv", [(f"text {number}", number * 2.5) for number in range(30)])

    with pytest.raises(DataError, match="'intensity' is a strength from 0 to 1; the labels run from 0 to 73"):
        load_task(task(path).model_copy(update={"name": "intensity", "label": None}), seed=13)


def test_a_mapping_renames_labels_and_leaves_the_others_out(write):
    rows = [(f"text {number} {label}", label) for label in ("up", "down", "odd") for number in range(10)]
    chosen = task(write("rows.csv", rows), mapping={"up": "good", "down": "bad"}, space=["bad", "good"])

    found = load_task(chosen, seed=13)

    assert len([*found.train, *found.dev, *found.test]) == 20
    assert "mood: 10 rows of train could not be used" in found.notes


def test_without_a_column_of_labels_it_asks_for_one(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("text\nso good\nso bad\n", "utf-8")

    with pytest.raises(DataError, match=r"texts\.csv: no column looks like labels; name it with --label"):
        load_task(task(path), seed=13)


@pytest.mark.parametrize(
    ("label", "values", "name"),
    [
        ("sentiment", ["positive", "negative"], "polarity"),
        ("feeling", ["joy", "anger", "sadness", "fear", "surprise", "love"], "emotions"),
        ("topic", ["sport", "politics"], "topic"),
        ("评价", ["food", "room"], "评价"),
        ("my label!", ["food", "room"], "my_label"),
        ("model", ["food", "room"], "labels"),
        ("-", ["food", "room"], "labels"),
    ],
)
def test_a_task_is_called_after_its_labels_or_their_column(write, label, values, name):
    rows = [(f"text {number}", values[number % len(values)]) for number in range(24)]
    path = write("rows.csv", rows, label)

    assert default_task_name(task(path, text="text", label=label)) == name


def test_training_texts_that_stand_in_dev_or_test_are_left_out():
    cleaned = drop_leaks({"mood": data(["So good!", "so bad", "odd"], dev=["so  GOOD"], test=["So bad."])})["mood"]

    assert (texts(cleaned.train), texts(cleaned.dev), texts(cleaned.test)) == (["odd"], ["so  GOOD"], ["So bad."])
    assert cleaned.notes == ["mood: 2 training rows left out, their texts stand in dev or test"]


def test_the_held_out_texts_of_one_task_are_left_out_of_all():
    cleaned = drop_leaks({"mood": data(["a", "b"], test=["c"]), "stars": data(["c", "d"], dev=["b"])})

    assert (texts(cleaned["mood"].train), texts(cleaned["stars"].train)) == (["a"], ["d"])


def test_without_leaks_nothing_is_said():
    assert drop_leaks({"mood": data(["a"], dev=["b"])})["mood"].notes == []


def test_a_task_whose_every_text_leaks_is_refused():
    with pytest.raises(DataError, match="mood: every training text also stands in dev or test"):
        drop_leaks({"mood": data(["a"], dev=["a"])})


def test_a_row_without_labels_is_a_row_of_a_multi_label_task(tmp_path):
    path = tmp_path / "emotions.jsonl"
    rows = [{"text": f"text {number}", "mood": [["joy"], ["joy", "fear"], []][number % 3]} for number in range(30)]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")

    found = load_task(task(path), seed=13)

    assert found.space.kind == "multi"
    assert len([*found.train, *found.dev, *found.test]) == 30


def test_labels_that_a_file_never_has_may_be_unknown_to_its_rows(write):
    two_way = write("reviews.csv", [("fine", "good"), ("awful", "bad")])
    three_way = write("posts.csv", [("lovely", "good"), ("sad", "bad"), ("a film", "neither")])
    labels = {"space": ["bad", "neither", "good"], "dev": three_way}

    strict = load_task(task([two_way, three_way], **labels), seed=13)
    open_ = load_task(task([two_way, three_way], absent_labels="unknown", **labels), seed=13)

    assert not any(each.among for each in strict.train)
    assert [dict(each.among) for each in open_.train] == [{"mood": (0, 2)}] * 2 + [{}] * 3
    assert texts(open_.train) == texts(strict.train)


def test_only_labels_to_choose_from_can_be_unknown(write):
    stars = write("stars.csv", [("fine", "2"), ("awful", "1")])

    with pytest.raises(DataError, match="absent_labels unknown is for single and multi tasks"):
        load_task(task(stars, space=["1", "2", "3"], kind="ordinal", absent_labels="unknown", dev=stars), seed=13)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "needs `space`"),
        ({"space": "polarity-3", "objective": {"name": "cross_entropy", "smoothing": 0.1}}, "smoothed"),
    ],
)
def test_unknown_labels_need_a_space_and_no_smoothing(settings, complaint):
    with pytest.raises(RecipeError, match=complaint):
        task("posts.csv", absent_labels="unknown", **settings)
