import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.core.labels import (
    EKMAN_7,
    GOEMOTIONS_28,
    INTENSITY,
    MAPPINGS,
    POLARITY_2,
    POLARITY_3,
    SENTIMENT_5,
    LabelSpace,
    chosen_space,
)
from sentimo.data.targets import LeftOut, TargetReader, infer_space, is_empty, labels_in, number_in
from sentimo.errors import DataError, InputError, UnknownLabelError

TO_EKMAN = MAPPINGS["goemotions-28 -> ekman-7"]
STARS = LabelSpace("stars", ("1", "2", "3", "4", "5"), "ordinal")


# Cells


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        (" joy ", ["joy"]),
        (3, ["3"]),
        (3.0, ["3"]),
        ("3.0", ["3"]),
        (3.5, ["3.5"]),
        ("-1.0", ["-1"]),
        (True, ["true"]),
        (None, []),
        ("  ", []),
        (float("nan"), []),
        (["joy", " fear "], ["joy", "fear"]),
        ((2, 3.0), ["2", "3"]),
        ([], []),
        (["joy", None, ""], ["joy"]),
        ('["joy", "fear"]', ["joy", "fear"]),
        ("[27, 3]", ["27", "3"]),
        ("[]", []),
        ("['joy', 'fear']", ["joy", "fear"]),  # as pandas writes a list to CSV
        ("""['that isn\\'t it', "it's"]""", ["that isn't it", "it's"]),
        ("[joy]", ["[joy]"]),
        ("[{[]}]", ["[{[]}]"]),
        ("joy|fear", ["joy|fear"]),
    ],
)
def test_the_labels_of_a_cell(cell, labels):
    assert labels_in(cell) == labels


@pytest.mark.parametrize(("cell", "labels"), [("joy| fear |", ["joy", "fear"]), ("|", []), ('["a|b"]', ["a|b"])])
def test_a_cell_is_cut_at_the_separator_unless_it_is_a_list(cell, labels):
    assert labels_in(cell, "|") == labels


@given(st.lists(st.text(min_size=1).map(str.strip).filter(lambda each: each and not each.startswith("["))))
def test_a_list_has_the_same_labels_as_its_json(labels):
    assert labels_in(json.dumps(labels)) == labels_in(labels)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (3, 3.0),
        ("0.5", 0.5),
        (" 7 ", 7.0),
        (Decimal("1.5"), 1.5),
        ("-2e1", -20.0),
        ("joy", None),
        ("inf", None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ([1], None),
        (10**400, None),
    ],
)
def test_the_number_in_a_cell(cell, number):
    assert number_in(cell) == number


@pytest.mark.parametrize(
    ("cell", "empty"), [(None, True), (" \n", True), (float("nan"), True), (0, False), ([], False)]
)
def test_what_is_empty(cell, empty):
    assert is_empty(cell) is empty


# Spaces seen in a file


def test_labels_of_a_known_space_take_its_name_order_and_leanings():
    space = infer_space(["positive", "negative", "neutral", "positive"], "mood")

    assert (space.name, space.labels) == ("polarity-3", ("negative", "neutral", "positive"))
    assert space.polarity["positive"] == "positive"


def test_other_labels_are_ordered_as_strings():
    space = infer_space(["tea", "coffee", None, " tea"], "drink")

    assert (space.name, space.labels, space.kind) == ("drink", ("coffee", "tea"), "single")


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["0", "1", "2"], ("0", "1", "2")),
        ([1, 2, 10], ("1", "2", "10")),  # by value, not as strings
        ([3.0, 1.0, 2.0], ("1", "2", "3")),
        (["-1", "0", "1.0"], ("-1", "0", "1")),
    ],
)
def test_whole_numbers_are_labels_ordered_by_value(cells, labels):
    space = infer_space(cells, "stars")

    assert (space.labels, space.kind) == (labels, "single")


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [
        ([0.1, 0.9], 0.0, 1.0),
        (["-0.5", "0.25"], -1.0, 1.0),
        ([1.5, 4.2], 1.0, 5.0),
        (list(range(21)), 0.0, 20.0),  # more than 20 whole numbers
    ],
)
def test_fractions_and_many_whole_numbers_are_a_score_with_a_range(cells, low, high):
    space = infer_space(cells, "valence")

    assert (space.kind, space.labels, space.range) == ("score", ("valence",), (low, high))


@pytest.mark.parametrize(
    "cells",
    [
        [["joy"], ["joy", "fear"]],
        ['["joy"]', '["joy", "fear"]'],
        ["['joy']", "['joy', 'fear']"],
        [("fear", "joy")],
    ],
)
def test_lists_make_a_multi_label_task(cells):
    space = infer_space(cells, "mood")

    assert (space.kind, space.labels) == ("multi", ("fear", "joy"))


def test_numbers_in_lists_are_labels_too():
    assert infer_space(["[27]", "[3, 5]"], "emotions").labels == ("3", "5", "27")


def test_a_separator_makes_a_multi_label_task():
    space = infer_space(["joy;fear", "joy"], "mood", separator=";")

    assert (space.kind, space.labels) == ("multi", ("fear", "joy"))


def test_a_mapping_is_applied_before_labels_are_collected():
    space = infer_space(
        [["annoyance"], ["gratitude", "love"], ["surprise"]], "emotions", kind="single", mapping=TO_EKMAN
    )

    assert space.labels == ("anger", "joy", "surprise")


def test_a_kind_asked_for_is_taken():
    assert infer_space([1, 2, 3], "stars", kind="ordinal").kind == "ordinal"
    assert infer_space([1, 2, 5], "stars", kind="score").range == (1.0, 5.0)
    assert infer_space(list(SENTIMENT_5.labels), "stars", kind="ordinal").labels == SENTIMENT_5.labels


@pytest.mark.parametrize(
    ("cells", "kind", "message"),
    [
        ([], None, "there is no row with a text"),
        ([None, " "], None, "the label column is empty"),
        (["joy", "joy"], None, "only the label 'joy'"),
        ([[], []], None, "no label in the file"),
        (["good", "bad"], "ordinal", "the order of bad, good cannot be seen"),
        ([0.5, 0.5], "score", "a score needs different numbers; found '0.5' everywhere"),
        (["a", "b"], "score", "a score needs different numbers"),
    ],
)
def test_labels_that_make_no_task_are_told(cells, kind, message):
    with pytest.raises(DataError, match=f"task 'mood': {message}"):
        infer_space(cells, "mood", kind=kind)


@given(st.lists(st.integers(0, 19), min_size=2).filter(lambda numbers: len(set(numbers)) > 1))
def test_targets_of_whole_numbers_are_ranks_from_0(numbers):
    reader = TargetReader(infer_space(numbers, "grade"), numbers)

    ranks = {number: rank for rank, number in enumerate(sorted(set(numbers)))}
    assert [reader.target(number, "row") for number in numbers] == [ranks[number] for number in numbers]


# Targets in a given space


@pytest.mark.parametrize("cell", ["positive", "Positive", " POSITIVE ", "正面"])
def test_a_label_is_read_in_any_case_and_language(cell):
    assert TargetReader(POLARITY_3).target(cell, "row") == 2


@pytest.mark.parametrize(
    ("cells", "targets"),
    [
        (["0", "1", "2"], [0, 1, 2]),
        (["1", "2", "3"], [0, 1, 2]),
        ([1.0, 3.0], [0, 2]),
        (["2.0", "0.0"], [2, 0]),
    ],
)
def test_numbers_are_ids_counted_as_the_file_counts(cells, targets):
    reader = TargetReader(POLARITY_3, cells)

    assert [reader.target(cell, "row") for cell in cells] == targets


def test_a_stray_cell_does_not_change_what_the_ids_of_the_others_mean():
    reader = TargetReader(POLARITY_3, ["0", "1", "2", "-1", "n/a", "99"])

    assert [reader.target(cell, "row") for cell in ("0", "1", "2")] == [0, 1, 2]
    for cell in ("-1", "n/a", "99"):
        with pytest.raises(UnknownLabelError, match=repr(cell)):
            reader.target(cell, "row")


@pytest.mark.parametrize(
    ("cells", "targets"),
    [
        ([1, 2, 5], [0, 1, 4]),  # the labels themselves
        ([2, 3], [1, 2]),  # a few of them
        ([0, 1, 4], [0, 1, 4]),  # ids from 0: 1 is the second label, though the first one is called "1"
        ([1, 5, 99], [0, 4, None]),
        ([0, 1, 5], [None, 0, 4]),  # neither scale holds all: labels, and 0 is a fault
    ],
)
def test_where_labels_are_numbers_all_numbers_of_a_file_are_read_alike(cells, targets):
    reader = TargetReader(STARS, cells)

    for cell, target in zip(cells, targets, strict=True):
        if target is None:
            with pytest.raises(UnknownLabelError):
                reader.target(cell, "row")
        else:
            assert reader.target(cell, "row") == target


def test_a_few_words_among_scores_do_not_make_classes_of_them():
    assert infer_space([0.25, 0.5, *[at / 50 for at in range(40)], "n/a"], "valence").kind == "score"


def test_emotions_have_no_order():
    with pytest.raises(DataError, match="order"):
        infer_space(list(EKMAN_7.labels), "mood", kind="ordinal")
    with pytest.raises(InputError, match="have no order"):
        chosen_space("ekman-7", "mood", "ordinal")


def test_numbers_that_are_labels_are_not_ids():
    assert TargetReader(STARS, [1, 5]).target(3.0, "row") == 2


@pytest.mark.parametrize("cells", [["0", "3"], ["joy", "1"]])
def test_a_number_that_is_no_id_is_an_unknown_label(cells):
    with pytest.raises(UnknownLabelError):
        [TargetReader(POLARITY_3, cells).target(cell, "row") for cell in cells]


def test_an_unknown_label_names_its_place_and_the_nearest_known_one():
    with pytest.raises(
        UnknownLabelError, match=r"a\.csv, row 42: label 'suprise' .*Did you mean 'surprise'\?"
    ) as found:
        TargetReader(EKMAN_7).target("suprise", "a.csv, row 42")

    assert (found.value.label, found.value.nearest) == ("suprise", "surprise")


def test_an_unknown_label_unlike_any_has_no_nearest_one():
    with pytest.raises(UnknownLabelError) as found:
        TargetReader(POLARITY_3).target("xyz", "row")

    assert found.value.nearest is None


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        (["joy", "anger"], (2, 17)),
        ("joy|anger|joy", (2, 17)),
        ("[]", ()),
        (["neutral"], (27,)),
        ("恼火", (3,)),
    ],
)
def test_a_multi_label_target_is_its_ids_in_order_once_each(cell, ids):
    assert TargetReader(GOEMOTIONS_28, separator="|").target(cell, "row") == ids


def test_several_labels_in_a_single_label_task_are_told():
    with pytest.raises(DataError, match="row: 2 labels in a single-label task; use kind multi"):
        TargetReader(EKMAN_7).target(["joy", "fear"], "row")


@pytest.mark.parametrize("cell", [None, "", float("nan")])
def test_an_empty_label_leaves_its_row_out(cell):
    with pytest.raises(LeftOut, match="no label"):
        TargetReader(EKMAN_7).target(cell, "row")


@pytest.mark.parametrize(
    ("cell", "label"), [("gratitude", "joy"), (["annoyance", "anger"], "anger"), ("neutral", "neutral")]
)
def test_goemotions_are_mapped_to_ekman(cell, label):
    reader = TargetReader(EKMAN_7, [cell], mapping=TO_EKMAN)

    assert reader.target(cell, "row") == EKMAN_7.id_of(label)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(["joy", "anger"], "its labels fall into several of the mapped ones"), ("hunger", "the mapping has no place")],
)
def test_a_row_that_a_mapping_has_no_one_label_for_is_left_out(cell, reason):
    with pytest.raises(LeftOut, match=reason):
        TargetReader(EKMAN_7, mapping=TO_EKMAN).target(cell, "row")


@pytest.mark.parametrize(("cell", "value"), [(0.25, 0.25), ("0.25", 0.25), (1, 1.0), ("0", 0.0)])
def test_a_score_is_a_number(cell, value):
    assert TargetReader(INTENSITY).target(cell, "row") == value


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (1.5, r"row: 1.5 lies outside the range 0\.\.1 of 'intensity'"),
        ("-0.1", "row: -0.1 lies outside"),
        ("much", "row: 'much' is not a number; task 'intensity' is a score"),
        ([0.5], "is not a number"),
        ("inf", "is not a number"),
    ],
)
def test_what_is_no_score_is_told(cell, message):
    with pytest.raises(DataError, match=message):
        TargetReader(INTENSITY).target(cell, "row")


@pytest.mark.parametrize("cells", [["Positive", "NEGATIVE"], ["正面", "负面"]])
def test_labels_of_a_known_space_are_known_in_any_case_and_by_their_chinese_names(cells):
    space = infer_space(cells, "mood")

    assert space == POLARITY_2
    assert TargetReader(space, cells).target(cells[0], "row 1") == 1


def test_numbers_that_may_count_from_0_or_1_are_refused():
    with pytest.raises(DataError, match="may count the labels of 'polarity-3' from 0 or from 1"):
        TargetReader(POLARITY_3, [1, 2]).target(1, "row 1")


def test_numbers_count_as_those_of_the_training_rows():
    assert TargetReader(POLARITY_3, [1, 2], first_id=1).target(1, "row 1") == 0
