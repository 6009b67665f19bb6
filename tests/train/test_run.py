from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mirror import mirror_of
from rich.console import Console
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sentimo.core.bundle import Bundle
from sentimo.core.labels import POLARITY_3
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, DataError, InputError, RecipeError, TrainingError
from sentimo.evaluate.report import Report
from sentimo.train import run
from sentimo.train.encoder import load_encoder, open_base, quiet_transformers
from sentimo.train.recipe import ObjectiveChoice, dump_recipe, load_recipe
from sentimo.train.run import train

TEXTS = ["I love this hotel", "服务太差了，真生气", "the meeting is on Friday", "good and bad"]


@pytest.fixture
def quick(multi_task):
    """The recipe of the shared model without its baseline: the same weights in less time."""
    return multi_task.model_copy(update={"baseline": False})


@pytest.fixture
def same_graph(trained, monkeypatch):
    """Takes the graph of the shared model for the export, which takes seconds; parity holds if the weights are its."""
    monkeypatch.setattr(run, "export_onnx", lambda network, folder, tasks: copy_graph(trained, folder))


def copy_graph(trained, folder):
    shutil.copyfile(trained.bundle.file("model.onnx"), folder / "model.onnx")


def python(*arguments, **environment):
    """Run a fresh interpreter that imports what we import."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


# ---------------------------------------------------------------------------------------------- the bundle


def test_the_bundle_answers_where_torch_cannot_be_imported(trained):
    code = """
import json, sys
sys.modules |= dict.fromkeys(["torch", "transformers", "accelerate", "sklearn"])  # None: importing them fails
from sentimo import Analyzer
answers = Analyzer.load(sys.argv[1]).analyze(sys.argv[2:])
print(json.dumps([each.to_dict() for each in answers], ensure_ascii=False))
"""
    done = python("-c", code, trained.bundle.path, *TEXTS, PYTHONIOENCODING="utf-8")

    assert done.returncode == 0, done.stderr
    first, second, *_ = json.loads(done.stdout)
    assert sum(first["polarity"]["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)
    assert 0 <= first["intensity"] <= 1
    assert set(first["emotions"]) == {"joy", "anger", "sadness", "fear", "surprise"}
    assert first["stars"]["label"] in ("1", "2", "3", "4", "5")
    assert (first["language"], second["language"]) == ("en", "zh")
    assert first["model"] == {"name": "four tasks", "digest": trained.bundle.digest}


def test_the_manifest_names_tasks_languages_and_provenance(trained, multi_task):
    manifest = trained.bundle.manifest

    assert {task.name: task.space.kind for task in manifest.tasks} == {
        "polarity": "single",
        "emotions": "multi",
        "stars": "ordinal",
        "intensity": "score",
    }
    assert manifest.tasks[0].space == POLARITY_3
    assert [task.thresholds is not None for task in manifest.tasks] == [False, True, False, False]
    assert (manifest.languages, manifest.max_tokens) == (("en", "zh"), 32)
    assert manifest.provenance["base"] == multi_task.base
    assert manifest.provenance["seed"] == 13
    assert manifest.provenance["rows"]["polarity"][1:] == [12, 12]


def test_dev_calibrates_every_head_but_the_score(trained):
    temperatures = {task.name: task.temperature for task in trained.bundle.manifest.tasks}

    assert temperatures.pop("intensity") == 1.0
    assert all(each > 0 and each != 1.0 for each in temperatures.values())


def test_plain_transformers_reads_the_weights_and_gives_the_same_logits(trained):
    with quiet_transformers():
        model = AutoModelForSequenceClassification.from_pretrained(trained.bundle.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(trained.bundle.path)
    with torch.no_grad():
        logits = model(**tokenizer(TEXTS, return_tensors="pt", padding=True)).logits.numpy()
    backend = Predictor.load(trained.bundle.path)._backend
    by_graph = backend.run([each.windows[0].features for each in backend.prepare(TEXTS)])

    names = [model.config.id2label[place] for place in range(4)]
    assert names == ["polarity/negative", "polarity/neutral", "polarity/positive", "emotions/anger"]
    assert logits.shape == (4, 3 + 5 + 5 + 1)
    assert logits == pytest.approx(np.concatenate(list(by_graph.values()), axis=1), abs=1e-4)


def test_the_recipe_is_saved_with_every_choice_resolved_and_finds_its_files(trained, multi_task):
    saved = load_recipe(trained.bundle.file("recipe.yaml"))

    assert (saved.pooling, saved.languages, saved.optimiser.learning_rate) == ("native", ["en", "zh"], 1e-3)
    assert (saved.name, saved.epochs, saved.seed, saved.max_tokens) == ("four tasks", 3, 13, 32)
    assert Path(saved.base).resolve() == Path(multi_task.base).resolve()
    assert [each.train[0].resolve() for each in saved.tasks] == [each.train[0].resolve() for each in multi_task.tasks]


def test_the_report_holds_the_model_its_start_and_the_baseline(trained):
    saved = json.loads(trained.bundle.file("report.json").read_text("utf-8"))

    assert set(saved["figures"]) == {"fine-tuned", "untuned", "n-gram baseline"}
    assert Report.from_dict(saved["figures"]["untuned"]).to_dict() == trained.before.to_dict()
    assert saved["best_epoch"] == trained.fit.best_epoch + 1
    assert [each["epoch"] for each in saved["epochs"]] == [1, 2, 3]
    assert set(saved["parity"]) == {"polarity", "emotions", "stars", "intensity"}
    assert "polarity: no dev file given; rows were split 96 / 12 / 12" in saved["notes"]


def test_the_card_shows_figures_and_what_the_author_says(trained):
    card = trained.bundle.file("README.md").read_text("utf-8")

    assert card.startswith("# four tasks\n")
    assert "Made for tests." in card
    assert "| figure | fine-tuned | untuned | n-gram baseline |" in card
    assert "On the test rows" in card


def test_the_untuned_start_has_thresholds_of_its_own(trained):
    # at 0.5 an untrained multi-label head gives no label at all, and any model would look good beside it
    rows = trained.before.tasks["emotions"].per_label

    assert any(row.threshold != 0.5 for row in rows)
    assert any(row.predicted for row in rows)


def test_before_after_and_baseline_are_judged_on_the_same_rows(trained):
    reports = [trained.test, *trained.beside.values()]

    assert list(trained.beside) == ["untuned", "n-gram baseline"]
    assert [each.title for each in reports] == ["after training", "before training", "n-gram baseline"]
    assert {(each.data, each.n_rows) for each in reports} == {("the test rows", 48)}
    assert trained.test.digest == trained.bundle.digest


def test_training_learns(trained):
    first, last = trained.fit.history[0], trained.fit.history[-1]

    assert last["loss"] < first["loss"]


def test_nothing_is_left_beside_the_bundle(trained):
    assert [each.name for each in trained.bundle.path.parent.iterdir()] == ["four"]


def test_a_decoder_with_an_attention_head_becomes_a_bundle_too(labelled, gpt2, recipe, tmp_path):
    chosen = recipe(
        {"name": "polarity", "train": labelled / "polarity.csv", "head": "attention"},
        base=str(gpt2),
        baseline=False,
        precision="auto",
        max_tokens=64,
    )

    result = train(chosen, tmp_path / "gpt2")

    predictor = Predictor.load(tmp_path / "gpt2")
    assert predictor.analyze("I love it").tasks["polarity"].label in ("negative", "neutral", "positive")
    assert sum(weight for *_, weight in predictor.attention("good")["polarity"]) == pytest.approx(1.0, abs=1e-5)
    assert "heads.safetensors" in result.bundle.files
    assert result.baseline is None
    assert list(result.beside) == ["untuned"]


# ---------------------------------------------------------------------------------------------- the same again


def test_the_same_seed_gives_the_same_weights(quick, trained, same_graph, tmp_path):
    again = train(quick, tmp_path / "again")

    assert again.bundle.files["model.safetensors"] == trained.bundle.files["model.safetensors"]


def test_another_seed_gives_other_weights_and_a_foreign_graph_is_not_saved(quick, same_graph, tmp_path):
    with pytest.raises(TrainingError, match="the exported graph answers task 'polarity' differently"):
        train(quick.model_copy(update={"seed": 14}), tmp_path / "other")

    kept = {each.name for each in tmp_path.iterdir()}
    assert kept == {"other.checkpoint", "other.metrics.jsonl"}  # training itself was not in vain


INTERRUPTED = """
import os, signal, sys
from sentimo.cli import main
from sentimo.train.checkpoint import Checkpoints

name, step, *arguments = sys.argv[1:]
save = Checkpoints.save

def save_and_strike(self, state):
    save(self, state)
    if state["position"]["step"] == int(step):
        os.kill(os.getpid(), getattr(signal, name))

Checkpoints.save = save_and_strike
sys.argv = ["sentimo", *arguments]
main()
"""


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_an_interrupted_run_goes_on_to_the_same_model(quick, trained, same_graph, tmp_path, name):
    (tmp_path / "recipe.yaml").write_text(dump_recipe(quick), "utf-8")
    target = tmp_path / "mine"
    command = ["train", tmp_path / "recipe.yaml", "-o", target, "--set", "checkpoint_minutes=0"]

    done = python("-W", "error", "-c", INTERRUPTED, name, 8, *command)

    if name == "SIGKILL":
        assert done.returncode == -signal.SIGKILL
    else:
        assert done.returncode == 130
        sentence = done.stderr.strip().splitlines()[-1]
        assert sentence.startswith("sentimo: stopped after step 9 of ")
        assert sentence.endswith("the same command with --resume goes on from there")
    assert not target.exists()
    assert (tmp_path / "mine.checkpoint" / "state.pt").is_file()
    with pytest.raises(TrainingError, match=r"mine\.checkpoint holds the checkpoint of an earlier run.*--resume"):
        train(quick, target)

    resumed = train(quick, target, resume=True)

    assert resumed.fit.samples < trained.fit.samples
    assert resumed.bundle.files["model.safetensors"] == trained.bundle.files["model.safetensors"]
    assert not (tmp_path / "mine.checkpoint").exists()


def test_a_checkpoint_of_another_recipe_is_refused(quick, tmp_path):
    other = run.Checkpoints.beside(tmp_path / "mine", quick, "other data")
    other.save({"position": {}})

    with pytest.raises(TrainingError, match="with another recipe or other data"):
        train(quick, tmp_path / "mine", resume=True)


def test_without_a_checkpoint_there_is_nothing_to_resume(quick, tmp_path):
    with pytest.raises(TrainingError, match=r"nothing to resume: no checkpoint in .*mine\.checkpoint"):
        train(quick, tmp_path / "mine", resume=True)


# ---------------------------------------------------------------------------------------------- refusals


@pytest.fixture
def no_work(monkeypatch):
    """Fails when a file or a base is read."""

    def fail(*arguments):
        raise AssertionError("work has begun")

    monkeypatch.setattr("sentimo.train.prepare.load_tasks", fail)
    monkeypatch.setattr("sentimo.train.prepare.open_base", fail)


def test_a_taken_target_is_refused_before_any_work(quick, trained, no_work, tmp_path):
    shutil.copytree(trained.bundle.path, tmp_path / "mine")

    with pytest.raises(BundleError, match="already holds a model.*--overwrite"):
        train(quick, tmp_path / "mine")


def test_what_is_not_a_model_is_never_replaced(quick, no_work, tmp_path):
    (tmp_path / "letters.txt").write_text("dear")

    with pytest.raises(BundleError, match="is not a model folder; it is left as it is"):
        train(quick, tmp_path, overwrite=True)


def test_overwrite_replaces_a_model(quick, trained, same_graph, tmp_path):
    shutil.copytree(trained.bundle.path, tmp_path / "mine")

    train(quick, tmp_path / "mine", overwrite=True, about="The second one.")

    assert "The second one." in Bundle.open(tmp_path / "mine").file("README.md").read_text("utf-8")
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_an_unknown_metric_is_refused_before_the_base_is_read(quick, monkeypatch, tmp_path):
    monkeypatch.setattr("sentimo.train.prepare.open_base", None)
    stopping = quick.early_stopping.model_copy(update={"metric": "polarity.acuracy"})

    with pytest.raises(
        RecipeError, match=r"early_stopping.metric 'polarity.acuracy'.* Did you mean 'polarity.accuracy'"
    ):
        train(quick.model_copy(update={"early_stopping": stopping}), tmp_path / "mine")


def test_an_objective_that_does_not_suit_is_refused_before_the_weights_are_read(quick, monkeypatch, tmp_path):
    monkeypatch.setattr("sentimo.train.learner.build_network", None)
    polarity = quick.tasks[0].model_copy(update={"objective": ObjectiveChoice(name="bce")})

    with pytest.raises(RecipeError, match="task 'polarity' is single; objective 'bce' is for multi tasks"):
        train(quick.model_copy(update={"tasks": [polarity]}), tmp_path / "mine")


def test_a_baseline_that_cannot_be_fitted_is_a_note(quick, same_graph, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise DataError("no n-gram occurs in 2 of the 3 training texts")

    monkeypatch.setattr(run, "fit_baseline", fail)

    result = train(quick.model_copy(update={"baseline": True}), tmp_path / "model")

    assert result.baseline is None
    assert "no n-gram baseline: no n-gram occurs" in (tmp_path / "model" / "README.md").read_text("utf-8")


def test_a_missing_file_and_a_missing_base_are_named(quick, recipe, tmp_path):
    with pytest.raises(DataError, match=r"made-up\.csv"):
        train(recipe(), tmp_path / "mine")
    with pytest.raises(InputError, match="base model './nowhere': there is no such folder"):
        train(quick.model_copy(update={"base": "./nowhere"}), tmp_path / "mine")

    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------- on the way


def test_notes_plan_and_epochs_are_shown(multi_task, same_graph, tmp_path):
    text = io.StringIO()

    train(multi_task, tmp_path / "mine", console=Console(file=text, width=300))

    shown = text.getvalue()
    assert "polarity: no dev file given; rows were split 96 / 12 / 12" in shown
    assert "M weights (" in shown
    assert "fitting the n-gram baseline" in shown
    assert "epoch 3: " in shown
    assert "exporting to ONNX and comparing with the network on the dev rows" in shown


def test_without_test_rows_the_report_is_on_dev(quick, labelled, same_graph, tmp_path, monkeypatch):
    polarity = quick.tasks[0].model_copy(update={"dev": [labelled / "polarity.csv"]})
    chosen = quick.model_copy(update={"tasks": [polarity, *quick.tasks[1:]], "drop_leaks": False})
    monkeypatch.setattr(run, "check_parity", lambda expected, found: {})  # the graph is that of another run
    monkeypatch.setattr(
        run, "write_bundle", lambda target, manifest, fill, probes, overwrite: Bundle(target, manifest, "", {})
    )

    result = train(chosen, tmp_path / "mine")

    assert (result.test.data, result.test.n_rows) == ("the dev rows", 120 + 3 * 12)


# ---------------------------------------------------------------------------------------------- the network


@pytest.fixture
def mirror(encoder):
    """Address of a mirror, and the list of paths it was asked for."""
    with mirror_of(encoder) as found:
        yield found


LOAD_FROM_HUB = """
from sentimo.train.encoder import load_encoder, open_base
base = open_base("tiny/bert")
print(base.width, sum(each.numel() for each in load_encoder(base, None).parameters()))
"""


def test_a_hub_id_is_downloaded_from_the_mirror(mirror, encoder, tmp_path):
    address, asked = mirror

    done = python("-c", LOAD_FROM_HUB, HF_ENDPOINT=address, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="0")

    base = open_base(str(encoder))
    n_weights = sum(each.numel() for each in load_encoder(base, None).parameters())
    assert done.stdout.split() == [str(base.width), str(n_weights)]
    assert "/tiny/bert/resolve/main/model.safetensors" in asked


def test_a_local_base_never_touches_the_network(quick, same_graph, tmp_path, monkeypatch):
    def refuse(*arguments, **settings):
        raise AssertionError("the network was touched")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)

    train(quick, tmp_path / "mine")

    assert (tmp_path / "mine" / "manifest.json").is_file()
