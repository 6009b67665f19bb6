from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import ANSWERS, ENDINGS, RESULTS, ROWS, bad_rows, column, read, write

from sentimo.data.readers import read_rows
from sentimo.engine.files import predict_file
from sentimo.errors import DataError, InputError

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
