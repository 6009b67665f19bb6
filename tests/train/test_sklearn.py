from __future__ import annotations

import pickle
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from toy import mood_examples

from sentimo.errors import InputError, Interrupted, RecipeError
from sentimo.train.sklearn import SentimoClassifier

N = 120
TEXTS = [each.document.text for each in mood_examples(N)]
LABELS = ["bad", "good"] * (N // 2)
QUICK = {"epochs": 15, "batch_size": 8, "learning_rate": 0.005, "max_tokens": 32, "dev_fraction": 0.2}


@pytest.fixture(scope="module")
def base(bert, tmp_path_factory):
    """The tiny BERT as a sentence encoder: the mean of the tokens learns within a few steps."""
    folder = shutil.copytree(bert, tmp_path_factory.mktemp("bases") / "sentence-bert")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}', "utf-8")
    return str(folder)


@pytest.fixture
def model(base):
    """Builds a classifier over the tiny base that takes a few large steps."""
    return lambda **choices: SentimoClassifier(**{"base": base, **QUICK, "epochs": 1, **choices})


@pytest.fixture(scope="module")
def fitted(base):
    return SentimoClassifier(base, **QUICK).fit(TEXTS, LABELS)


def test_it_learns_labels_that_are_strings(fitted):
    assert fitted.classes_.tolist() == ["bad", "good"]
    assert (fitted.predict(TEXTS) == LABELS).mean() > 0.9
    assert fitted.score(TEXTS, LABELS) > 0.9
    assert fitted.predict([]).tolist() == []


def test_probabilities_add_up_and_their_columns_are_the_classes(fitted):
    probabilities = fitted.predict_proba(TEXTS)

    assert probabilities.shape == (N, 2)
    assert probabilities.dtype == np.float64
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert (fitted.classes_[probabilities.argmax(axis=1)] == fitted.predict(TEXTS)).all()


def test_a_text_without_any_word_gets_the_shares_of_the_labels(fitted):
    assert fitted.predict_proba(["", "  "]).tolist() == [[0.5, 0.5]] * 2


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([7, 3] * 60, [3, 7]),
        (np.array([0, 1, 2] * 40), [0, 1, 2]),
        (pd.Series(["b", "a"] * 60, index=range(100, 220)), ["a", "b"]),
        (pd.Series([1, 0] * 60, dtype=object), [0, 1]),
        ([True, False] * 60, [False, True]),
        ([1.0, 0.0] * 60, [0.0, 1.0]),
    ],
)
def test_labels_come_back_as_they_were_given(model, labels, classes):
    answers = model().fit(pd.Series(TEXTS), labels).predict(TEXTS)

    assert set(answers.tolist()) <= set(classes)
    assert {type(each) for each in answers.tolist()} == {type(classes[0])}


def test_the_same_seed_gives_the_same_model(model):
    first, again, other = (model(seed=seed).fit(TEXTS, LABELS).predict_proba(TEXTS) for seed in (1, 1, 2))

    assert (first == again).all()
    assert (first != other).any()


def test_rows_without_weight_teach_nothing(model):
    # The second half says the opposite of the first; only the weights tell which half to believe.
    texts, labels = [*TEXTS, *(f"{text} ?" for text in TEXTS)], [*LABELS, *LABELS[::-1]]
    weights = [1.0] * N + [0.0] * N

    learner = model(epochs=15).fit(texts, labels, sample_weight=weights)

    assert learner.score(TEXTS, LABELS) > 0.9


def test_a_clone_has_the_settings_and_not_the_model(fitted):
    copy = clone(fitted)

    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(TEXTS)


def test_it_is_the_last_step_of_a_pipeline(model):
    shout = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = make_pipeline(shout, model()).fit(TEXTS, LABELS)

    assert is_classifier(pipeline)
    assert pipeline.predict_proba(TEXTS[:3]).shape == (3, 2)


def test_it_can_be_searched_over(model):
    search = GridSearchCV(model(), {"learning_rate": [1e-6, 0.01], "epochs": [2]}, cv=2, error_score="raise")

    search.fit(np.array(TEXTS), np.array(LABELS))

    assert search.best_params_["learning_rate"] in (1e-6, 0.01)
    assert search.best_estimator_.classes_.tolist() == ["bad", "good"]
    assert set(search.predict(TEXTS)) <= {"bad", "good"}
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_a_fitted_one_can_be_sent_to_another_process(fitted):
    copy = pickle.loads(pickle.dumps(fitted))

    assert (copy.predict_proba(TEXTS) == fitted.predict_proba(TEXTS)).all()


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
    ],
    ids=lambda check: check.__name__,
)
def test_checks_of_scikit_learn_that_need_no_numbers(check):
    check("SentimoClassifier", SentimoClassifier())


# ---------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("texts", "labels", "sentence"),
    [
        (TEXTS, LABELS[:-1], "120 texts need as many labels in one dimension; found shape \\(119,\\)"),
        (TEXTS, [[each] for each in LABELS], "found shape \\(120, 1\\)"),
        (TEXTS, ["good"] * N, "labels \\['good'\\]: two different ones are needed"),
        ([], [], "labels \\[\\]: two different ones are needed"),
        (TEXTS, [0.5, 0.7] * 60, "must all be strings or all whole numbers, found numbers with parts"),
        (TEXTS, [float("nan"), 1.0] * 60, "found numbers with parts"),
        (TEXTS, ["good", None] * 60, "found NoneType, str"),
        (TEXTS, ["good", 1] * 60, "found int, str"),
        ([*TEXTS[:-1], None], LABELS, "X, row 119 \\(from 0\\): NoneType found, a text \\(str\\) is needed"),
        ("one text", LABELS, "X is a list of texts"),
        (TEXTS[:3], ["a", "b", "a"], "too few to hold some back"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(model, texts, labels, sentence):
    with pytest.raises(InputError, match=sentence):
        model().fit(texts, labels)


@pytest.mark.parametrize("weights", [[1.0] * (N - 1), [1.0, -1.0] * 60, [1.0, float("nan")] * 60, [[1.0]] * N])
def test_weights_that_do_not_fit_are_refused(model, weights):
    with pytest.raises(InputError, match="sample_weight: expected 120 numbers of 0 or more"):
        model().fit(TEXTS, LABELS, sample_weight=weights)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_that_is_none_is_refused(model, share):
    with pytest.raises(InputError, match="expected a share between 0 and 1"):
        model(dev_fraction=share).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"epochs": 0}, "SentimoClassifier: epochs: Input should be greater than 0"),
        ({"objective": "focul"}, "Did you mean 'focal'"),
        ({"objective": "bce"}, "objective 'bce' is for multi tasks"),
    ],
)
def test_a_wrong_setting_is_named_when_fitting(model, choices, sentence):
    with pytest.raises(RecipeError, match=sentence):
        model(**choices).fit(TEXTS, LABELS)


def test_a_base_that_is_not_there_is_named(model):
    with pytest.raises(InputError, match="base model './nowhere'"):
        model(base="./nowhere").fit(TEXTS, LABELS)


@pytest.mark.parametrize("missing", ["torch", "sklearn"])
def test_without_its_extra_it_says_what_to_install(missing):
    code = """
import sys
class NotInstalled:
    def find_spec(name, path=None, target=None):
        if name == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NotInstalled)
from sentimo import SentimoClassifier
"""
    done = subprocess.run([sys.executable, "-c", code, missing], capture_output=True, text=True, check=False)

    sentence = done.stderr.splitlines()[-1]
    assert f"MissingExtraError: sentimo.SentimoClassifier ({missing}) needs an optional part" in sentence
    assert "pip install 'sentimo[train]'" in sentence


def test_predicting_before_fitting_is_refused(model):
    with pytest.raises(NotFittedError):
        model().predict(TEXTS)


def test_ctrl_c_ends_a_grid_search(model, monkeypatch):
    def interrupted(self, dev):
        raise Interrupted("stopped after step 1")

    monkeypatch.setattr("sentimo.train.learner.Learner.fit", interrupted)

    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(model(), {"epochs": [1, 2]}, cv=2).fit(TEXTS, LABELS)
