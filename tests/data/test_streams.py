import gzip
import io
import os

import pyarrow as pa
import pytest

from sentimo.data.readers import columns, guess_columns, read_rows
from sentimo.data.streams import COMPRESSIONS, StreamInput, compress, ending_of
from sentimo.errors import DataError


def stream(content, ending=None):
    return StreamInput(io.BytesIO(content), ending)


def cells(source, **options):
    return [dict(row.cells) for row in read_rows(source, **options)]


@pytest.mark.parametrize(
    ("name", "ending", "compression"),
    [("a.csv", ".csv", None), ("A.CSV.GZ", ".csv", "gzip"), ("a.b.jsonl.zst", ".jsonl", "zstd"), ("a.gz", "", "gzip")],
)
def test_the_name_says_format_and_compression(tmp_path, name, ending, compression):
    assert ending_of(tmp_path / name) == (ending, compression)


@pytest.mark.parametrize("compression", COMPRESSIONS.values())
def test_compressed_pieces_one_after_another_are_one_whole_and_always_the_same(compression):
    whole = compress(b"good\n", compression) + compress(b"bad\n", compression)

    assert whole == compress(b"good\n", compression) + compress(b"bad\n", compression)
    assert pa.CompressedInputStream(io.BytesIO(whole), compression).read() == b"good\nbad\n"


def test_gzip_holds_no_time():
    assert compress(b"good", "gzip")[4:8] == b"\0\0\0\0"
    assert gzip.decompress(compress(b"good", "gzip")) == b"good"


@pytest.mark.parametrize(
    ("ending", "content"),
    [(".csv", b"id;text\n1;good\n2;bad\n"), (".tsv", b"id\ttext\n1\tgood\n2\tbad\n")],
)
def test_a_stream_is_read_after_its_columns_are_seen(ending, content):
    source = stream(content, ending)

    assert columns(source.preview) == ["id", "text"]
    assert guess_columns(source) == ("text", "id")
    assert cells(source) == [{"id": "1", "text": "good"}, {"id": "2", "text": "bad"}]


def test_json_lines_are_known_by_their_brace_and_others_want_a_name():
    assert cells(stream(b'\xef\xbb\xbf\n {"text": "good"}\n')) == [{"text": "good"}]
    with pytest.raises(DataError, match=r"stdin does not say what it is; name it with --input-format"):
        stream(b"text\ngood\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_the_encoding_of_a_stream_is_seen_in_its_first_bytes(encoding):
    content = "text\n这家店的面条很好吃\n物流太慢了，差评\n".encode(encoding)

    assert [row["text"] for row in cells(stream(content, ".csv"))] == ["这家店的面条很好吃", "物流太慢了，差评"]


def test_a_compressed_stream_is_told_how_to_be_decompressed():
    with pytest.raises(DataError, match="stdin is compressed; decompress it on the way: zcat"):
        stream(gzip.compress(b"text\n"), ".csv")


def test_parquet_is_not_read_from_a_stream():
    with pytest.raises(DataError, match="Parquet is not read from a stream; save it to a file"):
        columns(stream(b"PAR1", ".parquet"))


def test_looking_at_a_stream_does_not_wait_for_its_end():
    reading, writing = os.pipe()
    os.write(writing, b"text\ngood\n")

    with os.fdopen(reading, "rb", buffering=0) as file:
        source = StreamInput(file, ".csv")
        rows = iter(read_rows(source))
        assert next(rows).cells == {"text": "good"}
        os.close(writing)
        assert list(rows) == []


@pytest.mark.parametrize(
    "pieces", [[b"id,te", b"xt\n1,good\n"], [b"\n", b"id,text", b"\n1,good\n"], [b"id,text\n1,good"]]
)
def test_a_pipe_may_be_cut_anywhere(pieces):
    class Pipe(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            piece = pieces.pop(0) if pieces else b""
            buffer[: len(piece)] = piece
            return len(piece)

    source = StreamInput(Pipe(), ".csv")

    assert columns(source.preview) == ["id", "text"]
    assert cells(source) == [{"id": "1", "text": "good"}]


def test_the_columns_of_json_lines_are_those_of_the_first_object_however_much_is_there():
    assert columns(stream(b'{"text": "a"}\n').preview) == ["text"]
    assert columns(stream(b'{"text": "a"}\n{"text": "b", "n": 1}\n').preview) == ["text"]
