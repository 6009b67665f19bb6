"""What the built-in models learn from: nothing that is held out, nothing that is disputed."""

import csv
import importlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentimo.core.labels import INTENSITY, POLARITY_3
from sentimo.text.normalise import folded

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def defaults(monkeypatch, tmp_path):
    """The module, with a data folder and a run folder of its own."""
    monkeypatch.syspath_prepend(ROOT / "recipes")
    module = importlib.import_module("defaults")
    monkeypatch.setattr(module, "DATA", tmp_path / "data")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.fixture
def write_set(tmp_path):
    """Write a set of the language "en": part -> text -> label, or pairs of them; parts not named are empty."""

    def write(folder, column="label", **parts):
        (tmp_path / "data" / "en" / folder).mkdir(parents=True)
        for part in dict.fromkeys([*parts, "train", "dev", "test"]):
            pairs = parts.get(part, ())
            pairs = list(pairs.items() if isinstance(pairs, dict) else pairs)
            columns = {"text": [text for text, _ in pairs], column: [label for _, label in pairs]}
            table = pa.table(
                columns, pa.schema({"text": "string", column: "double" if column == "valence" else "string"})
            )
            pq.write_table(table, tmp_path / "data" / "en" / folder / f"{part}.parquet")

    return write


@pytest.fixture
def gathered(defaults, tmp_path, monkeypatch):
    """Gather sets (and written sentences, if any) and return name of a file -> its texts."""

    def gather(*sources, written=((), ())):
        monkeypatch.setattr(defaults, "written_sentences", lambda language: written)
        spaces = {"polarity": POLARITY_3, "intensity": INTENSITY}
        tasks = {source.task: spaces[source.task] for source in sources}
        model = defaults.Default("en", tmp_path / "recipe.yaml", tasks, sources)
        model.gather()
        return {path.stem: pq.read_table(path)["text"].to_pylist() for path in model.run.glob("*.parquet")}

    return gather


def polarity(defaults, folder, **more):
    return defaults.Source(folder, "polarity", "toy", **more)


@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_text_of_another_sets_held_out_part_is_not_learnt_from(part, defaults, write_set, gathered):
    write_set("reviews", train={"So good!": "positive", "So bad!": "negative"})
    write_set("tweets", **{part: {"SO  good": "neutral"}})

    found = gathered(polarity(defaults, "reviews"), polarity(defaults, "tweets"))

    assert found["polarity-reviews-train"] == ["So bad!"]


def test_a_text_held_out_of_a_set_that_is_no_source_is_not_learnt_from(defaults, write_set, gathered):
    write_set("reviews", train={"So good!": "positive", "So bad!": "negative"})
    write_set("anything", column="strength", dev={"so good...": "1"})

    assert gathered(polarity(defaults, "reviews"))["polarity-reviews-train"] == ["So bad!"]


def test_a_text_that_is_left_out_is_counted_once(defaults, write_set, tmp_path):
    write_set("reviews", train=[("Good!", "positive"), ("good", "positive"), ("Bad", "negative")])
    write_set("tweets", dev={"GOOD": "positive"})

    model = defaults.Default("en", tmp_path, {"polarity": POLARITY_3}, [polarity(defaults, "reviews")])

    assert model.left_out() == 1


def test_files_without_texts_hold_nothing_out(defaults, write_set, gathered, tmp_path):
    write_set("reviews", train={"So good!": "positive"})
    (tmp_path / "data" / "en" / "prices").mkdir()
    pq.write_table(pa.table({"close": [1.5]}), tmp_path / "data" / "en" / "prices" / "all.parquet")

    assert gathered(polarity(defaults, "reviews"))["polarity-reviews-train"] == ["So good!"]


def test_every_train_file_of_a_set_is_to_learn_from(defaults, write_set, gathered):
    write_set("films", train={"So good!": "positive"}, train_phrases={"so good": "positive", "good": "positive"})

    found = gathered(polarity(defaults, "films", train=("train_phrases",)))

    assert found["polarity-films-train"] == ["so good", "good"]


def test_copies_with_different_labels_are_not_learnt_from(defaults, write_set, gathered):
    write_set(
        "reviews", train=[("Fine.", "positive"), ("fine", "neutral"), ("Good", "positive"), ("good!", "positive")]
    )

    assert gathered(polarity(defaults, "reviews"))["polarity-reviews-train"] == ["Good"]


def test_copies_with_different_labels_in_two_sets_of_a_task_are_not_learnt_from(defaults, write_set, gathered):
    write_set("reviews", train={"Fine.": "positive", "Good": "positive"})
    write_set("tweets", train={"fine": "neutral", "good!": "positive", "Bad": "negative"})

    found = gathered(polarity(defaults, "reviews"), polarity(defaults, "tweets"))

    assert found["polarity-reviews-train"] == ["Good"]
    assert found["polarity-tweets-train"] == ["good!", "Bad"]


def test_labels_of_different_tasks_do_not_disagree(defaults, write_set, gathered):
    write_set("reviews", train={"Fine.": "positive"})
    write_set("letters", column="valence", train={"fine": 0.2})
    letters = defaults.Source("letters", "intensity", "toy", column="valence", scale=float)

    found = gathered(polarity(defaults, "reviews"), letters)

    assert found["polarity-reviews-train"] == ["Fine."]
    assert found["intensity-letters-train"] == ["fine"]


def test_a_set_whose_dev_part_judges_gives_no_row_to_learn_from_or_to_choose_by(defaults, write_set, gathered):
    write_set("tweets", train={"Good": "positive", "Bad": "negative", "So so": "neutral"}, dev={"bad!": "negative"})
    write_set("reviews", train={"BAD": "negative"}, dev={"Bad...": "negative", "so, so": "neutral"})

    found = gathered(polarity(defaults, "tweets", test="dev"), polarity(defaults, "reviews"))

    assert found["polarity-tweets-train"] == ["Good"]
    assert found["polarity-reviews-train"] == []
    assert found["polarity-dev"] == ["so, so"]


def test_no_row_to_choose_by_stands_in_a_part_that_judges(defaults, write_set, gathered):
    write_set("reviews", dev={"Good": "positive", "Bad": "negative"})
    write_set("tweets", test={"good :)": "positive"})

    assert gathered(polarity(defaults, "reviews"), polarity(defaults, "tweets"))["polarity-dev"] == ["Bad"]


def test_every_tenth_written_sentence_is_to_choose_by(defaults, monkeypatch, tmp_path):
    written = importlib.import_module("written")
    monkeypatch.setattr(written, "__file__", str(tmp_path / "written.py"))
    with (tmp_path / "written_en.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([written.Written._fields, *([f"text {n}", "neutral", ""] for n in range(21))])

    learnt, chosen = written.written_sentences("en")

    assert [each.text for each in chosen] == ["text 0", "text 10", "text 20"]
    assert [each.text for each in learnt] == [f"text {n}" for n in range(21) if n % 10]


def test_written_sentences_that_are_held_out_are_not_learnt_from(defaults, write_set, gathered):
    write_set("reviews", dev={"Good": "positive"}, test={"Bad": "negative"})
    written = importlib.import_module("written").Written
    rows = [written(text, "neutral", "") for text in ("good!", "bad!", "so so")]

    found = gathered(polarity(defaults, "reviews"), written=(rows, rows))

    assert found["polarity-written-train"] == ["so so"]
    assert found["polarity-written-dev"] == ["good!", "so so"]


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}; SENTIMO_DATA names another folder")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_that_a_built_in_model_learns_from_stands_in_a_held_out_part(language, defaults, monkeypatch, tmp_path):
    monkeypatch.setattr(defaults, "DATA", DATA)
    recipe = importlib.import_module(f"default_{language}")
    held = {
        folded(text)
        for part in ("dev", "test")
        for path in (DATA / language).rglob(f"{part}.parquet")
        for text in pq.read_table(path, columns=["text"])["text"].to_pylist()
        if text
    }

    recipe.gather()

    files = list((tmp_path / "runs" / f"default-{language}").glob("*-train.parquet"))
    learnt = [(path.stem, text) for path in files for text in pq.read_table(path)["text"].to_pylist()]
    assert len(files) > 10
    assert min(len(held), len(learnt)) > 50_000
    assert [row for row in learnt if folded(row[1]) in held] == []
