"""Plain text for pre-training: files of one document a line, each taken as often as it deserves."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentimo.data.readers import Row, read_rows
from sentimo.train.pretrain.packing import pack, pieces
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


def packed(documents: Sequence[str], tokenizer: Tokenizer, length: int) -> NDArray[np.uint16]:
    """Tokenise documents and pack them into rows (n_rows, length)."""
    pad, _, first, last, _ = special_ids(tokenizer)

    def cut() -> Iterator[Sequence[int]]:
        for start in range(0, len(documents), _LINES_AT_ONCE):
            batch = list(documents[start : start + _LINES_AT_ONCE])
            for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
                yield from pieces(encoding.ids, length - 2, shortest=SHORTEST_PIECE)

    return pack(cut(), length, first=first, last=last, pad=pad)
