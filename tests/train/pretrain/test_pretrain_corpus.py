from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from sentimo.errors import DataError
from sentimo.train.pretrain.corpus import Source, draw, lines, packed


def test_compressed_files_are_opened(tmp_path):
    text = "一\n\n 二 \n三".encode()
    (tmp_path / "a.txt").write_bytes(text)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text))
    (tmp_path / "c.txt.zst").write_bytes(pa.Codec("zstd").compress(text, asbytes=True))

    assert [list(lines(path)) for path in sorted(tmp_path.iterdir())] == [["一", "二", "三"]] * 3


def test_a_file_that_is_not_what_its_name_says_is_told(tmp_path):
    (tmp_path / "a.txt.zst").write_bytes(b"plain")

    with pytest.raises(DataError, match=r"a\.txt\.zst: not zstd, though its name says so"):
        list(lines(tmp_path / "a.txt.zst"))
    with pytest.raises(DataError, match="no such file"):
        list(lines(tmp_path / "b.txt"))


def test_a_source_is_read_as_often_as_it_deserves(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(f"a{n}" for n in range(1000)))
    (tmp_path / "b.txt").write_text("b\n" * 10)

    documents = draw([Source(tmp_path / "a.txt", 0.5), Source(tmp_path / "b.txt", 2.0)], seed=13)

    assert documents.count("b") == 20
    assert 450 < len(documents) - 20 < 550
    assert documents == draw([Source(tmp_path / "a.txt", 0.5), Source(tmp_path / "b.txt", 2.0)], seed=13)


def test_documents_become_rows_between_special_tokens(vocabulary):
    rows = packed(["酒店", "好"], vocabulary, 16)
    hotel = [vocabulary.token_to_id(sign) for sign in "酒店好"]

    assert rows.tolist() == [[2, *hotel[:2], 3, 2, hotel[2], 3, *[0] * 9]]
