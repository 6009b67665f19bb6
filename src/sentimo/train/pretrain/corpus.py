"""Plain text for pre-training: files of one document a line, each taken as often as it deserves."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentimo.data.readers import Row, read_rows
from sentimo.train.pretrain.packing import pack, packed_rows, pieces
from sentimo.train.pretrain.vocabulary import special_ids

SHORTEST_PIECE = 16  # tokens; a shorter rest of a long document teaches little

_LINES_AT_ONCE = 20_000


@dataclass(frozen=True)
class Source:
    """A file of documents.

    Attributes:
        path: A text file, one document a line, or any other that has a column "text"; also ``.gz`` and ``.zst``.
        times: How often an epoch reads it: 0.5 takes a drawn half of its documents, 2 all of them twice.
    """

    path: Path
    times: float = 1.0


def lines(path: Path) -> Iterator[str]:
    """Yield the documents of a text file, or those in the column "text" of another; blank ones are left out.

    Raises:
        DataError: there is no such file, or it is not what its name says.
    """
    for row in read_rows(path):
        if isinstance(row, Row) and (text := str(row.cells.get("text") or "").strip()):
            yield text


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


def is_held_out(text: str, share: float) -> bool:
    """Return whether a document is kept to measure on: the same of every copy and in every run."""
    return zlib.crc32(text.encode("utf-8", "replace")) < share * 2**32


def write_rows(path: Path, documents: Iterable[str], tokenizer: Tokenizer, length: int) -> int:
    """Tokenise documents one after the other and write their packed rows to a file, in constant memory.

    Returns:
        Number of rows. `np.memmap(path, np.uint16, "r").reshape(-1, length)` reads them.
    """
    pad, _, first, last, _ = special_ids(tokenizer)
    n_rows = 0
    with path.open("wb") as file:
        cut = _pieces(documents, tokenizer, length)
        for row in packed_rows(cut, length, first=first, last=last, pad=pad):
            file.write(row.tobytes())
            n_rows += 1
    return n_rows


def packed(documents: Sequence[str], tokenizer: Tokenizer, length: int) -> NDArray[np.uint16]:
    """Tokenise documents and pack them into rows (n_rows, length)."""
    pad, _, first, last, _ = special_ids(tokenizer)
    return pack(_pieces(documents, tokenizer, length), length, first=first, last=last, pad=pad)


def _pieces(documents: Iterable[str], tokenizer: Tokenizer, length: int) -> Iterator[Sequence[int]]:
    coming = iter(documents)
    while batch := list(islice(coming, _LINES_AT_ONCE)):
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            yield from pieces(encoding.ids, length - 2, shortest=SHORTEST_PIECE)
