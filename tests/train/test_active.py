import json
import random
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from toy import BAD, GOOD, THINGS

from sentimo.core.labels import LabelSpace
from sentimo.errors import DataError, InputError
from sentimo.train.active import STRATEGIES
from sentimo.train.active.answers import Answers
from sentimo.train.active.bald import bald
from sentimo.train.active.choose import choose, simulate
from sentimo.train.active.core_set import core_set
from sentimo.train.active.discriminative import discriminative
from sentimo.train.active.pool import LabelPool, ngram_features
from sentimo.train.active.uncertainty import entropy, least_confident, margin
from sentimo.train.active.vectors import encoder_features
from sentimo.train.encoder import open_base

MOODS = LabelSpace("label", ("bad", "good"))
SEVERAL = LabelSpace("label", ("bad", "good"), "multi")
THREE = LabelSpace("label", ("a", "b", "c"))


def texts(n, seed=0):
    draw = random.Random(seed)
    for at in range(n):
        words = (BAD, GOOD)[at % 2]
        yield f"the {draw.choice(THINGS)} was {draw.choice(words)} and {draw.choice(words)}", at % 2


TEXTS, LABELS = zip(*texts(120), strict=True)


@pytest.fixture
def pool():
    return LabelPool(ngram_features(TEXTS), MOODS, {row: LABELS[row] for row in range(20)})


class Fixed:
    """A pool whose scores are given."""

    def __init__(self, scores, samples=None, several=False):
        self._scores, self._samples, self.several = np.array(scores), samples, several
        self.unlabelled, self.labelled = list(range(10, 10 + len(scores))), []

    def scores(self):
        return self._scores

    def samples(self, n, seed):
        return np.array(self._samples)


SCORES = [[0.50, 0.49, 0.01], [0.40, 0.30, 0.30], [0.9, 0.1, 0.0]]


def test_margin_takes_the_nearest_two_uncertainty_the_lowest_best_and_entropy_the_flattest():
    assert margin(Fixed(SCORES), 2, None) == [10, 11]
    assert least_confident(Fixed(SCORES), 2, None) == [11, 10]
    assert entropy(Fixed(SCORES), 2, None) == [11, 10]


def test_of_several_labels_the_nearest_to_a_half_is_uncertain():
    scores = [[0.05, 0.95], [0.45, 0.99], [0.2, 0.3]]

    assert margin(Fixed(scores, several=True), 1, None) == [11]
    assert least_confident(Fixed(scores, several=True), 3, None) == [11 + 1, 11, 10]


def test_bald_takes_disagreement_and_not_doubt():
    doubt, split = [0.5, 0.5], ([1.0, 0.0], [0.0, 1.0])
    samples = [[doubt, split[0]], [doubt, split[1]]]

    assert bald(Fixed([doubt, doubt], samples), 2, random.Random(0)) == [11, 10]


def test_core_set_takes_the_text_unlike_all_that_are_labelled():
    pool = LabelPool(
        ngram_features(["red red", "red red too", "blue", "blue sky", "red too", "sky"]), MOODS, {0: 0, 1: 1}
    )

    assert core_set(pool, 1, random.Random(0))[0] in (2, 3, 5)


def test_discriminative_takes_what_the_labels_do_not_represent():
    known = [f"the film was good and {word}" for word in GOOD]
    pool = LabelPool(
        ngram_features([*known, *known, "服务 很差 服务", "服务 很差"]), MOODS, {row: row % 2 for row in range(8)}
    )

    assert set(discriminative(pool, 2, random.Random(0))) == {16, 17}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("space", [MOODS, SEVERAL], ids=["one", "several"])
def test_each_strategy_gives_different_unlabelled_rows_again_and_again(strategy, space):
    given = {row: LABELS[row] if space is MOODS else (LABELS[row],) for row in range(20)}
    pool = LabelPool(ngram_features(TEXTS), space, given, out=[119])

    rows = choose(pool, strategy, 15, seed=4)

    assert len(set(rows)) == 15
    assert set(rows) <= set(range(20, 119))
    assert rows == choose(LabelPool(ngram_features(TEXTS), space, given, out=[119]), strategy, 15, seed=4)
    assert len(choose(pool, strategy, 1000, seed=4)) == 99


def test_labels_that_tell_nothing_yet_give_a_random_order():
    pool = LabelPool(ngram_features(TEXTS), MOODS, {0: 1, 2: 1})

    assert not pool.can_learn
    assert len(choose(pool, "margin", 5, seed=1)) == 5


def test_an_unknown_strategy_is_refused(pool):
    with pytest.raises(InputError, match="Did you mean 'margin'"):
        choose(pool, "margins", 1, seed=1)


def test_the_pool_learns_from_what_is_added(pool):
    before = pool.suggestion(50)
    pool.add(51, 0)
    pool.add(52, None)

    assert before[0] == ["bad"]
    assert 51 in pool.labelled
    assert 52 not in pool.unlabelled
    pool.remove(51)
    pool.remove(52)
    assert pool.suggestion(50) == before


def test_models_drawn_by_dropout_differ_and_agree_on_the_mean(pool):
    samples = pool.samples(30, seed=1)

    assert samples.shape == (30, 100, 2)
    assert samples.std(axis=0).max() > 0.01
    assert np.array_equal(samples, pool.samples(30, seed=1))
    agreed = samples.mean(axis=0).argmax(axis=1) == pool.scores().argmax(axis=1)
    assert agreed.mean() > 0.9


def test_a_simulation_ends_with_the_figure_of_all_labels():
    test = list(texts(40, seed=9))

    figures = simulate(TEXTS, LABELS, MOODS, test=test, strategy="margin", sizes=[10, 60, 120], seed=1)

    assert figures[-1] >= 0.95
    assert figures == simulate(TEXTS, LABELS, MOODS, test=test, strategy="margin", sizes=[10, 60, 120], seed=1)


@pytest.fixture
def kept(tmp_path):
    return Answers(tmp_path / "a" / "labels.jsonl", list(TEXTS))


def reopened(kept):
    return Answers(kept.path, list(TEXTS)).labels


def test_answers_are_on_disk_one_line_a_row(kept):
    kept.give(3, "good")
    kept.give(1, None)
    kept.give(3, "bad")

    assert reopened(kept) == {1: None, 3: "bad"}
    assert len(kept.path.read_text("utf-8").splitlines()) == 2


def test_the_last_answer_can_be_taken_back(kept):
    kept.give(3, "good")
    kept.give(1, "bad")

    assert (kept.undo(), reopened(kept)) == (1, {3: "good"})
    assert (kept.undo(), kept.undo()) == (3, None)


def test_a_line_that_was_cut_off_is_taken_off(kept):
    kept.give(3, "good")
    whole = kept.path.read_bytes()
    kept.path.write_bytes(whole + b'{"row": 4, "text": "x')

    again = Answers(kept.path, list(TEXTS))
    again.give(5, "bad")

    assert reopened(kept) == {3: "good", 5: "bad"}


def test_answers_about_other_texts_are_refused(kept):
    kept.give(3, "good")

    with pytest.raises(DataError, match="line 1: row 4 has another text here"):
        Answers(kept.path, ["other"] * 10)


def test_a_line_that_is_no_answer_is_refused(kept):
    kept.give(3, "good")
    kept.path.write_text(json.dumps({"a": 1}) + "\n")

    with pytest.raises(DataError, match="line 1: no answer"):
        reopened(kept)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_works_with_what_an_encoder_makes_of_the_texts(strategy, bert):
    pool = LabelPool(encoder_features(TEXTS, str(bert)), MOODS, {row: LABELS[row] for row in range(20)}, out=[119])

    rows = choose(pool, strategy, 15, seed=4)

    assert len(set(rows)) == 15
    assert set(rows) <= set(range(20, 119))


def test_vectors_of_an_encoder_are_of_one_length_and_do_not_depend_on_the_batch(bert):
    found = encoder_features(TEXTS, str(bert)).toarray()

    assert found.shape == (120, open_base(str(bert)).width)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(120), abs=1e-5)
    turned = encoder_features([*reversed(TEXTS)], str(bert)).toarray()[::-1]
    assert turned == pytest.approx(found, abs=1e-4)


def test_vectors_of_a_base_that_was_trained_anew_are_made_anew(bert, tmp_path):
    base, cache = tmp_path / "base", tmp_path / "new folder" / "labels.vectors.npz"
    shutil.copytree(bert, base)
    first = encoder_features(TEXTS, str(base), cache=cache)
    weights = load_file(base / "model.safetensors")
    save_file({name: value + 0.1 for name, value in weights.items()}, base / "model.safetensors", {"format": "pt"})

    assert abs(encoder_features(TEXTS, str(base), cache=cache) - first).max() > 1e-3


def test_vectors_are_kept_for_the_next_time_and_made_anew_for_other_texts(bert, tmp_path):
    cache, told = tmp_path / "labels.vectors.npz", []
    first = encoder_features(TEXTS, str(bert), cache=cache, tell=told.append)
    assert told[-1] == 120

    again = encoder_features(TEXTS, str(bert), cache=cache, tell=lambda _: pytest.fail("read anew"))
    assert (again != first).nnz == 0

    told.clear()
    assert encoder_features(TEXTS[:9], str(bert), cache=cache, tell=told.append).shape[0] == 9
    assert told[-1] == 9
