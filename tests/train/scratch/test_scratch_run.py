from __future__ import annotations

import numpy as np
import pytest

from sentimo.core.bundle import Bundle
from sentimo.engine.predictor import Predictor
from sentimo.errors import RecipeError
from sentimo.train.pipeline import HuggingFacePipeline
from sentimo.train.recipe import load_recipe, parse_recipe, with_settings
from sentimo.train.run import train
from sentimo.train.sklearn import SentimoClassifier

TEXTS = ["I love this hotel", "房间很脏，我很生气", "xyzzy", ""]


@pytest.mark.parametrize(("name", "tokens"), [("bilstm", "words"), ("textcnn", "characters"), ("static", "words")])
def test_a_run_ends_in_a_bundle_that_every_backend_answers_alike(name, tokens, labelled, recipe, tmp_path):
    tasks = [
        {"name": "polarity", "train": labelled / "polarity.csv"},
        {"name": "emotions", "train": labelled / "emotions.jsonl"},
    ]
    small = {"width": 32, "hidden": 32, "tokens": tokens, "corpus": [labelled / "polarity.csv"]}
    chosen = recipe(*tasks, base=name, encoder=small, epochs=4, threads=1, baseline=False)

    result = train(chosen, tmp_path / name)

    assert result.fit.history[-1]["loss"] < result.fit.history[0]["loss"]
    onnx, torch = (Predictor.load(tmp_path / name, backend=each) for each in ("onnx", "torch"))
    expected, found = torch.predict(TEXTS), onnx.predict(TEXTS)
    for task, scores in found.tasks.items():
        assert scores.scores == pytest.approx(expected.tasks[task].scores, abs=1e-5, nan_ok=True)
    assert np.isfinite(found.tasks["polarity"].scores[0]).all()
    pooling = "max" if name == "textcnn" else "attention"
    assert set(onnx.attention("good")) == ({"polarity", "emotions"} if pooling == "attention" else set())
    saved = load_recipe(tmp_path / name / "recipe.yaml")
    assert (saved.base, saved.encoder.hidden, saved.pooling) == (name, 32, pooling)
    assert saved.optimiser.learning_rate == saved.optimiser.head_learning_rate == 2e-3
    assert HuggingFacePipeline(Bundle.open(tmp_path / name)).answer(TEXTS[:1])


def test_the_classifier_of_scikit_learn_takes_them_too(labelled):
    texts = ["good film", "lovely book", "fine food", "bad film", "awful book", "poor food"] * 8
    answers = (["good"] * 3 + ["bad"] * 3) * 8

    model = SentimoClassifier(base="textcnn", epochs=12, batch_size=8, learning_rate=1e-2).fit(texts, answers)

    assert model.predict(["lovely food", "awful film"]).tolist() == ["good", "bad"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": {"width": 8}}, "encoder is for base bilstm or static or textcnn; base 'minilm' has its own sizes"),
        ({"base": "bilstm", "encoder": {"windows": [2]}}, "encoder.windows is for base textcnn"),
        ({"base": "bilstm", "encoder": {"widht": 8}}, "unknown key 'encoder.widht'. Did you mean 'width'"),
        ({"base": "bilstm", "encoder": {"layers": 0}}, "encoder.layers: Input should be greater than or equal to 1"),
        (
            {"base": "bilstm", "encoder": {"vectors": "a.vec", "corpus": "b.txt"}},
            "vectors and corpus exclude each other",
        ),
        ({"base": "bilstm", "pooling": "native"}, "has no sequence classification"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message, labelled, tmp_path):
    data = {"tasks": [{"name": "polarity", "train": str(labelled / "polarity.csv")}], **settings}

    with pytest.raises(RecipeError, match=message):
        train(parse_recipe(data), tmp_path / "model")


def test_a_setting_alone_brings_the_part_into_the_recipe():
    recipe = parse_recipe({"tasks": [{"name": "a", "train": "a.csv"}]})

    changed = with_settings(recipe, {"base": "textcnn", "encoder.windows": [2, 3]})

    assert changed.encoder.windows == [2, 3]


def test_files_of_a_recipe_are_seen_from_its_folder(tmp_path):
    (tmp_path / "recipe.yaml").write_text(
        "base: bilstm\nencoder: {corpus: texts.txt}\ntasks: [{name: a, train: a.csv}]\n"
    )

    assert load_recipe(tmp_path / "recipe.yaml").encoder.corpus == [tmp_path / "texts.txt"]
