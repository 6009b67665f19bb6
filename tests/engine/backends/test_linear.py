from pathlib import Path

import numpy as np
import pytest

from sentimo.core.bundle import Bundle, Probes, write_bundle
from sentimo.core.labels import POLARITY_2
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends import open_backend
from sentimo.engine.backends.linear import LinearBackend, LinearModel, TaskWeights
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError

SPEC = TaskSpec("polarity", POLARITY_2)


@pytest.fixture
def model():
    """Knows two characters: 差 speaks for negative, 好 for positive, each with weight 2."""
    weights = TaskWeights.quantised(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0.5, 0.0]))
    return LinearModel(("h差", "h好"), np.array([1.0, 2.0], dtype=np.float32), {"polarity": weights})


def backend_of(model, max_tokens=4, **settings):
    return LinearBackend(model, max_tokens=max_tokens, **settings)


def write(model, target, tamper=lambda folder: None):
    """Save a model as a bundle without probes; `tamper` may change its files before they are sealed."""

    def fill(folder):
        model.save(folder)
        tamper(folder)

    return write_bundle(target, Manifest("tiny", "linear", ("zh",), (SPEC,), 4), fill, Probes((), {}))


@pytest.fixture
def unproven(monkeypatch):
    """Let damaged bundles be written: the fresh process would refuse them."""
    monkeypatch.setattr("sentimo.core.bundle._prove_in_fresh_process", lambda folder: None)


def test_a_vector_is_log_counts_times_idf_of_length_one(model):
    ids, values = model.vector("差差好")

    # 差 twice: (1 + ln 2) * 1 = 1.6931; 好 once: 1 * 2 = 2; length sqrt(1.6931^2 + 2^2) = 2.6204
    assert ids.tolist() == [0, 1]
    assert values == pytest.approx([1.6931 / 2.6204, 2 / 2.6204], abs=1e-4)


def test_logits_are_weights_times_vector_and_bias(model):
    (prepared,) = backend_of(model).prepare(["好"])

    logits = backend_of(model).run([prepared.windows[0].features])

    # The vector is 1 at 好: 0 + 0.5 for negative, 2 + 0 for positive.
    assert logits["polarity"] == pytest.approx(np.array([[0.5, 2.0]]))
    assert logits["polarity"].dtype == np.float32


def test_a_text_without_known_ngrams_gets_the_bias(model):
    (prepared,) = backend_of(model).prepare(["abc"])

    assert backend_of(model).run([prepared.windows[0].features])["polarity"].tolist() == [[0.5, 0.0]]


def test_quantised_weights_are_within_half_a_step():
    weights = np.array([[1.0, -0.31, 0.004], [0.0, 0.0, 0.0]])

    found = TaskWeights.quantised(weights, np.zeros(2))

    assert found.coef.dtype == np.int8
    assert found.coef[0].tolist() == [127, -39, 1]  # -0.31 * 127 = -39.4; 0.004 * 127 = 0.508
    assert np.abs(found.coef * found.scale[:, None] - weights).max() <= 1 / 254 + 1e-6


def test_a_long_text_is_read_in_overlapping_windows(model):
    (prepared,) = backend_of(model, max_tokens=4).prepare(["好好好好，差差差差"])

    # 9 tokens; windows of 4 move on by 3: [0, 4) [3, 7) [6, 9)
    assert [(window.start, window.end) for window in prepared.windows] == [(0, 4), (3, 7), (6, 9)]
    assert [window.weight for window in prepared.windows] == [4, 3, 2]
    assert (prepared.n_tokens, prepared.coverage) == (9, 1.0)


def test_offsets_count_characters_not_tokens(model):
    (prepared,) = backend_of(model, max_tokens=2).prepare(["  good 好 !!"])

    assert [(window.start, window.end) for window in prepared.windows] == [(2, 8), (9, 11)]


def test_no_more_than_max_windows_are_read(model):
    (prepared,) = backend_of(model, max_windows=1).prepare(["好" * 8])

    assert len(prepared.windows) == 1
    assert prepared.coverage == 0.5


def test_a_text_without_a_known_n_gram_is_read_but_not_covered(model):
    (prepared,) = backend_of(model).prepare(["xyz"])

    assert (len(prepared.windows), prepared.coverage) == (1, 0.0)


@pytest.mark.parametrize("text", [" ", "\x00", "\u200b"])
def test_a_text_with_nothing_to_read_has_no_window(model, text):
    (prepared,) = backend_of(model).prepare([text])

    assert prepared.windows == ()
    assert (prepared.n_tokens, prepared.coverage) == (0, 1.0)


def test_a_saved_model_answers_as_before(model, tmp_path):
    texts = ["好", "差差好", "abc", "好" * 9 + "差"]
    before = Predictor(backend_of(model), [SPEC], ModelId("tiny", "")).predict(texts)

    write(model, tmp_path / "model")
    after = Predictor.load(tmp_path / "model").predict(texts)

    assert after.tasks["polarity"].scores.tolist() == before.tasks["polarity"].scores.tolist()


def test_the_catalogue_opens_it(model, tmp_path):
    write(model, tmp_path / "model")

    assert isinstance(open_backend(Bundle.open(tmp_path / "model")), LinearBackend)


def replace_array(name, array):
    return lambda folder: np.save(folder / name, array, allow_pickle=True)


@pytest.mark.usefixtures("unproven")
@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (replace_array("coef.polarity.npy", np.zeros((2, 3), np.int8)), r"shape \(2, 3\).*shape \(2, 2\)"),
        (replace_array("scale.polarity.npy", np.zeros(2)), "float64.*float32"),
        (replace_array("idf.npy", np.array([{}, {}])), "cannot be read as an array"),
        (lambda folder: (folder / "bias.polarity.npy").write_bytes(b""), "cannot be read as an array"),
        (lambda folder: (folder / "idf.npy").unlink(), "no file 'idf.npy'"),
        (lambda folder: Path(folder / "vocabulary.txt").write_text("h差\n", "utf-8"), r"shape \(2, 2\)"),
    ],
)
def test_files_that_do_not_fit_are_refused(model, tmp_path, tamper, message):
    bundle = write(model, tmp_path / "model", tamper)

    with pytest.raises(BundleError, match=message):
        LinearModel.load(bundle)
