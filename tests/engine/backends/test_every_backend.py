"""What every backend keeps to, whatever computes inside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sentimo.core.bundle import Probes, write_bundle
from sentimo.core.labels import POLARITY_2
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends import BACKENDS
from sentimo.engine.backends.lexicon import LexiconBackend, untrained_model
from sentimo.engine.backends.linear import LinearModel, TaskWeights
from sentimo.engine.predictor import Predictor
from sentimo.text.lexicon import built_in_lexicon

TEXTS = ["good", "the room was dirty and nobody came, I am angry", "服务很好", "ok", "a fine phone with a good battery"]
LONG = "the good parcel arrived on Tuesday, " * 40


@pytest.fixture(scope="session")
def linear_bundle(tmp_path_factory):
    weights = TaskWeights.quantised(np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 0.0]]), np.array([0.5, 0.0]))
    model = LinearModel(("wgood", "wdirty", "h好"), np.array([1.0, 2.0, 1.5], np.float32), {"polarity": weights})
    manifest = Manifest("linear", "linear", ("en",), (TaskSpec("polarity", POLARITY_2),), 32)
    return write_bundle(tmp_path_factory.mktemp("linear") / "model", manifest, model.save, Probes((), {}))


@pytest.fixture(scope="module", params=[*(each for each in BACKENDS if each not in ("adapter", "ensemble")), "fake"])
def predictor(request):
    """The same encoder in each backend that runs whole encoders; a model of their own in the others.

    Adapters and ensembles need bundles of their own: tests/train/test_adapter_bundle.py, tests/train/test_ensemble.py.
    """
    if request.param == "fake":
        return request.getfixturevalue("fake_predictor")(max_tokens=32)
    if request.param == "lexicon":
        model, specs = untrained_model(built_in_lexicon())
        return Predictor(LexiconBackend(model, max_tokens=32), specs, ModelId("lexicon", ""))
    if request.param == "linear":
        return Predictor.load(request.getfixturevalue("linear_bundle").path)
    if request.param == "openvino":
        pytest.importorskip("openvino")
    return Predictor.load(request.getfixturevalue("trained").bundle.path, backend=request.param, precision="exact")


def test_torch_keeps_to_the_threads_that_are_set(trained, monkeypatch):
    import torch

    before = torch.get_num_threads()
    monkeypatch.setenv("SENTIMO_THREADS", "3")
    Predictor.load(trained.bundle.path, backend="torch")

    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)


def scores(answers):
    return np.hstack([each.scores for each in answers.tasks.values()])


def test_it_answers_as_the_model_did_when_it_was_saved(predictor):
    if predictor.bundle is None:
        pytest.skip("a fake is never saved")
    probes = predictor.bundle.probes()
    found = {task: each.scores for task, each in predictor.predict(probes.texts).tasks.items()}

    assert probes.differences(found, predictor.spaces) == []


def test_scores_do_not_depend_on_the_texts_beside_it_or_their_order(predictor):
    alone = np.vstack([scores(predictor.predict([text])) for text in TEXTS])

    assert scores(predictor.predict(TEXTS)) == pytest.approx(alone, abs=1e-5)
    assert scores(predictor.predict(TEXTS[::-1])) == pytest.approx(alone[::-1], abs=1e-5)


def test_a_text_with_nothing_in_it_has_an_error_and_its_neighbours_an_answer(predictor):
    answers = predictor.predict(["good", "", "good"])

    assert [row.error for row in answers] == [None, "empty text", None]
    assert np.isnan(scores(answers)).any(axis=1).tolist() == [False, True, False]


def test_a_long_text_is_read_to_its_end(predictor):
    row = predictor.analyze(LONG)

    assert (row.coverage, row.error) == (1.0, None)
    assert len(row.windows) > 3


def test_windows_that_are_not_wanted_are_not_read(predictor):
    name = predictor.runtime.backend if predictor.runtime else None
    if name is None:
        pytest.skip("a fake is told how much to read when it is made")
    row = Predictor.load(predictor.bundle.path, backend=name if name != "linear" else None, max_windows=2).analyze(LONG)

    assert row.truncated
    assert len(row.windows) == 2


def test_several_threads_may_ask_at_once(predictor):
    texts = [f"{text} {at}" for at in range(20) for text in TEXTS]
    alone = scores(predictor.predict(texts))

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(predictor.predict, [texts] * 8))

    assert all(scores(each) == pytest.approx(alone, abs=1e-5) for each in found)


def test_it_says_how_many_batches_it_likes_to_run_at_once(predictor):
    assert predictor._backend.streams >= 1
