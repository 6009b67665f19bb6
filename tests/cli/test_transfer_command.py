from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import invoke

from sentimo.cli.transfer import transfer
from sentimo.errors import InputError
from sentimo.evaluate.bootstrap import Figure
from sentimo.train.transfer import Cell, Transfer


@pytest.fixture
def asked(monkeypatch):
    """Makes the measuring immediate; holds what it was asked for."""
    calls = []

    def measure(recipe, trains, tests, *, tell):
        calls.append((recipe, trains, tests))
        return Transfer("polarity", "macro_f1", ("a",), ("a",), (Cell("a", "a", Figure(0.9, 0.8, 1.0), 80, 10),))

    monkeypatch.setattr("sentimo.train.transfer.transfer", measure)
    return calls


def test_the_matrix_is_shown_and_written(asked, labelled, tmp_path):
    file = labelled / "polarity.csv"
    result = invoke(transfer, "--train", file, "--test", "b.csv", "c.csv", "--base", "zh-small", "-o", tmp_path / "out")

    (recipe, trains, tests) = asked[-1]
    assert result.exit_code == 0
    assert "0.9000 [0.8000, 1.0000]" in result.stdout
    assert (trains, tests, recipe.base) == ([file], [Path("b.csv"), Path("c.csv")], "zh-small")
    assert json.loads((tmp_path / "out" / "transfer.json").read_text("utf-8"))["tests"] == ["a"]
    assert {each.name for each in (tmp_path / "out").iterdir()} == {"transfer.csv", "transfer.json", "transfer.md"}


def test_without_a_file_to_train_on_it_says_what_to_give():
    with pytest.raises(InputError, match="give at least one --train file"):
        invoke(transfer, "--test", "b.csv")
