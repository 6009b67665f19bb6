import io
import json

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from sentimo.core.labels import INTENSITY, LabelSpace
from sentimo.core.predictions import TaskScores
from sentimo.errors import InputError
from sentimo.evaluate.compare import compare, mcnemar, print_comparison

MOODS = LabelSpace("moods", ("sad", "glad"))
TAGS = LabelSpace("tags", ("anger", "joy"), "multi")


def answering(labels):
    """Scores that give each row the label with 0.9."""
    return TaskScores(MOODS, np.where(np.eye(2)[labels] == 1, 0.9, 0.1).astype(np.float32), None)


def wrong_at(truth, rows):
    flipped = np.array(truth)
    flipped[list(rows)] = 1 - flipped[list(rows)]
    return answering(flipped)


TRUTH = [0, 1] * 100


def test_mcnemar_with_few_disagreements_is_the_binomial_test():
    # 1 against 7: 2 * (C(8,0) + C(8,1)) / 2^8 = 18 / 256
    found = mcnemar([True] + [False] * 7, [False] + [True] * 7)

    assert (found.only_a, found.only_b, found.exact) == (1, 7, True)
    assert found.p == pytest.approx(18 / 256)
    assert found.p == pytest.approx(stats.binomtest(1, 8).pvalue)


def test_mcnemar_with_many_disagreements_is_chi_square_with_continuity_correction():
    # 20 against 40: (|20 - 40| - 1)^2 / 60 = 361 / 60
    found = mcnemar([True] * 20 + [False] * 40, [False] * 20 + [True] * 40)

    assert not found.exact
    assert found.p == pytest.approx(stats.chi2.sf(361 / 60, df=1))


@pytest.mark.parametrize(("n", "exact"), [(24, True), (25, False)])
def test_mcnemar_changes_method_at_25_disagreements(n, exact):
    assert mcnemar([True] * n, [False] * n).exact is exact


def test_models_that_never_disagree_have_p_one():
    assert mcnemar([True, False], [True, False]).p == 1.0


def test_a_clearly_better_model_wins():
    found = compare(answering(TRUTH), wrong_at(TRUTH, range(40)), TRUTH, names=("new", "old"))

    assert found.winner == "a"
    assert found.verdict.startswith("new is better than old")
    assert found.accuracy_difference.value == pytest.approx(0.2)  # 40 of 200
    assert found.difference.low > 0


def test_the_other_order_gives_the_other_winner():
    found = compare(wrong_at(TRUTH, range(40)), answering(TRUTH), TRUTH, names=("new", "old"))

    assert found.winner == "b"
    assert found.verdict.startswith("old is better than new")


def test_no_winner_is_named_inside_the_noise():
    found = compare(wrong_at(TRUTH, range(10)), wrong_at(TRUTH, range(100, 112)), TRUTH)

    assert found.winner is None
    assert "No winner" in found.verdict
    assert found.difference.low < 0 < found.difference.high


def test_no_winner_is_named_when_mcnemar_is_not_sure():
    # 5 rows: the interval of the difference lies above 0, but 2 / 2^5 = 0.0625 >= 0.05
    found = compare(answering(TRUTH), wrong_at(TRUTH, range(5)), TRUTH)

    assert found.difference.low > 0
    assert found.mcnemar.p == pytest.approx(0.0625)
    assert found.winner is None


def test_a_model_compared_with_itself_has_no_winner():
    found = compare(answering(TRUTH), answering(TRUTH), TRUTH)

    assert (found.difference.value, found.difference.low, found.difference.high) == (0.0, 0.0, 0.0)
    assert found.winner is None


def test_the_interval_is_that_of_paired_rows():
    # Both err on the same 60 rows, b on 10 more. The difference in accuracy varies by these 10 alone:
    # sqrt(0.05 * 0.95 / 200) = 0.0154, and not by sqrt(2 * 0.3 * 0.7 / 200) = 0.046 as independent samples would.
    found = compare(wrong_at(TRUTH, range(60)), wrong_at(TRUTH, range(70)), TRUTH)

    assert found.accuracy_difference.high - found.accuracy_difference.low == pytest.approx(4 * 0.0154, rel=0.15)


def test_rows_that_either_leaves_open_are_left_out():
    open_row = answering(TRUTH)
    open_row.scores[3] = np.nan

    found = compare(answering(TRUTH), open_row, TRUTH)

    assert (found.n, found.unanswered) == (199, 1)


def test_thresholds_of_each_model_count():
    scores = np.array([[0.4, 0.1], [0.1, 0.4]] * 50, dtype=np.float32)
    targets = [(0,), (1,)] * 50

    found = compare(TaskScores(TAGS, scores, (0.3, 0.3)), TaskScores(TAGS, scores, (0.5, 0.5)), targets)

    assert found.winner == "a"
    assert (found.a.value, found.b.value) == (1.0, 0.0)


def test_scores_are_compared_without_mcnemar():
    random = np.random.default_rng(0)
    truth = random.random(200)
    good, bad = (TaskScores(INTENSITY, (truth + s * random.normal(size=200))[:, None], None) for s in (0.05, 1.0))

    found = compare(good, bad, truth.tolist())

    assert (found.mcnemar, found.accuracy_difference, found.main, found.winner) == (None, None, "pearson", "a")


def test_different_label_spaces_are_refused():
    with pytest.raises(InputError, match="one label space"):
        compare(answering([0]), TaskScores(TAGS, np.zeros((1, 2)), None), [0])


@pytest.mark.parametrize(("targets", "n_bootstrap", "complaint"), [([0, 1], 10, "same rows"), ([0], 0, "at least 1")])
def test_what_cannot_be_compared_is_named(targets, n_bootstrap, complaint):
    with pytest.raises(InputError, match=complaint):
        compare(answering([0]), answering([0]), targets, n_bootstrap=n_bootstrap)


def test_a_comparison_is_plain_json_and_prints_its_verdict():
    found = compare(answering(TRUTH), wrong_at(TRUTH, range(40)), TRUTH)
    console = Console(file=io.StringIO(), width=120)

    print_comparison(found, console)

    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["mcnemar"]["only_a"] == 40
    assert "A is better than B" in console.file.getvalue()
