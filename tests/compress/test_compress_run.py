from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rich.console import Console

from sentimo.compress import run, trial
from sentimo.compress.gate import Gate
from sentimo.compress.report import print_outcome
from sentimo.compress.run import CompressionStopped, compress, refusal, thirds
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


def test_the_thirds_share_no_text(rows):
    found = thirds(rows, seed=3)

    texts = [{each.document.text for part in third.values() for each in part} for third in found]
    assert sum(map(len, texts)) == len(set().union(*texts))
    for task, members in rows.items():
        assert sum(len(third[task]) for third in found) == len(members)
        assert all(abs(len(third[task]) - len(members) / 3) < 0.1 * len(members) for third in found)
    assert thirds(rows, seed=3) == found
    assert thirds(rows, seed=4) != found


def test_the_best_is_judged_again_on_rows_that_chose_nothing(trained, rows, tmp_path, monkeypatch):
    judged = []

    def judge(before, after, part, *, seed):
        judged.append({each.document.text for members in part.values() for each in members})
        return trial.judge(before, after, part, seed=seed)

    monkeypatch.setattr(run, "judge", judge)

    found = compress(trained.bundle.path, tmp_path / "small", rows, ANY, only=["weights16"], rounds=1)

    _, choice, confirmation = (
        {each.document.text for members in third.values() for each in members} for third in thirds(rows, 13)
    )
    assert judged == [choice, confirmation]
    drop = found.confirmed.tasks["polarity"].drop
    assert found.to_dict()["confirmed"]["tasks"]["polarity"]["drop"] == drop.to_dict()
    sentence = f"weights16 on {found.n_confirmed} rows that chose nothing: "
    assert sentence in (tmp_path / "small" / "README.md").read_text("utf-8")


def test_nothing_is_written_when_nothing_passes_and_the_nearest_is_named(trained, rows, tmp_path):
    gate = Gate(max_drop=100.0, min_speedup=1000.0)

    found = compress(trained.bundle.path, tmp_path / "small", rows, gate, only=["weights16"], rounds=1)

    assert found.best is None
    assert list(tmp_path.iterdir()) == []
    sentence = str(refusal(found, gate))
    assert "nothing was written. weights16 came nearest: it is" in sentence
    assert "at least 1000" in sentence


def test_where_no_candidate_can_be_made_the_error_says_why(trained, rows, tmp_path):
    found = compress(trained.bundle.path, tmp_path / "small", rows, ANY, only=["qat8"], rounds=1)

    assert found.best is None
    assert list(tmp_path.iterdir()) == []
    assert "no candidate could be made, so nothing was written (qat8 learns" in str(refusal(found, ANY))


def test_no_candidate_learns_from_texts_that_judge_it(trained, rows, tmp_path):
    judging = [each.document.text.upper() for examples in rows.values() for each in examples]

    found = compress(trained.bundle.path, tmp_path / "small", rows, ANY, train=judging, only=["qat8"], rounds=1)

    assert "--train" in found.left_out["qat8"]


@pytest.mark.parametrize("broken", ["answering_bytes", "measure_speed"])
def test_an_error_of_a_library_costs_one_candidate_and_not_the_run(broken, trained, rows, tmp_path, monkeypatch):
    whole, calls = getattr(run, broken), []

    def once(*given, **options):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("no kernel for this node\nat line 5")
        return whole(*given, **options)

    monkeypatch.setattr(run, broken, once)

    found = compress(trained.bundle.path, tmp_path / "small", rows, ANY, only=["weights8", "weights16"], rounds=1)

    assert found.best.chain == "weights16"
    assert found.left_out == {"weights8": "RuntimeError: no kernel for this node"}


def test_a_usual_candidate_that_cannot_be_made_is_left_out(trained, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "TRIED", ("weights16", "qat8", "vocabulary"))

    found = compress(trained.bundle.path, tmp_path / "small", rows, ANY, rounds=1)

    assert [each.chain for each in found.trials] == ["weights16"]
    assert found.left_out.keys() == {"qat8", "vocabulary"}


def test_an_interrupted_run_tells_what_was_measured_and_leaves_nothing_behind(trained, rows, tmp_path):
    def stop(chain, done, n):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(CompressionStopped, match="stopped after 1 candidates were measured") as stopped:
        compress(
            trained.bundle.path, tmp_path / "small", rows, ANY, only=["weights16", "weights8"], rounds=1, show=stop
        )

    assert [each.chain for each in stopped.value.outcome.trials] == ["weights16"]
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
    assert f"on {outcome[0].n_confirmed} rows that chose nothing" in text
    assert ("texts/s" in text) == (width == 140)
