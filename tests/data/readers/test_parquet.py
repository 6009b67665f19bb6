from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentimo.data.readers import BadRow, Row, columns, read_rows
from sentimo.errors import DataError


@pytest.fixture
def file(tmp_path):
    def write(table):
        path = tmp_path / "a.parquet"
        pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path)
        return path

    return write


def test_cells_keep_their_types(file):
    cells = {
        "text": "好",
        "at": datetime(2024, 5, 1, 12, 30, tzinfo=UTC),
        "labels": ["joy", "fear"],
        "share": 0.25,
        "price": Decimal("9.90"),
        "none": None,
        "place": {"city": "北京"},
    }

    (row,) = read_rows(file(pa.Table.from_pylist([cells])))

    assert row.cells == cells


def test_columns_are_told_in_order(file):
    path = file({"text": ["a", "b", "c"], "n": [1, 2, 3]})

    assert columns(path) == ["text", "n"]


def test_rows_of_several_batches_are_numbered_through(file, monkeypatch):
    monkeypatch.setattr("sentimo.data.readers.parquet._ROWS_AT_ONCE", 2)

    rows = list(read_rows(file({"text": ["a", "b", "c", "d", "e"]})))

    assert [(row.number, row.cells["text"]) for row in rows] == list(enumerate("abcde", 1))


def test_a_file_without_rows_has_columns(file):
    path = file({"text": pa.array([], pa.string())})

    assert (columns(path), list(read_rows(path))) == (["text"], [])


def test_a_value_that_python_cannot_hold_makes_its_row_bad_not_the_others(file):
    years = pa.array([0, 2**40, 86400], pa.timestamp("s"))  # 2**40 seconds: the year 36812

    rows = list(read_rows(file({"text": ["a", "b", "c"], "at": years})))

    assert [type(row) for row in rows] == [Row, BadRow, Row]
    assert rows[2].cells == {"text": "c", "at": datetime(1970, 1, 2)}


@pytest.mark.parametrize("content", [b"", b"text,label\n", b"PAR1 but no more PAR1"])
def test_what_is_no_parquet_file_is_told_at_the_call(tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)

    with pytest.raises(DataError, match="not a Parquet file"):
        read_rows(path)


def test_damage_inside_the_file_is_told_with_the_last_good_row(file):
    path = file(pa.table({"text": [f"text number {n}" for n in range(100)]}))
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56  # the first page; the footer stays whole
    path.write_bytes(content)

    with pytest.raises(DataError, match="damaged after row 0"):
        list(read_rows(path))


def test_two_columns_of_one_name_are_refused(file):
    path = file(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]))

    with pytest.raises(DataError, match="columns occur twice: text"):
        read_rows(path)
