import json
import math
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentimo.core.labels import POLARITY_2, POLARITY_3, LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.engine.backends.fake import FakeBackend
from sentimo.engine.predictor import BATCH_ITEMS, BATCH_TOKENS, Predictor, readable
from sentimo.engine.work import Work
from sentimo.errors import BundleError, InputError

ODD_TEXTS = {
    "empty": "",
    "blank": " \t\r\n\u3000",
    "emoji": "😀👍🏽",
    "NUL": "\x00",
    "NUL within": "good\x00food",
    "half a surrogate pair": "good \ud83d food",
    "halves the wrong way round": "\ude00\ud83d",
    "right to left": "الطعام جيد جدا والخدمة ممتازة",
    "direction marks": "\u202egood\u202c\u200f",
    "mixed": "这家 hotel 真的 good!!! приве́т שלום 😀",
    "combining marks": "g" + "\u0301" * 500,
    "zero width": "\u200b\u200d\ufeff",
    "one endless word": "a" * 1_000_000,
    "a megabyte of words": "good food " * 100_000,
    "a megabyte of Chinese": "很好" * 170_000,
    "a megabyte of blanks": " " * 1_000_000,
}


def is_answered_or_explained(row):
    if row.error is not None:
        return row.tasks == {} and bool(row.error)
    return math.isclose(sum(row.polarity.probabilities.values()), 1, abs_tol=1e-5)


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_any_text_gets_an_answer_or_an_error(tiny_predictor, text):
    row = tiny_predictor.analyze(text)

    assert is_answered_or_explained(row)
    assert (row.coverage, row.truncated) in ((1.0, False), (0.0, True))  # of some the tiny vocabulary holds nothing
    json.dumps(row.to_dict(), ensure_ascii=False).encode("utf-8")  # can be written


def test_one_bad_text_does_not_touch_its_neighbours(tiny_predictor):
    odd = [text for text in ODD_TEXTS.values() if len(text) < 10_000]
    alone = tiny_predictor.analyze("good food .").polarity.probabilities

    rows = tiny_predictor.predict(["good food .", *odd, "good food ."])

    for row in (rows[0], rows[-1]):
        assert row.polarity.probabilities == pytest.approx(alone, abs=1e-6)


anything = st.text(st.characters(exclude_categories=()))  # surrogates and controls too


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(anything, st.none(), st.integers(), st.floats(), st.binary()), max_size=5))
def test_any_rows_get_one_answer_or_error_each_in_order(tiny_predictor, rows):
    answers = tiny_predictor.predict(rows)

    assert answers.texts == tuple(readable(row)[0] for row in rows)
    assert all(is_answered_or_explained(row) for row in answers)
    json.dumps(answers.to_dict(), ensure_ascii=False, allow_nan=False).encode("utf-8")


@given(st.lists(st.sampled_from(["good", "awful", "food", "and", "\n", "good good"]), max_size=40))
def test_an_answer_does_not_depend_on_the_texts_beside_it(fake_predictor, texts):
    predictor = fake_predictor(max_tokens=3)

    together = predictor.predict(texts)

    assert [row.to_dict() for row in together] == [predictor.analyze(text).to_dict() for text in texts]


@pytest.mark.parametrize("streams", [1, 3])
def test_the_order_is_kept_however_texts_are_batched(fake_predictor, monkeypatch, streams):
    monkeypatch.setattr("sentimo.engine.batching.TEXTS_AHEAD", 500)
    texts = [("good " if at % 3 else "awful ") + "word " * (at * 7 % 50) + str(at) for at in range(2100)]
    predictor = fake_predictor()
    predictor._backend.streams = streams

    answers = predictor.predict(texts)  # in five parts

    assert answers.texts == tuple(texts)
    assert [row.polarity.label for row in answers] == ["positive" if at % 3 else "negative" for at in range(2100)]
    assert answers.tokens.tolist() == [2 + at * 7 % 50 for at in range(2100)]


def test_batches_are_bounded(fake_predictor):
    predictor, batches = fake_predictor(), []
    run = predictor._backend.run
    predictor._backend.run = lambda features: batches.append([len(each) for each in features]) or run(features)

    predictor.predict([f"{at} " + "word " * 127 for at in range(40)] + [str(at) for at in range(1000)])

    assert sum(map(len, batches)) == 1040
    assert all(len(batch) <= BATCH_ITEMS and len(batch) * max(batch) <= BATCH_TOKENS for batch in batches)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "empty text"),
        (" \n\u3000", "empty text"),
        (None, "not a text (empty cell)"),
        (float("nan"), "not a text (empty cell)"),
        (pd.NA, "not a text (empty cell)"),
        (pd.NaT, "not a text (empty cell)"),
        (7, "not a text (int)"),
        (b"good", "not a text (bytes)"),
        (["good"], "not a text (list)"),
        (np.array([1, 2]), "not a text (ndarray)"),
    ],
    ids=repr,
)
def test_what_is_no_text_is_explained(fake_predictor, text, error):
    row = fake_predictor().predict(["good", text])[1]

    assert row.error == error
    assert (row.tokens, row.coverage, row.language) == (0, 1.0, "und")


def test_a_text_of_which_the_tokenizer_keeps_nothing_is_explained(tiny_predictor):
    assert tiny_predictor.analyze("\x00\ufffd").error == "nothing to read: no word, sign or emoji in the text"


def test_a_guess_about_a_text_of_which_the_vocabulary_holds_nothing_has_no_coverage(tiny_predictor):
    guessed, read = tiny_predictor.predict(["สวัสดี", "good สวัสดี"])

    assert (guessed.error, guessed.coverage) == (None, 0.0)
    assert (read.error, read.coverage) == (None, 1.0)


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),  # two halves in order are one character
        ("é 好 \x00", "é 好 \x00"),
    ],
)
def test_half_surrogate_pairs_are_replaced_and_nothing_else(given_text, kept):
    assert readable(given_text) == (kept, None)


def test_one_string_is_not_a_list_of_texts(fake_predictor):
    with pytest.raises(InputError, match=r"takes a list of texts; for one text call predict\(\[text\]\)"):
        fake_predictor().predict("good")


def test_no_texts_give_no_rows(fake_predictor):
    answers = fake_predictor().predict([])

    assert len(answers) == 0
    assert answers.tasks["polarity"].scores.shape == (0, 3)
    assert answers.to_dict() == []


@pytest.mark.parametrize(
    "texts",
    [
        pd.Series(["good", "awful"], index=[1, 0]),
        pd.Series(["good", "awful"], index=["a", "b"]),
        np.array(["good", "awful"]),
        ("good", "awful"),
    ],
    ids=["reversed index", "named index", "array", "tuple"],
)
def test_texts_of_any_container_are_taken_by_position(fake_predictor, texts):
    assert [row.polarity.label for row in fake_predictor().predict(texts)] == ["positive", "negative"]


# Equal texts, several threads, and stopping


def test_equal_texts_are_run_once_and_get_the_same_answer(fake_predictor):
    predictor = fake_predictor(max_tokens=4)

    answers = predictor.predict(["good", "awful food " * 4, "", "good", "awful food " * 4, ""])

    # One window of one word, and windows of 4 out of 8 words that move on by 3: 4 + 4 + 2
    assert predictor.work == Work(n_texts=6, n_tokens=11, n_slots=predictor.work.n_slots, n_duplicates=2)
    rows = [row.to_dict() for row in answers]
    assert rows[:3] == rows[3:]
    assert len(answers[4].windows) == 3


def test_answers_are_kept_between_calls_when_asked(fake_predictor):
    kept, fresh = fake_predictor(max_tokens=4, cache_bytes=100_000), fake_predictor(max_tokens=4)
    texts = ["good", "awful food " * 4, "\t", "good food"]

    for predictor in (kept, fresh):
        first, again = predictor.predict(texts[:3]), predictor.predict(texts)
        assert [row.to_dict() for row in again][:3] == [row.to_dict() for row in first]

    assert (kept.work.n_duplicates, fresh.work.n_duplicates) == (2, 0)
    assert kept.work.n_tokens == 1 + 10 + 2


def test_a_call_that_is_stopped_ends_at_once(fake_predictor):
    ran = []

    def answer(words):
        ran.append(words)
        time.sleep(0.01)
        if len(ran) == 3:
            raise KeyboardInterrupt
        return {"polarity": [0, 0, 0]}

    predictor = fake_predictor(answer=answer)
    texts = [f"{at} " + "word " * 127 for at in range(2000)]  # 4 a batch

    with pytest.raises(KeyboardInterrupt):
        predictor.predict(texts)

    assert len(ran) < 100


def test_ctrl_c_stops_a_call_whose_batches_run_in_other_threads(fake_predictor):
    ran = []

    def answer(words):
        ran.append(words)
        time.sleep(0.005)
        if len(ran) == 10:
            os.kill(os.getpid(), signal.SIGINT)
        return {"polarity": [0, 0, 0]}

    predictor = fake_predictor(answer=answer)
    predictor._backend.streams = 2

    with pytest.raises(KeyboardInterrupt):
        predictor.predict([f"{at} " + "word " * 127 for at in range(2000)])

    assert len(ran) < 500


def test_threads_may_share_a_predictor(tiny_predictor):
    texts = [f"good food {at}" if at % 2 else f"awful staff {at} ." for at in range(400)]
    alone = tiny_predictor.predict(texts).tasks["polarity"].scores

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(tiny_predictor.predict, [texts] * 8))

    assert all(each.tasks["polarity"].scores == pytest.approx(alone, abs=1e-6) for each in found)


# A fast model and an exact one


def two_graphs(fake_predictor, bound=0.2):
    """A fast model that says "good" is a little positive, and an exact one that calls it negative."""
    exact = FakeBackend(lambda words: {"polarity": [9.0, 0.0, 0.0]})
    fast = fake_predictor(answer=lambda words: {"polarity": [0, 0, 0.1 if words == ["unsure"] else 9.0]})
    opened = []
    predictor = Predictor(
        fast._backend,
        TASKS,
        fast.model,
        exact=lambda: opened.append(1) or exact,
        rerun_below={"polarity": bound},
    )
    return predictor, opened


TASKS = [TaskSpec("polarity", POLARITY_3)]


def test_texts_the_fast_graph_is_not_sure_of_are_asked_of_the_exact_one(fake_predictor):
    predictor, opened = two_graphs(fake_predictor)

    answers = predictor.predict(["sure", "unsure", "sure enough", "unsure", ""])

    # e^0.1 / (2 + e^0.1) = 0.356 and 0.322: a margin of 0.034 < 0.2
    assert [row.polarity.label for row in answers[:4]] == ["positive", "negative", "positive", "negative"]
    assert (predictor.work.n_rerun, predictor.work.n_tokens, opened) == (1, 4 + 1, [1])


def test_the_exact_graph_is_not_opened_before_it_is_needed(fake_predictor):
    predictor, opened = two_graphs(fake_predictor)

    predictor.predict(["sure"] * 3)

    assert opened == []


# Long texts


def test_a_long_text_is_read_to_its_end_and_its_only_negative_sentence_shows(fake_predictor):
    words = ["word"] * 4000
    words[2000] = "awful"
    text = " ".join(words)

    row = fake_predictor(max_tokens=128).analyze(text)

    assert (row.coverage, row.truncated, row.tokens) == (1.0, False, 4000)
    assert row.polarity.label == "negative"
    # Windows of 128 move on by 96: token 2000 is in [1920, 2048) alone. A word and its space are 5 characters.
    angry = [(start, end) for start, end, tasks in row.windows if tasks["polarity"].label == "negative"]
    assert [start for start, _ in angry] == [1920 * 5]
    assert "awful" in text[slice(*angry[0])]


def test_the_only_negative_sentence_of_an_encoder_shows_too(tiny_predictor):
    text = "the food . " * 660 + "the staff awful . " + "the food . " * 660

    row = tiny_predictor.analyze(text)

    assert (row.coverage, row.truncated, row.tokens) == (1.0, False, 2 * 660 * 3 + 4)
    assert row.polarity.label == "negative"
    assert row.tasks["topics"].labels == ("food", "staff")
    assert all("awful" in text[a:b] for a, b, tasks in row.windows if tasks["polarity"].label == "negative")


def test_windows_left_out_are_owned_up_to(fake_predictor):
    row = fake_predictor(max_tokens=4, max_windows=2).analyze("good " * 10)

    # Windows [0, 4) and [3, 7) of 10 words
    assert (row.coverage, row.truncated, row.tokens, len(row.windows)) == (0.7, True, 10, 2)


def test_a_text_of_one_window_lists_no_windows(fake_predictor):
    assert fake_predictor().analyze("good food").windows == ()


def test_max_windows_reaches_the_backend_of_a_bundle(tiny_bundle):
    # 64 tokens in a window, 80 in the text
    row = Predictor.load(tiny_bundle.path, max_windows=1).analyze("food " * 80)

    assert (row.coverage, row.truncated) == (0.8, True)


@pytest.mark.parametrize("most", [0, -1])
def test_fewer_than_one_window_is_refused(tiny_bundle, most):
    with pytest.raises(InputError, match=f"max_windows is {most}; expected 1 or more"):
        Predictor.load(tiny_bundle.path, max_windows=most)


# From logits to answers


def test_scores_of_every_kind_come_from_one_pass(tiny_predictor):
    row = tiny_predictor.analyze("good food .")

    # Logits: polarity (0, 2, 4), intensity 2 - 1 = 1, topics (4 - 2, -2).
    e2, e4 = math.e**2, math.e**4
    assert row.polarity.probabilities == pytest.approx(
        {"negative": 1 / (1 + e2 + e4), "neutral": e2 / (1 + e2 + e4), "positive": e4 / (1 + e2 + e4)}, abs=1e-6
    )
    assert row.intensity == pytest.approx(1 / (1 + math.e**-1), abs=1e-6)
    assert row.tasks["topics"].labels == ("food",)
    assert row.tasks["topics"].probabilities["staff"] == pytest.approx(1 / (1 + e2), abs=1e-6)


def test_the_temperature_of_a_task_is_applied(fake_predictor):
    def answer(words):
        return {"p": [0.0, 2 * math.log(3)]}

    (row,) = fake_predictor(answer=answer, tasks=[TaskSpec("p", POLARITY_2, temperature=2.0)]).predict(["x"])

    # e**0 : e**ln 3 = 1 : 3
    assert row.tasks["p"].probabilities == pytest.approx({"negative": 0.25, "positive": 0.75})


def test_the_thresholds_of_a_task_decide_its_labels(fake_predictor):
    topics = LabelSpace("topics", ("food", "staff"), "multi")
    tasks = [TaskSpec("topics", topics, thresholds=(0.8, 0.4))]

    (row,) = fake_predictor(answer=lambda words: {"topics": [1.0, 0.0]}, tasks=tasks).predict(["x"])

    # sigmoid(1) = 0.731 < 0.8; sigmoid(0) = 0.5 >= 0.4
    assert row.tasks["topics"].labels == ("staff",)


def test_a_user_task_stands_under_its_own_name(fake_predictor):
    space = LabelSpace("levels", ("low", "high"), "ordinal")
    predictor = fake_predictor(answer=lambda words: {"urgency": [0, 9]}, tasks=[TaskSpec("urgency", space)])

    assert predictor.analyze("x").to_dict()["urgency"]["label"] == "high"
    assert predictor.spaces == {"urgency": space}


def test_a_model_that_answers_no_number_is_not_believed(fake_predictor):
    def answer(words):
        return {"polarity": [math.nan if "x" in words else 9.0, 0, 0]}

    answers = fake_predictor(answer=answer).predict(["x", "y"])

    assert [row.error for row in answers] == ["the model's answer is not a number", None]
    assert answers[0].tasks == {}


def test_every_answer_names_model_and_language(tiny_predictor, tiny_bundle):
    rows = tiny_predictor.predict(["good", "很好", "123"])

    assert [row.language for row in rows] == ["en", "zh", "und"]
    assert {(row.model.name, row.model.digest) for row in rows} == {("tiny", tiny_bundle.digest)}


def test_a_model_without_attention_heads_tells_no_weights(fake_predictor, tiny_predictor):
    assert fake_predictor().attention("good") == {}
    assert tiny_predictor.attention("good") == {}


def test_a_path_without_a_model_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no such model folder"):
        Predictor.load(tmp_path / "nowhere")


def test_extreme_logits_are_an_answer(fake_predictor):
    row = fake_predictor(answer=lambda words: {"polarity": [1e30, -1e30, 0]}).analyze("x")

    assert row.polarity.probabilities == {"negative": 1, "neutral": 0, "positive": 0}


# What it has done


def test_work_counts_texts_tokens_and_padding(tiny_bundle):
    predictor = Predictor.load(tiny_bundle.path)

    predictor.predict(["good food .", "good", ""])

    # 3 + 2 and 1 + 2 tokens, padded to 2 rows of 5
    assert (predictor.work.n_texts, predictor.work.n_tokens, predictor.work.n_slots) == (3, 8, 10)
    assert predictor.work.padding == pytest.approx(0.2)


def test_an_earlier_reading_of_the_work_stays_as_it_was(fake_predictor):
    predictor = fake_predictor()
    before = predictor.work

    predictor.predict(["good"])

    assert (before.n_texts, (predictor.work - before).n_texts) == (0, 1)


def test_opening_the_exact_model_holds_up_no_other_predictor(fake_predictor):
    other = fake_predictor()

    def open_slowly():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: other._exact).result(timeout=5)

    assert fake_predictor(exact=open_slowly)._exact is other._backend
