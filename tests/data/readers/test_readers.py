import json

import pytest

from sentimo.data.readers import (
    READERS,
    Row,
    choose_columns,
    columns,
    guess_columns,
    read_rows,
    require_columns,
)
from sentimo.errors import DataError


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("ending", READERS)
def test_a_missing_file_is_told_at_the_call_whatever_its_format(tmp_path, ending):
    with pytest.raises(DataError, match="no such file"):
        read_rows(tmp_path / f"none{ending}")


def test_an_unknown_ending_names_the_known_ones(file):
    with pytest.raises(DataError, match=r"files of kind '\.xlsx' are not read; known: \.csv, \.tsv"):
        columns(file("a.xlsx", ""))


def test_a_folder_is_not_a_file(tmp_path):
    (tmp_path / "a.csv").mkdir()

    with pytest.raises(DataError, match="is a folder; name a file in it"):
        read_rows(tmp_path / "a.csv")


def test_the_ending_may_be_in_capitals(file):
    assert columns(file("A.CSV", "text,label\n")) == ["text", "label"]


@pytest.mark.parametrize(
    ("header", "guess"),
    [
        ("id,review,stars", ("review", "stars")),
        ("Label,Text", ("Text", "Label")),
        ("编号,评论,情感", ("评论", "情感")),
        ("微博,情绪", ("微博", "情绪")),
        ("title,text,label", ("text", "label")),  # a text is meant before its title
        ("sentence,emotion,confidence", ("sentence", "emotion")),
    ],
)
def test_columns_are_guessed_by_name_in_english_and_chinese(file, header, guess):
    assert guess_columns(file("a.csv", f"{header}\n")) == guess


def test_without_a_known_name_the_longest_strings_are_texts_and_the_fewest_values_labels(file):
    rows = "\n".join(f"{n},a longer sentence number {n},{n % 2}" for n in range(8))

    assert guess_columns(file("a.csv", f"a,b,c\n{rows}\n")) == ("b", "c")


def test_a_column_of_texts_alone_has_no_labels(file):
    assert guess_columns(file("a.csv", "text\ngood\nbad\n")) == ("text", None)


def test_a_file_without_strings_has_no_text_column(file):
    content = "".join(json.dumps({"a": n, "b": n / 2}) + "\n" for n in range(3))

    with pytest.raises(DataError, match=r"no column looks like texts \(a, b\); name it with --text"):
        guess_columns(file("a.jsonl", content))


def test_a_misspelt_column_gets_the_nearest_one(file):
    with pytest.raises(DataError, match=r"no column 'reveiw'; its columns: id, review. Did you mean 'review'\?"):
        require_columns("a.csv", ["id", "review"], {"text": "reveiw"})


def test_a_column_unlike_any_names_the_option():
    with pytest.raises(DataError, match="Name one with --label"):
        require_columns("a.csv", ["id", "review"], {"text": "review", "label": "emotion"})


def test_a_line_of_a_text_file_is_a_text_blank_or_not(file):
    path = file("a.txt", "good\r\n\n  很好\u2028也好\x0b!\n")

    assert [row.cells["text"] for row in read_rows(path)] == ["good", "", "  很好\u2028也好\x0b!"]
    assert columns(path) == ["text"]


def test_an_empty_text_file_has_no_rows(file):
    assert list(read_rows(file("a.txt", ""))) == []


def test_rows_are_numbered_from_1(file):
    assert list(read_rows(file("a.csv", "text\na\n\nb\n"))) == [Row(1, {"text": "a"}), Row(2, {"text": "b"})]


def test_a_column_that_is_known_is_not_guessed_for_the_other(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("title,utter\na,so much to say here\nb,and here is more\n", "utf-8")

    assert choose_columns(path, None, "title") == ("utter", "title")
    assert choose_columns(path, "utter", None) == ("utter", "title")
    with pytest.raises(DataError, match="cannot hold both texts and labels"):
        choose_columns(path, "title", "title")
