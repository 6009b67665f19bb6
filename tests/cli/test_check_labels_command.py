import json

import pytest
import running

from sentimo.cli.check_labels import check_labels
from sentimo.errors import InputError


@pytest.fixture
def reviews(tmp_path):
    lines = []
    for at in range(60):
        word, mood = (("awful rude", "bad"), ("lovely kind", "good"))[at % 2]
        lines.append(f"The {('film', 'room', 'food')[at % 3]} {at} was {word},{'bad' if at == 31 else mood}")
    (tmp_path / "reviews.csv").write_text("\n".join(["review,mood", *lines]) + "\n", "utf-8")
    return tmp_path / "reviews.csv"


def invoke(*arguments):
    return running.invoke(check_labels, *arguments)


def test_the_wrong_label_comes_first_with_its_row(reviews):
    found = json.loads(invoke(reviews, "--text", "review", "--label", "mood", "--json").stdout)

    first = found["errors"][0]
    assert (first["row"], first["given"], first["suggested"]) == (32, "bad", "good")
    assert first["file"] == str(reviews)
    assert "have not learnt from this row" in first["reason"]
    assert found["pairs"][0] == {"given": "bad", "suggested": "good", "n": 1}


def test_a_text_cannot_steer_the_terminal(reviews):
    reviews.write_text(reviews.read_text("utf-8").replace("The room 31", "The room \x1b[2J 31"), "utf-8")

    shown = invoke(reviews, "--text", "review", "--label", "mood").stdout

    assert "The room ␛[2J 31" in shown
    assert "\x1b" not in shown


def test_a_model_judges_the_task_that_has_the_labels(tmp_path):
    words = {"negative": "awful", "positive": "lovely"}
    rows = [f"room {at} was {word},{mood}" for at in range(12) for mood, word in words.items()]
    (tmp_path / "moods.csv").write_text("\n".join(["text,mood", *rows, "a lovely view,negative"]) + "\n", "utf-8")

    found = json.loads(invoke(tmp_path / "moods.csv", "--model", "lexicon", "--json").stdout)

    assert [(each["row"], each["suggested"]) for each in found["errors"]] == [(25, "positive")]


def test_one_text_with_two_labels_is_told(tmp_path):
    rows = [f"room {at} was fine,{mood}" for at, mood in enumerate(["good", "bad"] * 8)]
    (tmp_path / "moods.csv").write_text("\n".join(["text,mood", *rows, "Room 0  was fine,bad"]) + "\n", "utf-8")

    told = invoke(tmp_path / "moods.csv").stderr

    assert "1 text with different labels in different rows: sentimo doctor names them" in " ".join(told.split())


def test_the_list_is_written_and_the_data_left_alone(reviews, tmp_path):
    before = reviews.read_bytes()

    result = invoke(reviews, "--text", "review", "--label", "mood", "-o", tmp_path / "list.csv")

    lines = (tmp_path / "list.csv").read_text("utf-8").splitlines()
    assert lines[0] == "file,row,given,suggested,given_score,suggested_score,reason,text"
    assert lines[1].startswith(f"{reviews},32,bad,good,")
    assert "1 of 60 labels (1.7%) are likely to be wrong" in result.stdout
    assert "60 rows are few for n-grams to learn from" in result.stderr
    assert reviews.read_bytes() == before


def test_a_list_that_is_there_is_left_alone(reviews, tmp_path):
    (tmp_path / "list.csv").write_text("mine")

    with pytest.raises(InputError, match="is there already"):
        invoke(reviews, "-o", tmp_path / "list.csv")


def test_the_help_has_an_example():
    assert "Example: sentimo" in invoke("--help").stdout
