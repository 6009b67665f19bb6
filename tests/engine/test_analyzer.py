from pathlib import Path

import pandas as pd
import pytest

from sentimo.core.labels import POLARITY_2, POLARITY_3
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import Prediction
from sentimo.engine.analyzer import Analyzer, model_folders
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError


@pytest.fixture
def opened(monkeypatch, fake_predictor):
    """Model folders opened so far; opening gives a fake predictor called as the folder."""
    found = []

    def load(path, *, max_windows=None):
        found.append(Path(path).name)
        return fake_predictor(max_tokens=4, max_windows=max_windows, name=Path(path).name)

    monkeypatch.setattr(Predictor, "load", load)
    return found


@pytest.fixture
def analyzer(opened):
    return Analyzer({"en": Path("en"), "zh": Path("zh")})


def test_each_text_goes_to_the_model_of_its_language_and_keeps_its_place(analyzer):
    texts = ["good food", "很 好", "awful", "差 awful 的 酒店", "good"]

    answers = analyzer.analyze(texts)

    assert answers.texts == tuple(texts)
    assert [row.model.name for row in answers] == ["en", "zh", "en", "zh", "en"]
    assert [row.polarity.label for row in answers] == ["positive", "neutral", "negative", "negative", "positive"]


@pytest.mark.parametrize("text", ["", "😀", "123", "привет, как дела", "\ud83d", None])
def test_any_other_text_goes_to_the_first_model(analyzer, text):
    assert [row.model.name for row in analyzer.predict([text, "很好"])] == ["en", "zh"]


def test_only_the_models_that_are_needed_are_opened_and_once(analyzer, opened):
    analyzer.analyze("很好")
    analyzer.analyze(["很好", "差"])

    assert opened == ["zh"]


def test_one_text_gives_one_answer_and_many_give_many(analyzer):
    assert isinstance(analyzer.analyze("good"), Prediction)
    assert [row.text for row in analyzer.analyze(["good"])] == ["good"]


def test_no_texts_give_no_rows(analyzer):
    assert len(analyzer.analyze([])) == 0


def test_a_pandas_column_is_taken_by_position(analyzer):
    texts = pd.Series(["good", "很 好", "awful"], index=[2, 0, 7])

    assert analyzer.analyze(texts).texts == ("good", "很 好", "awful")


def test_predict_refuses_one_string(analyzer):
    with pytest.raises(InputError, match="takes a list of texts"):
        analyzer.predict("good")


def test_max_windows_holds_for_every_model(opened):
    analyzer = Analyzer({"en": Path("en"), "zh": Path("zh")}, max_windows=1)

    assert [row.coverage for row in analyzer.analyze(["good " * 8, "好 " * 8])] == [0.5, 0.5]


def test_models_that_mean_different_things_by_one_task_are_refused(monkeypatch, fake_predictor):
    def load(path, *, max_windows=None):
        space = POLARITY_3 if path.name == "en" else POLARITY_2
        return fake_predictor(
            answer=lambda words: {"polarity": [0.0] * len(space)}, tasks=[TaskSpec("polarity", space)]
        )

    monkeypatch.setattr(Predictor, "load", load)

    with pytest.raises(InputError, match="two models answer task 'polarity' with different labels"):
        Analyzer({"en": Path("en"), "zh": Path("zh")}).analyze(["good", "很好"])


def test_it_knows_the_tasks_of_all_models(analyzer):
    assert analyzer.spaces == {"polarity": POLARITY_3}


def test_it_needs_a_model():
    with pytest.raises(InputError, match="at least one model"):
        Analyzer({})


def test_a_folder_is_opened_at_once(tmp_path):
    with pytest.raises(BundleError, match="no such model folder"):
        Analyzer.load(tmp_path / "nowhere")


def test_a_folder_answers_texts_of_any_language(tiny_bundle):
    answers = Analyzer.load(tiny_bundle.path).analyze(["good food .", "好"])

    assert [row.model.name for row in answers] == ["tiny", "tiny"]
    assert answers[0].polarity.label == "positive"


@pytest.mark.parametrize("carried", [["en", "zh"], ["zh"]])
def test_auto_takes_the_built_in_models_that_are_there(monkeypatch, tmp_path, opened, carried):
    for language in carried:
        (tmp_path / language).mkdir()
    monkeypatch.setattr("sentimo.engine.analyzer.BUILT_IN", tmp_path)

    answers = Analyzer.load("auto").analyze(["good", "很好"])

    assert [row.model.name for row in answers] == [carried[0], "zh"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_built_in_model_that_is_named_answers_every_text(monkeypatch, tmp_path, opened, language):
    (tmp_path / language).mkdir()
    monkeypatch.setattr("sentimo.engine.analyzer.BUILT_IN", tmp_path)

    answers = Analyzer.load(language).analyze(["good", "很好"])

    assert opened == [language]
    assert [row.model.name for row in answers] == [language] * 2


@pytest.mark.parametrize(("name", "names"), [("auto", "en, zh"), ("zh", "zh"), ("lexicon", "lexicon")])
def test_without_built_in_models_their_names_say_what_to_do(monkeypatch, tmp_path, name, names):
    monkeypatch.setattr("sentimo.engine.analyzer.BUILT_IN", tmp_path / "nowhere")

    with pytest.raises(BundleError, match=rf"no built-in model \({names}\); name a model folder"):
        Analyzer.load(name)


@pytest.mark.parametrize("folder", ["./zh", Path("zh"), Path("auto"), Path("lexicon")])
def test_a_folder_may_be_called_like_a_built_in_model(folder):
    assert model_folders(folder) == {"any": Path(folder)}


def test_attention_is_asked_of_the_model_of_the_text(analyzer, opened):
    analyzer.attention("很好")

    assert opened == ["zh"]


@pytest.mark.parametrize("text", [None, 5, b"good", float("nan")])
def test_what_is_no_text_gets_an_error_for_an_answer(text):
    answer = Analyzer.load().analyze(text)

    assert answer.error.startswith("not a text")


@pytest.mark.parametrize("options", [{"model": None}, {"model": 5}, {"max_windows": 0}, {"max_windows": -1}])
def test_a_model_that_is_none_and_no_window_are_refused(options):
    with pytest.raises(InputError):
        Analyzer.load(**options)


def test_its_work_is_that_of_its_models(analyzer):
    analyzer.analyze(["good food", "很 好", "awful"])

    assert (analyzer.work.n_texts, analyzer.work.n_tokens) == (3, 5)
