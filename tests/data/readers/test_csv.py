import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentimo.data.readers import BadRow, Row, columns, read_rows
from sentimo.errors import DataError


@pytest.fixture
def file(tmp_path):
    def write(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode())
        return path

    return write


def cells_of(path, **options):
    return [list(row.cells.values()) for row in read_rows(path, **options)]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_guessed(file, delimiter):
    path = file("text#label\nso so#1\nfine#2\n".replace("#", delimiter))

    assert columns(path) == ["text", "label"]
    assert cells_of(path) == [["so so", "1"], ["fine", "2"]]


def test_commas_in_texts_do_not_make_a_semicolon_file_a_comma_file(file):
    assert cells_of(file("text;label\ngood, but slow, sadly;1\nbad, very;2\n")) == [
        ["good, but slow, sadly", "1"],
        ["bad, very", "2"],
    ]


@pytest.mark.parametrize(("given", "sign"), [("#", "#"), ("\t", "\t"), (r"\t", "\t"), ("，", "，")])
def test_a_given_delimiter_is_taken(file, given, sign):
    assert cells_of(file(f"text{sign}label\na,b;c{sign}1\n"), delimiter=given) == [["a,b;c", "1"]]


@pytest.mark.parametrize("delimiter", ["ab", '"', "\n", "::"])
def test_what_cannot_be_a_delimiter_is_refused(file, delimiter):
    with pytest.raises(DataError, match="a delimiter is one character"):
        read_rows(file("text,label\n"), delimiter=delimiter)


def test_a_tsv_file_is_cut_at_tabs_whatever_else_is_frequent(file):
    assert cells_of(file("text\tlabel\na,b,c\t1\n", "a.tsv")) == [["a,b,c", "1"]]


def test_a_quoted_cell_may_hold_line_breaks_delimiters_and_quotes(file):
    assert cells_of(file('text,label\n"first\nsecond, ""third""",1\n')) == [['first\nsecond, "third"', "1"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(file, end):
    assert cells_of(file(end.join(["text,label", "a,1", "b,2"]))) == [["a", "1"], ["b", "2"]]


def test_blank_lines_are_passed_over_also_before_the_header(file):
    path = file("\ntext,label\n\na,1\n\n\nb,2\n\n")

    assert list(read_rows(path)) == [
        Row(1, {"text": "a", "label": "1"}),
        Row(2, {"text": "b", "label": "2"}),
    ]


def test_a_row_with_too_few_or_too_many_cells_is_bad_and_the_others_are_read(file):
    rows = list(read_rows(file("text,label\nalone\na,1\nb,2,3\nc,4\n")))

    assert [type(row) for row in rows] == [BadRow, Row, BadRow, Row]
    assert rows[0].reason == "1 cells, the header has 2 (line 2)"
    assert rows[2] == BadRow(3, "3 cells, the header has 2 (line 4)", ["b", "2", "3"])


def test_a_quote_that_is_not_closed_to_the_end_costs_its_line_alone(file):
    rows = list(read_rows(file('text,label\na,1\n"b,2\n\nc,3\nd,4\n')))

    assert rows == [
        Row(1, {"text": "a", "label": "1"}),
        BadRow(2, "a quote opened in line 3 is not closed within 4 lines; this line is left out", ['"b,2']),
        Row(3, {"text": "c", "label": "3"}),
        Row(4, {"text": "d", "label": "4"}),
    ]


@pytest.mark.parametrize(("name", "most"), [("_MOST_LINES", 3), ("_MOST_CHARACTERS_OF_LINES", 13)])
def test_a_quote_that_is_closed_too_late_costs_its_line_alone(file, monkeypatch, name, most):
    monkeypatch.setattr(f"sentimo.data.readers.csv.{name}", most)
    path = file('text,label\n"b,2\nc,3\nd,4\n"f\ng",5\nh,6\n')

    rows = list(read_rows(path))

    assert rows == [
        BadRow(1, "a quote opened in line 2 is not closed within 3 lines; this line is left out", ['"b,2']),
        Row(2, {"text": "c", "label": "3"}),
        Row(3, {"text": "d", "label": "4"}),
        Row(4, {"text": "f\ng", "label": "5"}),
        Row(5, {"text": "h", "label": "6"}),
    ]
    for n in range(len(rows) + 1):
        first = read_rows(path)
        for _ in zip(range(n), first, strict=False):
            pass
        assert list(read_rows(path, first.place)) == rows[n:]


@pytest.mark.parametrize("last", ['"b\nc",2\n', '"b\nc",2', '1,"b\n\n"', '"",""'])
def test_a_quoted_cell_at_the_end_of_the_file_is_whole(file, last):
    assert all(isinstance(row, Row) for row in read_rows(file(f"text,label\na,1\n{last}")))


def test_an_unclosed_quote_in_the_header_is_told(file):
    with pytest.raises(DataError, match="a quote is opened in the header and never closed"):
        read_rows(file('text,"label\na,1\n'))


def test_a_cell_without_end_is_an_error_not_a_full_memory(file, monkeypatch):
    monkeypatch.setattr("sentimo.data.readers.csv._MOST_CHARACTERS", 1000)

    with pytest.raises(DataError, match=r"line 3: field larger than field limit.*never closed"):
        list(read_rows(file(f'text,label\na,1\n"{"x" * 2000}\n')))
    with pytest.raises(DataError, match="line 1: field larger"):
        read_rows(file("x" * 2000))


def test_a_cell_may_hold_nul_and_a_megabyte(file):
    long = "好" * (1 << 20)

    assert cells_of(file(f"text,label\na\0b,1\n{long},2\n")) == [["a\0b", "1"], [long, "2"]]


def test_names_are_without_blanks_around_them_and_nameless_columns_get_one(file):
    assert columns(file(" text ,label,\na,1,\n")) == ["text", "label", "column_3"]


def test_two_columns_of_one_name_are_refused(file):
    with pytest.raises(DataError, match=r"columns occur twice: label, text\. Rename them"):
        read_rows(file("text,label,text,label\n"))


@pytest.mark.parametrize("content", ["", "\n\n", "  \n", " , \n"])
def test_a_file_without_a_header_is_refused(file, content):
    with pytest.raises(DataError, match="no header; the first row names the columns"):
        read_rows(file(content))


def test_a_file_of_only_a_header_has_no_rows(file):
    assert list(read_rows(file("text,label"))) == []


TABLE = st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=8)


@settings(max_examples=100, deadline=None)
@given(table=TABLE, delimiter=st.sampled_from(",;\t|"))
def test_what_is_written_as_csv_is_read_back(tmp_path_factory, table, delimiter):
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *table])
    path = tmp_path_factory.getbasetemp() / "property.csv"
    path.write_bytes(written.getvalue().encode("utf-8", "replace"))

    rows = cells_of(path, delimiter=delimiter, encoding="utf-8")

    assert rows == [[cell.encode("utf-8", "replace").decode() for cell in row] for row in table]
