import pytest

from sentimo.data.reading import read_texts
from sentimo.errors import DataError


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("id,review\n1,good food\n2,\n3,  \n4,a,b,c\n5,awful staff\n", "utf-8")
    return path


@pytest.mark.parametrize("column", ["review", None])
def test_rows_without_a_text_are_counted(reviews, column):
    found = read_texts(reviews, column)

    # An empty cell, a blank one, and a row of four cells where there are two columns.
    assert (found.texts, found.column, found.n_without) == (["good food", "awful staff"], "review", 3)


def test_no_more_rows_are_read_than_asked_for(reviews):
    found = read_texts(reviews, "review", most=2)

    assert (found.texts, found.n_without) == (["good food"], 1)


def test_numbers_are_texts_too(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": 5}\n{"text": null}\n', "utf-8")

    found = read_texts(tmp_path / "rows.jsonl", "text")

    assert (found.texts, found.n_without) == (["5"], 1)


def test_a_column_that_is_not_there_is_an_error(reviews):
    with pytest.raises(DataError, match="no column 'reviw'; its columns: id, review. Did you mean 'review'"):
        read_texts(reviews, "reviw")


def test_a_file_without_any_text_is_an_error(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": null, "id": 5}\n', "utf-8")

    with pytest.raises(DataError, match="column 'text' holds no text; name another with --text"):
        read_texts(tmp_path / "rows.jsonl", "text")
