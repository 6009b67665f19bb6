import csv
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentimo.data.readers import read_rows
from sentimo.engine.files import parts, predict_file
from sentimo.errors import DataError, InputError, Interrupted

RESULTS = [
    "language",
    "polarity",
    "polarity_negative",
    "polarity_neutral",
    "polarity_positive",
    "intensity",
    "confidence",
    "coverage",
    "truncated",
    "tokens",
    "model",
    "model_digest",
    "error",
]
ROWS = [
    {"id": "1", "review": "good food", "place": "上海"},
    {"id": "2", "review": "awful, awful food", "place": "Oslo"},
    {"id": "3", "review": 'a "room"\nwith a view', "place": ""},
]
ANSWERS = ["positive", "negative", "neutral"]
ENDINGS = [".csv", ".tsv", ".jsonl", ".parquet"]


def write(path, rows):
    """Write rows of strings in the format of a file's ending."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writerows([list(rows[0]), *(row.values() for row in rows)])
    return path


def read(path):
    return [dict(row.cells) for row in read_rows(path)]


def bad_rows(summary):
    return [json.loads(line) for line in summary.bad.read_text("utf-8").splitlines()]


def column(path, name):
    return [row[name] for row in read(path)]


@pytest.fixture
def reviews(tmp_path):
    return write(tmp_path / "reviews.csv", ROWS)


@pytest.fixture
def many(tmp_path):
    """20 rows, of which 3, 8, 13 and 18 have no text, with parts of 4 rows."""
    rows = [{"n": str(n), "text": "" if n % 5 == 3 else f"good {n}"} for n in range(1, 21)]
    return write(tmp_path / "many.csv", rows)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "ROWS_AT_ONCE", 4)


class StopsAt:
    """A predictor that gets Ctrl-C at a call. The first call is the probe."""

    def __init__(self, predictor, call):
        self._predictor, self._left = predictor, call

    def predict(self, texts):
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return self._predictor.predict(texts)


# What is written


@pytest.mark.parametrize("written", ENDINGS)
@pytest.mark.parametrize("given", ENDINGS)
def test_every_format_leads_to_every_format_with_all_columns_in_order(tmp_path, fake_predictor, given, written):
    source, target = write(tmp_path / f"in{given}", ROWS), tmp_path / f"out{written}"

    summary = predict_file(fake_predictor(), source, target, text="review")

    rows = read(target)
    assert [list(row) for row in rows] == [["id", "review", "place", *RESULTS]] * 3
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    assert [row["polarity"] for row in rows] == ANSWERS
    assert (summary.n_rows, summary.n_bad, summary.bad, summary.renamed) == (3, 0, None, {})


def test_a_text_file_is_answered_line_by_line(tmp_path, fake_predictor):
    (tmp_path / "in.txt").write_text("good\n\nawful\n", encoding="utf-8")

    predict_file(fake_predictor(), tmp_path / "in.txt", tmp_path / "out.jsonl", text="text")

    assert column(tmp_path / "out.jsonl", "text") == ["good", "", "awful"]
    assert column(tmp_path / "out.jsonl", "polarity") == ["positive", None, "negative"]


def test_scores_are_those_of_the_predictor(tmp_path, fake_predictor, reviews):
    predict_file(fake_predictor(), reviews, tmp_path / "out.jsonl", text="review")

    first = read(tmp_path / "out.jsonl")[0]
    # softmax of (0, 2, 4)
    assert first["polarity_positive"] == pytest.approx(0.8668, abs=1e-4)
    assert first["intensity"] == pytest.approx(1 - 0.1173, abs=1e-4)
    assert (first["tokens"], first["truncated"], first["model"], first["error"]) == (2, False, "fake", None)


def test_parquet_columns_keep_their_types(tmp_path, fake_predictor):
    at = datetime(2024, 5, 1, tzinfo=UTC)
    cells = {
        "text": pa.array(["good", "awful"]),
        "at": pa.array([at, None], pa.timestamp("ms", "UTC")),
        "n": pa.array([1, None], pa.int8()),
        "labels": pa.array([["a", None], []], pa.list_(pa.large_string())),
        "kind": pa.array(["x", "y"]).dictionary_encode(),
        "none": pa.array([None, None], pa.float32()),
    }
    pq.write_table(pa.table(cells), tmp_path / "in.parquet")

    predict_file(fake_predictor(), tmp_path / "in.parquet", tmp_path / "out.parquet", text="text")

    found = pq.read_table(tmp_path / "out.parquet")
    given = pq.read_table(tmp_path / "in.parquet")
    assert found.select(given.column_names).schema.types == given.schema.types
    assert found.select(given.column_names).to_pylist() == given.to_pylist()


def test_a_result_whose_name_is_taken_gets_another(tmp_path, fake_predictor):
    cells = {"text": "good", "polarity": "gold", "predicted_polarity": "old", "error": "none"}
    source = write(tmp_path / "in.csv", [cells])

    summary = predict_file(fake_predictor(), source, tmp_path / "out.csv", text="text")

    labels = {f"polarity_{label}": f"predicted_polarity_{label}" for label in ("negative", "neutral", "positive")}
    assert summary.renamed == {"polarity": "predicted_polarity_", **labels, "error": "predicted_error"}
    (row,) = read(tmp_path / "out.csv")
    assert {name: row[name] for name in cells} == cells
    assert (row["predicted_polarity_"], row["predicted_error"]) == ("positive", "")


def test_keys_that_occur_late_in_a_jsonl_file_are_kept(tmp_path, fake_predictor):
    rows = [*({"text": "good"} for _ in range(150)), {"text": "awful", "late": [1]}]

    predict_file(fake_predictor(), write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl", text="text")

    assert column(tmp_path / "out.jsonl", "late") == [None] * 150 + [[1]]


def test_numbers_are_read_as_texts(tmp_path, fake_predictor):
    source = write(tmp_path / "in.jsonl", [{"text": 42}, {"text": 1.5}, {"text": ["good"]}])

    summary = predict_file(fake_predictor(), source, tmp_path / "out.jsonl", text="text")

    assert column(tmp_path / "out.jsonl", "tokens")[:2] == [1, 1]
    assert [row["reason"] for row in bad_rows(summary)] == ["not a text (list)"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_half_a_surrogate_pair_and_nul_can_be_written(tmp_path, fake_predictor, ending):
    (tmp_path / "in.jsonl").write_text('{"text": "good \\ud83d"}\n{"text": "good\\u0000"}\n', encoding="utf-8")

    predict_file(fake_predictor(), tmp_path / "in.jsonl", tmp_path / f"out{ending}", text="text")

    assert column(tmp_path / f"out{ending}", "text") == ["good �", "good\0"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_without_rows_gives_one_without_rows(tmp_path, fake_predictor, ending):
    (tmp_path / "in.csv").write_text("id,text\n", encoding="utf-8")

    summary = predict_file(fake_predictor(), tmp_path / "in.csv", tmp_path / f"out{ending}", text="text")

    assert summary.n_rows == 0
    assert list(read_rows(tmp_path / f"out{ending}")) == []
    if ending == ".parquet":
        assert pq.read_schema(tmp_path / "out.parquet").names == ["id", "text", *RESULTS]


def test_missing_folders_of_the_target_are_made(tmp_path, fake_predictor, reviews):
    predict_file(fake_predictor(), reviews, tmp_path / "new" / "deep" / "out.csv", text="review")

    assert len(read(tmp_path / "new" / "deep" / "out.csv")) == 3


# Bad rows


def test_rows_that_cannot_be_read_stand_in_the_side_file_alone(tmp_path, fake_predictor):
    (tmp_path / "in.csv").write_text("id,text\n1,good\n2\n3,awful\n4,a,b\n5,\n", encoding="utf-8")

    summary = predict_file(fake_predictor(), tmp_path / "in.csv", tmp_path / "out.csv", text="text")

    assert column(tmp_path / "out.csv", "id") == ["1", "3", "5"]
    assert bad_rows(summary) == [
        {"row": 2, "reason": "1 cells, the header has 2 (line 3)", "cells": ["2"]},
        {"row": 4, "reason": "3 cells, the header has 2 (line 5)", "cells": ["4", "a", "b"]},
        {"row": 5, "reason": "empty text", "cells": {"id": "5", "text": ""}},
    ]
    assert (summary.n_rows, summary.n_bad, summary.bad) == (3, 3, tmp_path / "out.csv.bad.jsonl")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_row_without_a_text_stays_in_the_output_with_the_reason(tmp_path, fake_predictor, many, small_parts, ending):
    summary = predict_file(fake_predictor(), many, tmp_path / f"out{ending}", text="text")

    rows = read(tmp_path / f"out{ending}")
    assert [row["n"] for row in rows] == [str(n) for n in range(1, 21)]
    assert [row["n"] for row in rows if row["error"]] == ["3", "8", "13", "18"]
    assert [row["n"] for row in rows if not row["polarity"]] == ["3", "8", "13", "18"]
    assert [(row["row"], row["reason"]) for row in bad_rows(summary)] == [(n, "empty text") for n in (3, 8, 13, 18)]


def test_a_part_of_nothing_but_rows_without_text_is_written(tmp_path, fake_predictor, small_parts):
    rows = [{"text": "good" if n == 9 else " "} for n in range(10)]

    predict_file(fake_predictor(), write(tmp_path / "in.jsonl", rows), tmp_path / "out.parquet", text="text")

    assert column(tmp_path / "out.parquet", "polarity") == [None] * 9 + ["positive"]
    assert column(tmp_path / "out.parquet", "intensity")[:9] == [None] * 9


def test_the_side_file_of_an_earlier_run_goes_when_all_rows_are_good(tmp_path, fake_predictor, reviews):
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")
    (tmp_path / "out.csv.bad.jsonl").write_text("old", encoding="utf-8")

    predict_file(fake_predictor(), reviews, tmp_path / "out.csv", text="review", overwrite=True)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "reviews.csv"]
    assert len(read(tmp_path / "out.csv")) == 3


# Refusals


def test_a_target_that_is_there_is_not_replaced(tmp_path, fake_predictor, reviews):
    (tmp_path / "out.csv").write_text("precious", encoding="utf-8")

    with pytest.raises(InputError, match=r"out\.csv is already there\..*--overwrite"):
        predict_file(fake_predictor(), reviews, tmp_path / "out.csv", text="review")

    assert (tmp_path / "out.csv").read_text("utf-8") == "precious"


def test_an_unknown_ending_is_refused(tmp_path, fake_predictor, reviews):
    with pytest.raises(InputError, match=r"files of kind '\.xlsx' are not written"):
        predict_file(fake_predictor(), reviews, tmp_path / "out.xlsx", text="review")


def test_a_missing_column_is_refused_before_anything_is_written(tmp_path, fake_predictor, reviews):
    with pytest.raises(DataError, match="Did you mean 'review'"):
        predict_file(fake_predictor(), reviews, tmp_path / "out.csv", text="reviews")

    assert [path.name for path in tmp_path.iterdir()] == ["reviews.csv"]


# Parts and resuming


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("call", [2, 3, 6])
def test_an_interrupted_run_resumed_is_the_same_to_the_byte(tmp_path, fake_predictor, many, small_parts, call, ending):
    undisturbed, target = tmp_path / f"undisturbed{ending}", tmp_path / f"out{ending}"
    predict_file(fake_predictor(), many, undisturbed, text="text")

    with pytest.raises(Interrupted, match=f"stopped after {4 * (call - 2)} rows; .*--resume"):
        predict_file(StopsAt(fake_predictor(), call), many, target, text="text")
    assert not target.exists()
    summary = predict_file(fake_predictor(), many, target, text="text", resume=True)

    assert target.read_bytes() == undisturbed.read_bytes()
    assert summary.bad.read_bytes() == (tmp_path / f"undisturbed{ending}.bad.jsonl").read_bytes()
    assert (summary.n_rows, summary.n_bad) == (20, 4)


def test_a_run_may_be_interrupted_more_than_once(tmp_path, fake_predictor, many, small_parts):
    for resume in (False, True):
        with pytest.raises(Interrupted):
            predict_file(StopsAt(fake_predictor(), 3), many, tmp_path / "out.csv", text="text", resume=resume)
    predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True)

    assert column(tmp_path / "out.csv", "n") == [str(n) for n in range(1, 21)]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_killed_between_any_two_steps_on_disk_can_be_ended(
    tmp_path, fake_predictor, many, small_parts, monkeypatch, ending, overwrite
):
    undisturbed, target = tmp_path / f"undisturbed{ending}", tmp_path / f"out{ending}"
    predict_file(fake_predictor(), many, undisturbed, text="text")
    steps = [(Path, "replace"), (Path, "unlink"), (Path, "mkdir"), (Path, "rmdir"), (os, "fsync")]
    real = {name: getattr(owner, name) for owner, name in steps}
    for kill_at in range(1, 200):
        left = kill_at
        if overwrite:
            target.write_text("older answers", "utf-8")

        def step(name, *arguments, **options):
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return real[name](*arguments, **options)

        with monkeypatch.context() as patch:
            for owner, name in steps:
                patch.setattr(owner, name, lambda *arguments, name=name, **options: step(name, *arguments, **options))
            try:
                predict_file(fake_predictor(), many, target, text="text", overwrite=overwrite)
            except Killed:
                pass
            else:
                break  # there are fewer steps than that
        state = tmp_path / f"out{ending}.unfinished" / "state.json"
        if state.exists() or not target.exists() or target.read_bytes() != undisturbed.read_bytes():
            predict_file(fake_predictor(), many, target, text="text", resume=state.exists(), overwrite=overwrite)
        assert target.read_bytes() == undisturbed.read_bytes()
        assert Path(f"{target}.bad.jsonl").read_bytes() == Path(f"{undisturbed}.bad.jsonl").read_bytes()
        for path in (target, Path(f"{target}.bad.jsonl")):
            path.unlink()
        shutil.rmtree(tmp_path / f"out{ending}.unfinished", ignore_errors=True)
    assert kill_at > 30


def test_an_older_list_of_bad_rows_is_not_replaced_unasked(tmp_path, fake_predictor, reviews):
    (tmp_path / "out.csv.bad.jsonl").write_text("precious", encoding="utf-8")

    with pytest.raises(InputError, match=r"out\.csv\.bad\.jsonl is already there"):
        predict_file(fake_predictor(), reviews, tmp_path / "out.csv", text="review")

    assert (tmp_path / "out.csv.bad.jsonl").read_text("utf-8") == "precious"


def test_a_state_of_another_version_is_told(tmp_path, fake_predictor, many, small_parts):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")
    (tmp_path / "out.csv.unfinished" / "state.json").write_text('{"rows": 4}', "utf-8")

    with pytest.raises(InputError, match="another version, or is damaged"):
        predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True)


def test_the_types_of_results_do_not_depend_on_the_texts(tmp_path, fake_predictor):
    unanswered = write(tmp_path / "in.csv", [{"text": " "}])
    predict_file(fake_predictor(), unanswered, tmp_path / "out.parquet", text="text")

    kinds = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "out.parquet")}
    assert kinds["polarity"] == "string"
    assert (kinds["polarity_negative"], kinds["confidence"], kinds["tokens"]) == ("double", "double", "int64")


def test_nothing_is_left_behind(tmp_path, fake_predictor, many):
    predict_file(fake_predictor(), many, tmp_path / "out.parquet", text="text")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.csv", "out.parquet", "out.parquet.bad.jsonl"]


def interrupt(predictor, source, target, **options):
    with pytest.raises(Interrupted):
        predict_file(StopsAt(predictor, 3), source, target, text="text", **options)


def test_an_unfinished_run_is_not_started_over_unasked(tmp_path, fake_predictor, many, small_parts):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")

    with pytest.raises(
        InputError, match=r"out\.csv\.unfinished holds an unfinished run\. Go on with --resume, or delete it"
    ):
        predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text")


def test_without_a_run_there_is_nothing_to_resume(tmp_path, fake_predictor, many):
    with pytest.raises(InputError, match=r"nothing to resume.*Start without --resume"):
        predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True)


def test_another_model_cannot_go_on_with_a_run(tmp_path, fake_predictor, many, small_parts):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")

    with pytest.raises(InputError, match="was begun with another model"):
        predict_file(fake_predictor(name="other"), many, tmp_path / "out.csv", text="text", resume=True)


def test_a_source_that_changed_cannot_be_gone_on_with(tmp_path, fake_predictor, many, small_parts):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")
    many.write_text(many.read_text("utf-8") + "21,good\n", encoding="utf-8")

    with pytest.raises(InputError, match="was begun with another version of the source"):
        predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True)


@pytest.mark.parametrize(
    ("options", "what"),
    [({"text": "n"}, "column of the texts"), ({"delimiter": ","}, "delimiter"), ({"encoding": "gbk"}, "encoding")],
)
def test_another_way_of_reading_cannot_go_on_with_a_run(tmp_path, fake_predictor, many, small_parts, options, what):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")

    with pytest.raises(InputError, match=f"was begun with another {what}"):
        predict_file(fake_predictor(), many, tmp_path / "out.csv", **{"text": "text", **options}, resume=True)


class Counts:
    """Remembers how many texts, and how many of their characters, were asked at once."""

    def __init__(self, predictor):
        self._predictor, self.rows, self.characters = predictor, [], []

    def predict(self, texts):
        self.rows.append(len(texts))
        self.characters.append(sum(map(len, texts)))
        return self._predictor.predict(texts)


def test_a_part_has_a_bounded_number_of_rows(tmp_path, fake_predictor, many, small_parts):
    predictor, told = Counts(fake_predictor()), []

    predict_file(
        predictor, many, tmp_path / "out.csv", text="text", on_progress=lambda progress: told.append(progress.n_read)
    )

    assert predictor.rows[1:] == [4] * 5
    assert told == [0, 4, 8, 12, 16, 20]


@pytest.mark.parametrize("long", ["text", "page"])
def test_a_part_has_a_bounded_number_of_characters_in_all_columns(tmp_path, fake_predictor, monkeypatch, long):
    monkeypatch.setattr(parts, "CHARACTERS_AT_ONCE", 1000)
    rows = [{"text": "good", "page": "", long: "good " * 120} for _ in range(6)]  # 600 characters a row
    predictor = Counts(fake_predictor())

    predict_file(predictor, write(tmp_path / "in.jsonl", rows), tmp_path / "out.csv", text="text")

    assert predictor.rows[1:] == [2, 2, 2]


def test_the_columns_of_a_task_are_renamed_together(tmp_path, fake_predictor):
    source = write(tmp_path / "in.csv", [{"text": "good", "polarity_neutral": "0.5", "language": "en"}])

    summary = predict_file(fake_predictor(), source, tmp_path / "out.csv", text="text")

    polarity = ["polarity", "polarity_negative", "polarity_neutral", "polarity_positive"]
    assert summary.renamed == {name: f"predicted_{name}" for name in ["language", *polarity]}
