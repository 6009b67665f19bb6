"""Pairs of texts that are almost the same, found in time that grows with the texts and not with their pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIMILARITY = 0.8
"""Least share of common n-grams (Jaccard) of two near-duplicates."""

_GRAM, _HAN_GRAM = 5, 3  # characters; a Han character carries about as much as two Latin letters
_HAN_SHARE = 1 / 3  # of a text's characters, from which it is cut into the shorter n-grams
# 20 bands of 5 values find a pair of similarity 0.8 with probability 1 - (1 - 0.8**5)**20 = 0.9996.
_BANDS, _ROWS = 20, 5
_NEIGHBOURS = 16  # a bucket of more texts compares each with the 16 that follow: linear, and its chain stays whole
_CHUNK = 1 << 16  # n-grams hashed at once: the arrays stay in the processor's cache
_HASH_BITS = 48  # of an n-gram when pairs are verified; the pair's place in its chunk has the rest
_BASE, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)  # odd constants of SplitMix64

Positions = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class NearPair:
    """Two texts by their positions, `first` < `second`, and the share of n-grams they have in common."""

    first: int
    second: int
    similarity: float


class _Texts(NamedTuple):
    """Texts as one row of code points: text k stands at ``codes[starts[k] : starts[k] + lengths[k]]``."""

    codes: NDArray[np.uint32]
    starts: Positions
    lengths: Positions
    sizes: Positions  # length of the text's n-grams

    @property
    def counts(self) -> Positions:
        """How many n-grams each text has; 0 where it is too short for one."""
        counts: Positions = np.maximum(self.lengths - self.sizes + 1, 0)
        return counts


def near_duplicates(texts: Sequence[str]) -> list[NearPair]:
    """Return the pairs of texts whose sets of character n-grams have a Jaccard similarity of 0.8 or more.

    Texts are cut into 5-grams, mostly Han ones into 3-grams. Pairs that agree in one band of their MinHash signatures
    are candidates; each candidate is then verified on the n-grams themselves. A text shorter than one n-gram has no
    near-duplicates, and equal texts are pairs too: leave repeats out and normalise first. In a group of more than 17
    texts alike, a text is paired with its neighbours and not with each of the group.

    Source: Broder 1997, "On the resemblance and containment of documents"; banding as in Leskovec, Rajaraman & Ullman
    2014, "Mining of Massive Datasets", section 3.4.
    """
    laid_out = _lay_out(texts)
    readable = np.flatnonzero(laid_out.counts)
    if len(readable) < 2:
        return []
    pairs = readable[_candidates(_signatures(laid_out, readable))]
    n_grams = laid_out.counts[pairs].sum(axis=1)
    return [found for start, end in _chunks(n_grams) for found in _verified(laid_out, pairs[start:end])]


def _lay_out(texts: Sequence[str]) -> _Texts:
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, dtype="<u4")
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ends = np.cumsum(lengths)
    han = (codes >= 0x3400) & (codes <= 0x9FFF) | (codes >= 0x20000) & (codes <= 0x323AF)
    n_han = np.diff(np.concatenate(([0], np.cumsum(han)))[np.concatenate(([0], ends))])
    sizes = np.where(n_han > _HAN_SHARE * lengths, _HAN_GRAM, _GRAM)
    padded = np.concatenate((codes, np.zeros(_GRAM, dtype=np.uint32)))  # the last 3-gram may look past the end
    return _Texts(padded, ends - lengths, lengths, sizes)


def _grams(texts: _Texts, rows: Positions) -> tuple[Hashes, Positions]:
    """Return the hash of every n-gram of some texts, text after text, and the place where each text begins."""
    counts = texts.counts[rows]
    begins = np.cumsum(counts) - counts
    places = np.repeat(texts.starts[rows] - begins, counts) + np.arange(counts.sum())
    sizes = np.repeat(texts.sizes[rows], counts)
    hashes = np.zeros(len(places), dtype=np.uint64)
    for k in range(_GRAM):
        hashes = hashes * _BASE + np.where(k < sizes, texts.codes[places + k], 0).astype(np.uint64)
    hashes = (hashes ^ (hashes >> np.uint64(29))) * _MIX
    return hashes ^ (hashes >> np.uint64(32)), begins


def _signatures(texts: _Texts, rows: Positions) -> NDArray[np.uint32]:
    """Return the MinHash signature of each text: (n, bands * rows), the least n-gram under each of the hashes."""
    random = np.random.default_rng(0)
    factors = random.integers(0, 1 << 31, size=_BANDS * _ROWS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    offsets = random.integers(0, 1 << 32, size=_BANDS * _ROWS, dtype=np.uint32)
    signatures = np.empty((len(rows), _BANDS * _ROWS), dtype=np.uint32)
    for start, end in _chunks(texts.counts[rows]):
        hashes, begins = _grams(texts, rows[start:end])
        short = hashes.astype(np.uint32)
        for column, (factor, offset) in enumerate(zip(factors, offsets, strict=True)):
            signatures[start:end, column] = np.minimum.reduceat(short * factor + offset, begins)
    return signatures


def _chunks(counts: Positions) -> Iterable[tuple[int, int]]:
    """Cut texts into runs of about `_CHUNK` n-grams, at least one text each."""
    chunk = np.cumsum(counts) // _CHUNK
    cuts = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(counts)]
    return pairwise(cuts)


def _candidates(signatures: NDArray[np.uint32]) -> Positions:
    """Return the pairs (m, 2) of rows that agree in at least one band, the lower row first."""
    n = len(signatures)
    found = [np.empty(0, dtype=np.int64)]
    for band in np.split(signatures, _BANDS, axis=1):
        keys = np.zeros(n, dtype=np.uint64)
        for column in band.T:
            keys = (keys ^ column) * _MIX + _BASE
        order = np.argsort(keys, kind="stable")  # rows of a bucket stay in order, so all bands name a pair alike
        keys = keys[order]
        for step in range(1, min(_NEIGHBOURS, n - 1) + 1):
            alike = np.flatnonzero(keys[step:] == keys[:-step])
            if not len(alike):
                break
            found.append(order[alike] * n + order[alike + step])
    packed = np.unique(np.concatenate(found))
    return np.stack((packed // n, packed % n), axis=1)


def _verified(texts: _Texts, pairs: Positions) -> list[NearPair]:
    """Keep the pairs that are similar enough, by all n-grams (48 bits of their hashes; clashes are negligible)."""
    left, right = (_numbered_grams(texts, side) for side in pairs.T)
    common = np.intersect1d(left, right, assume_unique=True)
    n_left, n_right, n_common = (
        np.bincount((each >> np.uint64(_HASH_BITS)).astype(np.int64), minlength=len(pairs))
        for each in (left, right, common)
    )
    similarity = n_common / np.maximum(n_left + n_right - n_common, 1)
    return [
        NearPair(int(pairs[row, 0]), int(pairs[row, 1]), float(similarity[row]))
        for row in np.flatnonzero(similarity >= SIMILARITY)
    ]


def _numbered_grams(texts: _Texts, rows: Positions) -> Hashes:
    """Return the different n-grams of each text, the text's place in `rows` in the high bits."""
    hashes, _ = _grams(texts, rows)
    numbers = np.repeat(np.arange(len(rows), dtype=np.uint64), texts.counts[rows])
    return np.unique((numbers << np.uint64(_HASH_BITS)) | (hashes >> np.uint64(64 - _HASH_BITS)))
