import gzip
import json

import pytest

from sentimo.data.readers import BadRow, Row
from sentimo.data.sources import Sources, Where, find_inputs
from sentimo.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Two files of different columns, a third one deeper, and what is not meant to be read."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.csv").write_text("text,stars\nfine,3\n", "utf-8")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"id,text\n1,good\n2\n3,bad\n"))
    (tmp_path / "deep" / "c.jsonl").write_text(json.dumps({"text": "so so", "tags": ["x"]}) + "\n", "utf-8")
    for name in (".hidden.csv", "_SUCCESS", "notes.docx", "a.csv.bad.jsonl"):
        (tmp_path / name).write_text("text\nnot meant\n", "utf-8")
    (tmp_path / "out.csv.unfinished").mkdir()
    (tmp_path / "out.csv.unfinished" / "rows.csv").write_text("text\nnot meant\n", "utf-8")
    return tmp_path


def names(inputs):
    return [each.path.name for each in inputs]


def test_a_folder_is_all_its_files_of_a_known_kind_sorted(folder):
    assert names(find_inputs([folder])) == ["a.csv.gz", "b.csv", "c.jsonl"]


def test_a_glob_that_the_shell_left_is_expanded(folder):
    assert names(find_inputs([folder / "*.csv*", folder / "**" / "*.jsonl"])) == [
        *("a.csv.bad.jsonl", "a.csv.gz", "b.csv", "c.jsonl"),
    ]


def test_a_file_that_is_named_twice_is_read_once_and_the_order_of_naming_does_not_count(folder):
    assert names(find_inputs([folder / "b.csv", folder / "a.csv.gz", folder / "b.csv"])) == ["a.csv.gz", "b.csv"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path):
    (tmp_path / "a[1].csv").write_text("text\n", "utf-8")

    assert names(find_inputs([tmp_path / "a[1].csv"])) == ["a[1].csv"]


def test_a_folder_or_glob_of_no_file_is_told(tmp_path):
    with pytest.raises(DataError, match="no file to read in this folder; known: .csv"):
        find_inputs([tmp_path])
    with pytest.raises(DataError, match=r"\*\.csv: no file has such a name"):
        find_inputs([tmp_path / "*.csv"])


def test_a_model_is_not_taken_for_texts(tmp_path):
    (tmp_path / "manifest.json").write_text("{}", "utf-8")
    (tmp_path / "metrics.jsonl").write_text('{"event": "epoch"}\n', "utf-8")

    with pytest.raises(DataError, match="is a model, not texts; to answer with it, give --model"):
        find_inputs([tmp_path])


def test_several_files_are_one_table_with_all_their_columns_and_the_name_of_the_file(folder):
    sources = Sources(find_inputs([folder]), "text")

    rows = list(sources.rows())

    a, b, c = (str(folder / name) for name in ("a.csv.gz", "b.csv", "deep/c.jsonl"))
    assert sources.names == ["id", "text", "stars", "tags", "source_file"]
    assert [name for name, _ in rows] == [a, a, a, b, c]
    assert [type(row) for _, row in rows] == [Row, BadRow, Row, Row, Row]
    assert [row.number for _, row in rows] == [1, 2, 3, 1, 1]
    assert sources.share == 1.0


def test_the_column_of_the_file_takes_a_free_name(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("text,source_file\n", "utf-8")

    assert Sources(find_inputs([tmp_path]), "text").names == ["text", "source_file", "source_file_"]


def test_one_file_has_its_own_columns_only(tmp_path):
    (tmp_path / "a.csv").write_text("text\ngood\n", "utf-8")

    sources = Sources(find_inputs([tmp_path]), "text")

    assert (sources.names, sources.file_column) == (["text"], None)


def test_files_without_the_text_column_are_named(folder):
    (folder / "d.csv").write_text("review\ngood\n", "utf-8")
    (folder / "e.csv").write_text("review\ngood\n", "utf-8")

    with pytest.raises(DataError, match=r"2 of 5 files have no column 'text': .*d\.csv, .*e\.csv\. The columns of .*d"):
        Sources(find_inputs([folder]), "text")


def test_reading_goes_on_in_the_file_where_it_stopped(folder):
    inputs = find_inputs([folder])
    rows = list(Sources(inputs, "text").rows())

    for n in range(1, len(rows) + 1):
        first = Sources(inputs, "text")
        for _ in zip(range(n), first.rows(), strict=False):
            pass
        assert list(Sources(inputs, "text", names=first.names).rows(first.where)) == rows[n:]
    assert first.where == Where(2, first.where.place)


def test_other_files_and_other_versions_have_other_fingerprints(folder):
    inputs = find_inputs([folder])
    which, versions = Sources(inputs, "text").fingerprint

    assert Sources(inputs, "text").fingerprint == (which, versions)
    assert Sources(inputs[:2], "text").fingerprint[0] != which
    (folder / "b.csv").write_text("text,stars\nfine,3\nmore,4\n", "utf-8")
    assert Sources(inputs, "text").fingerprint[0] == which
    assert Sources(inputs, "text").fingerprint[1] != versions


def test_a_file_that_changes_or_goes_is_seen(folder):
    sources = Sources(find_inputs([folder / "b.csv"]), "text")
    assert not sources.changed()

    (folder / "b.csv").write_text("text,stars\nfine,30\n", "utf-8")
    assert sources.changed()
    (folder / "b.csv").unlink()
    assert sources.changed()


def test_a_file_that_two_ways_lead_to_is_read_once(folder, monkeypatch):
    (folder / "link.csv").symlink_to(folder / "b.csv")
    monkeypatch.chdir(folder / "deep")

    assert len(find_inputs([folder / "b.csv", "../b.csv", folder / "link.csv"])) == 1


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match=r"nofile\.csv: no such file"):
        find_inputs([tmp_path / "nofile.csv"])


@pytest.mark.parametrize("output", ["b.csv", "deep"])
def test_what_is_going_to_be_written_is_not_found(folder, output):
    for each in (".unfinished", ".bad.jsonl"):
        (folder / f"{output}{each}").write_text("", "utf-8")
    for source in (folder, folder / "**" / "*.*"):
        found = find_inputs([source], ".csv", folder / output)
        assert not [each for each in found if output in str(each.path.relative_to(folder))]
