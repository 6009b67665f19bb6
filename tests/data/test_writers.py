import csv
import json
import math
import re
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentimo.data.readers import read_rows
from sentimo.data.writers import WRITERS, Writer
from sentimo.data.writers.jsonl import json_line
from sentimo.data.writers.parquet import join
from sentimo.errors import InputError


@pytest.fixture
def written(tmp_path):
    """Write columns as parts of a file and return its path."""

    def write(ending, *parts, header=(), schema=None, **options):
        target = tmp_path / f"out{ending}"
        writer = Writer(target, **options)
        names = header or list(parts[0])
        log = tmp_path / "log" if writer.is_parquet else target
        log.write_bytes(writer.header(names) + b"".join(writer.encode(columns, schema) for columns in parts))
        if writer.is_parquet:
            join(log, target, names, folder=False)
        return target

    return write


def parquet(path):
    table = pq.read_table(path)
    return table.schema.types, table.to_pylist()


@pytest.mark.parametrize("ending", WRITERS)
def test_parts_are_joined_in_order(written, ending):
    path = written(ending, {"a": ["1", "2"], "b": ["好", "x,y"]}, {"a": ["3"], "b": ['"\n']})

    assert [dict(row.cells) for row in read_rows(path)] == [
        {"a": "1", "b": "好"},
        {"a": "2", "b": "x,y"},
        {"a": "3", "b": '"\n'},
    ]


def test_an_unknown_ending_names_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"files of kind '\.xlsx' are not written; known: \.csv, \.tsv"):
        Writer(tmp_path / "out.xlsx")


def test_without_parts_csv_has_its_header_and_parquet_its_columns(written):
    assert written(".csv", header=["a", "b"]).read_text("utf-8") == "a,b\n"
    assert written(".jsonl", header=["a", "b"]).read_bytes() == b""
    assert pq.read_schema(written(".parquet", header=["a", "b"])).names == ["a", "b"]


def test_csv_cells_are_empty_for_none_and_json_for_lists_and_objects(written):
    path = written(".csv", {"a": [None, ["好", 1], {"k": None}, True, 0.5]})

    with path.open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["a", "", '["好", 1]', '{"k": null}', "True", "0.5"]


def test_tsv_cells_may_hold_tabs(written):
    assert written(".tsv", {"a": ["x\ty"], "b": [1]}).read_text("utf-8").splitlines() == ["a\tb", '"x\ty"\t1']


def test_json_lines_hold_what_json_lacks_as_strings_or_null():
    value = {"at": datetime(2024, 5, 1, tzinfo=UTC), "price": Decimal("9.90"), "n": [float("nan"), {"x": float("inf")}]}

    line = json_line({**value, "text": "好"})

    assert line.endswith("}\n")
    assert "好" in line
    assert json.loads(line) == {
        "at": "2024-05-01 00:00:00+00:00",
        "price": "9.90",
        "n": [None, {"x": None}],
        "text": "好",
    }


def test_parquet_columns_keep_the_types_of_the_source(written):
    schema = pa.schema(
        [("n", pa.int8()), ("kind", pa.dictionary(pa.int32(), pa.string())), ("l", pa.list_(pa.int16()))]
    )

    types, rows = parquet(written(".parquet", {"n": [1], "kind": ["a"], "l": [[1]], "new": [0.5]}, schema=schema))

    assert types == [*schema.types, pa.float64()]
    assert rows == [{"n": 1, "kind": "a", "l": [1], "new": 0.5}]


@pytest.mark.parametrize(
    ("one", "other", "kind", "values"),
    [
        ([None], ["x"], pa.string(), [None, "x"]),
        ([None], [None], pa.string(), [None, None]),
        ([1], [1.5], pa.float64(), [1.0, 1.5]),
        ([1], ["x"], pa.string(), ["1", "x"]),
        ([[1]], ["x"], pa.string(), ["[1]", "x"]),
        ([[]], [[1]], pa.list_(pa.int64()), [[], [1]]),
        ([True], [1], pa.string(), ["true", "1"]),
        ([{"a": 1}], [{"b": 2}], None, [{"a": 1, "b": None}, {"a": None, "b": 2}]),
        ([{"a": 1}], [{}], pa.string(), ['{"a": 1}', "{}"]),
        ([[{}]], [[]], pa.string(), ["[{}]", "[]"]),
        ([1, "x", None], [2], pa.string(), ["1", "x", None, "2"]),
        ([2**70], [1], pa.string(), [str(2**70), "1"]),
    ],
)
def test_parts_of_different_types_find_one_that_holds_both(written, one, other, kind, values):
    (found,), rows = parquet(written(".parquet", {"a": one}, {"a": other}))

    assert kind is None or found == kind or found == pa.list_(pa.field("element", pa.int64()))
    assert [row["a"] for row in rows] == values


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("- good", "'- good"),
        ("-3.5", "-3.5"),
        ("+1,000", "+1,000"),
        ("-1e-3", "-1e-3"),
        ("-5%", "-5%"),
        ("'=1", "'=1"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_texts_that_a_spreadsheet_would_run_get_an_apostrophe_and_numbers_do_not(written_cells, ending, text, cell):
    assert written_cells(ending, [text, None, 1]) == [cell, "", "1"]


def test_the_guard_can_be_left_out_and_other_formats_have_none(written, written_cells):
    assert written_cells(".csv", ["=1+1"], formula_guard=False) == ["=1+1"]
    assert json.loads(written(".jsonl", {"a": ["=1+1"]}).read_text("utf-8")) == {"a": "=1+1"}
    assert parquet(written(".parquet", {"a": ["=1+1"]}))[1] == [{"a": "=1+1"}]


def test_the_names_of_columns_are_guarded_too(written):
    assert written(".csv", {"=a": ["x"], "b": ["y"]}).read_text("utf-8").startswith("'=a,b\n")


@pytest.fixture
def written_cells(written):
    """Write one column beside another and return how its cells stand in the file."""

    def write(ending, values, **options):
        path = written(ending, {"a": values, "b": ["x"] * len(values)}, **options)
        with path.open(encoding="utf-8", newline="") as file:
            return [row[0] for row in csv.reader(file, delimiter="\t" if ending == ".tsv" else ",")][1:]

    return write


@pytest.mark.parametrize("values", [[0.1, 1.0, 1e-6, None], [True, None, False], [1, 2**70, None]])
def test_numbers_are_written_so_that_they_are_read_back_exactly(written, written_cells, values):
    path = written(".jsonl", {"a": values})
    assert [row.cells["a"] for row in read_rows(path)] == values
    kind = type(values[0])
    found = [{"True": True, "False": False}.get(cell, cell) for cell in written_cells(".csv", values)]
    assert [None if cell == "" else kind(cell) for cell in found] == values


TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=12)), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(values=TEXTS, ending=st.sampled_from([".csv", ".tsv", ".jsonl"]))
def test_any_text_is_read_back(tmp_path_factory, values, ending):
    values = [value and value.encode("utf-8", "replace").decode() for value in values]
    writer = Writer(path := tmp_path_factory.getbasetemp() / f"any{ending}", formula_guard=False)
    path.write_bytes(writer.header(["a", "b"]) + writer.encode({"a": values, "b": ["x"] * len(values)}))

    found = [row.cells["a"] for row in read_rows(path, encoding="utf-8")]

    assert found == (values if ending == ".jsonl" else [value or "" for value in values])


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.zst", ".tsv.zst"])
def test_compressed_parts_are_read_back_and_always_the_same(written, ending):
    columns = {"a": ["1", "2"], "b": ["好", "x,y"]}

    path = written(ending, columns, columns)
    first = path.read_bytes()

    assert [dict(row.cells) for row in read_rows(path)] == [{"a": "1", "b": "好"}, {"a": "2", "b": "x,y"}] * 2
    assert written(ending, columns, columns).read_bytes() == first


def test_compressed_parquet_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"Parquet compresses itself; write it to .*out\.parquet"):
        Writer(tmp_path / "out.parquet.gz")


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_number_is_spelt_alike_in_every_part(written, ending):
    parts = [[5.0, 1e-5], [5.0, "x"], [5.0, 1], [5.0, math.nan], [5.0, math.inf], [[], 1e-5, 5.0]]

    path = written(ending, *({"a": values, "b": [""] * len(values)} for values in parts))

    assert len(re.findall(r"\b5\b(?!\.)", path.read_text("utf-8"))) == len(parts)
    assert "1e-05" not in path.read_text("utf-8")


@pytest.mark.parametrize("values", [[math.nan, 1.5], [math.nan, "x"], [math.nan, math.nan]])
def test_nan_is_an_empty_cell(written_cells, written, values):
    assert written_cells(".csv", values)[0] == ""
    assert json.loads(written(".jsonl", {"a": values}).read_text("utf-8").splitlines()[0]) == {"a": None}
