from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import invoke

from sentimo.cli.retrain import REFUSED, retrain
from sentimo.errors import InputError
from sentimo.evaluate.bootstrap import Figure
from sentimo.evaluate.promotion import Check, Promotion
from sentimo.train.renew import Renewal


@pytest.fixture
def decided(monkeypatch):
    """Makes `renew` decide at once; holds what it was asked for."""
    asked = {}

    def use(passed):
        check = Check("mood: macro_f1", 9, Figure(0.5), Figure(0.75), Figure(0.25, 0.1, 0.4), "a gain", passed)

        def renew(champion, new, output, **options):
            asked.update(options, champion=champion, new=new)
            path = output if passed else output.with_name(f"{output.name}.challenger")
            return Renewal(
                passed, Promotion((check,)), "aa", "bb", path, output.parent / "decisions.jsonl", {"test": 9}
            )

        monkeypatch.setattr("sentimo.train.renew.renew", renew)
        return asked

    return use


def test_a_promotion_ends_with_0_and_says_where_it_is(decided):
    asked = decided(True)
    result = invoke(
        retrain, "models/mine", "--new", "a.csv", "--new", "b.csv", "-o", "models/next", "--margin", 0.01,
        "--phenomena", "negation.csv", "--set", "epochs=2", columns=200,
    )  # fmt: skip

    assert result.exit_code == 0
    assert "Promoted: models/next" in result.stdout
    assert "0.2500 [0.1000, 0.4000]" in result.stdout
    assert asked["new"] == [Path("a.csv"), Path("b.csv")]
    assert (asked["gate"].margin, asked["settings"], asked["phenomena"]) == (
        0.01,
        {"epochs": 2},
        [Path("negation.csv")],
    )


def test_a_refusal_ends_with_a_status_of_its_own(decided):
    decided(False)
    result = invoke(retrain, "models/mine", "--new", "a.csv", "-o", "models/next")
    printed = json.loads(invoke(retrain, "models/mine", "--new", "a.csv", "--json").stdout)

    assert result.exit_code == REFUSED == 3
    assert "Refused; the challenger stays in models/next.challenger, nothing was replaced." in result.stdout
    assert (printed["promoted"], printed["rows"]) == (False, {"test": 9})
    assert printed["refusals"] == ["mood: macro_f1: 0.2500 [0.1000, 0.4000] on 9 rows, needs a gain"]


def test_a_margin_below_0_is_refused_at_once():
    with pytest.raises(InputError, match="margin is -0.5"):
        invoke(retrain, "models/mine", "--new", "a.csv", "--margin", -0.5)
