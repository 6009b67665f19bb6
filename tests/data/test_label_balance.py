import pytest

from sentimo.core.labels import LabelSpace
from sentimo.data.label_balance import imbalance, judge_balance


def codes(counts, **options):
    space = LabelSpace("mood", tuple(counts), **options)
    return [finding.code for finding in judge_balance(counts, space, given=False)]


@pytest.mark.parametrize(
    ("usual", "mistyped"),
    [("positive", "postive"), ("positive", "posittive"), ("negative", "neagtive"), ("surprise", "suprise")],
)
def test_a_rare_label_close_to_a_frequent_one_looks_mistyped(usual, mistyped):
    assert "label-typo" in codes({usual: 50, mistyped: 5})


@pytest.mark.parametrize(
    ("usual", "rare"),
    [
        ("satisfied", "dissatisfied"),  # the opposite, by its prefix
        ("非常满意", "非常不满意"),
        ("class10", "class11"),
        ("12345", "12346"),
        ("disapproval", "disapprovals of"),
        ("angry", "anger"),  # both known
        ("joy", "toy"),  # too short to tell
    ],
)
def test_labels_that_mean_something_else_do_not_look_mistyped(usual, rare):
    assert "label-typo" not in codes({usual: 50, rare: 5})


def test_two_frequent_labels_do_not_look_mistyped():
    assert "label-typo" not in codes({"relieved": 50, "relived": 11})
    assert "label-typo" in codes({"relieved": 55, "relived": 11})


@pytest.mark.parametrize("other", ["Very Positive", "very_positive", "very-positive", "very  positive"])
def test_spelling_ignores_case_and_the_sign_between_words(other):
    assert "label-spelling" in codes({"very positive": 9, other: 9})


def test_a_minus_sign_is_no_spelling():
    assert "label-spelling" not in codes({"1": 9, "-1": 9})


def test_imbalance_is_the_most_frequent_label_over_the_rarest_that_occurs():
    assert imbalance({"a": 30, "b": 12, "c": 0}) == 2.5
    assert imbalance({"a": 30, "b": 0}) is None


def test_a_rare_label_of_several_has_the_same_remedy():
    space = LabelSpace("mood", ("a", "b"), "multi")

    (finding,) = judge_balance({"a": 110, "b": 10}, space, given=False)

    assert "`imbalance: sampling`" in finding.mend
