import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentimo.data.readers import BadRow, Row, columns, read_rows
from sentimo.errors import DataError


@pytest.fixture
def file(tmp_path):
    def write(*lines, end="\n"):
        path = tmp_path / "a.jsonl"
        path.write_bytes(end.join((*lines, "")).encode())
        return path

    return write


def test_cells_keep_their_types(file):
    cells = {"text": "好", "n": 3, "share": 0.5, "labels": ["joy", "fear"], "none": None, "yes": True, "more": {"a": 1}}

    (row,) = read_rows(file(json.dumps(cells)))

    assert row == Row(1, cells)


def test_broken_lines_and_what_is_no_object_are_bad_rows_and_the_others_are_read(file):
    rows = list(read_rows(file('{"text": "a"}', '{"text": ', "[1, 2]", '"text"', "", "3", '{"text": "b"}')))

    assert rows[0] == Row(1, {"text": "a"})
    assert rows[1].reason.startswith("not JSON (line 2): ")
    assert rows[1].raw == '{"text": '
    assert rows[2:5] == [
        BadRow(3, "a list, not an object (line 3)", "[1, 2]"),
        BadRow(4, "a str, not an object (line 4)", '"text"'),
        BadRow(5, "a int, not an object (line 6)", "3"),  # the blank line is no row
    ]
    assert rows[5] == Row(6, {"text": "b"})


def test_a_line_nested_without_end_is_a_bad_row(file):
    rows = list(read_rows(file('{"text": ' + "[" * 100_000, '{"text": "b"}')))

    assert [type(row) for row in rows] == [BadRow, Row]


def test_the_columns_are_the_keys_of_all_rows_in_order_of_their_first_occurrence(file):
    lines = ['{"text": "a", "id": 1}'] * 150

    assert columns(file(*lines, "broken", '{"late": 2, "text": "b"}')) == ["text", "id", "late"]


def test_a_missing_key_is_a_missing_cell(file):
    assert [dict(row.cells) for row in read_rows(file('{"text": "a", "id": 1}', '{"id": 2}'))] == [
        {"text": "a", "id": 1},
        {"id": 2},
    ]


@pytest.mark.parametrize("lines", [(), ("[", '{"text": "a"},', "]"), ("{}",)])
def test_a_file_without_an_object_is_told(file, lines):
    with pytest.raises(DataError, match="no line holds a JSON object"):
        columns(file(*lines))


def test_half_a_surrogate_pair_becomes_a_replacement_character_at_any_depth(file):
    path = file(r'{"text": "\ud83d\ude00 \ud83d!", "more": [{"\udc00": "\uDFFF"}]}')

    assert [row.cells for row in read_rows(path)] == [{"text": "😀 �!", "more": [{"�": "�"}]}]


def test_line_separators_inside_a_string_do_not_end_the_line(file):
    path = file('{"text": "a\u2028b\u0085c"}', end="\r\n")

    assert [row.cells["text"] for row in read_rows(path)] == ["a\u2028b\u0085c"]


def test_other_encodings_are_detected(file, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"text": "这家店的面条很好吃"}\n'.encode("gb18030"))

    assert [row.cells["text"] for row in read_rows(path)] == ["这家店的面条很好吃"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), max_size=5), escaped=st.booleans())
def test_what_is_written_as_json_is_read_back(tmp_path_factory, rows, escaped):
    path = tmp_path_factory.getbasetemp() / "property.jsonl"
    lines = [json.dumps(row, ensure_ascii=escaped) + "\n" for row in rows]
    path.write_bytes("".join(lines).encode("utf-8"))

    assert [row.cells for row in read_rows(path)] == rows
