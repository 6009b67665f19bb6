import json

import pytest
import running

from sentimo.cli.predict import predict
from sentimo.errors import DataError, InputError, Interrupted

REVIEWS = "id;review\n1;good tea\n2;\n3;bad tea\n4;a;b\n"


@pytest.fixture(autouse=True)
def asked(fake_model):
    return fake_model


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text(REVIEWS, encoding="utf-8")
    return path


def invoke(*arguments):
    return running.invoke(predict, *arguments, columns=200)


def test_a_file_is_answered_and_the_outcome_told_on_stderr(reviews, tmp_path):
    result = invoke(reviews, "-o", tmp_path / "out.jsonl", "--text", "review", "--model", "models/mine")

    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [(row["id"], row["review"], row["polarity"]) for row in rows] == [
        ("1", "good tea", "positive"),
        ("2", "", None),
        ("3", "bad tea", "negative"),
    ]
    assert result.exit_code == 0
    assert result.stdout == ""
    assert f"Wrote 3 rows to {tmp_path / 'out.jsonl'}" in result.stderr
    assert f"2 rows have no answer; why is in {tmp_path / 'out.jsonl.bad.jsonl'}" in result.stderr


def test_the_model_is_the_one_asked_for(reviews, tmp_path, asked):
    invoke(reviews, "-o", tmp_path / "out.csv", "--model", "models/mine")

    assert asked == ["models/mine"]


def test_a_guessed_column_is_told(reviews, tmp_path):
    assert (
        "Reading texts from column 'review'; choose another with --text"
        in invoke(reviews, "-o", tmp_path / "out.csv").stderr
    )


def test_json_is_one_line_with_the_outcome(reviews, tmp_path):
    result = invoke(reviews, "-o", tmp_path / "out.csv", "--json")

    assert result.stdout.count("\n") == 1
    found = json.loads(result.stdout)
    assert found.pop("seconds") > 0
    assert found.pop("texts_per_s") > 0
    assert found.pop("tokens_per_s") > 0
    assert found == {
        "output": str(tmp_path / "out.csv"),
        "status": "completed with errors",
        "rows": 3,
        "bad_rows": 2,
        "bad": str(tmp_path / "out.csv.bad.jsonl"),
        "padding": 0.0,
        "duplicates": 0.0,
        "rerun": 0.0,
        "cheap": 0.0,
    }


def test_renamed_results_are_told(tmp_path):
    (tmp_path / "in.csv").write_text("text,error\ngood,no\n", encoding="utf-8")

    result = invoke(tmp_path / "in.csv", "-o", tmp_path / "out.csv")

    assert "The file has a column 'error' already; the result is in 'predicted_error'" in result.stderr


def test_delimiter_and_encoding_can_be_given(tmp_path):
    (tmp_path / "in.csv").write_bytes("text#n\ncafé, good#1\n".encode("cp1252"))

    invoke(tmp_path / "in.csv", "-o", tmp_path / "out.jsonl", "--delimiter", "#", "--encoding", "cp1252")

    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["text"] == "café, good"


def test_an_interrupted_run_is_gone_on_with(reviews, tmp_path, monkeypatch):
    from sentimo.engine.files import job, parts

    monkeypatch.setattr(parts, "ROWS_AT_ONCE", 1)
    answer = job._Job._write

    def interrupted(run, part, answers):
        if run.state.n_read == 2:
            raise KeyboardInterrupt
        answer(run, part, answers)

    monkeypatch.setattr(job._Job, "_write", interrupted)
    with pytest.raises(Interrupted, match="stopped after 2 rows; the same command with --resume goes on"):
        invoke(reviews, "-o", tmp_path / "out.csv")
    monkeypatch.setattr(job._Job, "_write", answer)
    result = invoke(reviews, "-o", tmp_path / "out.csv", "--resume")

    assert "Wrote 3 rows" in result.stderr


def test_a_target_is_replaced_only_when_asked(reviews, tmp_path):
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")

    with pytest.raises(InputError, match="--overwrite"):
        invoke(reviews, "-o", tmp_path / "out.csv")
    invoke(reviews, "-o", tmp_path / "out.csv", "--overwrite")

    assert (tmp_path / "out.csv").read_text("utf-8").startswith("id,review,language,polarity,")


def test_a_misspelt_column_gets_the_nearest_one(reviews, tmp_path):
    with pytest.raises(DataError, match="Did you mean 'review'"):
        invoke(reviews, "-o", tmp_path / "out.csv", "--text", "reveiw")


def test_an_output_is_needed(reviews):
    assert invoke(reviews).exit_code == 2
