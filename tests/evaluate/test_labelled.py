from dataclasses import replace

import pytest

from sentimo.core.labels import EKMAN_7, GOEMOTIONS_28, INTENSITY, POLARITY_3, SENTIMENT_5
from sentimo.data.reading import Reading
from sentimo.errors import DataError, InputError
from sentimo.evaluate.labelled import load_labelled

SPACES = {"polarity": POLARITY_3, "emotion": EKMAN_7, "intensity": INTENSITY}


@pytest.fixture
def csv(tmp_path):
    def write(header, *rows):
        path = tmp_path / "rows.csv"
        path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
        return path

    return write


def test_the_task_named_like_the_label_column_is_chosen(csv):
    path = csv("text,emotion", "a lovely day out,joy", "rain on the tent again,sadness")

    task, dataset = load_labelled(path, SPACES, Reading("text", "emotion"))

    assert task == "emotion"
    assert [each.targets["emotion"] for each in dataset.examples] == [EKMAN_7.id_of("joy"), EKMAN_7.id_of("sadness")]


def test_the_only_task_that_has_the_labels_is_chosen(csv):
    path = csv("text,verdict", "这家店太好了,positive", "a broken zip,negative", "it is a bag,neutral")

    assert load_labelled(path, SPACES, Reading("text", "verdict"))[0] == "polarity"


def test_labels_that_fit_several_tasks_need_a_choice(csv):
    path = csv("text,verdict", "good tea,positive", "cold tea,negative")

    with pytest.raises(InputError, match=r"fit several tasks \(polarity, stars\).*--task"):
        load_labelled(path, {"polarity": POLARITY_3, "stars": SENTIMENT_5}, Reading("text", "verdict"))


def test_labels_that_fit_no_task_list_the_tasks(csv):
    path = csv("text,verdict", "good tea,splendid", "cold tea,awful")

    with pytest.raises(InputError, match=r"fit none of the model's tasks.*polarity \(negative, neutral, positive\)"):
        load_labelled(path, SPACES, Reading("text", "verdict"))


def test_the_only_task_of_a_model_is_chosen_and_a_wrong_label_is_named(csv):
    path = csv("text,verdict", "good tea,positive", "cold tea,negativ")

    with pytest.raises(DataError, match="negativ"):
        load_labelled(path, {"polarity": POLARITY_3}, Reading("text", "verdict"))


def test_a_task_the_model_does_not_have_is_named(csv):
    with pytest.raises(InputError, match="no task 'colour'"):
        load_labelled(csv("text,verdict", "good tea,positive"), SPACES, Reading("text", "verdict"), task="colour")


def test_several_labels_in_a_cell_and_old_labels_are_read_as_they_were_in_training(csv):
    path = csv("text;topic", "good tea;joy|love", "cold tea;anger", "tea;curiosity")
    reading = Reading("text", "topic", delimiter=";", separator="|")

    _, many = load_labelled(path, {"topic": GOEMOTIONS_28}, reading)
    _, one = load_labelled(
        path, {"topic": EKMAN_7}, replace(reading, mapping={"anger": "anger"}, separator=None, on_unknown="skip")
    )

    assert [len(each.targets["topic"]) for each in many.examples] == [2, 1, 1]
    assert [EKMAN_7.labels[each.targets["topic"]] for each in one.examples] == ["anger"]


def test_with_odd_rows_skipped_the_task_is_still_the_one_whose_labels_they_are(csv):
    path = csv("text,verdict", "good tea,positive", "cold tea,negative", "tea,whatever")

    task, dataset = load_labelled(path, SPACES, Reading("text", "verdict", on_unknown="skip"))

    assert (task, len(dataset.examples), len(dataset.skipped)) == ("polarity", 2, 1)


def test_a_file_whose_every_label_is_odd_fits_no_task(csv):
    with pytest.raises(InputError, match="fit none of the model's tasks"):
        load_labelled(csv("text,verdict", "tea,a", "tea,b"), SPACES, Reading("text", "verdict", on_unknown="skip"))


def test_columns_are_guessed(csv):
    path = csv("id,text,label", "1,a lovely day out by the sea,joy", "2,rain on the tent again and again,sadness")

    task, dataset = load_labelled(path, {"emotion": EKMAN_7, "detail": GOEMOTIONS_28}, Reading(), task="emotion")

    assert (task, len(dataset.examples)) == ("emotion", 2)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"text": "txet", "label": "label"}, "Did you mean 'text'"),
        ({"text": "text", "label": "lable"}, "Did you mean 'label'"),
    ],
)
def test_a_misspelt_column_is_told_whatever_tasks_the_model_has(csv, names, message):
    with pytest.raises(DataError, match=message):
        load_labelled(csv("text,label", "good tea,joy"), SPACES, Reading(**names))


def test_a_missing_file_is_told_whatever_tasks_the_model_has(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_labelled(tmp_path / "none.csv", SPACES, Reading("text", "label"))
