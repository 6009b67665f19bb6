"""Reading can go on from any row as if it had never stopped."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentimo.data.readers import BadRow, columns, read_rows
from sentimo.data.readers.lines import Lines, Place
from sentimo.data.streams import FileInput
from sentimo.errors import DataError

CSV = 'text,n\n好,1\n\n"two\nlines",2\nshort\r\n"a\rb",4\n"quo""te",5\n,\n"open,7\nrest\n'
FILES = {
    "plain.csv": CSV.encode(),
    "marked.csv": CSV.encode("utf-8-sig"),
    "wide.csv": CSV.encode("utf-16"),
    "chinese.csv": "文本,n\n这家店的面条很好吃,1\n物流太慢了,2\n差评,3\n".encode("gb18030"),
    "mac.csv": b"text,n\ra,1\rb,2\rc,3",
    "mixed.csv": b"text,n\na,1\rb,2\r\nc,3\rd,4\ne,5\n",
    "lines.jsonl": b'{"text": "a"}\n\nnot json\n[1]\r\n{"text": "b"}\n',
    "lines.txt": "good\n\nbad\r\n好".encode(),
    "none.csv": b"text,n\n",
}
FILES |= {f"{name}.gz": gzip.compress(content) for name, content in list(FILES.items())}
FILES |= {
    f"{name}.zst": pa.compress(content, "zstd", asbytes=True)
    for name, content in list(FILES.items())
    if not name.endswith(".gz")
}


@pytest.mark.parametrize("name", FILES)
def test_reading_goes_on_after_any_row(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    rows = list(read_rows(path))

    for n in range(len(rows) + 1):
        first = read_rows(path)
        for _ in zip(range(n), first, strict=False):
            pass
        assert first.place.rows == n
        assert list(read_rows(path, first.place)) == rows[n:]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_reading_goes_on_in_an_encoding_that_was_named(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes(b"text,n\na,1\nb,2\nc,3\n")
    rows = read_rows(tmp_path / "a.csv", encoding=encoding)
    next(iter(rows))

    assert [row.cells["n"] for row in read_rows(tmp_path / "a.csv", rows.place, encoding=encoding)] == ["2", "3"]


def test_parquet_goes_on_by_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("sentimo.data.readers.parquet._ROWS_AT_ONCE", 2)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": list(range(10))}), path, row_group_size=4)

    for n in range(11):
        assert [row.number for row in read_rows(path, Place(n))] == list(range(n + 1, 11))


def test_a_plain_file_is_not_read_again_from_its_start(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": n}) + "\n" for n in range(100)), "utf-8")
    rows = read_rows(path)
    for _ in zip(range(60), rows, strict=False):
        pass
    path.write_bytes(b"#" * rows.place.n_bytes + path.read_bytes()[rows.place.n_bytes :])

    assert [row.cells["text"] for row in read_rows(path, rows.place, encoding="utf-8")] == list(range(60, 100))


def test_an_encoding_that_cannot_be_cut_goes_on_row_by_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text\na\nb\nc\n".encode("utf-16"))
    rows = read_rows(path)
    iterator = iter(rows)
    next(iterator), next(iterator)

    assert rows.place == Place(rows=2)
    iterator.close()


def test_the_share_that_is_read_grows_to_1(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\n" * 100_000)
    rows, shares = read_rows(path), []
    for row in rows:
        if row.number % 20_000 == 0:
            shares.append(rows.share)

    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0.2, abs=0.05)
    assert rows.share == 1.0


# Compressed files


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["plain.csv", "lines.jsonl", "lines.txt", "wide.csv"])
def test_a_compressed_file_is_read_as_the_plain_one(tmp_path, name, ending):
    for each in (name, name + ending):
        (tmp_path / each).write_bytes(FILES[each])

    assert columns(tmp_path / (name + ending)) == columns(tmp_path / name)
    assert list(read_rows(tmp_path / (name + ending))) == list(read_rows(tmp_path / name))


def test_members_of_gzip_one_after_another_are_one_file(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\nd\n"))

    assert [row.cells["text"] for row in read_rows(tmp_path / "a.txt.gz")] == ["a", "bc", "d"]


@pytest.mark.parametrize(("name", "kind"), [("a.csv.gz", "gzip"), ("a.csv.zst", "zstd")])
def test_content_that_is_not_what_the_name_says_is_told(tmp_path, name, kind):
    (tmp_path / name).write_bytes(b"text\ngood\n")

    with pytest.raises(DataError, match=f"{name}: not {kind}, though its name says so"):
        read_rows(tmp_path / name)


def test_compressed_content_under_a_plain_name_is_told(tmp_path):
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"text\ngood\n"))

    with pytest.raises(DataError, match=r"a\.csv: holds gzip, and its name does not say so; rename it to .*a\.csv\.gz"):
        columns(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["plain.csv.gz", "plain.csv.zst"])
def test_a_compressed_file_that_was_cut_off_is_told(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name][:-9])

    with pytest.raises(DataError, match=f"{name}: damaged: "):
        read_rows(tmp_path / name)


def test_compressed_parquet_is_refused(tmp_path):
    (tmp_path / "a.parquet.gz").write_bytes(b"")

    with pytest.raises(DataError, match=r"Parquet compresses itself; .* name it a\.parquet"):
        columns(tmp_path / "a.parquet.gz")


def test_an_old_mac_file_is_not_one_long_line(tmp_path):
    path = tmp_path / "mac.csv"
    path.write_bytes(FILES["mac.csv"])

    assert list(Lines(FileInput(path), "utf-8")) == ["text,n\r", "a,1\r", "b,2\r", "c,3"]
    assert not any(isinstance(row, BadRow) for row in read_rows(path))
