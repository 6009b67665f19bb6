import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from sentimo.core.joining import join_predictions
from sentimo.core.labels import EKMAN_7, INTENSITY, POLARITY_2, POLARITY_3, SENTIMENT_5, LabelSpace
from sentimo.core.predictions import RESERVED_NAMES, ModelId, Predictions, TaskScores, WindowScores
from sentimo.errors import InputError, MissingExtraError

MODEL = ModelId("tiny", "abc123")
GRAPH_INPUTS = {"input_ids", "attention_mask"}
TOPICS = LabelSpace("topics", ("food", "staff", "price"), "multi")


def scores(space, *rows, thresholds=None):
    return TaskScores(space, np.array(rows, dtype=np.float32).reshape(len(rows), len(space)), thresholds)


def predictions(texts, tasks, **columns):
    """Answers by MODEL to short English texts, read whole and without errors unless columns say otherwise."""
    n = len(texts)
    usual = {
        "languages": ("en",) * n,
        "tokens": np.full(n, 3),
        "coverage": np.ones(n),
        "models": (MODEL,) * n,
        "errors": (None,) * n,
        "windows": ((),) * n,
    }
    return Predictions(texts=tuple(texts), tasks=tasks, **{**usual, **columns})


def one(**tasks):
    return predictions(["a text"], tasks)[0]


def test_a_row_as_a_dictionary_is_what_the_json_of_the_command_line_shows():
    row = predictions(
        ["I love it"],
        {
            "polarity": scores(POLARITY_3, [0.0625, 0.125, 0.8125]),
            "intensity": scores(INTENSITY, [0.75]),
            "emotions": scores(EKMAN_7, [0, 0, 0, 0.875, 0, 0, 0.125]),
            "stars": scores(SENTIMENT_5, [0, 0, 0, 0.25, 0.75]),
        },
    )[0]

    emotions = {"anger": 0, "disgust": 0, "fear": 0, "joy": 0.875, "sadness": 0, "surprise": 0, "neutral": 0.125}
    stars = {"very negative": 0, "negative": 0, "neutral": 0, "positive": 0.25, "very positive": 0.75}
    expected = {
        "text": "I love it",
        "language": "en",
        "polarity": {
            "label": "positive",
            "probabilities": {"negative": 0.0625, "neutral": 0.125, "positive": 0.8125},
        },
        "intensity": 0.75,
        "emotions": emotions,
        "stars": {"label": "very positive", "probabilities": stars},
        "confidence": 0.8125,
        "coverage": 1.0,
        "truncated": False,
        "tokens": 3,
        "model": {"name": "tiny", "digest": "abc123"},
    }
    assert row.to_dict() == expected
    assert list(row.to_dict()) == list(expected)  # the order too


def test_a_row_without_an_answer_has_an_error_instead():
    answers = predictions([""], {"polarity": scores(POLARITY_3, [np.nan] * 3)}, errors=("empty text",))

    assert answers[0].to_dict() == {
        "text": "",
        "language": "en",
        "error": "empty text",
        "coverage": 1.0,
        "truncated": False,
        "tokens": 3,
        "model": {"name": "tiny", "digest": "abc123"},
    }
    assert (answers[0].polarity, answers[0].intensity, answers[0].confidence) == (None, None, None)


def test_figures_are_rounded_to_four_places_in_json():
    row = one(polarity=scores(POLARITY_2, [1 / 3, 2 / 3]))

    assert row.to_dict()["polarity"]["probabilities"] == {"negative": 0.3333, "positive": 0.6667}


def test_intensity_without_its_own_task_is_what_is_not_neutral():
    assert one(polarity=scores(POLARITY_3, [0.5, 0.125, 0.375])).intensity == 0.875


def test_a_polarity_without_neutral_tells_no_intensity():
    row = one(polarity=scores(POLARITY_2, [0.5, 0.5]))

    assert row.intensity is None
    assert "intensity" not in row.to_dict()


def test_a_classification_that_the_user_calls_intensity_is_not_replaced_by_a_number():
    levels = LabelSpace("levels", ("low", "high"), "ordinal")
    row = one(polarity=scores(POLARITY_3, [0.5, 0.125, 0.375]), intensity=scores(levels, [0.25, 0.75]))

    assert row.intensity is None
    assert row.to_dict()["intensity"]["label"] == "high"


def test_labels_of_a_multi_label_task_are_given_from_their_own_thresholds():
    row = one(topics=scores(TOPICS, [0.4, 0.6, 0.9], thresholds=(0.3, 0.7, 0.5)))

    # food 0.4 >= 0.3, staff 0.6 < 0.7, price 0.9 >= 0.5; the likeliest first
    assert row.tasks["topics"].labels == ("price", "food")
    assert row.to_dict()["topics"]["labels"] == ["price", "food"]


def test_thresholds_of_a_multi_label_task_are_one_half_by_default():
    assert one(topics=scores(TOPICS, [0.5, 0.49, 0.9])).tasks["topics"].labels == ("price", "food")


def test_confidence_of_several_labels_is_the_chance_of_being_right_about_all_of_them():
    # given: food 0.5 and price 0.75; not given: staff 0.25, right with 0.75 -> 0.5 * 0.75 * 0.75
    row = one(topics=scores(TOPICS, [0.5, 0.25, 0.75]))

    assert row.confidence == pytest.approx(0.28125)


def test_several_emotions_are_listed_beside_their_probabilities():
    feelings = LabelSpace("feelings", ("joy", "fear", "pride"), "multi")

    answer = one(emotions=scores(feelings, [0.5, 0.25, 0.75], thresholds=(0.6, 0.2, 0.6))).to_dict()

    assert answer["emotions"] == {"joy": 0.5, "fear": 0.25, "pride": 0.75}
    assert answer["emotion_labels"] == ["pride", "fear"]
    assert "emotion_labels" not in one(emotions=scores(EKMAN_7, [1, 0, 0, 0, 0, 0, 0])).to_dict()


def test_columns_of_two_tasks_never_share_a_name():
    food = LabelSpace("food", ("good", "bad"))
    taste = LabelSpace("taste", ("sweet", "sour"))

    tasks = {"food": scores(food, [0.25, 0.75]), "food_bad": scores(taste, [0.875, 0.125])}
    columns = predictions(["a text"], tasks).to_columns()

    assert (columns["food_bad"], columns["food_bad_"]) == (["sweet"], [0.75])


def test_confidence_is_that_of_polarity_whatever_else_was_asked():
    row = one(emotions=scores(EKMAN_7, [1, 0, 0, 0, 0, 0, 0]), polarity=scores(POLARITY_2, [0.25, 0.75]))

    assert row.confidence == 0.75


def test_a_score_alone_has_no_confidence():
    row = one(valence=scores(LabelSpace("valence", ("valence",), "score", range=(-1.0, 1.0)), [-0.5]))

    assert row.confidence is None
    assert row.to_dict()["valence"] == -0.5


def test_decisions_are_ids_for_labels_and_numbers_for_scores():
    nan = [np.nan] * 3
    assert scores(POLARITY_3, [0.25, 0, 0.75], nan).decide() == [2, None]
    assert scores(TOPICS, [0.5, 0, 0.75], [0, 0, 0], nan).decide() == [(0, 2), (), None]
    assert scores(TOPICS, [0.5, 0, 0.75], thresholds=(0.6, 0.0, 0.6)).decide() == [(1, 2)]
    assert scores(INTENSITY, [0.25]).decide() == [0.25]


def test_a_text_read_in_part_is_truncated():
    row = predictions(["long"], {"polarity": scores(POLARITY_2, [0.5, 0.5])}, coverage=np.array([0.25]))[0]

    assert (row.to_dict()["coverage"], row.to_dict()["truncated"]) == (0.25, True)


def test_windows_show_what_a_long_text_says_where():
    place = WindowScores(7, 19, {"polarity": np.array([0.75, 0.25], dtype=np.float32)})
    row = predictions(["long"], {"polarity": scores(POLARITY_2, [0.5, 0.5])}, windows=((place,),))[0]

    assert row.to_dict()["windows"] == [
        {
            "start": 7,
            "end": 19,
            "polarity": {"label": "negative", "probabilities": {"negative": 0.75, "positive": 0.25}},
        }
    ]


def test_no_task_may_take_the_name_of_a_key_or_a_column():
    place = WindowScores(0, 4, {})
    answers = predictions(["long", ""], {}, windows=((place,), ()), errors=(None, "empty text"))
    answers = replace(answers, traces=((), ()))

    keys = {key for row in answers.to_dict() for key in row} | set(answers[0].to_dict()["windows"][0])

    assert keys | set(answers.to_columns()) | {"confidence", "emotion_labels", *GRAPH_INPUTS} == RESERVED_NAMES


@pytest.fixture
def three():
    rows = [[0.75, 0.25], [np.nan, np.nan], [0.125, 0.875]]
    return predictions(["bad", "", "good"], {"polarity": scores(POLARITY_2, *rows)}, errors=(None, "empty text", None))


def test_rows_are_reached_as_in_a_list(three):
    assert len(three) == 3
    assert [row.text for row in three] == ["bad", "", "good"]
    assert three[-1].polarity.label == "positive"
    assert [row.text for row in three[1:]] == ["", "good"]
    with pytest.raises(IndexError):
        three[3]


def test_all_rows_become_json(three):
    assert [each.get("error") for each in json.loads(json.dumps(three.to_dict()))] == [None, "empty text", None]


def test_columns_are_flat_and_empty_where_there_is_no_answer(three):
    assert three.to_columns() == {
        "language": ["en"] * 3,
        "polarity": ["negative", None, "positive"],
        "polarity_negative": [0.75, None, 0.125],
        "polarity_positive": [0.25, None, 0.875],
        "confidence": [0.75, None, 0.875],
        "coverage": [1.0] * 3,
        "truncated": [False] * 3,
        "tokens": [3] * 3,
        "model": ["tiny"] * 3,
        "model_digest": ["abc123"] * 3,
        "error": [None, "empty text", None],
    }


def test_columns_of_several_labels_join_them():
    columns = predictions(["x", "y"], {"my topics": scores(TOPICS, [0.5, 0, 0.75], [0, 0, 0])}).to_columns()

    assert columns["my topics"] == ["price|food", ""]


def test_columns_carry_the_intensity_that_rows_show():
    columns = predictions(["x"], {"polarity": scores(POLARITY_3, [0.5, 0.125, 0.375])}).to_columns()

    assert columns["intensity"] == [0.875]


def test_a_frame_holds_the_texts_and_the_columns(three):
    frame = three.to_frame()

    assert list(frame.columns) == ["text", *three.to_columns()]
    assert frame["text"].tolist() == ["bad", "", "good"]
    assert frame["polarity_positive"].isna().tolist() == [False, True, False]


def test_a_frame_without_pandas_says_what_to_install(three, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'sentimo\[frame\]'"):
        three.to_frame()


def test_html_shows_texts_labels_and_errors_as_text_not_as_markup():
    odd = LabelSpace("odd", ("<i>", "&"))
    answers = predictions(
        ["<script>alert(1)</script>", "b"],
        {"<b>": scores(odd, [0.75, 0.25], [np.nan, np.nan])},
        errors=(None, "no <answer>"),
    )

    shown = answers._repr_html_()

    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<th>&lt;b&gt;</th>" in shown
    assert "<td>&lt;i&gt; 0.75</td>" in shown
    assert "no &lt;answer&gt;" in shown


def test_html_of_one_row_is_a_table_of_one_row(three):
    assert three[0]._repr_html_().count("<tr>") == 2  # head and row
    assert "negative 0.75" in three[0]._repr_html_()


def test_html_of_many_rows_stops_at_fifty():
    many = predictions(["x"] * 60, {"polarity": scores(POLARITY_2, *[[0.5, 0.5]] * 60)})

    assert many._repr_html_().count("<tr>") == 51
    assert "and 10 more" in many._repr_html_()


def test_html_cuts_long_texts():
    shown = predictions(["x" * 500], {"polarity": scores(POLARITY_2, [0.5, 0.5])})._repr_html_()

    assert "x" * 119 + "…" in shown
    assert "x" * 120 not in shown


def test_answers_of_several_models_are_joined_in_the_order_of_the_rows():
    other = ModelId("other", "fff")
    english = predictions(["bad", "good"], {"polarity": scores(POLARITY_2, [0.75, 0.25], [0.25, 0.75])})
    chinese = predictions(
        ["差"],
        {"polarity": scores(POLARITY_2, [1, 0])},
        models=(other,),
        languages=("zh",),
        tokens=np.array([1]),
        coverage=np.array([0.5]),
    )

    joined = join_predictions([([0, 2], english), ([1], chinese)], 3)

    assert joined.texts == ("bad", "差", "good")
    assert joined.languages == ("en", "zh", "en")
    assert joined.models == (MODEL, other, MODEL)
    assert joined.tokens.tolist() == [3, 1, 3]
    assert joined.coverage.tolist() == [1.0, 0.5, 1.0]
    assert joined.tasks["polarity"].scores.tolist() == [[0.75, 0.25], [1, 0], [0.25, 0.75]]


def test_a_task_that_one_model_lacks_is_absent_from_its_rows():
    strong = predictions(
        ["x"], {"polarity": scores(POLARITY_3, [0.5, 0.25, 0.25]), "intensity": scores(INTENSITY, [0.5])}
    )
    plain = predictions(["y"], {"polarity": scores(POLARITY_3, [0, 0.25, 0.75])})

    joined = join_predictions([([0], strong), ([1], plain)], 2)

    assert [set(row.tasks) for row in joined] == [{"polarity", "intensity"}, {"polarity"}]
    # The second row has its intensity from 1 - P(neutral), in columns as in JSON.
    assert [row.to_dict()["intensity"] for row in joined] == [0.5, 0.75]
    assert joined.to_columns()["intensity"] == [0.5, 0.75]


@pytest.mark.parametrize(
    "other",
    [
        scores(LabelSpace("p", ("positive", "negative")), [0.5, 0.5]),
        scores(LabelSpace("p", ("negative", "positive"), "multi"), [0.5, 0.5]),
    ],
)
def test_models_that_mean_different_things_by_one_task_are_not_joined(other):
    first = predictions(["x"], {"polarity": scores(POLARITY_2, [0.5, 0.5])})
    second = predictions(["y"], {"polarity": other})

    with pytest.raises(InputError, match="'polarity' with different labels"):
        join_predictions([([0], first), ([1], second)], 2)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_each_model_keeps_the_thresholds_it_was_given(order):
    cuts = (None, (0.2, 0.2, 0.9), (0.9, 0.1, 0.2))
    parts = [predictions([str(cut)], {"topics": scores(TOPICS, [0.6, 0.15, 0.25], thresholds=cut)}) for cut in cuts]

    joined = join_predictions([([row], parts[row]) for row in order], 3)

    assert joined.tasks["topics"].decide() == [(0,), (0,), (1, 2)]
    assert [row.tasks["topics"].labels for row in joined] == [("food",), ("food",), ("price", "staff")]
    with pytest.raises(InputError, match="judge them one by one"):
        _ = joined.tasks["topics"].common_thresholds
