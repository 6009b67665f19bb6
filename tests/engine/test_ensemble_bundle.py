"""How the scores of several models become one, with numbers worked out by hand, and bundles that hold several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends.ensemble import EnsembleBackend
from sentimo.engine.backends.fake import FakeBackend
from sentimo.engine.calibration import calibrated, logits_of
from sentimo.engine.ensemble import Combination, member_scores, shared_tasks
from sentimo.engine.predictor import Predictor
from sentimo.errors import InputError

MOODS = LabelSpace("moods", ("bad", "plain", "good"))
MARKS = LabelSpace("marks", ("anger", "joy"), "multi")
STARS = LabelSpace("stars", ("1", "2", "3"), "ordinal")
STRENGTH = LabelSpace("strength", ("strength",), "score", range=(0.0, 4.0))
CUTS = np.full((3, 3), 0.5)

SURE, OTHER, THIRD = [0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.3, 0.4, 0.3]
SCORES = np.array([[SURE], [OTHER], [THIRD]])


def test_a_mean_is_the_mean():
    assert Combination("mean")(MOODS, SCORES, CUTS)[0] == pytest.approx([1.4 / 3, 1 / 3, 0.2])


def test_weights_weigh_the_members():
    # 0.5 * 0.9 + 0.5 * 0.2 = 0.55; the third member counts for nothing
    combined = Combination("weighted", weights=(0.5, 0.5, 0.0))(MOODS, SCORES, CUTS)

    assert combined[0] == pytest.approx([0.55, 0.3, 0.15])


def test_a_majority_wins_however_sure_the_minority_is():
    combined = Combination("vote")(MOODS, SCORES, CUTS)[0]

    # one vote and two; the mean score counts as a fourth member: (1 + 1.4 / 3) / 4, (2 + 1 / 3) / 4, 0.2 / 4
    assert combined == pytest.approx([0.366667, 0.583333, 0.05], abs=1e-6)
    assert combined.sum() == pytest.approx(1.0)


def test_between_equal_votes_the_mean_score_decides():
    combined = Combination("vote")(MOODS, SCORES[:2], CUTS[:2])[0]

    assert combined.argmax() == 0  # one vote each, 0.55 against 0.3


def test_votes_on_several_labels_go_by_the_thresholds_of_each_member():
    scores = np.array([[[0.3, 0.2]], [[0.3, 0.6]]])
    cuts = np.array([[0.25, 0.5], [0.5, 0.5]])

    # anger: only the first gives it, mean 0.3; joy: only the second, mean 0.4
    assert Combination("vote")(MARKS, scores, cuts)[0] == pytest.approx([1.3 / 3, 1.4 / 3])


def test_votes_on_a_score_are_its_mean():
    assert Combination("vote")(STRENGTH, np.array([[[1.0]], [[2.0]]]), CUTS)[0] == pytest.approx([1.5])


def test_a_stack_is_linear_in_the_logits_of_each_label():
    scores = np.array([[[0.8, 0.5]], [[0.5, 0.2]]])
    stack = Combination("stack", coef=((2.0, 1.0), (1.0, 1.0)), bias=(0.0, 1.0))

    # anger: 2 ln 4 + 0 -> 16 / 17; joy: 0 - ln 4 + 1 -> e / (e + 4)
    assert stack(MARKS, scores, CUTS)[0] == pytest.approx([16 / 17, np.e / (np.e + 4)], abs=1e-6)


def test_a_stack_of_scores_keeps_to_their_range():
    stack = Combination("stack", coef=((2.0,),), bias=(0.0,))

    assert stack(STRENGTH, np.array([[[1.0], [3.0]]]), CUTS).ravel() == pytest.approx([2.0, 4.0])


def test_what_was_learnt_survives_the_manifest():
    for each, n_members, n_labels in [
        (Combination("vote"), 2, 3),
        (Combination("weighted", weights=(0.25, 0.75)), 2, 3),
        (Combination("stack", coef=((1.0, 2.0), (3.0, 4.0)), bias=(5.0, 6.0)), 2, 2),
    ]:
        assert Combination.from_dict(each.to_dict(), n_members, n_labels) == each


@pytest.mark.parametrize(
    "data",
    [
        {"method": "guess"},
        {"method": "weighted", "weights": [1.0]},
        {"method": "stack", "coef": [[1.0, 1.0]] * 2, "bias": [0.0]},
    ],
)
def test_settings_that_do_not_fit_are_refused(data):
    with pytest.raises(ValueError, match="is not one of|expected"):
        Combination.from_dict(data, 2, 2)


@pytest.mark.parametrize(
    ("space", "scores"),
    [
        (MOODS, [[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]]),
        (MARKS, [[0.7, 0.2], [1.0, 0.0]]),
        (STRENGTH, [[1.25], [3.9]]),
    ],
)
def test_logits_of_scores_give_these_scores_again(space, scores):
    assert calibrated(space, logits_of(space, np.array(scores))) == pytest.approx(np.array(scores), abs=1e-6)


# --------------------------------------------------------------------------------------- labels of members


def spec(space, task="mood"):
    return TaskSpec(task, space)


def test_only_shared_tasks_are_answered():
    found = shared_tasks([("a", [spec(MOODS), spec(MARKS, "marks")]), ("b", [spec(STARS, "stars"), spec(MOODS)])])

    assert found == {"mood": MOODS}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            spec(LabelSpace("moods", ("bad", "good"))),
            "task 'mood': a answers bad, plain, good .single., b answers bad, go",
        ),
        (spec(LabelSpace("moods", MOODS.labels, "multi")), "b answers bad, plain, good .multi."),
        (spec(MOODS, "feeling"), "the models share no task .a has mood; b has feeling."),
    ],
)
def test_members_of_other_labels_are_refused(other, message):
    with pytest.raises(InputError, match=message):
        shared_tasks([("a", [spec(MOODS)]), ("b", [other])])


def test_steps_must_stand_in_the_same_order():
    with pytest.raises(InputError, match="must have the same labels"):
        shared_tasks([("a", [spec(STARS)]), ("b", [spec(LabelSpace("stars", ("3", "2", "1"), "ordinal"))])])


# --------------------------------------------------------------------------------------------- as a model


def member(space, logits, name, max_tokens=128, most=None):
    """Answers the logits of the first known word of a window, else the plain ones."""

    def answer(words):
        return {"mood": next((logits[word] for word in words if word in logits), logits["else"])}

    return Predictor(FakeBackend(answer, max_tokens, most), [TaskSpec("mood", space)], ModelId(name, name * 2))


TURNED = LabelSpace("moods", ("good", "plain", "bad"))


@pytest.fixture
def ensemble():
    """A member that reads two words at once, and one that has the labels in another order."""
    first = member(MOODS, {"good": [0.0, 0.0, 2.0], "else": [0.0, 0.0, 0.0]}, "a", max_tokens=2)
    second = member(TURNED, {"good": [4.0, 0.0, 0.0], "else": [0.0, 0.0, 0.0]}, "b")
    specs = [TaskSpec("mood", MOODS)]
    backend = EnsembleBackend([first, second], specs, {"mood": Combination("mean")})
    return Predictor(backend, specs, ModelId("both", "both"))


def test_members_with_the_labels_in_another_order_are_understood(ensemble):
    scores = ensemble.predict(["good"]).tasks["mood"].scores[0]

    good = (np.exp(2) / (np.exp(2) + 2) + np.exp(4) / (np.exp(4) + 2)) / 2
    assert scores == pytest.approx([(1 - good) / 2, (1 - good) / 2, good], abs=1e-6)


def test_each_member_reads_long_texts_in_its_own_windows(ensemble):
    long, short = ensemble.predict(["good and then very much else", "good"])

    first = ensemble._backend.members[0].predict([long.text]).tasks["mood"].scores[0]
    second = ensemble._backend.members[1].predict([long.text]).tasks["mood"].scores[0][::-1]
    found = [long.tasks["mood"].probabilities[label] for label in MOODS.labels]
    assert found == pytest.approx((first + second) / 2, abs=1e-6)
    assert (long.tokens, long.coverage, short.tokens) == (6, 1.0, 1)


@pytest.mark.parametrize(
    ("shares", "coverage"), [((1.0, 1.0), 1.0), ((0.5, 1.0), 0.5), ((0.0, 1.0), 1.0), ((0.0, 0.0), 0.0)]
)
def test_what_one_member_knows_is_covered(ensemble, monkeypatch, shares, coverage):
    for member, share in zip(ensemble._backend.members, shares, strict=True):
        answers = replace(member.predict(["good"]), coverage=np.array([share]))
        monkeypatch.setattr(member, "predict", lambda texts, answers=answers: answers)

    assert ensemble.analyze("good").coverage == coverage


def test_rows_without_an_answer_say_why_and_equal_texts_are_asked_once(ensemble):
    answers = ensemble.predict(["good", "", None, "good", " \x00 "])

    assert [each.error for each in answers][:4] == [None, "empty text", "not a text (empty cell)", None]
    assert ensemble.work.n_duplicates == 1
    assert ensemble.work.n_texts == 5
    assert ensemble.work.n_tokens == sum(each.work.n_tokens for each in ensemble._backend.members)


def test_a_member_without_an_answer_leaves_it_to_the_others():
    nan = float("nan")
    mute = member(MOODS, {"good": [nan] * 3, "else": [0.0, 0.0, 9.0]}, "mute")
    other = member(MOODS, {"else": [2.0, 0.0, 0.0]}, "other")
    specs = [TaskSpec("mood", MOODS)]
    backend = EnsembleBackend([mute, other], specs, {"mood": Combination("weighted", weights=(0.9, 0.1))})

    found = Predictor(backend, specs, ModelId("both", "")).predict(["good"])

    assert found.tasks["mood"].scores == pytest.approx(other.predict(["good"]).tasks["mood"].scores, abs=1e-6)


def test_a_text_that_no_member_answers_is_not_answered():
    mute = member(MOODS, {"else": [float("nan")] * 3}, "mute")
    answers = [mute.predict(["good"])] * 2

    assert np.isnan(member_scores(answers, "mood", [[0, 1, 2]] * 2)).all()
    specs = [TaskSpec("mood", MOODS)]
    for method in ("mean", "vote"):
        backend = EnsembleBackend([mute, mute], specs, {"mood": Combination(method)})
        (row,) = Predictor(backend, specs, ModelId("both", "")).predict(["good"])
        assert row.error == "the model's answer is not a number"


def test_it_depends_on_all_its_members(ensemble):
    assert [each["model"] for each in ensemble.identity] == ["both", "aa", "bb"]


def test_a_cache_keeps_the_answers_of_the_whole(ensemble):
    specs = [TaskSpec("mood", MOODS)]
    cached = Predictor(ensemble._backend, specs, ModelId("both", ""), cache_bytes=10_000)

    first = cached.predict(["good"]).tasks["mood"].scores
    before = cached.work.n_tokens

    assert cached.predict(["good"]).tasks["mood"].scores.tolist() == first.tolist()
    assert cached.work.n_tokens == before
