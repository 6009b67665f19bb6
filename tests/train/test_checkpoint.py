from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from sentimo.errors import TrainingError
from sentimo.train.checkpoint import STATE, Checkpoints

STATE_OF_A_RUN = {
    "position": {"step": 3, "best": -math.inf, "history": [{"epoch": 1, "loss": 0.5}]},
    "network": {"weight": torch.arange(3.0)},
    "best": None,
}


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "model.checkpoint", "this run")


def test_a_state_is_read_back(checkpoints):
    assert not checkpoints.exists()
    checkpoints.save(STATE_OF_A_RUN)

    state = checkpoints.load()

    assert checkpoints.exists()
    assert state["position"] == STATE_OF_A_RUN["position"]
    assert torch.equal(state["network"]["weight"], torch.arange(3.0))
    assert state["best"] is None


def test_a_later_state_replaces_the_earlier_one(checkpoints):
    checkpoints.save({"step": 1})
    checkpoints.save({"step": 2})

    assert checkpoints.load()["step"] == 2
    assert [each.name for each in checkpoints.folder.iterdir()] == [STATE]


def test_a_crash_while_writing_keeps_the_earlier_state(checkpoints, monkeypatch):
    checkpoints.save({"step": 1})

    def crash(state, file):
        file.write(b"half of")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save({"step": 2})
    monkeypatch.undo()

    assert checkpoints.load()["step"] == 1
    checkpoints.save({"step": 3})
    assert checkpoints.load()["step"] == 3


def test_the_checkpoint_of_another_run_is_refused(checkpoints):
    checkpoints.save({"step": 1})
    other = Checkpoints(checkpoints.folder, "another run")

    with pytest.raises(TrainingError, match="is the checkpoint of a run with another recipe or other data"):
        other.load()


@pytest.mark.parametrize("damage", ["empty", "text", "half", "bytes"])
def test_a_damaged_state_is_refused_with_the_way_out(checkpoints, damage):
    checkpoints.save(STATE_OF_A_RUN)
    path = checkpoints.folder / STATE
    whole = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "text": b"no state", "half": whole[: len(whole) // 2], "bytes": b"\x00\xff"}[damage]
    )

    with pytest.raises(TrainingError, match=r"state\.pt is damaged or cannot be read .*\. Delete .* to start anew"):
        checkpoints.load()


def test_a_pickle_that_would_run_code_is_refused(checkpoints, capsys):
    class Evil:
        def __reduce__(self):
            return (print, ("code of a checkpoint was run",))

    checkpoints.save({"step": Evil()})

    with pytest.raises(TrainingError, match="is damaged or cannot be read"):
        checkpoints.load()
    assert capsys.readouterr().out == ""


def test_removing_leaves_nothing(checkpoints):
    checkpoints.save({"step": 1})
    checkpoints.remove()
    checkpoints.remove()

    assert not checkpoints.folder.exists()


def test_a_checkpoint_lies_beside_its_model(recipe, tmp_path):
    assert Checkpoints.beside(tmp_path / "mine", recipe(), "data").folder == tmp_path / "mine.checkpoint"


@pytest.mark.parametrize("settings", [{"seed": 1}, {"epochs": 2}, {"optimiser": "sgd"}, {"batch_size": 4}])
def test_another_recipe_is_another_run(settings, recipe, tmp_path):
    run = Checkpoints.beside(tmp_path / "mine", recipe(), "data")

    assert Checkpoints.beside(tmp_path / "mine", recipe(**settings), "data").fingerprint != run.fingerprint
    assert Checkpoints.beside(tmp_path / "mine", recipe(), "other data").fingerprint != run.fingerprint


def test_how_often_it_is_saved_does_not_make_another_run(recipe, tmp_path):
    often, seldom = (
        Checkpoints.beside(tmp_path / "mine", recipe(checkpoint_minutes=minutes), "data") for minutes in (0, 60)
    )

    assert often.fingerprint == seldom.fingerprint


def test_the_fingerprint_does_not_depend_on_where_the_command_is_given(recipe, tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path)
    here = Checkpoints.beside(Path("model"), recipe({"name": "mood", "train": "rows.csv"}), "data")
    monkeypatch.chdir(tmp_path / "deep")
    there = Checkpoints.beside(Path("../model"), recipe({"name": "mood", "train": "../rows.csv"}), "data")
    other = Checkpoints.beside(Path("../model"), recipe({"name": "mood", "train": "rows.csv"}), "data")

    assert here.fingerprint == there.fingerprint != other.fingerprint
