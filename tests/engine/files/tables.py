"""Small files, written and read back."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from sentimo.data.readers import read_rows
from sentimo.data.streams import COMPRESSIONS, compress

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
ENDINGS = [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".jsonl.zst"]


def write(path, rows):
    """Write rows of strings in the format of a file's ending."""
    if ".parquet" in path.suffixes:
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    if ".jsonl" in path.suffixes:
        content = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        written = io.StringIO(newline="")
        writer = csv.writer(written, delimiter="\t" if ".tsv" in path.suffixes else ",")
        writer.writerows([list(rows[0]), *(row.values() for row in rows)])
        content = written.getvalue()
    path.write_bytes(compress(content.encode(), COMPRESSIONS.get(path.suffix)))
    return path


def read(path):
    return [dict(row.cells) for row in read_rows(path)]


def bad_rows(summary):
    return [json.loads(line) for line in summary.bad.read_text("utf-8").splitlines()]


def column(path, name):
    return [row[name] for row in read(path)]


def content(path):
    """Return the bytes of a file, or of every file in a folder."""
    if path.is_dir():
        return {each.name: each.read_bytes() for each in sorted(path.iterdir())}
    return path.read_bytes()


class StopsAt:
    """A predictor that gets Ctrl-C at a call. The first call is the probe."""

    def __init__(self, predictor, call):
        self._predictor, self._left = predictor, call

    def __getattr__(self, name):
        return getattr(self._predictor, name)

    def predict(self, texts):
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return self._predictor.predict(texts)
