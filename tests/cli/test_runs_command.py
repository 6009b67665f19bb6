from __future__ import annotations

import json

import pytest
from running import invoke

from sentimo.cli.runs import runs
from sentimo.errors import InputError
from sentimo.train.track.metrics import METRICS


@pytest.fixture
def models(tmp_path):
    """A folder with two runs that go on; the later one learns faster and got further."""
    for name, rate, n, started in (("slow", 1e-4, 2, "2026-01-01"), ("fast", 1e-3, 3, "2026-01-02")):
        lines = [{"event": "run", "id": name, "name": name, "started": f"{started}T10:00:00+00:00"}]
        lines[0]["parameters"] = {"base": "bases/minilm", "optimiser.learning_rate": rate, "epochs": 3}
        for epoch in range(1, n + 1):
            lines += [{"event": "step", "step": epoch * 2, "loss": 1 / epoch, "learning_rate": rate}]
            lines += [{"event": "epoch", "step": epoch * 2, "epoch": epoch, "main": 0.2 * epoch, "seconds": 1.5}]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / f"{name}.{METRICS}").write_text(text, "utf-8")
    return tmp_path


def test_several_runs_are_drawn_side_by_side_and_compared(models):
    result = invoke(runs, "show", models / "slow", models / "fast", columns=120)

    assert result.exit_code == 0
    assert any("slow: loss" in line and "fast: loss" in line for line in result.stdout.splitlines())
    assert any("slow: main" in line and "fast: main" in line for line in result.stdout.splitlines())
    table = {line.split("│")[1].strip(): line.split("│")[2:4] for line in result.stdout.splitlines() if "│" in line[:2]}
    assert [cell.strip() for cell in table["kept epoch"]] == ["2", "3"]
    assert [cell.strip() for cell in table["dev"]] == ["0.4", "0.6"]
    assert [cell.strip() for cell in table["optimiser.learning_rate"]] == ["0.0001", "0.001"]
    assert "epochs" in table
    assert "base" not in table  # the same for both


def test_one_run_is_drawn_alone_with_the_curves_asked_for(models):
    result = invoke(runs, "show", models / "fast", "--figure", "learning_rate", "--height", 3)

    assert "fast: learning_rate" in result.stdout
    assert "fast: loss" not in result.stdout


def test_json_holds_the_curves(models):
    (found,) = json.loads(invoke(runs, "show", models / "fast", "--json").stdout)

    assert found["state"] == "open"
    assert [each["loss"] for each in found["steps"]] == [1.0, 0.5, 1 / 3]
    assert found["best"]["epoch"] == 3


def test_a_curve_that_no_run_has_is_refused_with_those_there_are(models):
    with pytest.raises(InputError, match=r"no run has 'los'; there are loss, learning_rate.*Did you mean 'loss'"):
        invoke(runs, "show", models / "fast", "--figure", "los")


def test_the_list_names_all_runs_the_latest_first(models, trained):
    result = invoke(runs, "list", models, columns=200)
    found = json.loads(invoke(runs, "list", models, "--json").stdout)
    (done,) = json.loads(invoke(runs, "list", trained.bundle.path.parent, "--json").stdout)

    assert [each["name"] for each in found] == ["fast", "slow"]
    assert "steps" not in found[0]
    assert result.stdout.index(f"fast.{METRICS}") < result.stdout.index(f"slow.{METRICS}")
    assert (done["name"], done["state"]) == ("four", "done")
