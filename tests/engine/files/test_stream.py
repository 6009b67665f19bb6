import io
import json
import os
import threading

import pytest
from tables import ANSWERS, RESULTS, ROWS, bad_rows, column, read, write

from sentimo.data.streams import StreamInput
from sentimo.engine.files import parts, predict_file, predict_stream
from sentimo.errors import DataError, InputError, Interrupted


class Out(io.BytesIO):
    """Remembers what was there at each flush."""

    def __init__(self):
        super().__init__()
        self.flushed = []

    def flush(self):
        self.flushed.append(self.getvalue().count(b"\n"))


def lines(out):
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_a_file_goes_to_a_stream_as_it_goes_to_a_file(tmp_path, fake_predictor, many, small_parts, ending):
    out, told = io.BytesIO(), []
    predict_file(fake_predictor(), many, tmp_path / f"out{ending}", text="text")

    summary = predict_stream(fake_predictor(), many, out, text="text", ending=ending, on_bad=told.append)

    assert out.getvalue() == (tmp_path / f"out{ending}").read_bytes()
    assert (summary.n_read, summary.n_rows, summary.n_bad, summary.bad) == (20, 20, 4, None)
    assert [row["row"] for row in told] == [3, 8, 13, 18]


def test_a_stream_is_answered_with_all_its_columns(tmp_path, fake_predictor):
    source = StreamInput(io.BytesIO(write(tmp_path / "a.csv", ROWS).read_bytes()), ".csv")
    out = io.BytesIO()

    predict_stream(fake_predictor(), source, out, text="review", ending=".jsonl")

    assert [list(row) for row in lines(out)] == [["id", "review", "place", *RESULTS]] * 3
    assert [row["polarity"] for row in lines(out)] == ANSWERS


def test_answers_flow_before_the_stream_ends(fake_predictor):
    reading, writing = os.pipe()
    out, asked, go_on = Out(), [], threading.Event()

    class Tells:
        def predict(self, texts):
            asked.append(list(texts))
            go_on.set()
            return fake_predictor().predict(texts)

    def feed():
        os.write(writing, b"good\n")
        while ["good"] not in asked:
            go_on.wait(5)
            go_on.clear()
        os.write(writing, b"awful\nfine\n")
        os.close(writing)

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(reading, "rb", buffering=0) as file:
        predict_stream(Tells(), StreamInput(file, ".txt"), out, text="text", ending=".jsonl")
    thread.join()

    assert asked[1] == ["good"]
    assert [row["text"] for row in lines(out)] == ["good", "awful", "fine"]
    assert out.flushed[0] == 1


def test_a_fast_stream_is_answered_in_parts(fake_predictor, small_parts):
    sizes = []

    class Counts:
        def predict(self, texts):
            sizes.append(len(texts))
            return fake_predictor().predict(texts)

    predict_stream(Counts(), StreamInput(io.BytesIO(b"good\n" * 50), ".txt"), io.BytesIO(), text="text", ending=".csv")

    assert sum(sizes[1:]) == 50
    assert max(sizes[1:]) <= parts.ROWS_AT_ONCE == 4


def test_a_stream_can_go_into_a_file_but_not_be_resumed(tmp_path, fake_predictor):
    def source():
        return StreamInput(io.BytesIO(b"text\ngood\n\n,\nawful\n"), ".csv")

    summary = predict_file(fake_predictor(), source(), tmp_path / "out.parquet", text="text")

    assert column(tmp_path / "out.parquet", "polarity") == ["positive", "negative"]
    assert [row["row"] for row in bad_rows(summary)] == [2]
    with pytest.raises(InputError, match="stdin cannot be read again, so there is nothing to resume"):
        predict_file(fake_predictor(), source(), tmp_path / "two.csv", text="text", resume=True)


def test_a_stream_that_is_interrupted_leaves_nothing_behind(tmp_path, fake_predictor):
    class Stops:
        n = 0

        def predict(self, texts):
            self.n += 1
            if self.n == 2:
                raise KeyboardInterrupt
            return fake_predictor().predict(texts)

    with pytest.raises(Interrupted, match="stopped after 0 rows; stdin cannot be read again, so start anew"):
        predict_file(Stops(), StreamInput(io.BytesIO(b"good\n"), ".txt"), tmp_path / "out.csv", text="text")

    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_reader_ends_the_run(tmp_path, fake_predictor, monkeypatch):
    monkeypatch.setattr("sentimo.data.readers.csv._MOST_CHARACTERS", 1000)
    source = StreamInput(io.BytesIO(b"text\ngood\n" + b"x" * 2000 + b"\n"), ".csv")
    out = io.BytesIO()

    with pytest.raises(DataError, match=r"stdin, line 3: field larger than field limit"):
        predict_stream(fake_predictor(), source, out, text="text", ending=".jsonl")


def test_parquet_is_not_written_to_a_stream(tmp_path, fake_predictor, many):
    with pytest.raises(InputError, match="Parquet is not written to a stream; name a file"):
        predict_stream(fake_predictor(), many, io.BytesIO(), text="text", ending=".parquet")
    assert read(many)


def test_keys_that_come_late_in_a_stream_are_left_out_and_told(fake_predictor):
    early, late = b'{"text": "good"}\n' * 5000, b'{"text": "awful", "late": 1}\n'
    out = io.BytesIO()

    summary = predict_stream(fake_predictor(), StreamInput(io.BytesIO(early + late)), out, text="text", ending=".jsonl")

    assert summary.left_out == ["late"]
    assert "late" not in lines(out)[-1]
    assert lines(out)[-1]["polarity"] == "negative"
