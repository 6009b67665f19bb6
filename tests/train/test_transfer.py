from __future__ import annotations

import csv

import pytest
from toy import toy_recipe

from sentimo.errors import DataError, RecipeError
from sentimo.evaluate.bootstrap import Figure
from sentimo.text.normalise import folded
from sentimo.train import transfer as module
from sentimo.train.tasks import load_task
from sentimo.train.transfer import Cell, Transfer, transfer


@pytest.fixture
def domains(labelled, tmp_path):
    """English, Chinese, and a small third file with a text of the first."""
    rows = list(csv.DictReader((labelled / "polarity.csv").read_text("utf-8").splitlines()))
    parts = {
        "english": [row for row in rows if row["text"].isascii()],
        "chinese": [row for row in rows if not row["text"].isascii()],
    }
    parts["other"] = [
        *parts["english"][:1],
        *({"text": f"the bus was {n} minutes late", "polarity": "negative"} for n in range(9)),
    ]
    for name, members in parts.items():
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "polarity"])
            writer.writeheader()
            writer.writerows(members)
    return tmp_path


@pytest.fixture
def quick(multi_task):
    return multi_task.model_copy(update={"tasks": multi_task.tasks[:1], "epochs": 8.0})


def test_a_model_is_worth_more_at_home_than_in_a_language_it_has_not_seen(quick, domains):
    files = [domains / "english.csv", domains / "chinese.csv"]

    found = transfer(quick, files, [*files, domains / "other.csv"])

    assert (found.main, found.trains, found.tests) == (
        "macro_f1", ("english", "chinese"), ("english", "chinese", "other"),
    )  # fmt: skip
    for home, abroad in (("english", "chinese"), ("chinese", "english")):
        assert found.cell(home, home).figure.value > found.cell(home, abroad).figure.value
    assert all(each.figure.low <= each.figure.value <= each.figure.high for each in found.cells)
    assert {each.test: each.n_test for each in found.cells}["other"] == 10
    assert len({each.n_test for each in found.cells if each.test == "english"}) == 1  # the same rows for both models


def test_no_text_that_is_tested_was_learnt(quick, domains, monkeypatch):
    learnt = {}

    def row(prepared, name, judged, n_bootstrap):
        (data,) = prepared.material.data.values()
        learnt[name] = {folded(each.document.text) for each in data.train}
        held_out = {folded(each.document.text) for rows in judged.values() for each in rows}
        assert not learnt[name] & held_out
        return [Cell(name, test, Figure(0.5, 0.4, 0.6), len(data.train), len(rows)) for test, rows in judged.items()]

    monkeypatch.setattr(module, "_row", row)
    told = []
    found = transfer(
        quick, [domains / "english.csv"], [domains / "english.csv", domains / "other.csv"], tell=told.append
    )

    whole = load_task(quick.tasks[0].model_copy(update={"train": [domains / "english.csv"]}), quick.seed)
    texts = {folded(each.document.text) for each in whole.train}
    assert len(texts) - len(learnt["english"]) <= 1  # the shared text, if it was in train
    assert [each.test for each in found.cells] == ["english", "other"]
    assert any("training on english" in each for each in told)


def test_no_dev_text_is_tested_and_what_is_left_out_is_told(quick, domains, monkeypatch):
    whole = load_task(quick.tasks[0].model_copy(update={"train": [domains / "english.csv"]}), quick.seed)
    shared = [*whole.dev[:2], *whole.train[:3]]
    lines = [
        f'"{each.document.text}",{("negative", "neutral", "positive")[each.targets["polarity"]]}' for each in shared
    ]
    (domains / "shared.csv").write_text("\n".join(["text,polarity", *lines]) + "\n", "utf-8")
    seen, told = [], []

    def row(prepared, name, judged, n_bootstrap):
        seen.append(prepared.material.data["polarity"])
        return [Cell(name, test, Figure(0.5), 1, 1) for test in judged]

    monkeypatch.setattr(module, "_row", row)
    transfer(quick, [domains / "english.csv"], [domains / "shared.csv"], tell=told.append)
    transfer(quick.model_copy(update={"drop_leaks": False}), [domains / "english.csv"], [domains / "shared.csv"])

    cleaned, as_is = seen
    tested = {folded(each.document.text) for each in shared}
    assert not tested & {folded(each.document.text) for each in (*cleaned.train, *cleaned.dev)}
    assert "english: 2 dev rows left out, their texts stand in test" in told
    assert "english: 3 training rows left out, their texts stand in dev or test" in told
    assert (len(as_is.train), len(as_is.dev)) == (len(whole.train), len(whole.dev))


def test_scores_are_taken_from_file_to_file_in_one_range(quick, encoder, tmp_path):
    for name, high in (("one", 4), ("other", 3)):
        lines = [
            f"the room {number} was {('bad', 'good')[number % 2]},{high * (number % 5) / 4}" for number in range(40)
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,value", *lines]) + "\n", "utf-8")
    task = {"name": "value", "train": "-", "kind": "score", "text": "text", "label": "value"}
    recipe = toy_recipe(task, base=str(encoder), epochs=0.5)

    found = transfer(recipe, [tmp_path / "one.csv", tmp_path / "other.csv"], [], n_bootstrap=10)

    assert (found.trains, found.main) == (("one", "other"), "pearson")
    assert len(found.cells) == 4


def test_tests_are_the_training_files_by_default(quick, domains, monkeypatch):
    monkeypatch.setattr(
        module, "_row", lambda prepared, name, judged, n: [Cell(name, each, Figure(0.5), 1, 1) for each in judged]
    )

    found = transfer(quick, [domains / "english.csv", domains / "chinese.csv"], [])

    assert found.tests == found.trains == ("english", "chinese")


def test_labels_that_the_first_file_does_not_have_are_an_error(quick, domains):
    (domains / "stars.csv").write_text("text,polarity\nfine,5\nbad,1\n", "utf-8")

    with pytest.raises(DataError):
        transfer(quick, [domains / "english.csv"], [domains / "stars.csv"])


def test_a_recipe_of_several_tasks_is_refused(multi_task, domains):
    with pytest.raises(RecipeError, match="for one task"):
        transfer(multi_task, [domains / "english.csv"], [])


def test_the_matrix_as_csv_and_markdown():
    cells = (Cell("a", "a", Figure(0.9, 0.8, 1.0), 80, 10), Cell("a", "b|c", Figure(0.5, 0.25, 0.75), 80, 20))
    found = Transfer("mood", "macro_f1", ("a",), ("a", "b|c"), cells)

    assert found.to_csv().splitlines() == [
        "train,test,n_train,n_test,macro_f1,low,high",
        "a,a,80,10,0.9000,0.8000,1.0000",
        "a,b|c,80,20,0.5000,0.2500,0.7500",
    ]
    assert found.to_markdown().splitlines()[2:] == [
        r"| trained on | a | b\|c |",
        "| --- | --- | --- |",
        "| a | 0.9000 [0.8000, 1.0000] | 0.5000 [0.2500, 0.7500] |",
    ]
    assert found.to_dict()["cells"][1]["figure"] == {"value": 0.5, "low": 0.25, "high": 0.75}
