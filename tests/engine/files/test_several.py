"""Several files in, and folders of Parquet out."""

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from tables import StopsAt, bad_rows, column, read, write

from sentimo.engine.files import predict_file
from sentimo.errors import InputError, Interrupted


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "b.jsonl.gz", [{"text": "good", "n": n} for n in range(5)])
    write(folder / "a.csv", [{"id": str(n), "text": "awful"} for n in range(3)])
    (folder / "c.csv").write_text("text\ngood\n,\n", "utf-8")
    return folder


def test_a_folder_becomes_one_file_that_tells_where_each_row_is_from(tmp_path, fake_predictor, folder):
    summary = predict_file(fake_predictor(), folder, tmp_path / "out.jsonl", text="text")

    rows = read(tmp_path / "out.jsonl")
    assert list(rows[0])[:4] == ["id", "text", "n", "source_file"]
    assert [row["source_file"] for row in rows] == [
        str(folder / name) for name, n in (("a.csv", 3), ("b.jsonl.gz", 5), ("c.csv", 1)) for _ in range(n)
    ]
    assert [row["n"] for row in rows] == [None] * 3 + [0, 1, 2, 3, 4] + [None]
    assert bad_rows(summary) == [
        {
            "file": str(folder / "c.csv"),
            "row": 2,
            "reason": "2 cells, the header has 1 (line 3)",
            "cells": ["", ""],
        }
    ]


def test_types_of_parquet_files_that_differ_find_one_that_holds_both(tmp_path, fake_predictor):
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(pa.table({"text": ["good"], "n": pa.array([1], pa.int8()), "x": [1]}), folder / "a.parquet")
    pq.write_table(pa.table({"text": ["good"], "n": pa.array([1000], pa.int64()), "x": ["y"]}), folder / "b.parquet")

    predict_file(fake_predictor(), folder, tmp_path / "out.parquet", text="text")

    schema = pq.read_schema(tmp_path / "out.parquet")
    assert (schema.field("n").type, schema.field("x").type) == (pa.int64(), pa.string())
    assert column(tmp_path / "out.parquet", "n") == [1, 1000]
    assert column(tmp_path / "out.parquet", "x") == ["1", "y"]


def test_a_folder_of_parquet_has_files_of_bounded_length_and_is_one_data_set(
    tmp_path, fake_predictor, folder, small_parts, monkeypatch
):
    monkeypatch.setattr("sentimo.data.writers.parquet.ROWS_PER_FILE", 4)
    monkeypatch.setattr("sentimo.data.writers.parquet._ROWS_PER_GROUP", 4)

    predict_file(fake_predictor(), folder, tmp_path / "out", text="text", folder=True)

    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert [pq.ParquetFile(tmp_path / "out" / name).metadata.num_rows for name in files] == [4, 4, 1]
    table = ds.dataset(tmp_path / "out").to_table()
    assert table["text"].to_pylist() == ["awful"] * 3 + ["good"] * 6
    assert table["n"].to_pylist() == [None] * 3 + [0, 1, 2, 3, 4] + [None]


def test_parts_are_gathered_in_large_row_groups(tmp_path, fake_predictor, many, small_parts):
    predict_file(fake_predictor(), many, tmp_path / "out.parquet", text="text")

    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 1


def test_an_empty_folder_is_filled_and_one_of_parts_replaced_only_when_asked(tmp_path, fake_predictor, many):
    (tmp_path / "out").mkdir()
    predict_file(fake_predictor(), many, tmp_path / "out", text="text", folder=True)
    (tmp_path / "out" / "part-00009.parquet").write_text("older", "utf-8")

    with pytest.raises(InputError, match=r"out is already there\..*--overwrite"):
        predict_file(fake_predictor(), many, tmp_path / "out", text="text", folder=True)
    predict_file(fake_predictor(), many, tmp_path / "out", text="text", folder=True, overwrite=True)

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["part-00000.parquet"]


def test_a_folder_that_holds_something_else_is_never_replaced(tmp_path, fake_predictor, many):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").write_text("precious", "utf-8")

    with pytest.raises(InputError, match=r"holds other files \(thesis\.docx\); write into a folder of its own"):
        predict_file(fake_predictor(), many, tmp_path / "out", text="text", folder=True, overwrite=True)
    with pytest.raises(InputError, match="is a folder; name a file in it"):
        predict_file(fake_predictor(), many, tmp_path / "out", text="text", ending=".csv", overwrite=True)

    assert (tmp_path / "out" / "thesis.docx").read_text("utf-8") == "precious"


def test_a_folder_is_written_as_parquet_only(tmp_path, fake_predictor, many):
    with pytest.raises(InputError, match=r"a folder is written as Parquet; name a file for \.csv"):
        predict_file(fake_predictor(), many, tmp_path / "out", text="text", folder=True, ending=".csv")


def test_the_target_cannot_be_one_of_the_sources(tmp_path, fake_predictor, folder):
    with pytest.raises(InputError, match=r"c\.csv is the source itself"):
        predict_file(fake_predictor(), [folder / "a.csv", folder / "c.csv"], folder / "c.csv", text="text")
    for target in (folder, folder.parent):
        with pytest.raises(InputError, match="is the source itself, or holds it"):
            predict_file(fake_predictor(), folder, target, text="text", folder=True, overwrite=True)


@pytest.mark.parametrize("ending", [".csv", ""])
def test_an_output_in_the_folder_of_its_sources_is_not_read(tmp_path, fake_predictor, folder, small_parts, ending):
    target, options = folder / f"answers{ending}", {"text": "text", "folder": not ending}
    first = predict_file(fake_predictor(), folder, target, **options)
    with pytest.raises(Interrupted):
        predict_file(StopsAt(fake_predictor(), 3), folder, target, overwrite=True, **options)

    again = predict_file(fake_predictor(), folder, target, overwrite=True, resume=True, **options)
    by_glob = predict_file(fake_predictor(), f"{folder}/**/*[svz]*", target, overwrite=True, **options)

    assert (first.n_read, again.n_read, by_glob.n_read) == (10, 10, 10)


def test_a_link_to_a_folder_stays_one_and_the_folder_is_filled(tmp_path, fake_predictor, many):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")

    predict_file(fake_predictor(), many, tmp_path / "out", text="text", folder=True)

    assert (tmp_path / "out").is_symlink()
    assert column(tmp_path / "disk" / "part-00000.parquet", "n") == [str(n) for n in range(1, 21)]


def test_names_that_say_nothing_are_read_and_written_as_asked(tmp_path, fake_predictor):
    (tmp_path / "in.dat").write_text("text\ngood\n", "utf-8")

    predict_file(
        fake_predictor(), tmp_path / "in.dat", tmp_path / "out.dat", text="text", input_ending=".csv", ending=".tsv"
    )

    assert (tmp_path / "out.dat").read_text("utf-8").startswith("text\tlanguage\tpolarity\t")
