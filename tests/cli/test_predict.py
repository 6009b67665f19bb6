import csv
import gzip
import io
import json
import shlex
import subprocess
import sys

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
    assert f"2 rows without an answer; why is in {tmp_path / 'out.jsonl.bad.jsonl'}" in result.stderr


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
        "rows_read": 4,
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


def test_a_folder_of_files_becomes_a_folder_of_parquet(tmp_path):
    import pyarrow.dataset as ds

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("text\ngood\n", encoding="utf-8")
    (tmp_path / "in" / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "bad"}\n'))

    result = invoke(tmp_path / "in", "-o", f"{tmp_path}/out/", "--format", "parquet")

    table = ds.dataset(tmp_path / "out").to_table()
    assert table["polarity"].to_pylist() == ["positive", "negative"]
    assert [name.rsplit("/")[-1] for name in table["source_file"].to_pylist()] == ["a.csv", "b.jsonl.gz"]
    assert f"Wrote 2 rows to {tmp_path}/out/" in result.stderr


def test_stdin_goes_to_stdout_and_notes_to_stderr():
    result = running.invoke(predict, "-", "-o", "-", "--input-format", "csv", stdin=REVIEWS, columns=200)

    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["id"], row["polarity"]) for row in rows] == [("1", "positive"), ("2", ""), ("3", "negative")]
    assert "row 2: empty text" in result.stderr
    assert "row 4: 3 cells, the header has 2 (line 5)" in result.stderr
    assert "Completed with errors: 2 rows without an answer\n" in result.stderr


def test_json_lines_on_stdin_need_no_name():
    result = running.invoke(predict, "-", "-o", "-", stdin='{"text": "good"}\n')

    assert json.loads(result.stdout)["polarity"] == "positive"


@pytest.mark.parametrize(("options", "first"), [(["--format", "tsv"], "text\tlanguage"), ([], '{"text": "good"')])
def test_the_format_on_stdout_can_be_named(options, first):
    result = running.invoke(predict, "-", "-o", "-", "--input-format", "txt", *options, stdin="good\n")

    assert result.stdout.startswith(first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-", "-o", "-"], "name it with --input-format"),
        (["a.csv", "-o", "-", "--resume"], "an output on stdout cannot be resumed; name a file with -o"),
        (["a.csv", "-o", "-", "--json"], "the output and --json both go to stdout"),
        (["-", "a.csv", "-o", "out.csv"], "stdin. stands alone"),
        (["a.csv", "-o", "b.csv", "--format", "parket"], "Did you mean 'parquet'?"),
        (["a.csv", "-o", "b.csv", "--input-format", "doc"], "--input-format 'doc' is not known.*csv, tsv"),
    ],
)
def test_what_cannot_be_done_with_streams_and_formats_is_told(arguments, message):
    with pytest.raises(InputError, match=message):
        running.invoke(predict, *arguments, stdin="text\n")


def test_formulas_are_guarded_unless_asked_otherwise(tmp_path):
    (tmp_path / "in.csv").write_text("text,n\n=good,-3.5\n", encoding="utf-8")

    invoke(tmp_path / "in.csv", "-o", tmp_path / "out.csv")
    invoke(tmp_path / "in.csv", "-o", tmp_path / "as_it_is.csv", "--no-formula-guard")

    assert (tmp_path / "out.csv").read_text("utf-8").splitlines()[1].startswith("'=good,-3.5,")
    assert (tmp_path / "as_it_is.csv").read_text("utf-8").splitlines()[1].startswith("=good,-3.5,")


def test_rows_without_an_answer_are_a_failure_only_when_asked(reviews, tmp_path):
    assert invoke(reviews, "-o", tmp_path / "one.csv").exit_code == 0
    assert invoke(reviews, "-o", tmp_path / "two.csv", "--fail-on-errors").exit_code == 1
    assert (tmp_path / "two.csv").exists()


def test_a_reader_that_goes_away_is_no_traceback(tmp_path):
    (tmp_path / "in.csv").write_text("text\n" + "好吃\n" * 20_000, encoding="utf-8")
    command = f"{shlex.quote(sys.executable)} -m sentimo predict in.csv -o - | head -n 1"

    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)

    assert done.stdout.startswith("text,language,polarity")
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path):
    with pytest.raises(DataError, match=r"^nofile\.csv: no such file$"):
        invoke("nofile.csv", "-o", tmp_path / "out.csv", "--text", "review")


def test_resuming_what_is_finished_says_so_and_is_no_failure(reviews, tmp_path):
    invoke(reviews, "-o", tmp_path / "out.csv")

    result = invoke(reviews, "-o", tmp_path / "out.csv", "--resume", "--json")

    assert result.exit_code == 0
    assert "out.csv is already there and nothing waits to be resumed" in result.stderr
    assert json.loads(result.stdout)["status"] == "already there"
