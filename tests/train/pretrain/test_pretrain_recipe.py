"""`recipes/pretrain_zh.py`, made tiny: what one step writes is what the next one reads."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sentimo.train.encoder import open_base
from sentimo.train.pretrain.loop import Plan

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "src" / "sentimo" / "models" / "zh-small" / "pretraining.json"
CPU = torch.device("cpu")


@pytest.fixture
def recipe(monkeypatch, tmp_path, vocabulary, rows, shape):
    monkeypatch.syspath_prepend(ROOT / "recipes")
    recipe = import_module("pretrain_zh")
    monkeypatch.setattr(recipe, "WORK", tmp_path / "work")
    monkeypatch.setattr(recipe, "TARGET", tmp_path / "zh-small")
    monkeypatch.setattr(recipe, "Shape", lambda n_tokens: shape)
    monkeypatch.setattr(
        recipe, "_plan", lambda steps, device: Plan(steps, rows=4, log_every=1, precision="fp32", compile=False)
    )
    monkeypatch.setattr(recipe, "probe", lambda *_: {"mean": 0.5})
    recipe.WORK.mkdir()
    vocabulary.save(str(recipe.WORK / "tokenizer.json"))
    for name, part in (("rows", rows[:-4]), ("rows-second", rows[:-4]), ("held-out", rows[-4:])):
        np.save(recipe.WORK / f"{name}.npy", part)
    return recipe


def test_the_second_stage_goes_on_from_the_first_and_store_makes_what_is_shipped(recipe):
    recipe.compare("mlm-random", 2, CPU)
    recipe.train("mlm-random", 3, 0.0, CPU, second=False)
    first = load_file(recipe.WORK / "first" / "model.safetensors")
    begun = recipe.build("mlm-zh-small", recipe._rows()[2]).encoder.state_dict()

    recipe.train("mlm-zh-small", 2, 0.0, CPU, second=True)
    recipe.store()

    assert all(torch.equal(value.float(), begun[name]) for name, value in first.items())
    made, shipped = (json.loads(path.read_text("utf-8")) for path in (recipe.TARGET / "pretraining.json", SHIPPED))
    assert {stage: [*record] for stage, record in made.items()} == {
        stage: [*record] for stage, record in shipped.items()
    }
    assert [made[stage]["plan"]["steps"] for stage in ("first", "second")] == [3, 2]
    assert open_base(str(recipe.TARGET)).width == 32
    assert not (recipe.TARGET / "model.safetensors").exists()


def test_the_second_stage_without_a_first_is_refused(recipe):
    with pytest.raises(SystemExit, match="train without --second"):
        recipe.train("mlm-zh-small", 2, 0.0, CPU, second=True)
