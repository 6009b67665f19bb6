"""Documents of any length to rows of one length, without padding to speak of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_OPEN = 64  # rows filled side by side; more pack no tighter


def pieces(ids: Sequence[int], size: int, *, shortest: int) -> Iterator[Sequence[int]]:
    """Cut the tokens of a document into pieces of at most `size`; a last piece under `shortest` is left out."""
    for start in range(0, len(ids), size):
        piece = ids[start : start + size]
        if start == 0 or len(piece) >= shortest:
            yield piece


def pack(documents: Iterable[Sequence[int]], length: int, *, first: int, last: int, pad: int) -> NDArray[np.uint16]:
    """Fill rows with documents; see `packed_rows`.

    Returns:
        (n_rows, length).
    """
    done = list(packed_rows(documents, length, first=first, last=last, pad=pad))
    return np.stack(done) if done else np.empty((0, length), np.uint16)


def packed_rows(
    documents: Iterable[Sequence[int]], length: int, *, first: int, last: int, pad: int
) -> Iterator[NDArray[np.uint16]]:
    """Yield rows filled with documents, each between its two special tokens.

    A document goes into the first of the open rows that has room for it.

    Args:
        documents: Token ids, each document at most ``length - 2`` long.
        length: Of a row.
        first, last: Ids of the special tokens around a document.
        pad: Id that fills the end of a row.

    Yields:
        (length,). Rows come out in the order in which they were filled: shuffle them, or the documents before.
    """
    rows: list[list[int]] = []
    for ids in documents:
        whole = [first, *ids, last]
        row = next((row for row in rows if len(row) + len(whole) <= length), None)
        if row is None:
            if len(rows) == _OPEN:
                fullest = max(range(len(rows)), key=lambda place: len(rows[place]))
                yield _closed(rows.pop(fullest), length, pad)
            row = []
            rows.append(row)
        row += whole
    for row in rows:
        yield _closed(row, length, pad)


def layout(ids: Tensor, first: int, pad: int) -> tuple[Tensor, Tensor]:
    """Return which document of its row each token belongs to (0 for padding), and its place in it.

    Args:
        ids: (b, t) packed rows.
        first: Id of the token that begins a document.
        pad: Id that fills the end of a row.

    Returns:
        Two tensors (b, t) int64.
    """
    starts = ids == first
    documents = starts.cumsum(1)
    steps = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    places = steps - torch.where(starts, steps, 0).cummax(1).values
    is_pad = ids == pad
    return documents.masked_fill(is_pad, 0), places.masked_fill(is_pad, 0)


def _closed(row: list[int], length: int, pad: int) -> NDArray[np.uint16]:
    return np.array(row + [pad] * (length - len(row)), dtype=np.uint16)
