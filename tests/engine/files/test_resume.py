import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tables import ENDINGS, StopsAt, column, content, read, write

from sentimo.engine.files import parts, predict_file
from sentimo.engine.files.state import Workplace
from sentimo.errors import InputError, Interrupted


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


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("ending", [".csv", ".jsonl.gz", ".csv.zst", ".parquet", ""])
def test_a_run_killed_between_any_two_steps_on_disk_can_be_ended(
    tmp_path, fake_predictor, many, monkeypatch, ending, overwrite
):
    monkeypatch.setattr(parts, "ROWS_AT_ONCE", 8)
    monkeypatch.setattr(os, "fsync", lambda number: None)  # this process ends, not the machine
    undisturbed, target = tmp_path / f"undisturbed{ending}", tmp_path / f"out{ending}"
    options = {"text": "text", "overwrite": overwrite, "folder": not ending}
    predict_file(fake_predictor(), many, undisturbed, **options)
    steps = [(Path, "replace"), (Path, "unlink"), (Path, "mkdir"), (Path, "rmdir"), (os, "fsync"), (shutil, "rmtree")]
    real = {name: getattr(owner, name) for owner, name in steps}
    for kill_at in range(1, 200):
        left = kill_at
        if overwrite:
            older = target / "part-00007.parquet" if not ending else target
            older.parent.mkdir(exist_ok=True)
            older.write_text("older answers", "utf-8")

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
                predict_file(fake_predictor(), many, target, **options)
            except Killed:
                pass
            else:
                break  # there are fewer steps than that
        state = tmp_path / f"out{ending}.unfinished" / "state.json"
        if state.exists() or not target.exists() or content(target) != content(undisturbed):
            predict_file(fake_predictor(), many, target, resume=state.exists(), **options)
        assert content(target) == content(undisturbed)
        assert Path(f"{target}.bad.jsonl").read_bytes() == Path(f"{undisturbed}.bad.jsonl").read_bytes()
        Path(f"{target}.bad.jsonl").unlink()
        shutil.rmtree(target) if not ending else target.unlink()
        shutil.rmtree(tmp_path / f"out{ending}.unfinished", ignore_errors=True)
    assert kill_at > 25


@pytest.mark.parametrize("ending", [".csv", ".jsonl.gz", ".parquet"])
def test_a_part_that_is_half_on_disk_is_cut_off(tmp_path, fake_predictor, many, small_parts, monkeypatch, ending):
    undisturbed, target = tmp_path / f"undisturbed{ending}", tmp_path / f"out{ending}"
    predict_file(fake_predictor(), many, undisturbed, text="text")
    append = Workplace.append

    def half(self, rows, bad):
        if self.bad.stat().st_size:
            append(self, rows[: len(rows) // 2], bad[:5])
            raise Killed
        append(self, rows, bad)

    with monkeypatch.context() as patch:
        patch.setattr(Workplace, "append", half)
        with pytest.raises(Killed):
            predict_file(fake_predictor(), many, target, text="text")
    predict_file(fake_predictor(), many, target, text="text", resume=True)

    assert target.read_bytes() == undisturbed.read_bytes()
    assert Path(f"{target}.bad.jsonl").read_bytes() == Path(f"{undisturbed}.bad.jsonl").read_bytes()


@pytest.mark.parametrize("given", [".csv.gz", ".jsonl.zst", ".jsonl", ".parquet"])
def test_every_kind_of_source_can_be_gone_on_with(tmp_path, fake_predictor, many, small_parts, given):
    source = write(tmp_path / f"in{given}", read(many))
    predict_file(fake_predictor(), source, tmp_path / "undisturbed.csv", text="text")

    interrupt(fake_predictor(), source, tmp_path / "out.csv")
    predict_file(fake_predictor(), source, tmp_path / "out.csv", text="text", resume=True)

    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "undisturbed.csv").read_bytes()


PROGRAM = """
import resource, sys
from sentimo.core.labels import POLARITY_3
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends.fake import FakeBackend
from sentimo.engine.files import parts, predict_file
from sentimo.engine.files.state import Workplace
from sentimo.engine.predictor import Predictor
from sentimo.errors import SentimoError

source, target, most, pause = sys.argv[1:5]
parts.ROWS_AT_ONCE = 50
if int(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), resource.RLIM_INFINITY))

class Slow(Predictor):
    def predict(self, texts):
        import time
        time.sleep(float(pause))
        return super().predict(texts)

predictor = Slow(
    FakeBackend(lambda words: {"polarity": [1.0, 2.0, 3.0 * len(words)]}, 64),
    [TaskSpec("polarity", POLARITY_3)], ModelId("fake", "00"),
)
try:
    predict_file(predictor, source, target, text="text", resume="--resume" in sys.argv,
                 on_progress=lambda progress: print(progress.n_read, flush=True))
except SentimoError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def start(source, target, most=0, pause=0.0, *options):
    command = [sys.executable, "-c", PROGRAM, source, target, str(most), str(pause), *options]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(*arguments):
    with start(*arguments) as process:
        _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told


@pytest.fixture
def thousand(tmp_path):
    return write(tmp_path / "thousand.csv", [{"n": str(n), "text": "good " * (n % 7)} for n in range(1000)])


@pytest.mark.parametrize("ending", [".csv.gz", ".parquet"])
def test_a_process_that_is_killed_can_be_gone_on_with(tmp_path, thousand, ending):
    finish(thousand, tmp_path / f"undisturbed{ending}")

    with start(thousand, tmp_path / f"out{ending}", 0, 0.02) as process:
        while int(process.stdout.readline()) < 300:
            pass
        process.kill()
    assert not (tmp_path / f"out{ending}").exists()
    finish(thousand, tmp_path / f"out{ending}", 0, 0.0, "--resume")

    for name in (ending, f"{ending}.bad.jsonl"):
        assert (tmp_path / f"out{name}").read_bytes() == (tmp_path / f"undisturbed{name}").read_bytes()


@pytest.mark.parametrize(("ending", "most"), [(".csv", 50_000), (".jsonl.gz", 9_000), (".parquet", 20_000)])
def test_a_full_disk_is_told_and_the_run_can_be_gone_on_with(tmp_path, thousand, ending, most):
    finish(thousand, tmp_path / f"undisturbed{ending}")

    with start(thousand, tmp_path / f"out{ending}", most) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.match(rf"DiskFullError: no room for .*out{ending} after \d+ rows \(.*\)\. Make room; .*--resume", told)
    finish(thousand, tmp_path / f"out{ending}", 0, 0.0, "--resume")

    assert (tmp_path / f"out{ending}").read_bytes() == (tmp_path / f"undisturbed{ending}").read_bytes()


def test_ctrl_c_in_a_process_leaves_a_run_to_go_on_with(tmp_path, thousand):
    with start(thousand, tmp_path / "out.csv", 0, 0.02) as process:
        while int(process.stdout.readline()) < 300:
            pass
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)

    n_done = int(re.match(r"Interrupted: stopped after (\d+) rows; .*--resume", told)[1])
    assert 300 <= n_done < 1000
    assert json.loads((tmp_path / "out.csv.unfinished" / "state.json").read_text())["n_read"] == n_done


def test_a_row_that_is_lost_is_a_bug_and_no_file_is_made(tmp_path, fake_predictor, many, monkeypatch):
    save = Workplace.save
    monkeypatch.setattr(
        Workplace, "save", lambda self, state: save(self, replace(state, n_rows=max(0, state.n_rows - 1)))
    )

    with pytest.raises(RuntimeError, match=r"20 rows read, but 19 written and 0 unreadable: a bug"):
        predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text")

    assert not (tmp_path / "out.csv").exists()


def test_going_on_asks_only_for_what_is_left(tmp_path, fake_predictor, many, small_parts):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")
    predictor, told = Counts(fake_predictor()), []

    predict_file(predictor, many, tmp_path / "out.csv", text="text", resume=True, on_progress=told.append)

    assert predictor.rows[1:] == [4] * 4
    assert [(each.n_read, each.n_now) for each in told] == [(4, 0), (8, 4), (12, 8), (16, 12), (20, 16)]


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


def test_the_same_command_with_resume_may_be_given_at_any_time(tmp_path, fake_predictor, many):
    first = predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True)
    written = (tmp_path / "out.csv").read_bytes()
    again = predict_file(None, many, tmp_path / "out.csv", text="text", resume=True)
    replaced = predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True, overwrite=True)

    assert (first.status, first.n_rows) == ("completed with errors", 20)
    assert (again.status, again.to_dict()["rows"], again.bad) == ("already there", None, first.bad)
    assert replaced.n_rows == 20
    assert (tmp_path / "out.csv").read_bytes() == written


def test_another_model_cannot_go_on_with_a_run(tmp_path, fake_predictor, many, small_parts):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")

    with pytest.raises(InputError, match="was begun with another model"):
        predict_file(fake_predictor(name="other"), many, tmp_path / "out.csv", text="text", resume=True)


def test_a_cascade_is_another_model_even_where_the_same_one_answers(tmp_path, fake_predictor, many, small_parts):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")
    cascade = StopsAt(fake_predictor(), 99)
    cascade.identity = ({"model": "cheap"}, {"model": "fakefake"})

    with pytest.raises(InputError, match="was begun with another model"):
        predict_file(cascade, many, tmp_path / "out.csv", text="text", resume=True)


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
