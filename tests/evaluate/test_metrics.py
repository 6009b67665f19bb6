import json
import time

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from sentimo.core.labels import GOEMOTIONS_28, INTENSITY, LabelSpace
from sentimo.errors import InputError
from sentimo.evaluate.metrics import FIGURES, TaskReport, score_task

MOODS = LabelSpace("moods", ("sad", "calm", "glad"))
STARS = LabelSpace("stars", ("1", "2", "3"), "ordinal")
TAGS = LabelSpace("tags", ("anger", "joy"), "multi")

# Answers of the worked example: sad, sad, calm, glad for the truth sad, calm, calm, glad.
TRUTH = [0, 1, 1, 2]
SCORES = np.array([[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])


def values(report):
    return {name: figure.value for name, figure in report.figures.items()}


def made_up(n, n_labels, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, n_labels, n)
    scores = random.random((n, n_labels))
    scores[np.arange(n), truth] += 0.4
    return truth, scores / scores.sum(axis=1, keepdims=True)


def test_figures_of_one_label_a_row_are_worked_out_by_hand():
    found = values(score_task(MOODS, TRUTH, SCORES, n_bootstrap=20))

    # F1: sad 2*1/(1+2) = 2/3, calm 2*1/(2+1) = 2/3, glad 1. Recall: 1, 1/2, 1.
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found["weighted_f1"] == pytest.approx((1 * 2 / 3 + 2 * 2 / 3 + 1 * 1) / 4)
    assert found["micro_f1"] == 0.75
    assert found["balanced_accuracy"] == found["macro_recall"] == pytest.approx(2.5 / 3)
    # Squares: 0.04+0.01+0.01, 0.25+0.49+0.04, 0.04+0.16+0.04, 0.01+0.04+0.09 = 0.06, 0.78, 0.24, 0.14
    assert found["brier"] == pytest.approx(1.22 / 4)
    # Each confidence 0.8 0.5 0.6 0.7 is alone in its bin: gaps 0.2, 0.5, 0.4, 0.3
    assert found["ece"] == pytest.approx(1.4 / 4)
    # sad: 0.8 against 0.5 0.2 0.1 = 1. calm: 0.3 and 0.6 against 0.1 and 0.2 = 1. glad: 0.7 against all = 1.
    assert found["macro_auroc"] == 1.0
    # (n * right - sum t*p) / sqrt((n^2 - sum p^2) (n^2 - sum t^2)) = (4*3 - (2+2+1)) / sqrt((16-6) * (16-6))
    assert found["mcc"] == pytest.approx(7 / 10)


def test_the_confusion_table_has_truth_down_and_answers_across():
    assert score_task(MOODS, TRUTH, SCORES, n_bootstrap=0).confusion.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_each_label_has_its_own_row():
    calm = score_task(MOODS, TRUTH, SCORES, n_bootstrap=0).per_label[1]

    assert (calm.label, calm.support, calm.predicted, calm.threshold) == ("calm", 2, 1, None)
    assert (calm.precision.value, calm.recall.value) == (1.0, 0.5)


def test_ordinal_figures_are_worked_out_by_hand():
    found = values(score_task(STARS, [0, 2, 1, 2], SCORES, n_bootstrap=20))  # answers 0, 0, 1, 2

    assert found["mae"] == 2 / 4
    # squared steps 4; expected from t = (1, 1, 2), p = (2, 1, 1): sum t_i p_j (i - j)^2 / 4
    # = (1*(1*1 + 1*4) + 1*(2*1 + 1*1) + 2*(2*4 + 1*1)) / 4 = (5 + 3 + 18) / 4 = 6.5
    assert found["quadratic_kappa"] == pytest.approx(1 - 4 / 6.5)


def test_multi_figures_are_worked_out_by_hand():
    scores = np.array([[0.9, 0.2], [0.6, 0.7], [0.4, 0.8], [0.1, 0.1]])
    # given: anger; anger joy; joy; none
    report = score_task(TAGS, [(0,), (1,), (0, 1), ()], scores, n_bootstrap=20)
    found = values(report)

    assert found["subset_accuracy"] == 0.5
    # anger: 1 hit, 2 true, 2 given -> F1 1/2. joy: 2 hits, 2 true, 2 given -> 1.
    assert found["macro_f1"] == 0.75
    assert found["micro_f1"] == pytest.approx(2 * 3 / (4 + 4))
    # squares: 0.01 0.04, 0.36 0.09, 0.36 0.04, 0.01 0.01 over 8
    assert found["brier"] == pytest.approx(0.92 / 8)
    # anger: 0.9, 0.4 against 0.6, 0.1: 3 of 4. joy: 0.7, 0.8 against 0.2, 0.1: 4 of 4.
    assert found["macro_auroc"] == pytest.approx(0.875)
    # score - truth, summed in each bin: 0.1 + 0.1, then alone 0.2, 0.4 - 1, 0.6, 0.7 - 1, 0.8 - 1, 0.9 - 1
    assert found["ece"] == pytest.approx((0.2 + 0.2 + 0.6 + 0.6 + 0.3 + 0.2 + 0.1) / 8)
    assert report.confusion is None
    assert [row.threshold for row in report.per_label] == [0.5, 0.5]


def test_thresholds_decide_which_labels_are_given():
    scores = np.array([[0.4, 0.4], [0.1, 0.6]])

    report = score_task(TAGS, [(0,), (1,)], scores, (0.3, 0.5), n_bootstrap=0)

    assert values(report)["subset_accuracy"] == 1.0
    assert [row.threshold for row in report.per_label] == [0.3, 0.5]


def test_score_figures_are_worked_out_by_hand():
    truth, answers = [0.2, 0.5, 0.8], np.array([[0.2], [0.6], [0.6]])
    found = values(score_task(INTENSITY, truth, answers, n_bootstrap=20))

    # errors 0, 0.1, -0.2
    assert found["mae"] == pytest.approx(0.1)
    assert found["rmse"] == pytest.approx(np.sqrt(0.05 / 3))
    # x = -0.3 0 0.3, y = -4/15 2/15 2/15: xy = 0.12, xx = 0.18, yy = 24/225
    assert found["pearson"] == pytest.approx(0.12 / np.sqrt(0.18 * 24 / 225))
    # ranks 1 2 3 and 1 2.5 2.5: xy = 1.5, xx = 2, yy = 1.5
    assert found["spearman"] == pytest.approx(1.5 / np.sqrt(2 * 1.5))


def test_single_figures_agree_with_scikit_learn():
    truth, scores = made_up(500, 4)
    answers = scores.argmax(axis=1)
    space = LabelSpace("four", ("a", "b", "c", "d"), "ordinal")

    report = score_task(space, truth.tolist(), scores, n_bootstrap=20)

    found = values(report)
    expected = {
        "accuracy": reference.accuracy_score(truth, answers),
        "balanced_accuracy": reference.balanced_accuracy_score(truth, answers),
        "macro_f1": reference.f1_score(truth, answers, average="macro"),
        "micro_f1": reference.f1_score(truth, answers, average="micro"),
        "weighted_f1": reference.f1_score(truth, answers, average="weighted"),
        "mcc": reference.matthews_corrcoef(truth, answers),
        "macro_auroc": reference.roc_auc_score(truth, scores, multi_class="ovr"),
        "mae": reference.mean_absolute_error(truth, answers),
        "quadratic_kappa": reference.cohen_kappa_score(truth, answers, weights="quadratic"),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert report.confusion.tolist() == reference.confusion_matrix(truth, answers).tolist()
    table = reference.precision_recall_fscore_support(truth, answers)
    assert [row.precision.value for row in report.per_label] == pytest.approx(table[0].tolist())
    assert [row.recall.value for row in report.per_label] == pytest.approx(table[1].tolist())
    assert [row.f1.value for row in report.per_label] == pytest.approx(table[2].tolist())
    assert [row.support for row in report.per_label] == table[3].tolist()


def test_multi_figures_agree_with_scikit_learn():
    random = np.random.default_rng(1)
    hot = random.random((400, 3)) < 0.3
    scores = (0.3 * hot + 0.7 * random.random((400, 3))).round(2)
    space = LabelSpace("three", ("a", "b", "c"), "multi")
    targets = [tuple(np.flatnonzero(row).tolist()) for row in hot]

    found = values(score_task(space, targets, scores, n_bootstrap=20))

    given = scores >= 0.5
    expected = {
        "macro_f1": reference.f1_score(hot, given, average="macro"),
        "micro_f1": reference.f1_score(hot, given, average="micro"),
        "weighted_f1": reference.f1_score(hot, given, average="weighted"),
        "subset_accuracy": reference.accuracy_score(hot, given),
        "macro_auroc": reference.roc_auc_score(hot, scores),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_score_figures_agree_with_scipy():
    random = np.random.default_rng(2)
    truth = random.random(300).round(1)
    answers = (truth + 0.3 * random.normal(size=300)).round(2)

    found = values(score_task(INTENSITY, truth.tolist(), answers[:, None], n_bootstrap=20))

    assert found["pearson"] == pytest.approx(stats.pearsonr(truth, answers).statistic)
    assert found["spearman"] == pytest.approx(stats.spearmanr(truth, answers).statistic)


def test_every_figure_lies_in_its_interval():
    truth, scores = made_up(60, 3)

    report = score_task(STARS, truth.tolist(), scores, n_bootstrap=200)

    assert set(report.figures) == set(FIGURES["ordinal"])
    for figure in report.figures.values():
        assert figure.low <= figure.value <= figure.high
        assert figure.low < figure.high


def test_the_interval_shrinks_with_more_rows():
    few, many = (score_task(MOODS, *arguments, n_bootstrap=200) for arguments in (made_up(50, 3), made_up(5000, 3)))

    def width(report):
        return report.figures["accuracy"].high - report.figures["accuracy"].low

    assert width(many) < width(few) / 5  # sqrt(100) = 10 times, less the luck of the draw


def test_the_same_seed_gives_the_same_report():
    truth, scores = made_up(60, 3)

    assert score_task(MOODS, truth.tolist(), scores, seed=5) == score_task(MOODS, truth.tolist(), scores, seed=5)


def test_a_label_neither_present_nor_given_is_left_out_of_the_means():
    # Only sad and calm occur and are given, both always rightly.
    report = score_task(MOODS, [0, 1], np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]), n_bootstrap=50)

    glad = report.per_label[2]
    assert values(report)["macro_f1"] == values(report)["macro_recall"] == 1.0
    assert (glad.support, glad.predicted) == (0, 0)
    assert (glad.precision, glad.recall, glad.f1, glad.auroc) == (None, None, None, None)


def test_a_label_given_but_absent_costs_macro_f1_and_not_macro_recall():
    report = score_task(MOODS, [0, 0], np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]), n_bootstrap=0)

    # sad: 2*1/(2+1) = 2/3, glad: 0 -> mean 1/3; recall of sad alone: 1/2
    assert values(report)["macro_f1"] == pytest.approx(1 / 3)
    assert values(report)["macro_recall"] == 0.5


@pytest.mark.parametrize(
    ("space", "targets", "scores"),
    [
        (MOODS, [0], [[1.0, 0.0, 0.0]]),
        (STARS, [1, 1], [[0.0, 1.0, 0.0]] * 2),
        (TAGS, [()], [[0.0, 0.0]]),
        (TAGS, [(0, 1), (0, 1)], [[1.0, 1.0]] * 2),
        (INTENSITY, [0.5], [[0.5]]),
        (INTENSITY, [0.5, 0.5], [[0.1], [0.9]]),
    ],
)
def test_degenerate_samples_give_json_without_nan(space, targets, scores):
    report = score_task(space, targets, np.array(scores), n_bootstrap=20)

    text = json.dumps(report.to_dict(), allow_nan=False)

    assert set(json.loads(text)["figures"]) == set(FIGURES[space.kind])
    assert report.main in report.figures
    assert TaskReport.from_dict(json.loads(text)) == report


def test_a_report_survives_json():
    truth, scores = made_up(40, 3)
    report = score_task(MOODS, truth.tolist(), scores, n_bootstrap=20)

    again = TaskReport.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False)))

    assert again == report
    assert again.confusion.tolist() == report.confusion.tolist()


@pytest.mark.parametrize(
    ("targets", "scores", "complaint"),
    [
        ([], np.empty((0, 3)), "no rows"),
        ([0], np.zeros((1, 2)), r"shape \(1, 2\)"),
        ([0, 1], np.array([[1.0, 0, 0], [np.nan, 0, 0]]), "row 1"),
        ([3], np.zeros((1, 3)), "target 3"),
        ([(0, 1)], np.zeros((1, 3)), r"target \(0, 1\)"),
    ],
)
def test_what_cannot_be_judged_is_named(targets, scores, complaint):
    with pytest.raises(InputError, match=complaint):
        score_task(MOODS, targets, scores)


def test_a_wrong_number_of_thresholds_is_named():
    with pytest.raises(InputError, match="2 labels but 1 thresholds"):
        score_task(TAGS, [()], np.zeros((1, 2)), (0.5,))


def test_ten_thousand_rows_with_28_labels_take_seconds():
    random = np.random.default_rng(0)
    hot = random.random((10_000, 28)) < 0.05
    scores = (0.3 * hot + 0.6 * random.random((10_000, 28))).clip(0, 1)
    targets = [tuple(np.flatnonzero(row).tolist()) for row in hot]

    start = time.process_time()
    score_task(GOEMOTIONS_28, targets, scores)

    assert time.process_time() - start < 20  # about 3 s of one core; the rest is for a busy machine


def test_mcc_of_one_label_only_is_undefined_and_of_one_answer_only_is_chance():
    space, sure = LabelSpace("mood", ("bad", "good")), np.array([[0.9, 0.1]] * 4)

    assert "mcc" not in score_task(space, [0, 0, 0, 0], sure).figures
    assert score_task(space, [0, 0, 1, 1], sure).figures["mcc"].value == 0.0
