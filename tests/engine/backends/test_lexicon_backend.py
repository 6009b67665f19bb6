from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sentimo.core.bundle import Bundle
from sentimo.engine.analyzer import BUILT_IN, Analyzer
from sentimo.engine.backends.lexicon import untrained_model, write_lexicon_bundle
from sentimo.engine.overrides import NEUTRAL, SHARPNESS
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError
from sentimo.text.lexicon import Lexicon, built_in_lexicon
from sentimo.text.rules import VERSION

WORDS = Lexicon({"en": {"good": 0.6, "awful": -0.9}, "zh": {"好": 0.6}})


@pytest.fixture
def bundle(tmp_path):
    return write_lexicon_bundle(tmp_path / "mine", *untrained_model(WORDS), name="mine")


def test_the_built_in_model_holds_the_built_in_words():
    bundle = Bundle.open(BUILT_IN / "lexicon")

    # After a change of the words or rules: benchmarks/build_lexicon.py writes it anew.
    assert Lexicon.from_json(bundle.file("lexicon.json").read_text("utf-8")) == built_in_lexicon()
    assert bundle.manifest.settings["rules"] == VERSION


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this, it is wonderful", "positive"),
        ("an awful, boring waste of time", "negative"),
        ("the parcel arrived on Tuesday", "neutral"),
        ("服务热情，房间干净", "positive"),
        ("太差了，后悔死了", "negative"),
        ("会议在星期五中午", "neutral"),
    ],
)
def test_the_built_in_model_answers_both_languages(text, label):
    prediction = Analyzer.load("lexicon").analyze(text)

    assert prediction.polarity.label == label
    assert (prediction.intensity > 0.3) == (label != "neutral")


def test_the_built_in_model_tells_its_rules():
    assert [fired.rule for fired in Analyzer.load("lexicon").explain_rules("never good")] == ["negation", "word"]


def test_a_bundle_answers_with_its_own_words(bundle):
    predictor = Predictor.load(bundle.path)

    assert predictor.analyze("good").polarity.label == "positive"
    assert predictor.analyze("wonderful").polarity.label == "neutral"
    assert predictor.runtime.reasons["backend"] == "words and rules, run by numpy"


def test_a_long_text_is_read_in_windows(bundle):
    prediction = Predictor.load(bundle.path).analyze("the meeting is on Friday " * 80 + "awful")

    assert len(prediction.windows) > 1
    assert prediction.polarity.label == "negative"


def test_a_bundle_of_other_rules_is_refused(bundle, monkeypatch):
    monkeypatch.setattr("sentimo.engine.knowledge.VERSION", VERSION + 1)

    with pytest.raises(BundleError, match=f"version {VERSION} of the rules; this Sentimo has version {VERSION + 1}"):
        Predictor.load(bundle.path)


def test_the_prior_of_a_users_rules_is_the_lexicon_model():
    polarity = untrained_model(WORDS)[0].planes["polarity"]

    assert polarity.coef[:, 0].tolist() == [-SHARPNESS, 0.0, SHARPNESS]
    assert polarity.bias.tolist() == pytest.approx([0.0, NEUTRAL, 0.0])


def test_the_lexicon_needs_no_onnxruntime_and_no_torch():
    code = (
        "import sys; from sentimo import Analyzer; Analyzer.load('lexicon').analyze('good'); import json; "
        "print(json.dumps([name for name in ('torch', 'onnxruntime', 'transformers') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []
