from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rich.console import Console

from sentimo.compress import run
from sentimo.compress.gate import Gate
from sentimo.compress.material import NotPossible
from sentimo.compress.report import print_outcome
from sentimo.compress.run import compress, halves, refusal
from sentimo.core.bundle import Bundle
from sentimo.core.documents import Document, Example
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError

ANY = Gate(max_drop=100.0, min_speedup=0.01)


@pytest.fixture(scope="module")
def outcome(trained, rows, tmp_path_factory):
    """What a run over two chains found, and where its result lies."""
    target = tmp_path_factory.mktemp("kept") / "small"
    return compress(trained.bundle.path, target, rows, ANY, only=["weights16", "dynamic8"], rounds=1), target


def test_the_best_is_kept_with_a_card_and_every_figure(outcome, trained):
    found, target = outcome

    bundle = Bundle.open(target)
    assert bundle.digest == found.bundle.digest
    assert bundle.manifest.provenance["compressed"] == found.best.chain
    assert "model.safetensors" not in bundle.files
    card = bundle.file("README.md").read_text("utf-8")
    assert card.startswith("# four tasks")
    assert "## Compression" in card
    assert "| weights16 |" in card
    record = json.loads(bundle.file("compression.json").read_text("utf-8"))
    assert record["gate"] == {"max_drop": 100.0, "min_speedup": 0.01}
    assert {each["candidate"] for each in record["candidates"]} == {"weights16", "dynamic8"}
    assert Predictor.load(target).predict(["I love it"]).errors == (None,)


def test_tasks_with_rows_are_judged_and_the_others_compared(outcome):
    tasks = outcome[0].trials[0].tasks

    assert tasks["polarity"].main == "macro_f1"
    assert tasks["intensity"].main == "pearson"
    assert tasks["emotions"].main is None
    assert tasks["stars"].drop is None
    assert all(0.9 <= each.agreement <= 1 for each in tasks.values())


def test_half_of_the_rows_judges_and_shares_no_text_with_the_other(rows):
    first, second = halves(rows, seed=3)

    texts = [{each.document.text for part in half.values() for each in part} for half in (first, second)]
    assert texts[0].isdisjoint(texts[1])
    for task, members in rows.items():
        assert len(first[task]) + len(second[task]) == len(members)
        assert abs(len(first[task]) - len(second[task])) < 0.2 * len(members)
    assert halves(rows, seed=3) == (first, second)
    assert halves(rows, seed=4) != (first, second)


def test_nothing_is_written_when_nothing_passes_and_the_nearest_is_named(trained, rows, tmp_path):
    gate = Gate(max_drop=100.0, min_speedup=1000.0)

    found = compress(trained.bundle.path, tmp_path / "small", rows, gate, only=["weights16"], rounds=1)

    assert found.best is None
    assert list(tmp_path.iterdir()) == []
    sentence = str(refusal(found, gate))
    assert "nothing was written. weights16 came nearest: it is" in sentence
    assert "at least 1000" in sentence


def test_a_named_candidate_that_cannot_be_made_is_an_error(trained, rows, tmp_path):
    with pytest.raises(NotPossible, match="--train"):
        compress(trained.bundle.path, tmp_path / "small", rows, ANY, only=["qat8"], rounds=1)

    assert list(tmp_path.iterdir()) == []


def test_a_usual_candidate_that_cannot_be_made_is_left_out(trained, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "TRIED", ("weights16", "qat8", "vocabulary"))

    found = compress(trained.bundle.path, tmp_path / "small", rows, ANY, rounds=1)

    assert [each.chain for each in found.trials] == ["weights16"]
    assert found.left_out.keys() == {"qat8", "vocabulary"}


def test_an_interrupted_run_leaves_nothing_behind(trained, rows, tmp_path):
    def stop(chain, done, n):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress(
            trained.bundle.path, tmp_path / "small", rows, ANY, only=["weights16", "weights8"], rounds=1, show=stop
        )

    assert list(tmp_path.iterdir()) == []


def test_a_taken_folder_is_found_before_any_work(trained, rows, outcome):
    with pytest.raises(BundleError, match="already holds a model"):
        compress(trained.bundle.path, outcome[1], rows, ANY)


@pytest.mark.parametrize("dev", [{}, {"polarity": [Example(Document("good"), {"polarity": 2})]}])
def test_too_few_rows_are_refused(trained, tmp_path, dev):
    with pytest.raises(InputError, match="labelled rows|cannot be split"):
        compress(trained.bundle.path, tmp_path / "small", dev, ANY)


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_names_every_candidate_on_any_terminal(outcome, width):
    console = Console(width=width, record=True)

    print_outcome(replace(outcome[0], left_out={"heads": "because"}), ANY, console)

    text = console.export_text()
    assert "dynamic8" in text
    assert "weights16" in text
    assert "left out: heads: because" in text
    assert ("texts/s" in text) == (width == 140)
