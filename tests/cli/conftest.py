"""A model for commands: what `Analyzer.load` returns, without weights."""

from __future__ import annotations

import pytest

from sentimo.core.labels import POLARITY_3
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.analyzer import Analyzer
from sentimo.engine.backends.fake import FakeBackend
from sentimo.engine.predictor import Predictor


def polarity(words):
    good, bad = (sum(word in sign for word in words) for sign in (("good", "好"), ("bad", "差")))
    return {"polarity": [4.0 * bad, 2.0, 4.0 * good]}


@pytest.fixture
def fake_model(monkeypatch):
    """Makes `Analyzer.load` return a model that knows a few words; the list holds the names asked for."""
    asked = []

    def load(model="auto", **options):
        asked.append(model)
        return Predictor(FakeBackend(polarity, 8), [TaskSpec("polarity", POLARITY_3)], ModelId("[fake]", "ab" * 32))

    monkeypatch.setattr(Analyzer, "load", load)
    return asked
