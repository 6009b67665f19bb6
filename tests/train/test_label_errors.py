import random

import pytest

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.errors import DataError, InputError
from sentimo.train.folds import fold_models
from sentimo.train.label_errors import check_labels

WORDS = {"good": ["lovely", "great", "superb", "kind", "很好"], "bad": ["awful", "rude", "dirty", "poor", "很差"]}
WRONG = set(random.Random(1).sample(range(1, 200, 2), 20))
MOODS = LabelSpace("mood", ("bad", "good"))


def texts(n, seed=0):
    draw = random.Random(seed)
    for at in range(n):
        mood = ("bad", "good")[at % 2]
        first, second = (draw.choice(["film", "room", "food", "staff", "music"]) for _ in range(2))
        word, other = draw.sample(WORDS[mood], 2)
        yield f"the {first} was {word} and the {second} was {other}", mood


@pytest.fixture(scope="module")
def flipped():
    """Two hundred rows; twenty of the good ones have the wrong label."""
    return [Example(Document(t), {"mood": MOODS.id_of(m) ^ (at in WRONG)}) for at, (t, m) in enumerate(texts(200))]


def test_labels_flipped_on_purpose_are_found(flipped):
    found = check_labels(flipped, "mood", MOODS)

    rows = [each.row for each in found.errors]
    assert len(WRONG & set(rows)) >= 8  # it stops where the models are no longer surer than of a right label
    assert len(WRONG & set(rows)) / len(rows) >= 0.9
    assert found.n_rows == 200
    assert {pair[:2] for pair in found.pairs} == {("bad", "good")}  # given, suggested
    assert [e.given_score for e in found.errors] == sorted(e.given_score for e in found.errors)


def test_the_reason_names_both_labels_and_their_scores(flipped):
    first = check_labels(flipped, "mood", MOODS).errors[0]

    assert (
        f"'{first.suggested}' {first.suggested_score:.0%} and '{first.given}' {first.given_score:.0%}" in first.reason
    )


def test_labels_of_a_multi_label_task_are_judged_one_by_one():
    space = LabelSpace("moods", ("bad", "good", "seldom"), "multi")
    rows = []
    for at, (text, mood) in enumerate(texts(200)):
        ids = {"bad": (0,), "good": (1,)}[mood]
        rows.append(Example(Document(text), {"moods": () if at in WRONG else ids}))

    found = check_labels(rows, "moods", space)

    assert {each.row for each in found.errors[:15]} <= WRONG
    assert {(each.given, each.suggested) for each in found.errors[:15]} == {("not good", "good")}


def test_copies_of_a_text_are_in_one_fold(flipped):
    rows = [*flipped[:40], *flipped[:40]]

    for inside, _ in fold_models(rows, "mood", MOODS, n_folds=4):
        assert {row % 40 for row in inside if row < 40} == {row % 40 for row in inside if row >= 40}


def test_every_row_is_in_one_fold(flipped):
    folds = [rows for rows, _ in fold_models(flipped, "mood", MOODS, n_folds=3)]

    assert sorted(row for rows in folds for row in rows) == list(range(200))


def test_one_text_is_too_few(flipped):
    with pytest.raises(DataError, match="give more rows"):
        check_labels(flipped[:1], "mood", MOODS)


def test_a_score_has_no_labels_to_check():
    space = LabelSpace("x", ("x",), "score", range=(0.0, 1.0))

    with pytest.raises(InputError, match="only labels can be checked"):
        check_labels([Example(Document("a"), {"x": 0.5})], "x", space)


def test_a_model_of_another_task_is_refused(trained, flipped):
    from sentimo.engine.predictor import Predictor

    with pytest.raises(InputError, match="does not answer task 'mood'"):
        check_labels(flipped, "mood", MOODS, model=Predictor.load(trained.bundle.path))
