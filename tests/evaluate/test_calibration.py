import numpy as np
import pytest
from scipy import optimize
from sklearn.metrics import f1_score, log_loss

from sentimo.core.labels import INTENSITY, LabelSpace
from sentimo.errors import InputError
from sentimo.evaluate.calibration import fit_temperature, fit_thresholds, reliability_bins

MOODS = LabelSpace("moods", ("sad", "calm", "glad"))
TAGS = LabelSpace("tags", ("anger", "joy"), "multi")


def noisy_logits(n, n_labels, seed):
    random = np.random.default_rng(seed)
    targets = random.integers(0, n_labels, n)
    logits = random.normal(size=(n, n_labels))
    logits[np.arange(n), targets] += 1
    return logits, targets


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_temperature_of_two_to_one_odds_is_worked_out_by_hand():
    # Every row says label 0 by a margin of 2; it is right 3 times of 4. Best: sigmoid(2 / T) = 3/4 -> T = 2 / ln 3
    space = LabelSpace("two", ("no", "yes"))
    logits = np.array([[2.0, 0.0]] * 4)

    assert fit_temperature(space, logits, [0, 0, 0, 1]) == pytest.approx(2 / np.log(3), rel=1e-3)


def test_temperature_of_a_multi_task_is_worked_out_by_hand():
    # Each logit is 3 and true 2 times of 3: sigmoid(3 / T) = 2/3 -> T = 3 / ln 2
    logits = np.full((3, 2), 3.0)

    assert fit_temperature(TAGS, logits, [(0, 1), (0, 1), ()]) == pytest.approx(3 / np.log(2), rel=1e-3)


def test_temperature_is_the_one_scipy_finds():
    logits, targets = noisy_logits(400, 3, seed=5)
    logits *= 4

    best = optimize.minimize_scalar(
        lambda t: log_loss(targets, softmax(logits / t)), bounds=(0.05, 20), method="bounded"
    )

    assert fit_temperature(MOODS, logits, targets.tolist()) == pytest.approx(best.x, rel=1e-3)


@pytest.mark.parametrize(("flip", "end"), [(False, 0.05), (True, 20.0)])
def test_temperature_stays_in_its_range(flip, end):
    logits = np.eye(3)[[0, 1, 2]]
    targets = [1, 2, 0] if flip else [0, 1, 2]

    assert fit_temperature(MOODS, logits, targets) == pytest.approx(end, rel=1e-3)


def test_a_score_and_an_empty_dev_set_need_no_temperature():
    assert fit_temperature(INTENSITY, np.array([[0.5]]), [0.7]) == 1.0
    assert fit_temperature(MOODS, np.empty((0, 3)), []) == 1.0


@pytest.mark.parametrize("logits", [np.zeros((2, 2)), np.array([[0.0, 0.0, np.inf]] * 2)])
def test_logits_that_do_not_fit_are_refused(logits):
    with pytest.raises(InputError, match="moods"):
        fit_temperature(MOODS, logits, [0, 1])


def test_a_threshold_lies_between_the_scores_it_separates():
    # 0.2, 0.3 without the label, 0.4, 0.45 with it: the middle of the gap 0.3-0.4
    scores = np.array([[0.2], [0.3], [0.4], [0.45]])

    assert fit_thresholds(scores, np.array([[0], [0], [1], [1]])) == pytest.approx((0.35,))


def test_of_equally_good_thresholds_the_nearest_to_one_half_wins():
    # Any cut in (0.3, 0.8] is perfect; 0.5 is in it.
    scores = np.array([[0.2], [0.3], [0.8]])

    assert fit_thresholds(scores, np.array([[0], [0], [1]])) == (0.5,)


def test_a_label_that_no_row_has_keeps_one_half():
    scores = np.array([[0.1, 0.1], [0.2, 0.2]])

    assert fit_thresholds(scores, np.array([[0, 1], [0, 0]]))[0] == 0.5


def test_thresholds_stay_in_their_range():
    # The best cuts, 0.04 and 0.96, are moved to the ends: both still separate the rows.
    scores = np.array([[0.03, 0.93], [0.05, 0.99]])

    assert fit_thresholds(scores, np.array([[0, 0], [1, 1]])) == (0.05, 0.95)


def test_rare_labels_share_one_threshold():
    # Two rows each: pooled, 0.3 to 0.35 with a label stand above 0.1 to 0.2 without; alone, one label's noise would cut
    # at 0.05. The third label has three rows and its own cut, at 0.65.
    scores = np.array([[0.3, 0.1, 0.9], [0.35, 0.15, 0.8], [0.1, 0.3, 0.7], [0.2, 0.35, 0.6]])
    has = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 1], [0, 1, 0]])

    assert fit_thresholds(scores, has, min_positives=3) == pytest.approx((0.25, 0.25, 0.65))


def test_no_grid_threshold_beats_the_fitted_one():
    random = np.random.default_rng(3)
    has = random.random((300, 2)) < 0.2
    scores = (0.25 * has + 0.6 * random.random((300, 2))).clip(0, 1)
    for label, threshold in enumerate(fit_thresholds(scores, has)):
        best = max(f1_score(has[:, label], scores[:, label] >= cut) for cut in np.linspace(0.05, 0.95, 181))

        assert f1_score(has[:, label], scores[:, label] >= threshold) >= best


def test_thresholds_refuse_scores_and_targets_of_different_shape():
    with pytest.raises(InputError, match=r"\(2, 2\) and \(2, 3\)"):
        fit_thresholds(np.zeros((2, 2)), np.zeros((2, 3)))


def test_reliability_bins_hold_mean_confidence_and_accuracy():
    first, last = reliability_bins(np.array([0.1, 0.3, 1.0]), np.array([True, False, True]), n_bins=2)

    assert (first.n, first.confidence, first.accuracy) == (2, pytest.approx(0.2), 0.5)
    assert (last.low, last.high, last.n, last.confidence, last.accuracy) == (0.5, 1.0, 1, 1.0, 1.0)


def test_an_empty_reliability_bin_is_zero():
    assert reliability_bins(np.array([0.9]), np.array([True]), n_bins=2)[0].to_dict() == {
        "low": 0.0,
        "high": 0.5,
        "n": 0,
        "confidence": 0.0,
        "accuracy": 0.0,
    }
