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
    """Two model folders: a cheap one that knows two words, an exact one that knows a third."""
    folder = tmp_path_factory.mktemp("models")
    for name, words in (
        ("cheap", ("wgood", "wawful")),
        ("exact", ("wgood", "wawful", "wfine")),
        ("deaf", ("wother", "wnone")),
    ):
        coef = np.zeros((3, len(words)))
        coef[2, [0, *range(2, len(words))]], coef[0, 1] = 6.0, 6.0
        weights = TaskWeights.quantised(coef, np.array([0.0, 1.0, 0.0]))
        model = LinearModel(words, np.ones(len(words), np.float32), {"polarity": weights})
        manifest = Manifest(name, "linear", ("en",), (TaskSpec("polarity", POLARITY_3),), 32)
        write_bundle(folder / name, manifest, model.save, Probes((), {}))
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "texts.csv"
    words = ("good", "awful", "fine", "plain")
    path.write_text("id,text\n" + "".join(f"{at},{words[at % 4]} {at // 4}\n" for at in range(4000)), "utf-8")
    return path


@pytest.fixture
def fitted(models, texts, tmp_path):
    result = invoke("cascade", models / "cheap", models / "exact", texts, "-o", tmp_path / "cascade", "--json")
    return tmp_path / "cascade", json.loads(result.stdout)


def test_what_the_cheap_model_answers_is_told(fitted):
    _, told = fitted

    # "fine" and "plain" look alike to the cheap model, which is wrong about the first: it may answer the other half.
    assert (told["rows"], told["agreement"]) == (2000, {"polarity": 1.0})
    assert told["answered"] == pytest.approx(0.5, abs=0.01)


def test_without_json_it_is_told_in_words(models, texts, tmp_path):
    result = invoke("cascade", models / "cheap", models / "exact", texts, "-o", tmp_path / "cascade")

    assert "of 2,000 held-out texts are answered by the cheap model alone" in result.stdout
    assert "polarity: 100.00% of the final labels are those of exact" in result.stdout
    assert "reading texts from column 'text'" in result.stderr


def test_analyze_and_predict_take_the_cascade(fitted, models, texts, tmp_path):
    folder, _ = fitted
    names = ("--model", models / "exact", "--cascade", folder)

    shown = invoke("analyze", "good", "fine", "--json", *names)
    invoke("predict", texts, "-o", tmp_path / "out.jsonl", *names)

    assert [json.loads(line)["model"]["name"] for line in shown.stdout.splitlines()] == ["cheap", "exact"]
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [(row["model"], row["polarity"]) for row in rows[:3]] == [
        ("cheap", "positive"),
        ("cheap", "negative"),
        ("exact", "positive"),
    ]


def test_a_cascade_goes_with_the_model_it_was_fitted_to(fitted, models):
    folder, _ = fitted

    with pytest.raises(InputError, match="was fitted to the model"):
        invoke("analyze", "good", "--model", models / "cheap", "--cascade", folder)
    with pytest.raises(InputError, match="stands in for one model; name it with --model"):
        invoke("analyze", "good", "--cascade", folder)


def test_the_cheap_bundle_is_left_as_it_was(fitted, models):
    assert "cascade" not in Bundle.open(models / "cheap").manifest.settings


def test_a_folder_that_is_taken_is_refused_before_any_work(models, texts):
    with pytest.raises(BundleError, match="already holds a model"):
        invoke("cascade", models / "cheap", models / "exact", texts, "-o", models / "deaf")


def test_a_model_that_is_read_is_never_replaced(models, texts):
    before = Bundle.open(models / "exact").digest

    with pytest.raises(BundleError, match="is a model that is read here; it is kept"):
        invoke("cascade", models / "cheap", models / "exact", texts, "-o", models / "exact", "--overwrite")

    assert Bundle.open(models / "exact").digest == before


def test_a_cascade_of_one_model_is_refused(models, texts, tmp_path):
    with pytest.raises(InputError, match="a cascade needs two"):
        invoke("cascade", models / "exact", models / "exact", texts, "-o", tmp_path / "cascade")


def test_a_cascade_that_gains_nothing_is_not_saved(models, texts, tmp_path):
    with pytest.raises(InputError, match="a cascade would gain nothing and none was saved"):
        invoke("cascade", models / "deaf", models / "exact", texts, "-o", tmp_path / "c")

    assert not (tmp_path / "c").exists()
