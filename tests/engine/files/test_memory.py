"""Memory is bounded by the characters of a part, whatever they are in."""

import io
import time
import tracemalloc
from contextlib import contextmanager

import pytest

from sentimo.data.streams import StreamInput
from sentimo.engine.files import parts, predict_file, predict_stream

LENGTH, N_ROWS = 20_000, 400


@contextmanager
def peak_below(n_bytes):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < n_bytes
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def short_parts(monkeypatch):
    monkeypatch.setattr(parts, "CHARACTERS_AT_ONCE", 5 * LENGTH)


@pytest.mark.parametrize("line", ["broken " * (LENGTH // 7), "[" + "1, " * (LENGTH // 3) + "1]"])
def test_rows_that_cannot_be_read_are_not_gathered(tmp_path, fake_predictor, line):
    (tmp_path / "in.jsonl").write_text('{"text": "good"}\n' + (line + "\n") * N_ROWS, "utf-8")
    predict_file(fake_predictor(), tmp_path / "in.jsonl", tmp_path / "warm.csv", text="text")

    with peak_below(N_ROWS * LENGTH / 4):
        summary = predict_file(fake_predictor(), tmp_path / "in.jsonl", tmp_path / "out.csv", text="text")

    assert summary.n_bad == N_ROWS


def test_a_stream_that_is_faster_than_the_model_is_not_gathered(fake_predictor):
    class Slow:
        def predict(self, texts):
            time.sleep(0.02)
            return fake_predictor().predict([text[:10] for text in texts])

    content = io.BytesIO(("good " * (LENGTH // 5) + "\n").encode() * N_ROWS)
    out = io.FileIO("/dev/null", "w")

    with out, peak_below(N_ROWS * LENGTH / 4):
        summary = predict_stream(Slow(), StreamInput(content, ".txt"), out, text="text", ending=".csv")

    assert summary.n_rows == N_ROWS
