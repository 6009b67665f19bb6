"""Ensembles as bundles: what they learn, how they are judged, and that they are read as any bundle is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from sentimo.compress.run import compress
from sentimo.core.bundle import Bundle, Probes, write_bundle
from sentimo.core.documents import Document, Example
from sentimo.core.labels import POLARITY_3, LabelSpace
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.data.reading import Reading
from sentimo.engine.analyzer import Analyzer
from sentimo.engine.backends.linear import LinearModel, TaskWeights
from sentimo.engine.ensemble import Combination
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError
from sentimo.evaluate.labelled import load_labelled
from sentimo.evaluate.report import evaluate
from sentimo.train.ensemble import Material, build_ensemble, crossfitted, fit_task

WORDS = (("good", "awful"), ("fine", "poor"), ("great", "bad"))
METHODS = ("mean", "weighted", "vote", "stack")


def write_linear(folder, words, space=POLARITY_3, task="polarity", bias=(0.0, 1.0, 0.0)):
    """A model that knows words of praise and of blame, in turn."""
    coef = np.zeros((3, len(words)))
    coef[2, ::2], coef[0, 1::2] = 4.0, 4.0
    weights = TaskWeights.quantised(coef, np.array(bias))
    grams = tuple(f"w{word}" for word in words)
    model = LinearModel(grams, np.ones(len(words), np.float32), {task: weights})
    manifest = Manifest(folder.name, "linear", ("en",), (TaskSpec(task, space),), 32)
    return write_bundle(folder, manifest, model.save, Probes((), {}))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of three models, each of which knows two of six words."""
    folder = tmp_path_factory.mktemp("models")
    return [write_linear(folder / words[0], words).path for words in WORDS]


@pytest.fixture(scope="module")
def rows():
    """300 texts with one word each, half of them neutral."""
    words = [(word, label) for pair in WORDS for word, label in zip(pair, (2, 0), strict=True)]
    made = []
    for at in range(300):
        word, label = words[at // 2 % 6] if at % 2 else ("plain", 1)
        made.append(Example(Document(f"the {word} room {at}"), {"polarity": label}))
    return {"polarity": made}


@pytest.fixture(scope="module")
def built(models, rows, tmp_path_factory):
    """Method -> ensemble."""
    folder = tmp_path_factory.mktemp("ensembles")
    return {each: build_ensemble(models, folder / each, rows, combine=each, rounds=1) for each in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_together_they_know_what_each_alone_does_not(built, method, rows):
    found = built[method].contests["polarity"]

    # Each knows a third of the words; a vote of two ignorant members is lost.
    alone = [main.value for main, _ in found.figures[:-1]]
    assert max(alone) < 0.8
    assert found.n == 300
    if method == "stack":
        assert found.figures[-1][0].value == 1.0
        assert found.gain.low > 0
        assert found.verdict.startswith("Better than the best member")
    if method != "vote":
        assert found.figures[-1][0].value >= max(alone)


@pytest.mark.parametrize("method", METHODS)
def test_the_bundle_answers_as_the_members_combined(built, method, models):
    ensemble = Predictor.load(built[method].bundle.path)
    texts = ["the good room", "a bad, fine room", "nothing at all"]
    settings = ensemble.bundle.manifest.settings["ensemble"]["tasks"]["polarity"]
    scores = np.stack([Predictor.load(each).predict(texts).tasks["polarity"].scores for each in models])

    combined = Combination.from_dict(settings, 3, 3)(POLARITY_3, scores, np.full((3, 3), 0.5))

    temperature = ensemble.tasks[0].temperature
    powers = combined ** (1 / temperature)
    expected = powers / powers.sum(axis=1, keepdims=True)
    assert ensemble.predict(texts).tasks["polarity"].scores == pytest.approx(expected, abs=1e-5)


def test_members_are_kept_byte_by_byte(built, models):
    bundle = built["mean"].bundle

    found = [Bundle.open(bundle.path / "members" / str(place)).digest for place in (1, 2, 3)]
    assert found == [Bundle.open(each).digest for each in models]
    assert [each["digest"] for each in bundle.manifest.settings["ensemble"]["members"]] == found


def test_a_member_that_was_changed_is_refused(built, tmp_path):
    shutil.copytree(built["mean"].bundle.path, tmp_path / "copy")
    (tmp_path / "copy" / "members" / "2" / "bias.polarity.npy").write_bytes(b"other")

    with pytest.raises(BundleError, match="has changed since the bundle was saved"):
        Predictor.load(tmp_path / "copy")


def test_it_is_read_where_no_member_is_and_without_torch(built, models, tmp_path):
    shutil.copytree(built["weighted"].bundle.path, tmp_path / "moved")
    code = (
        "import sys; from sentimo.engine.analyzer import Analyzer; "
        f"print(Analyzer.load({str(tmp_path / 'moved')!r}).analyze('a good room').polarity.label); "
        "assert not {'torch', 'transformers', 'sklearn', 'onnxruntime'} & set(sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.stderr) == ("positive", "")


def test_it_is_evaluated_and_analysed_as_any_model(built, rows):
    analyzer = Analyzer.load(built["stack"].bundle.path)

    report = evaluate(analyzer, rows, n_bootstrap=0)

    assert report.tasks["polarity"].figures["accuracy"].value == 1.0
    assert analyzer.analyze("good").polarity.label == "positive"
    assert len(analyzer.identity) == 4  # itself and three members


def test_it_can_be_a_member_itself(built, models, rows, tmp_path):
    extra = write_linear(tmp_path / "extra", ("lovely", "ugly"))

    nested = build_ensemble([built["stack"].bundle.path, extra.path], tmp_path / "nested", rows, rounds=1)

    assert Predictor.load(nested.bundle.path).analyze("a bad room").polarity.label == "negative"


def test_card_and_record_tell_the_figures(built):
    bundle = built["weighted"].bundle
    card = bundle.file("README.md").read_text("utf-8")
    record = json.loads(bundle.file("ensemble.json").read_text("utf-8"))

    assert "A Sentimo bundle of 3 models, combined by weighted" in card
    assert "| **ensemble** |" in card
    task = record["tasks"]["polarity"]
    assert [each["name"] for each in task["members"]] == ["good", "fine", "great"]
    assert task["ensemble"]["time_ratio"] > 1
    assert task["gain"]["low"] is not None


def test_compressing_it_points_to_distillation(built, rows, tmp_path):
    from sentimo.compress.gate import Gate

    with pytest.raises(BundleError, match="is an ensemble of several models; compression needs one.*`teacher: "):
        compress(built["mean"].bundle.path, tmp_path / "small", rows, Gate(1.0, 1.0))


# ----------------------------------------------------------------------------------------------- refusals


def test_what_is_no_ensemble_is_refused(models, rows, tmp_path):
    with pytest.raises(InputError, match="two models or more"):
        build_ensemble(models[:1], tmp_path / "e", rows)
    with pytest.raises(InputError, match="is the same model as"):
        build_ensemble([models[0], models[1], models[0]], tmp_path / "e", rows)
    with pytest.raises(InputError, match="combine 'weigthed' is not known. Did you mean 'weighted'"):
        build_ensemble(models, tmp_path / "e", rows, combine="weigthed")
    with pytest.raises(BundleError, match="is a model that is read here"):
        build_ensemble(models, models[0], rows, overwrite=True)
    with pytest.raises(InputError, match="4 dev rows that can be answered are too few"):
        build_ensemble(models, tmp_path / "e", {"polarity": rows["polarity"][:4]})
    assert not (tmp_path / "e").exists()


def test_members_of_other_labels_are_refused(models, rows, tmp_path):
    other = write_linear(tmp_path / "stars", ("good", "bad"), LabelSpace("stars", ("1", "2", "3")))

    with pytest.raises(InputError, match="stars answers 1, 2, 3 .single.. Members of an ensemble must have the same"):
        build_ensemble([models[0], other.path], tmp_path / "e", rows)


# ------------------------------------------------------------------------------------------------- honesty


def of_noise(n, n_labels=6, seed=0):
    """Three members that know nothing, and labels drawn at random."""
    draw = np.random.default_rng(seed)
    scores = draw.dirichlet(np.ones(n_labels), (3, n))
    space = LabelSpace("any", tuple("abcdef"[:n_labels]))
    keys = [f"text {at}" for at in range(n)]
    return Material("any", space, scores, np.full((3, n_labels), 0.5), draw.integers(0, n_labels, n).tolist(), keys)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_found_in_noise(method):
    material = of_noise(600)

    judged = crossfitted(material, method, seed=1)

    # By chance one in six is right: a standard error is 1.5 points.
    accuracy = (judged.scores.argmax(axis=1) == np.array(material.targets)).mean()
    assert accuracy < 1 / 6 + 0.045
    assert -np.log(judged.scores[np.arange(600), material.targets]).mean() >= np.log(6) - 0.01


def test_copies_of_a_text_never_judge_what_they_taught():
    material = of_noise(300)
    twice = material.take([*range(300), *range(300)])

    once, again = crossfitted(twice, "stack", seed=1).scores.reshape(2, 300, 6)

    assert once.tolist() == again.tolist()  # both in one fold, answered by the same


def test_a_member_that_is_too_sure_is_calibrated():
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 3, 500)
    said = np.where(draw.random(500) < 0.7, truth, draw.integers(0, 3, 500))
    sure = np.eye(3)[said] * 0.997 + 0.001
    space = LabelSpace("any", ("a", "b", "c"))
    keys = [str(at) for at in range(500)]
    material = Material("any", space, np.stack([sure, sure]), np.full((2, 3), 0.5), truth.tolist(), keys)

    _, spec = fit_task(material, "mean", seed=1)
    judged = crossfitted(material, "mean", seed=1)

    assert spec.temperature > 2
    assert judged.scores.max(axis=1).mean() == pytest.approx(0.8, abs=0.05)  # right in 0.7 + 0.3 / 3


# ------------------------------------------------------------------------------------ all kinds of tasks


@pytest.fixture(scope="module")
def labelled_dev(labelled, trained):
    spaces = {task.name: task.space for task in trained.bundle.manifest.tasks}
    files = [labelled / "emotions.jsonl", labelled / "stars.csv", labelled / "intensity.csv"]
    return {name: data.examples for name, data in (load_labelled(path, spaces, Reading()) for path in files)}


@pytest.fixture(scope="module")
def pair(trained, tmp_path_factory):
    """The trained model of four tasks, and a copy that is less sure."""
    source, folder = trained.bundle, tmp_path_factory.mktemp("pair") / "meek"
    from dataclasses import replace

    from sentimo.compress.derive import derive

    tasks = tuple(replace(task, temperature=3 * task.temperature) for task in source.manifest.tasks)
    derive(source, folder, lambda _: replace(source.manifest, name="meek", tasks=tasks))
    return [source.path, folder]


@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_task_is_combined_and_judged(method, pair, labelled_dev, tmp_path):
    made = build_ensemble(pair, tmp_path / "e", labelled_dev, combine=method, rounds=1)

    assert list(made.contests) == ["emotions", "stars", "intensity"]
    for each in made.contests.values():
        figures = [main.value for main, _ in each.figures]
        assert figures[-1] > max(figures[:-1]) - 0.1 or method == "stack"  # 96 rows of weak models teach it little
    assert any("polarity has no dev rows" in note for note in made.notes)
    ensemble = Predictor.load(made.bundle.path)
    row = ensemble.analyze("a fine phone, I love it")
    assert set(row.tasks) == {"polarity", "emotions", "stars", "intensity"}
    assert 0 <= row.tasks["intensity"] <= 1
    assert ensemble.predict(made.bundle.probes().texts).tasks["emotions"].thresholds is not None
    found = {name: each.scores for name, each in ensemble.predict(made.bundle.probes().texts).tasks.items()}
    assert made.bundle.probes().differences(found, ensemble.spaces) == []


def test_windows_are_bounded_in_all_members(pair, labelled_dev, tmp_path):
    made = build_ensemble(pair, tmp_path / "e", labelled_dev, combine="mean", rounds=1)

    whole, part = (
        Predictor.load(made.bundle.path, max_windows=most).analyze("the food was good " * 60) for most in (None, 1)
    )

    assert (whole.coverage, part.truncated) == (1.0, True)
