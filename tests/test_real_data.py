"""What is promised of real data, measured on it. Slow; skipped where the data folder is missing."""

import functools
import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sentimo.engine.analyzer import BUILT_IN
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.phenomena.judge import judge
from sentimo.evaluate.phenomena.suite import built_in_suite

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA}; SENTIMO_DATA names another folder"),
]


@pytest.fixture(scope="module")
def built_in():
    """The built-in model of a language, loaded once; it answers no text twice."""
    return functools.cache(lambda language: Predictor.load(BUILT_IN / language, cache_bytes=64 << 20))


@pytest.mark.parametrize(
    ("language", "name", "figure", "floor"),
    [
        ("en", "polarity, sst2", "accuracy", 0.895),
        ("en", "polarity, tweeteval-sentiment", "macro_recall", 0.68),
        ("en", "goemotions, goemotions", "macro_f1", 0.50),
        ("en", "emotions, goemotions", "macro_f1", 0.60),
        ("zh", "polarity, chnsenticorp-hotel", "accuracy", 0.90),
        ("zh", "polarity, online-shopping-10", "accuracy", 0.935),
        ("zh", "emotions, smp2020-ewect-usual", "macro_f1", 0.70),
        ("zh", "emotions, nlpcc2013-emotion", "accuracy", 0.68),
    ],
)
def test_a_built_in_model_reaches_what_is_told_of_it(language, name, figure, floor, built_in, monkeypatch):
    """As its card counts: between the labels that a set tells apart."""
    monkeypatch.syspath_prepend(ROOT / "recipes")
    model = importlib.import_module(f"default_{language}").MODEL
    source = next(each for each in model.sources if each.name == name)

    report = replace(model, sources=[source]).judge(built_in(language))[name]

    assert report.tasks[source.task].figures[figure].value >= floor


@pytest.mark.parametrize(("language", "floor"), [("en", 0.85), ("zh", 0.80)])
def test_a_built_in_model_answers_most_phenomena_as_expected(language, floor, built_in):
    assert judge(built_in(language), built_in_suite(language)).total.share.value >= floor


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
