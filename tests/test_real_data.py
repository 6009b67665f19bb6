"""What is promised of real data, measured on it. Slow; skipped where the data folder is missing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentimo.core.labels import MAPPINGS
from sentimo.data.dataset import load_dataset
from sentimo.data.reading import Reading
from sentimo.engine.analyzer import BUILT_IN, Analyzer
from sentimo.evaluate.report import evaluate

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}; SENTIMO_DATA names another folder"),
]


def accuracy(data, task, label_of, label, mapping=None):
    """Return the accuracy of the built-in models on a test set."""
    analyzer, reading = Analyzer.load(), Reading("text", label, mapping=mapping)
    rows = load_dataset([DATA / data], reading, task=task, space=analyzer.spaces[task]).examples
    return evaluate(analyzer, {task: rows}, n_bootstrap=0).tasks[task].figures[label_of].value


def test_the_english_model_knows_polarity_of_tweets():
    assert accuracy("en/tweeteval-sentiment/test.parquet", "polarity", "accuracy", label="label") >= 0.67


def test_the_english_model_knows_28_emotions():
    assert accuracy("en/goemotions/test.parquet", "goemotions", "macro_f1", label="labels") >= 0.48


def test_the_chinese_model_knows_polarity_of_hotel_reviews():
    assert accuracy("zh/chnsenticorp-hotel/test.parquet", "polarity", "accuracy", label="label") >= 0.88


def test_the_chinese_model_knows_emotions_of_microblogs():
    mapping = MAPPINGS["nlpcc2013-8 -> ekman-7"]
    assert accuracy("zh/nlpcc2013-emotion/test.parquet", "emotions", "accuracy", "label", mapping) >= 0.68


def test_a_thousand_tweets_teach_minilm_more_than_the_baseline_learns(tmp_path):
    import pyarrow.parquet as pq

    for part, n in (("train", 1500), ("dev", 300), ("test", 1000)):
        table = pq.read_table(DATA / "en" / "emotion-6" / f"{part}.parquet").slice(0, n)
        pq.write_table(table, tmp_path / f"{part}.parquet")
    files = [
        f"--{name}={tmp_path / part}.parquet" for name, part in (("data", "train"), ("dev", "dev"), ("test", "test"))
    ]

    done = subprocess.run(
        [sys.executable, "-m", "sentimo", "train", *files, "--epochs", "3", "-o", str(tmp_path / "model"), "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )

    result = json.loads(done.stdout)
    found = {
        name: result[name]["tasks"]["emotions"]["figures"]["accuracy"]["value"]
        for name in ("test", "before", "baseline")
    }
    assert found["test"] > found["baseline"] > found["before"]
    assert found["test"] >= 0.70


def test_the_built_in_models_take_less_than_60_mb():
    assert sum(path.stat().st_size for path in BUILT_IN.rglob("*") if path.is_file()) < 60e6
