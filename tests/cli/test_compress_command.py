from __future__ import annotations

import json

import pytest
from running import invoke

from sentimo.cli.compress import _Bars, compress
from sentimo.cli.export import export
from sentimo.core.bundle import Bundle
from sentimo.errors import CompressionError, DataError, InputError, Interrupted


def test_a_model_that_passes_is_saved(trained, labelled, tmp_path):
    result = invoke(
        compress,
        *(trained.bundle.path, "-o", tmp_path / "small", "--dev", labelled / "polarity.csv", "--only", "weights16"),
        *("--max-drop", 100, "--min-speedup", 0.01, "--rounds", 1, "--json"),
    )

    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["best"], found["output"]) == ("weights16", str(tmp_path / "small"))
    assert found["digest"] == Bundle.open(tmp_path / "small").digest
    assert sum(found["rows"].values()) == 120
    assert "No labelled rows for emotions, stars, intensity" in result.stderr


def test_a_refusal_still_shows_what_was_measured(trained, labelled, tmp_path, capsys):
    with pytest.raises(CompressionError, match="weights16 came nearest"):
        invoke(
            compress,
            *(trained.bundle.path, "-o", tmp_path / "small", "--dev", labelled / "polarity.csv"),
            *("--only", "weights16", "--min-speedup", 1000, "--rounds", 1),
        )

    assert not (tmp_path / "small").exists()


def test_ctrl_c_shows_what_was_measured(trained, labelled, tmp_path, monkeypatch):
    shown = []

    def stop(bars, chain, done, total):
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr(_Bars, "show", stop)
    monkeypatch.setitem(compress.__globals__, "print_json", shown.append)

    with pytest.raises(Interrupted, match="stopped after 1 candidates"):
        invoke(
            compress,
            *(trained.bundle.path, "-o", tmp_path / "small", "--dev", labelled / "polarity.csv"),
            *("--only", "weights16,weights8", "--rounds", 1, "--json"),
        )

    assert [each["candidate"] for each in shown[0]["candidates"]] == ["weights16"]
    assert (shown[0]["best"], shown[0]["output"]) == (None, None)


def test_without_labelled_rows_it_is_told_why_they_are_needed(trained, tmp_path):
    with pytest.raises(InputError, match="needs --dev"):
        invoke(compress, trained.bundle.path, "-o", tmp_path / "small")


def test_two_dev_files_for_one_task_are_refused(trained, labelled, tmp_path):
    with pytest.raises(InputError, match="'polarity' has a dev file already"):
        invoke(compress, trained.bundle.path, "-o", tmp_path / "s", *("--dev", labelled / "polarity.csv") * 2)


def test_each_dev_file_has_a_task_of_its_own(trained, labelled, tmp_path):
    dev = ("--dev", labelled / "polarity.csv", "--dev", labelled / "stars.csv")
    with pytest.raises(InputError, match="given 1 times and --dev 2 times"):
        invoke(compress, trained.bundle.path, "-o", tmp_path / "s", *dev, "--task", "polarity")
    with pytest.raises(DataError, match="polarity.csv"):
        invoke(compress, trained.bundle.path, "-o", tmp_path / "s", *dev, "--task", "stars", "--task", "polarity")

    result = invoke(
        compress,
        *(trained.bundle.path, "-o", tmp_path / "small", *dev, "--task", "polarity", "--task", "stars"),
        *("--only", "weights16", "--max-drop", 100, "--min-speedup", 0.01, "--rounds", 1, "--json"),
    )

    assert "labelled rows for stars in" in result.stderr
    assert "No labelled rows for emotions, intensity" in result.stderr


def test_export_tells_what_it_wrote(trained, tmp_path):
    result = invoke(export, trained.bundle.path, "-o", tmp_path / "mine.onnx", "--json")

    found = json.loads(result.stdout)
    assert (found["format"], found["files"]) == ("onnx", ["mine.onnx"])
    assert found["largest_difference"] < 1e-4


def test_export_compares_on_texts_of_ones_own(trained, labelled, tmp_path):
    result = invoke(export, trained.bundle.path, "-o", tmp_path / "mine.onnx", "--texts", labelled / "polarity.csv")

    assert "on 120 windows of text" in result.stderr


def test_export_refuses_a_column_that_is_not_there(trained, labelled, tmp_path):
    texts = ("--texts", labelled / "polarity.csv", "--text", "typo")
    with pytest.raises(DataError, match="no column 'typo'; its columns: text, polarity"):
        invoke(export, trained.bundle.path, "-o", tmp_path / "mine.onnx", *texts)
