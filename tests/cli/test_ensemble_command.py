import json

import numpy as np
import pytest
import running

from sentimo.cli import app
from sentimo.core.bundle import Bundle, Probes, write_bundle
from sentimo.core.labels import POLARITY_3
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.engine.backends.linear import LinearModel, TaskWeights
from sentimo.errors import BundleError, InputError


def invoke(*arguments):
    return running.invoke(app, *arguments, columns=200)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of two models that know two words each."""
    folder = tmp_path_factory.mktemp("models")
    for name, words in (("a", ("wgood", "wawful")), ("b", ("wfine", "wpoor"))):
        coef = np.zeros((3, 2))
        coef[2, 0], coef[0, 1] = 4.0, 4.0
        weights = TaskWeights.quantised(coef, np.array([0.0, 1.0, 0.0]))
        model = LinearModel(words, np.ones(2, np.float32), {"polarity": weights})
        manifest = Manifest(name, "linear", ("en",), (TaskSpec("polarity", POLARITY_3),), 32)
        write_bundle(folder / name, manifest, model.save, Probes((), {}))
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
