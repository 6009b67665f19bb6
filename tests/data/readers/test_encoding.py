import pytest

from sentimo.data.readers import columns, read_rows
from sentimo.data.readers.encoding import check_encoding, detect_encoding
from sentimo.errors import DataError

CHINESE = "文本,标签\n这家店的面条很好吃,正面\n物流太慢了，差评！😡,负面\n"
ENGLISH = "text,label\nIt’s “fine” at the café,positive\nI don’t like it,negative\n"


@pytest.fixture
def file(tmp_path):
    def write(content, encoding=None):
        path = tmp_path / "a.csv"
        path.write_bytes(content if encoding is None else content.encode(encoding))
        return path

    return write


def texts_of(path, **options):
    return [next(iter(row.cells.values())) for row in read_rows(path, **options)]


@pytest.mark.parametrize(
    ("written", "detected"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("gb18030", "gb18030"),
    ],
)
def test_an_encoding_is_detected_and_the_file_read_in_it(file, written, detected):
    path = file(CHINESE, written)

    assert detect_encoding(path) == detected
    assert columns(path) == ["文本", "标签"]
    assert texts_of(path) == ["这家店的面条很好吃", "物流太慢了，差评！😡"]


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_both_byte_orders_of_utf_16_are_read(file, mark):
    name = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"

    assert texts_of(file(mark + CHINESE.encode(name)))[0] == "这家店的面条很好吃"


def test_traditional_characters_in_gb18030_are_chinese(file):
    path = file("文本,標籤\n這個酒店的服務態度很好，但房間太小了,正面\n", "gb18030")

    assert detect_encoding(path) == "gb18030"


def test_ascii_is_utf_8_and_so_is_an_empty_file(file):
    assert detect_encoding(file(b"text\ngood\n")) == "utf-8"
    assert detect_encoding(file(b"")) == "utf-8"


def test_utf_8_with_a_few_broken_bytes_stays_utf_8(file):
    # 200 good characters beyond ASCII and 2 broken ones: 1 %.
    path = file(("文本\n" + "好" * 198).encode() + b"\xff\n\xff")

    assert detect_encoding(path) == "utf-8"
    assert texts_of(path) == ["好" * 198 + "�", "�"]


def test_a_character_that_lies_across_two_chunks_is_not_broken(file, monkeypatch):
    monkeypatch.setattr("sentimo.data.readers.encoding._CHUNK", 7)

    assert detect_encoding(file(CHINESE, "utf-8")) == "utf-8"
    assert detect_encoding(file(CHINESE, "gb18030")) == "gb18030"


@pytest.mark.parametrize(
    "content", [ENGLISH.encode("cp1252"), b"text\nna\xefve \xff\xff\n", "très bien".encode("latin-1")]
)
def test_western_encodings_are_not_taken_for_chinese(file, content):
    with pytest.raises(DataError, match=r"neither UTF-8 nor GB18030.*--encoding"):
        detect_encoding(file(content))


def test_a_named_encoding_is_taken(file):
    assert texts_of(file(ENGLISH.encode("cp1252")), encoding="cp1252")[1] == "I don’t like it"


@pytest.mark.parametrize("encoding", ["utf-9", "base64", "rot13", "klingon"])
def test_an_unknown_encoding_names_common_ones(file, encoding):
    with pytest.raises(DataError, match=f"unknown encoding '{encoding}'; common ones: utf-8, gb18030"):
        read_rows(file(ENGLISH, "utf-8"), encoding=encoding)


def test_utf_16_without_its_mark_is_told(file):
    with pytest.raises(DataError, match=r"cannot be read as utf-16.*BOM"):
        read_rows(file(ENGLISH, "utf-8"), encoding="utf-16")


def test_a_mark_is_no_part_of_the_first_name_when_utf_8_is_named(file):
    assert columns(file(CHINESE, "utf-8-sig"), encoding="UTF8") == ["文本", "标签"]


def test_a_named_encoding_keeps_its_python_name(file):
    assert check_encoding(file(b"a"), "GBK") == "gbk"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_known_by_its_empty_bytes(file, encoding):
    path = file("text,label\nIt was “fine”,1\n很好 but slow,0\n".encode(encoding))

    assert detect_encoding(path) == encoding
    assert columns(path) == ["text", "label"]


def test_one_broken_byte_among_other_characters_is_a_fault(file):
    path = file(b"text\n" + "it’s fine\n".encode() * 50 + b"caf\xe9\n")

    assert detect_encoding(path) == "utf-8"


def test_the_first_line_that_is_not_utf_8_is_named(file):
    with pytest.raises(DataError, match="the first line with other bytes is 3"):
        detect_encoding(file(b"text\nfine\ncaf\xe9\nna\xefve\n"))
