"""Vectors of tokens: read from a file, or learnt from plain text by counting which tokens stand near each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentimo.data.readers import Row, read_rows
from sentimo.data.streams import FileInput
from sentimo.errors import InputError
from sentimo.train.scratch.tokens import UNKNOWN_ID

Floats = NDArray[np.float32]

WINDOW = 5
"""Tokens to either side that count as near; one at distance d counts 1/d."""

_SMOOTHING = 0.75
_AT_ONCE = 20_000  # texts
_ROUNDS = 4


def learn_vectors(tokenizer: Tokenizer, texts: Sequence[str], *, width: int, seed: int) -> Floats:
    """Return vectors of length 1 for all tokens that stand near others in texts; the others are drawn.

    Counts of neighbours become positive pointwise mutual information, ``max(0, log(p(w, c) / (p(w) * p(c)**0.75)))``
    with the smoothed ``p(c)`` normalised anew, whose singular vectors times the root of their singular values are the
    vectors. On corpora of millions of words these are as good as those of skip-gram, and need seconds.

    Args:
        tokenizer: What cuts texts into tokens.
        texts: Plain text.
        width: Of the vectors.
        seed: Of the randomised decomposition and of what is drawn.

    Returns:
        (vocabulary, width).

    Source: Levy, Goldberg & Dagan 2015, TACL Q15-1016, sections 2.1 and 3 (dynamic window, smoothing, eigenvalue
    weighting 0.5).
    """
    from sklearn.utils.extmath import randomized_svd

    counts = _neighbours(tokenizer, texts)
    of_word = np.asarray(counts.sum(axis=1)).ravel()
    of_context = of_word**_SMOOTHING  # neighbours are mutual: counts are symmetric
    pairs = counts.tocoo()
    share = of_context / max(of_context.sum(), 1e-12)
    pairs.data = np.maximum(np.log(pairs.data / (of_word[pairs.row] * share[pairs.col])), 0.0)
    matrix = pairs.tocsr()
    k = min(width, matrix.shape[0] - 1)
    left, strength, _ = randomized_svd(matrix, k, n_iter=_ROUNDS, random_state=seed)
    vectors = np.zeros((matrix.shape[0], width), np.float32)
    vectors[:, :k] = left * np.sqrt(strength)
    norms = np.linalg.norm(vectors, axis=1)
    seen = norms > 1e-6
    vectors[seen] /= norms[seen, None]
    return _drawn(vectors, seen, seed)


def read_vectors(path: Path) -> dict[str, Floats]:
    """Read vectors in the text format of word2vec, GloVe and fastText: a word and its numbers a line.

    The file may be compressed (``.gz``, ``.zst``). Words are lower-cased, the first of a kind counts.

    Raises:
        InputError: there is no such file, or a line is not a word with as many numbers as the others have.
    """
    vectors: dict[str, Floats] = {}
    width = 0
    for number, row in enumerate(read_rows(FileInput(path, ".txt")), 1):
        line = str(row.cells.get("text") or "") if isinstance(row, Row) else ""
        word, *numbers = line.rstrip().split(" ")
        if number == 1 and len(numbers) == 1 and word.isdigit():  # "400000 300": how many, and how long
            continue
        try:
            vector = np.array(numbers, np.float32)
        except ValueError:
            raise InputError(f"{path}, line {number}: expected a word and numbers, found {line[:40]!r}") from None
        width = width or len(vector)
        if len(vector) != width or not width:
            raise InputError(f"{path}, line {number}: {len(vector)} numbers after {word!r}; expected {width or 'some'}")
        vectors.setdefault(word.lower(), vector)
    if not vectors:
        raise InputError(f"{path}: no vectors found; expected lines of a word and its numbers")
    return vectors


def fill_vectors(given: Mapping[str, Floats], tokens: Mapping[str, int], *, seed: int) -> Floats:
    """Return (vocabulary, width): the given vectors, those of other tokens drawn with their mean and spread."""
    width = len(next(iter(given.values())))
    vectors, seen = np.zeros((len(tokens), width), np.float32), np.zeros(len(tokens), bool)
    for token, at in tokens.items():
        if token in given:
            vectors[at], seen[at] = given[token], True
    return _drawn(vectors, seen, seed)


def _drawn(vectors: Floats, seen: NDArray[np.bool_], seed: int) -> Floats:
    """Draw the vectors that were not seen; fewer than two seen ones tell no mean and spread."""
    n, width = vectors.shape
    known = vectors[seen]
    mean, spread = (known.mean(axis=0), known.std(axis=0)) if len(known) > 1 else (0.0, 0.1)
    noise = np.random.default_rng(seed).standard_normal((n, width))
    vectors[~seen] = (mean + spread * noise)[~seen]
    return vectors


def _neighbours(tokenizer: Tokenizer, texts: Sequence[str]) -> Any:
    """Return (vocabulary, vocabulary) sparse counts of neighbours; unknown tokens are none."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    n = tokenizer.get_vocab_size()
    counts = csr_matrix((n, n), dtype=np.float64)
    for start in range(0, len(texts), _AT_ONCE):
        rows = [each.ids for each in tokenizer.encode_batch_fast(list(texts[start : start + _AT_ONCE]))]
        ids = np.array([token for row in rows for token in row], dtype=np.int64)
        text = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        for distance in range(1, WINDOW + 1):
            left, right = ids[:-distance], ids[distance:]
            near = (text[:-distance] == text[distance:]) & (left > UNKNOWN_ID) & (right > UNKNOWN_ID)
            pairs = (left[near], right[near])
            counts = counts + csr_matrix((np.full(near.sum(), 1.0 / distance), pairs), shape=(n, n))
    return counts + counts.T
