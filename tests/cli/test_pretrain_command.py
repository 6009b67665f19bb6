from __future__ import annotations

import json

import pytest
from running import invoke

from sentimo.cli.pretrain import pretrain
from sentimo.errors import InputError


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(f"the room number {at} was so warm and so quiet" for at in range(120)), "utf-8")
    return path


SMALL = ["--vocabulary", 300, "--width", 32, "--layers", 1, "--rows", 4, "--length", 32, "--held-out", 0.1]


def test_the_figures_before_and_after_are_told(corpus, tmp_path):
    done = invoke(pretrain, "--text", corpus, "-o", tmp_path / "base", *SMALL, "--epochs", 1)

    assert "held-out perplexity:" in done.stdout
    assert f"--base {tmp_path / 'base'}" in done.stderr


def test_json_holds_them_too(corpus, tmp_path):
    done = invoke(pretrain, "--text", corpus, "-o", tmp_path / "base", *SMALL, "--epochs", 1, "--json")

    told = json.loads(done.stdout)
    assert told["before"].keys() == told["after"].keys() == {"loss", "perplexity"}
    assert told["steps"] > 0
    assert told["log"][-1]["held_out_perplexity"] == told["after"]["perplexity"]


def test_an_objective_that_is_not_known_is_told(corpus, tmp_path):
    with pytest.raises(InputError, match="objective 'clm' is not known"):
        invoke(pretrain, "--text", corpus, "-o", tmp_path / "base", "--objective", "clm")
