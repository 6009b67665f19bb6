from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sentimo.core.bundle import Probes, write_bundle
from sentimo.core.labels import INTENSITY, POLARITY_2, POLARITY_3
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.engine.analyzer import Analyzer
from sentimo.engine.backends.linear import LinearModel, TaskWeights
from sentimo.engine.cascade import Cascade, fit_cascade, write_cascade
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError


@pytest.fixture
def cheap(fake_predictor):
    """Sure of "good" and "awful": e^4 against e^2, a margin of 0.75; else neutral with e^2 against 1 and 1: 0.68."""
    return fake_predictor(name="cheap")


@pytest.fixture
def exact(fake_predictor):
    """Knows what "not good" means."""

    def answer(words):
        return {"polarity": [9.0 * (words[:2] == ["not", "good"]), 2.0, 4.0 * ("good" in words)]}

    return fake_predictor(name="exact", answer=answer)


def labels(answers):
    return [row.polarity.label if row.polarity else None for row in answers]


def test_the_cheap_model_answers_what_it_is_sure_of(cheap, exact):
    cascade = Cascade(cheap, exact, {"polarity": 0.7})

    answers = cascade.predict(["good food", "the food", "", "good"])

    assert answers.texts == ("good food", "the food", "", "good")
    assert [row.model.name for row in answers] == ["cheap", "exact", "exact", "cheap"]
    assert labels(answers) == ["positive", "neutral", None, "positive"]
    assert answers[2].error == "empty text"
    assert (cascade.work.n_texts, cascade.work.n_cheap, cascade.work.n_tokens) == (4, 2, 2)


def test_a_guess_of_the_cheap_model_is_not_taken(cheap, exact, monkeypatch):
    guess = replace(cheap.predict(["good"]), coverage=np.zeros(1))
    monkeypatch.setattr(cheap, "predict", lambda texts: guess)

    assert Cascade(cheap, exact, {"polarity": 0.7}).predict(["good"])[0].model.name == "exact"


@pytest.mark.parametrize(("bound", "who"), [(0.0, "cheap"), (1.1, "exact")])
def test_bounds_may_let_one_model_answer_all(cheap, exact, bound, who):
    answers = Cascade(cheap, exact, {"polarity": bound}).predict(["good food", "the food"])

    assert [row.model.name for row in answers] == [who, who]
    assert len(Cascade(cheap, exact, {"polarity": bound}).predict([])) == 0


def test_one_string_is_not_taken_for_its_letters(cheap, exact):
    with pytest.raises(InputError, match="takes a list of texts"):
        Cascade(cheap, exact, {"polarity": 0.5}).predict("很好吃")


def test_no_text_is_asked_of_the_exact_model_for_nothing(cheap, exact):
    Cascade(cheap, exact, {"polarity": 0.0}).predict(["good food", "the food"])

    assert exact.work.n_texts == 0


@pytest.mark.parametrize(
    ("answer", "tasks", "message"),
    [
        ({"polarity": [0, 1]}, [TaskSpec("polarity", POLARITY_2)], "cheap model answers negative, positive"),
        ({"mood": [0, 0, 1]}, [TaskSpec("mood", POLARITY_3)], "the cheap model of the cascade has no task 'polarity'"),
        (
            {"polarity": [0, 0, 1], "mood": [0, 1]},
            [TaskSpec("polarity", POLARITY_3), TaskSpec("mood", POLARITY_2)],
            "the exact model of the cascade has no task 'mood'",
        ),
    ],
)
def test_models_of_other_tasks_or_labels_make_no_cascade(fake_predictor, exact, answer, tasks, message):
    other = fake_predictor(answer=lambda words: answer, tasks=tasks)

    with pytest.raises(InputError, match=message):
        Cascade(other, exact, dict.fromkeys(answer, 0.5))


def test_a_score_cannot_be_cascaded(fake_predictor):
    model = fake_predictor(answer=lambda words: {"intensity": [0]}, tasks=[TaskSpec("intensity", INTENSITY)])

    with pytest.raises(InputError, match="task 'intensity' is a score"):
        Cascade(model, model, {"intensity": 0.5})


def test_the_bound_is_fitted_where_the_cheap_model_is_wrong(cheap, exact):
    # The cheap model is wrong about "not good ...", with the margin of every "good": 0.75. "good good ..." is surer.
    texts = [f"not good {at}" for at in range(500)] + [f"good good {at}" for at in range(1000)]

    fit = fit_cascade(cheap, exact, texts, 0.99)

    assert fit.bounds["polarity"] == pytest.approx((np.e**4 - np.e**2) / (1 + np.e**2 + np.e**4))
    assert (fit.n_rows, fit.agreement) == (750, {"polarity": 1.0})
    assert fit.answered == pytest.approx(1000 / 1500)


def test_equal_texts_show_nothing_new(cheap, exact):
    with pytest.raises(InputError, match="1 rows cannot show"):
        fit_cascade(cheap, exact, ["good"] * 5000)


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    weights = TaskWeights.quantised(np.array([[0.0, 6.0], [0.0, 0.0], [6.0, 0.0]]), np.array([0.0, 1.0, 0.0]))
    model = LinearModel(("wgood", "wawful"), np.ones(2, np.float32), {"polarity": weights})
    manifest = Manifest("linear", "linear", ("en",), (TaskSpec("polarity", POLARITY_3),), 32)
    return write_bundle(tmp_path_factory.mktemp("linear") / "model", manifest, model.save, Probes((), {}))


@pytest.fixture
def fitted(linear, exact, tmp_path):
    cheap = Predictor.load(linear.path)
    fit = fit_cascade(cheap, exact, [f"good food {at}" for at in range(1000)], 0.99)
    return write_cascade(linear, exact.model, fit, tmp_path / "cascade")


def test_a_fitted_cascade_is_a_bundle_that_knows_its_exact_model(fitted, exact):
    cascade = Cascade.load(fitted.path, exact)

    assert [row.model.name for row in cascade.predict(["good", "good food"])] == ["linear", "linear"]
    assert fitted.manifest.provenance["cascade"]["answered"] == 1.0


def test_another_exact_model_is_refused(fitted, fake_predictor):
    with pytest.raises(InputError, match="was fitted to the model exactexact; found other"):
        Cascade.load(fitted.path, fake_predictor(name="other"))


def test_a_model_that_was_not_fitted_is_refused(linear, exact):
    with pytest.raises(InputError, match="is no cascade. Fit one: sentimo cascade"):
        Cascade.load(linear.path, exact)


def test_several_models_are_refused(fitted):
    analyzer = Analyzer({"en": Path("en"), "zh": Path("zh")})

    with pytest.raises(InputError, match="stands in for one model; name it with --model"):
        Cascade.load(fitted.path, analyzer)


def test_a_folder_without_a_model_is_refused(tmp_path, exact):
    with pytest.raises(BundleError, match="no such model folder"):
        Cascade.load(tmp_path / "nowhere", exact)


def test_the_exact_model_shows_where_it_looks(cheap, exact):
    assert Cascade(cheap, exact, {"polarity": 0.5}).attention("good") == {}
