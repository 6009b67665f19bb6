import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sentimo.core.documents import Document, Example
from sentimo.core.labels import INTENSITY, POLARITY_2, POLARITY_3, LabelSpace
from sentimo.errors import DataError, InputError, MissingExtraError
from sentimo.evaluate.report import evaluate
from sentimo.train.baselines import fit_baseline
from sentimo.train.planes import STRENGTHS
from sentimo.train.recipe import TaskRecipe
from sentimo.train.tasks import TaskData, drop_leaks, load_task

THINGS = ("the soup", "this hotel", "my phone", "the film", "her bag", "这家酒店", "这部手机", "物流", "早餐", "客服")
GOOD, BAD, PLAIN = ("is lovely", "真好", "非常满意"), ("is awful", "太差", "很失望"), ("is here", "在这里", "是蓝色")
NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
THREE = ((BAD, NEGATIVE), (PLAIN, NEUTRAL), (GOOD, POSITIVE))


def examples(groups, task="polarity", things=THINGS):
    return [
        Example(Document(f"{thing} {word}"), {task: target})
        for words, target in groups
        for word in words
        for thing in things
    ]


def data_of(space, groups, task="polarity"):
    return TaskData(space, examples(groups, task, THINGS[:8]), examples(groups, task, THINGS[8:]), [])


def accuracy(baseline, rows, task="polarity"):
    answers = baseline.predictor().predict([each.document.text for each in rows]).tasks[task].decide()
    return np.mean([answer == each.targets[task] for answer, each in zip(answers, rows, strict=True)])


@pytest.fixture(scope="module")
def three():
    return data_of(POLARITY_3, THREE)


@pytest.fixture(scope="module")
def two():
    return data_of(POLARITY_2, ((BAD, 0), (GOOD, 1)))


@pytest.mark.parametrize("method", STRENGTHS)
@pytest.mark.parametrize("rows", ["two", "three"])
def test_every_method_learns_english_and_chinese(rows, method, request):
    data = request.getfixturevalue(rows)

    assert accuracy(fit_baseline({"polarity": data}, method=method), data.dev) == 1.0


@pytest.mark.parametrize("method", STRENGTHS)
def test_every_method_gives_any_number_of_labels(method):
    space = LabelSpace("praise", ("food", "staff", "price"), "multi")
    groups = (
        (("tasty soup",), (0,)),
        (("kind waiter",), (1,)),
        (("kind waiter, tasty soup",), (0, 1)),
        (("a day",), ()),
    )
    data = data_of(space, groups, "praise")

    baseline = fit_baseline({"praise": data}, method=method)

    assert accuracy(baseline, data.dev, "praise") == 1.0
    assert baseline.specs[0].thresholds is not None


def test_a_score_follows_the_words():
    groups = ((("is awful",), 0.0), (("is here",), 0.5), (("is lovely",), 1.0))
    baseline = fit_baseline({"intensity": data_of(INTENSITY, groups, "intensity")})

    low, middle, high = (
        baseline.predictor()
        .predict(["a bag is awful", "a bag is here", "a bag is lovely"])
        .tasks["intensity"]
        .scores[:, 0]
    )

    assert 0 <= low < middle - 0.1 < high - 0.2 <= 0.8


def test_ordered_labels_are_answered_like_single_ones():
    space = LabelSpace("stars", ("1", "2", "3"), "ordinal")
    data = data_of(space, THREE)

    assert accuracy(fit_baseline({"polarity": data}), data.dev) == 1.0


def test_a_label_without_training_rows_is_never_given(two):
    data = TaskData(POLARITY_3, examples(((BAD, NEGATIVE), (GOOD, POSITIVE))), [], [])

    scores = fit_baseline({"polarity": data}).predictor().predict(["is here", "真好"]).tasks["polarity"].scores

    assert scores[:, NEUTRAL].max() < 0.05
    assert scores.sum(axis=1) == pytest.approx([1, 1])


def test_the_two_logits_of_a_binary_task_are_mirrored(two):
    weights = fit_baseline({"polarity": two}).model.tasks["polarity"]

    assert (weights.coef[0] == -weights.coef[1]).all()
    assert weights.bias[0] == -weights.bias[1]


def test_tasks_share_one_vocabulary_of_all_their_texts(two):
    other = LabelSpace("weather", ("dry", "wet"))
    weather = data_of(other, ((("sunny",), 0), (("rainy",), 1)), "weather")

    baseline = fit_baseline({"polarity": two, "weather": weather})

    assert {"wlovely", "wrainy", "h满意"} <= set(baseline.model.vocabulary)
    assert [spec.name for spec in baseline.specs] == ["polarity", "weather"]
    assert accuracy(baseline, two.dev) == accuracy(baseline, weather.dev, "weather") == 1.0


def test_the_vocabulary_holds_the_most_frequent_ngrams(two):
    baseline = fit_baseline({"polarity": two}, max_features=3)

    assert len(baseline.model.vocabulary) == 3


def test_idf_is_smoothed():
    texts = ["好 a", "好 b", "好 c", "差 a", "差 b", "差 c"]
    rows = [Example(Document(text), {"polarity": int("好" in text)}) for text in texts]
    model = fit_baseline({"polarity": TaskData(POLARITY_2, rows, [], [])}).model

    # 好 stands in 3 of 6 texts: ln((1 + 6) / (1 + 3)) + 1
    assert model.idf[model.vocabulary.index("h好")] == pytest.approx(np.log(7 / 4) + 1)


def test_without_dev_rows_nothing_is_chosen_or_calibrated(two):
    baseline = fit_baseline({"polarity": TaskData(POLARITY_2, two.train, [], [])})

    assert baseline.strengths == {"polarity": STRENGTHS["logistic"][1]}
    assert baseline.specs[0].temperature == 1.0


def test_one_seed_gives_one_model(two):
    first, again = (fit_baseline({"polarity": two}, method="svm", seed=5) for _ in range(2))

    assert first.model.vocabulary == again.model.vocabulary
    assert (first.model.tasks["polarity"].coef == again.model.tasks["polarity"].coef).all()


def test_weights_of_rows_count():
    rows = [
        Example(Document(f"{thing} 还行"), {"polarity": k % 2}, weight=9.0 if k % 2 else 1.0)
        for k, thing in enumerate(THINGS)
    ]
    scores = (
        fit_baseline({"polarity": TaskData(POLARITY_2, rows, [], [])})
        .predictor()
        .predict(["还行"])
        .tasks["polarity"]
        .scores
    )

    assert scores[0, 1] > 0.7  # nine tenths of the weight say positive, half of the rows


def test_rows_of_one_label_are_refused(two):
    data = TaskData(POLARITY_2, [each for each in two.train if each.targets["polarity"] == 1], [], [])

    with pytest.raises(DataError, match="every training row has the label 'positive'"):
        fit_baseline({"polarity": data})


def test_texts_without_a_common_ngram_are_refused():
    rows = [Example(Document("好"), {"polarity": 1}), Example(Document("差"), {"polarity": 0})]

    with pytest.raises(DataError, match="no n-gram occurs in 2 of the 2 training texts"):
        fit_baseline({"polarity": TaskData(POLARITY_2, rows, [], [])})


def test_a_missing_scikit_learn_is_named(two, monkeypatch):
    monkeypatch.setattr("sentimo.train.planes.find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=r"pip install 'sentimo\[train\]'"):
        fit_baseline({"polarity": two})


def test_an_unknown_method_is_refused(two):
    with pytest.raises(InputError, match="'forest' is not one of logistic, svm, bayes"):
        fit_baseline({"polarity": two}, method="forest")


def test_what_is_saved_answers_as_what_was_judged(two, tmp_path):
    from sentimo.engine.predictor import Predictor

    baseline = fit_baseline({"polarity": two})
    texts = [each.document.text for each in two.dev]
    before = baseline.predictor().predict(texts).tasks["polarity"].scores

    bundle = baseline.write(
        tmp_path / "base",
        name="base",
        languages=("en", "zh"),
        provenance={"files": ["reviews.csv"]},
        extra=lambda folder: (folder / "README.md").write_text("# base\n", "utf-8"),
    )

    assert Predictor.load(bundle.path).predict(texts).tasks["polarity"].scores.tolist() == before.tolist()
    assert "README.md" in bundle.files
    assert bundle.manifest.provenance == {
        "files": ["reviews.csv"],
        "method": "logistic",
        "strengths": dict(baseline.strengths),
        "seed": 13,
    }


def test_fitting_a_baseline_loads_no_torch():
    code = "import sys, sentimo.train.baselines; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_logistic_regression_reaches_90_percent_on_hotel_reviews():
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("SENTIMO_DATA", root.parent / "shared" / "data")) / "zh" / "chnsenticorp-hotel"
    if not folder.is_dir():
        pytest.skip(f"the hotel reviews are not in {folder}; SENTIMO_DATA names the data folder")
    files = {part: [folder / f"{part}.parquet"] for part in ("train", "dev", "test")}
    data = drop_leaks({"polarity": load_task(TaskRecipe(name="polarity", text="text", label="label", **files), 13)})

    report = evaluate(fit_baseline(data).predictor(), {"polarity": data["polarity"].test}, n_bootstrap=0)

    assert report.tasks["polarity"].figures["accuracy"].value >= 0.90
