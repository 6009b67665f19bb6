"""Groups of texts that are almost the same, found in time that grows with the texts and not with their pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentimo.text.scripts import HAN_RANGES

SIMILARITY = 0.8
"""Least share of common n-grams (Jaccard) of two near-duplicates."""

_GRAM, _HAN_GRAM = 5, 3  # characters; a Han character carries about as much as two Latin letters
_HAN_SHARE = 1 / 3  # of a text's characters, from which it is cut into the shorter n-grams
# 20 bands of 5 values find a pair of similarity 0.8 with probability 1 - (1 - 0.8**5)**20 = 0.9996.
_BANDS, _ROWS = 20, 5
# A pair of similarity 0.8 agrees in 80 of the 100 values, give or take 4: fewer than 70 are not worth verifying.
_LIKELY = 0.7
_NEIGHBOURS = 8  # each text is compared with so many that follow it in its bucket: more would be pairs without end
_TRIES = 10  # pairs verified of a text: one that is nearly like more others comes from a template that all share
_CHUNK = 1 << 16  # n-grams hashed at once: the arrays stay in the processor's cache
_HASH_BITS = 48  # of an n-gram when pairs are verified; the pair's place in its chunk has the rest
_BASE, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)  # odd constants of SplitMix64

Positions = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Signatures = NDArray[np.uint32]


def near_duplicates(texts: Sequence[str]) -> list[list[int]]:
    """Return groups of texts, by position, that are linked by pairs of a Jaccard similarity of 0.8 or more.

    Texts are compared as sets of their character 5-grams, mostly Han ones of their 3-grams. Pairs that agree in a band
    of their MinHash signatures are candidates, and each counts only after it was verified on the n-grams themselves.
    Two texts of a group may be less alike than 0.8 where others stand between them. A text shorter than one n-gram is
    in no group; equal texts are, so leave repeats out and normalise first.

    Source: Broder 1997, "On the resemblance and containment of documents"; banding as in Leskovec, Rajaraman & Ullman
    2014, "Mining of Massive Datasets", section 3.4.
    """
    laid_out = _lay_out(texts)
    readable = np.flatnonzero(laid_out.counts)
    groups = _Groups(len(texts))
    signatures = _signatures(laid_out, readable)
    n_tries = np.zeros(len(texts), dtype=np.int64)
    for pairs in _candidates(signatures):
        first, second = readable[pairs].T
        pairs = pairs[(groups.of(first) != groups.of(second)) & (np.minimum(n_tries[first], n_tries[second]) < _TRIES)]
        agreement = (signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1)
        likely = readable[pairs[agreement >= _LIKELY]]
        n_tries += np.bincount(likely.ravel(), minlength=len(texts))
        groups.join(likely[_similarities(laid_out, likely) >= SIMILARITY])
    return groups.listed()


def similarity(one: str, other: str) -> float:
    """Return the Jaccard similarity of two texts as `near_duplicates` sees it; 0 where one is too short."""
    return float(_similarities(_lay_out([one, other]), np.array([[0, 1]]))[0])


class _Groups:
    """Disjoint sets of 0..n-1; the least member stands for its set."""

    def __init__(self, n: int) -> None:
        self._parent: Positions = np.arange(n)

    def of(self, members: Positions) -> Positions:
        """Return the set of each member."""
        while True:
            grandparent = self._parent[self._parent]
            if np.array_equal(grandparent, self._parent):
                return grandparent[members]
            self._parent = grandparent

    def join(self, pairs: Positions) -> None:
        """Unite the sets of the two members of each pair."""
        for first, second in pairs.tolist():
            low, high = sorted((self._root(first), self._root(second)))
            self._parent[high] = low

    def listed(self) -> list[list[int]]:
        """Return the sets of two and more, members in order, sets by their least member."""
        sets = self.of(np.arange(len(self._parent)))
        order = np.argsort(sets, kind="stable")
        cuts = np.flatnonzero(np.diff(sets[order])) + 1
        return [members.tolist() for members in np.split(order, cuts) if len(members) > 1]

    def _root(self, member: int) -> int:
        while (parent := int(self._parent[member])) != member:
            member = parent
        return member


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


def _lay_out(texts: Sequence[str]) -> _Texts:
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ends = np.cumsum(lengths)
    han = np.logical_or.reduce([(codes >= first) & (codes <= last) for first, last in HAN_RANGES])
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


def _signatures(texts: _Texts, rows: Positions) -> Signatures:
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
    """Cut a row of parts into runs of about `_CHUNK` n-grams, at least one part each."""
    chunk = np.cumsum(counts) // _CHUNK
    cuts = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(counts)]
    return pairwise(cuts) if len(counts) else ()


def _candidates(signatures: Signatures) -> Iterator[Positions]:
    """Yield pairs (m, 2) of rows that agree in a band, band after band, near neighbours in a bucket first."""
    n = len(signatures)
    for band in np.split(signatures, _BANDS, axis=1):
        keys = np.zeros(n, dtype=np.uint64)
        for column in band.T:
            keys = (keys ^ column) * _MIX + _BASE
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        for step in range(1, min(_NEIGHBOURS, n - 1) + 1):
            alike = np.flatnonzero(keys[step:] == keys[:-step])
            if not len(alike):
                break
            yield np.stack((order[alike], order[alike + step]), axis=1)


def _similarities(texts: _Texts, pairs: Positions) -> NDArray[np.float64]:
    """Return the Jaccard similarity of each pair of texts (m, 2), by 48 bits of each n-gram's hash: few clashes."""
    found = [np.empty(0)]
    for start, end in _chunks(texts.counts[pairs].sum(axis=1)):
        left, right = (_numbered_grams(texts, side) for side in pairs[start:end].T)
        common = np.intersect1d(left, right, assume_unique=True)
        n_left, n_right, n_common = (
            np.bincount((each >> np.uint64(_HASH_BITS)).astype(np.int64), minlength=end - start)
            for each in (left, right, common)
        )
        found.append(n_common / np.maximum(n_left + n_right - n_common, 1))
    return np.concatenate(found)


def _numbered_grams(texts: _Texts, rows: Positions) -> Hashes:
    """Return the different n-grams of each text, the text's place in `rows` in the high bits."""
    hashes, _ = _grams(texts, rows)
    numbers = np.repeat(np.arange(len(rows), dtype=np.uint64), texts.counts[rows])
    grams: Hashes = np.sort((numbers << np.uint64(_HASH_BITS)) | (hashes >> np.uint64(64 - _HASH_BITS)))
    # np.unique hashes first, which takes twice as long.
    different: Hashes = grams[np.diff(grams, prepend=~grams[:1]) != 0]
    return different
