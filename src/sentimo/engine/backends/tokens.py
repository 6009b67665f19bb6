"""Texts to windows of token ids: what every encoder backend shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentimo.engine.backends import Prepared, Window
from sentimo.engine.knowledge import Knowledge
from sentimo.engine.threads import limit_tokenizers
from sentimo.engine.windows import spans
from sentimo.errors import InputError

Ids = NDArray[np.int64]


class TokenReader:
    """Tokenises texts, cuts long ones into windows and pads batches.

    Args:
        tokenizer: The model's tokenizer; its truncation and padding are switched off.
        max_tokens: Most tokens read at once, special tokens included.
        prefix, suffix: Ids of the special tokens before and after every window.
        pad_id: Id that fills short rows; hidden by the mask.
        max_windows: Most windows read of one text; None reads all.
        knowledge: What is put before the ids of each window; None puts nothing.

    Raises:
        InputError: max_tokens leaves no room for a text, or SENTIMO_THREADS is no number.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        max_tokens: int,
        prefix: Sequence[int],
        suffix: Sequence[int],
        pad_id: int,
        max_windows: int | None = None,
        knowledge: Knowledge | None = None,
    ) -> None:
        limit_tokenizers()
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._prefix, self._suffix, self._pad_id = list(prefix), list(suffix), pad_id
        self._size = max_tokens - len(self._prefix) - len(self._suffix)
        if self._size < 1:
            n_special = len(self._prefix) + len(self._suffix)
            raise InputError(f"max_tokens is {max_tokens}: {n_special} special tokens leave no room for a text")
        self._max_windows, self._knowledge = max_windows, knowledge
        unknown = getattr(tokenizer.model, "unk_token", None)  # SentencePiece does not tell, and puts a blank before it
        self._unread = {tokenizer.token_to_id(token) for token in (unknown or "[UNK]", "<unk>", "▁")}

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows of token ids; where the vocabulary holds nothing of a text, its coverage is 0."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self._prepared(text, each) for text, each in zip(texts, encodings, strict=True)]

    def places(self, text: str) -> Iterator[tuple[list[int], list[tuple[int, int] | None]]]:
        """Yield per window its token ids and the place of each in the text; None for special tokens."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        before, after = [None] * len(self._prefix), [None] * len(self._suffix)
        for start, end, _ in spans(len(encoding.ids), self._size, most=self._max_windows):
            place = encoding.offsets[start:end]
            known = self._known(text[place[0][0] : place[-1][1]] if (start, end) != (0, len(encoding.ids)) else text)
            ids = [*known, *self._prefix, *encoding.ids[start:end], *self._suffix]
            yield ids, [*([None] * len(known)), *before, *place, *after]

    def pad(self, features: Sequence[list[int]]) -> tuple[Ids, Ids]:
        """Return ids and mask, both (b, longest), of rows of token ids."""
        longest = max(map(len, features))
        ids = np.full((len(features), longest), self._pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(features):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return ids, mask

    def _prepared(self, text: str, encoding: Any) -> Prepared:
        ids = encoding.ids
        unread = bool(ids) and self._unread.issuperset(ids)
        if len(ids) <= self._size:
            windows = (self._window(text, 0, len(text), len(ids), ids),) if ids else ()
            return Prepared(windows, len(ids), 0.0 if unread else 1.0)
        # The fast way gives no offsets, and only long texts need them.
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        places = list(spans(len(ids), self._size, most=self._max_windows))
        return Prepared(
            tuple(self._window(text, offsets[a][0], offsets[b - 1][1], n_new, ids[a:b]) for a, b, n_new in places),
            len(ids),
            0.0 if unread else places[-1][1] / len(ids),
        )

    def _known(self, text: str) -> list[int]:
        return self._knowledge.columns(text) if self._knowledge else []

    def _window(self, text: str, start: int, end: int, n_new: int, ids: Sequence[int]) -> Window:
        tokens = [*self._known(text[start:end]), *self._prefix, *ids, *self._suffix]
        return Window(start, end, n_new, tokens, len(tokens))
