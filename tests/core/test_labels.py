import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.core.labels import EMOTION_SPACES, MAPPINGS, SPACES, LabelSpace
from sentimo.errors import InputError, UnknownLabelError

POLARITY = SPACES["polarity-3"]


def test_the_id_of_a_label_is_its_position():
    assert [POLARITY.id_of(label) for label in ("negative", "neutral", "positive")] == [0, 1, 2]


def test_an_unknown_label_is_named_with_its_place_and_the_nearest():
    with pytest.raises(UnknownLabelError, match=r"a\.csv, row 42: label 'postive' .*Did you mean 'positive'"):
        POLARITY.id_of("postive", "a.csv, row 42")


def test_a_label_like_no_other_has_no_nearest():
    with pytest.raises(UnknownLabelError) as caught:
        POLARITY.id_of("42")

    assert caught.value.nearest is None
    assert "Did you mean" not in str(caught.value)


def test_a_long_list_of_labels_is_cut_in_the_message():
    # 28 labels, 12 shown
    with pytest.raises(UnknownLabelError, match=r"\.\.\. 16 more"):
        SPACES["goemotions-28"].id_of("boredom")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": ("a", "b"), "kind": "many"}, "kind 'many' is not one of single, multi, ordinal, score"),
        ({"labels": ("a", "b", "a")}, "labels occur twice: a"),
        ({"labels": ("a",)}, r"1 label\(s\); a single task needs more"),
        ({"labels": (), "kind": "multi"}, r"0 label\(s\)"),
        ({"labels": ("a",), "kind": "score"}, r"one label and a range"),
        ({"labels": ("a", "b"), "kind": "score", "range": (0.0, 1.0)}, "one label and a range"),
        ({"labels": ("a",), "kind": "score", "range": (1.0, 1.0)}, "low < high"),
        ({"labels": ("a", "b"), "range": (0.0, 1.0)}, "only a score has"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(settings, message):
    with pytest.raises(InputError, match=f"label space 'odd': .*{message}"):
        LabelSpace("odd", **settings)


def test_a_multi_label_task_may_have_one_label():
    assert len(LabelSpace("toxic", ("toxic",), "multi")) == 1


@pytest.mark.parametrize(
    ("space", "position"),
    [
        ("polarity-3", 1),
        ("polarity-2", None),
        ("sentiment-5", 2),
        ("nlpcc2013-8", 5),
        ("ekman-7", 6),
        ("emotion-6", None),
    ],
)
def test_the_label_without_feeling_is_known(space, position):
    assert SPACES[space].neutral_id == position


def test_labels_are_shown_in_chinese_where_known():
    assert POLARITY.display("negative", "zh") == "负面"
    assert POLARITY.display("negative", "fr") == "negative"


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_every_known_space_survives_json(space):
    assert LabelSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space


@given(st.lists(st.text(min_size=1), min_size=2, max_size=8, unique=True))
def test_any_labels_survive_json(labels):
    space = LabelSpace("mine", tuple(labels), polarity={labels[0]: "negative"})

    assert LabelSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_mapping_leads_from_labels_of_one_space_to_labels_of_another(name):
    source, target = (SPACES[space] for space in name.split(" -> "))

    assert set(MAPPINGS[name]) <= set(source.labels)
    assert set(MAPPINGS[name].values()) <= set(target.labels)


@pytest.mark.parametrize("name", [each for each in MAPPINGS if not each.endswith("polarity-3")])
def test_a_mapping_of_emotions_leaves_none_out(name):
    assert set(MAPPINGS[name]) == set(SPACES[name.split(" -> ")[0]].labels)


@pytest.mark.parametrize("name", [each for each in MAPPINGS if each.endswith("polarity-3")])
def test_a_mapping_to_polarity_agrees_with_the_leaning_of_the_labels(name):
    leanings = SPACES[name.split(" -> ")[0]].polarity

    assert MAPPINGS[name] == leanings


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_leanings_and_names_belong_to_labels(space):
    assert set(space.polarity) <= set(space.labels)
    assert set(space.polarity.values()) <= {"negative", "neutral", "positive"}
    assert set(space.names["zh"]) == set(space.labels)


def test_emotion_spaces_are_known_spaces():
    assert set(SPACES) >= EMOTION_SPACES
