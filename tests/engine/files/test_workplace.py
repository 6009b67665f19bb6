"""What else may touch the files of a run while it works."""

import errno
import io
import json
import os

import pytest
from tables import StopsAt, column, write

from sentimo.data.readers import encoding as encodings
from sentimo.data.streams import StreamInput
from sentimo.engine.files import predict_file
from sentimo.engine.files.state import Workplace
from sentimo.errors import DataError, DiskFullError, InputError, Interrupted


class Meanwhile:
    """A predictor during whose second call something happens. The first call is the probe."""

    def __init__(self, predictor, happens):
        self._predictor, self._happens, self._n = predictor, happens, 0

    def predict(self, texts):
        self._n += 1
        if self._n == 2:
            self._happens()
        return self._predictor.predict(texts)


def interrupt(predictor, source, target):
    with pytest.raises(Interrupted):
        predict_file(StopsAt(predictor, 3), source, target, text="text")


@pytest.mark.parametrize("change", ["append", "unlink"])
def test_a_source_that_changes_while_it_is_read_ends_in_an_error_and_leaves_nothing(
    tmp_path, fake_predictor, many, small_parts, change
):
    def happens():
        if change == "append":
            many.write_text(many.read_text("utf-8") + "21,good\n", "utf-8")
        else:
            many.unlink()

    with pytest.raises(DataError, match="a source changed while it was read"):
        predict_file(Meanwhile(fake_predictor(), happens), many, tmp_path / "out.csv", text="text")

    assert [path.name for path in tmp_path.iterdir() if path != many] == []


@pytest.mark.parametrize("name", ["out.csv", "out.csv.bad.jsonl"])
def test_a_file_that_came_while_the_run_worked_is_not_replaced(tmp_path, fake_predictor, many, name):
    def happens():
        (tmp_path / name).write_text("precious", "utf-8")

    with pytest.raises(InputError, match=f"{name} is already there.*answers are kept.*--resume"):
        predict_file(Meanwhile(fake_predictor(), happens), many, tmp_path / "out.csv", text="text")
    assert (tmp_path / name).read_text("utf-8") == "precious"

    (tmp_path / name).unlink()
    assert predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True).n_rows == 20
    assert len(column(tmp_path / "out.csv", "n")) == 20


def test_two_runs_do_not_work_in_one_folder(tmp_path, fake_predictor, many, small_parts):
    pytest.importorskip("fcntl")
    interrupt(fake_predictor(), many, tmp_path / "out.csv")
    told = []

    def happens():
        with pytest.raises(InputError, match=r"another process works in .*out\.csv\.unfinished; wait for it"):
            predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True)
        told.append(True)

    predict_file(Meanwhile(fake_predictor(), happens), many, tmp_path / "out.csv", text="text", resume=True)

    assert told
    assert column(tmp_path / "out.csv", "n") == [str(n) for n in range(1, 21)]


def test_a_disk_that_is_full_at_once_is_told_too(tmp_path, fake_predictor, many, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Workplace, "save", full)
        with pytest.raises(DiskFullError, match=r"no room for .*out\.csv after 0 rows"):
            predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text")

    assert predict_file(fake_predictor(), many, tmp_path / "out.csv", text="text", resume=True).n_rows == 20


def test_a_stream_leaves_the_unfinished_run_of_another_alone(tmp_path, fake_predictor, many, small_parts):
    interrupt(fake_predictor(), many, tmp_path / "out.csv")

    with pytest.raises(InputError, match="holds an unfinished run"):
        predict_file(fake_predictor(), StreamInput(io.BytesIO(b"good\n"), ".txt"), tmp_path / "out.csv", text="text")

    assert (tmp_path / "out.csv.unfinished" / "state.json").exists()


def test_a_run_that_cannot_be_resumed_waits_for_the_disk_only_at_its_end(
    tmp_path, fake_predictor, small_parts, monkeypatch
):
    waits, real = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (waits.append(number), real(number)))

    for n in (1, 50):
        source = StreamInput(io.BytesIO(b"good\n" * n), ".txt")
        predict_file(fake_predictor(), source, tmp_path / f"{n}.csv", text="text")
        waits.append("end")

    assert waits.index("end") == len(waits) - waits.index("end") - 2


def test_going_on_does_not_look_for_the_encoding_again(tmp_path, fake_predictor, small_parts, monkeypatch):
    source = write(tmp_path / "in.csv", [{"text": "这家店的面条很好吃", "n": str(n)} for n in range(20)])
    source.write_bytes(source.read_text("utf-8").encode("gb18030"))
    interrupt(fake_predictor(), source, tmp_path / "out.csv")
    state = json.loads((tmp_path / "out.csv.unfinished" / "state.json").read_text("utf-8"))
    assert state["encodings"] == ["gb18030"]

    encodings._detected.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(encodings, "detect_encoding", None)
        predict_file(fake_predictor(), source, tmp_path / "out.csv", text="text", resume=True)

    assert column(tmp_path / "out.csv", "text") == ["这家店的面条很好吃"] * 20
