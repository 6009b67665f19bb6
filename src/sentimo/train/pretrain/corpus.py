"""Plain text for pre-training: files of one document a line, each taken as often as it deserves."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentimo.errors import DataError
from sentimo.train.pretrain.packing import pack, pieces
from sentimo.train.pretrain.vocabulary import special_ids

SHORTEST_PIECE = 16  # tokens; a shorter rest of a long document teaches little

_LINES_AT_ONCE = 20_000


@dataclass(frozen=True)
class Source:
    """A file of documents.

    Attributes:
        path: One document a line, UTF-8; ``.zst`` and ``.gz`` are opened.
        times: How often an epoch reads it: 0.5 takes a drawn half of its documents, 2 all of them twice.
    """

    path: Path
    times: float = 1.0


def lines(path: Path) -> Iterator[str]:
    """Yield the documents of a file.

    Raises:
        DataError: there is no such file, or it is not what its name says.
    """
    import pyarrow as pa

    kinds = {".zst": "zstd", ".gz": "gzip"}
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with pa.input_stream(str(path), compression=kinds.get(path.suffix)) as stream:
            rest = b""
            while block := stream.read(1 << 24):
                whole = (rest + block).split(b"\n")
                rest = whole.pop()
                for line in whole:
                    if text := line.decode("utf-8", "replace").strip():
                        yield text
            if text := rest.decode("utf-8", "replace").strip():
                yield text
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def draw(sources: Sequence[Source], seed: int) -> list[str]:
    """Return the documents of an epoch, in random order."""
    generator = random.Random(seed)
    documents: list[str] = []
    for source in sources:
        whole, part = divmod(source.times, 1.0)
        for line in lines(source.path):
            documents += [line] * (int(whole) + (generator.random() < part))
    generator.shuffle(documents)
    return documents


def packed(documents: Sequence[str], tokenizer: Tokenizer, length: int) -> NDArray[np.uint16]:
    """Tokenise documents and pack them into rows (n_rows, length)."""
    pad, _, first, last, _ = special_ids(tokenizer)

    def cut() -> Iterator[Sequence[int]]:
        for start in range(0, len(documents), _LINES_AT_ONCE):
            batch = list(documents[start : start + _LINES_AT_ONCE])
            for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
                yield from pieces(encoding.ids, length - 2, shortest=SHORTEST_PIECE)

    return pack(cut(), length, first=first, last=last, pad=pad)
