import json

import numpy as np
import pytest
import running

from sentimo.cli import app
from sentimo.core.bundle import Bundle, Probes, write_bundle
from sentimo.core.documents import Document, Example
from sentimo.core.labels import POLARITY_3
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.engine.backends.linear import LinearModel, TaskWeights
from sentimo.errors import BundleError, InputError
from sentimo.train.marks import PARTS, Marks, mark


def invoke(*arguments):
    return running.invoke(app, *arguments, columns=200)


def a_model(folder, words, learnt=()):
    """Write a model that knows a word of praise and a word of blame, and has learnt texts."""
    coef = np.zeros((3, 2))
    coef[2, 0], coef[0, 1] = 4.0, 4.0
    weights = TaskWeights.quantised(coef, np.array([0.0, 1.0, 0.0]))
    model = LinearModel(words, np.ones(2, np.float32), {"polarity": weights})
    manifest = Manifest(folder.name, "linear", ("en",), (TaskSpec("polarity", POLARITY_3),), 32)

    def fill(work):
        model.save(work)
        marks = Marks({mark(Example(Document(each), {})) for each in learnt})
        (work / PARTS).write_text(marks.to_json(), "utf-8")

    write_bundle(folder, manifest, fill, Probes((), {}))
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of two models that know two words each."""
    folder = tmp_path_factory.mktemp("models")
    a_model(folder / "a", ("wgood", "wawful"))
    a_model(folder / "b", ("wfine", "wpoor"))
    return folder


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    path = tmp_path_factory.mktemp("dev") / "dev.csv"
    kinds = [("good", "positive"), ("awful", "negative"), ("fine", "positive"), ("poor", "negative")]
    kinds += [("plain", "neutral")]
    lines = [f"{kinds[at % 5][0]} {at},{kinds[at % 5][1]}\n" for at in range(200)]
    path.write_text("text,polarity\n" + "".join(lines), "utf-8")
    return path


def test_an_ensemble_is_made_told_and_used(models, dev, tmp_path):
    made = invoke("ensemble", models / "a", models / "b", "-o", tmp_path / "ens", "--dev", dev, "--combine", "stack",
                  "--rounds", 1)  # fmt: skip
    shown = invoke("analyze", "fine", "--model", tmp_path / "ens", "--json")
    invoke("predict", dev, "-o", tmp_path / "out.jsonl", "--model", tmp_path / "ens")
    judged = invoke("evaluate", tmp_path / "ens", dev, "--json")

    assert "polarity: 200 rows; time as a multiple of the best member's" in made.stdout
    assert "ens (stack)" in made.stdout
    assert "Better than the best member" in made.stdout
    assert f"Saved {tmp_path / 'ens'}" in made.stderr
    assert json.loads(shown.stdout)["polarity"]["label"] == "positive"
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["model"] for row in rows] == ["ens"] * 200
    assert json.loads(judged.stdout)["tasks"]["polarity"]["figures"]["accuracy"]["value"] == 1.0


def test_rows_that_a_member_has_learnt_do_not_judge_the_ensemble(models, dev, tmp_path):
    a_model(tmp_path / "a", ("wgood", "wawful"), [f"good {at}" for at in range(0, 200, 5)])
    rest = ("-o", tmp_path / "ens", "--dev", dev, "--rounds", 1)

    made = invoke("ensemble", tmp_path / "a", models / "b", *rest)
    judged = invoke("evaluate", tmp_path / "a", dev, "--json")

    assert "polarity: 160 rows" in made.stdout
    assert f"polarity: 40 of 200 rows were left out, {tmp_path / 'a'} has learnt them" in made.stdout
    assert "40 of 200 rows taught this model; it looks better on them than it is" in judged.stderr


def test_json_holds_members_ensemble_and_gain(models, dev, tmp_path):
    result = invoke(
        "ensemble", models / "a", models / "b", "-o", tmp_path / "ens", "--dev", dev, "--json", "--rounds", 1
    )

    told = json.loads(result.stdout)
    assert told["combine"] == "weighted"
    assert told["digest"] == Bundle.open(tmp_path / "ens").digest
    task = told["tasks"]["polarity"]
    assert [each["name"] for each in task["members"]] == ["a", "b"]
    assert task["gain"]["value"] == pytest.approx(
        task["ensemble"]["macro_f1"]["value"] - max(each["macro_f1"]["value"] for each in task["members"])
    )


def test_without_dev_rows_nothing_is_made(models, tmp_path):
    with pytest.raises(InputError, match="an ensemble needs --dev"):
        invoke("ensemble", models / "a", models / "b", "-o", tmp_path / "ens")


def test_a_taken_folder_is_refused_before_any_work(models, dev):
    with pytest.raises(BundleError, match="is a model that is read here"):
        invoke("ensemble", models / "a", models / "b", "-o", models / "b", "--dev", dev, "--overwrite")


def test_a_soup_of_models_without_torch_weights_is_refused(models, dev, tmp_path):
    with pytest.raises(InputError, match="a .linear. holds no torch weights.*--combine weighted"):
        invoke("ensemble", models / "a", models / "b", "-o", tmp_path / "ens", "--dev", dev, "--combine", "soup")
