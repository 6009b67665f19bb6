"""A GPT-type backbone from labelled rows to the figures of a saved model, as the guide tells it."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

from sentimo.cli import app


@pytest.fixture
def run():
    def call(*arguments):
        done = CliRunner().invoke(app, [str(each) for each in arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


def test_a_decoder_is_trained_exported_asked_and_evaluated(run, gpt2, labelled, tmp_path):
    model, rows, answers = tmp_path / "gpt", labelled / "polarity.csv", tmp_path / "answers.csv"
    settings = ["--set", "threads=1", "--set", "precision=fp32", "--epochs", 1, "--max-tokens", 48, "--no-baseline"]

    told = json.loads(
        run(
            "train",
            "--data",
            rows,
            "--text",
            "text",
            "--label",
            "polarity",
            "--base",
            gpt2,
            "-o",
            model,
            *settings,
            "--json",
        )
    )
    run("predict", rows, "-o", answers, "--model", model, "--text", "text")
    figures = json.loads(run("evaluate", model, rows, "--text", "text", "--label", "polarity", "--json"))

    with answers.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    manifest = json.loads((model / "manifest.json").read_text("utf-8"))
    parity = json.loads((model / "report.json").read_text("utf-8"))["parity"]["polarity"]
    assert told["digest"]
    assert (manifest["backend"], manifest["settings"]["prefix"], manifest["settings"]["pad_id"]) == ("onnx", [], 256)
    assert json.loads((model / "heads.json").read_text("utf-8"))["polarity"]["pooling"] == "last"
    assert parity["same_labels"] == 1.0
    assert len(found) == 120
    assert {row["polarity"] for row in found} <= {"negative", "neutral", "positive"}
    assert figures["n_rows"] == 120
