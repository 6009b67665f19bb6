"""Rows cut into parts. A thread reads the next part while this one is answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Queue
from threading import Thread
from typing import Any

from sentimo.data.readers import BadRow, Row
from sentimo.data.sources import FROM_START, Sources, Where

ROWS_AT_ONCE, CHARACTERS_AT_ONCE = 4096, 4_000_000
"""Size of a part, whichever is reached first. It bounds the memory of a run and what an interruption costs."""

_AHEAD = 1  # parts read while one is answered
_END = object()

Named = tuple[str, Row | BadRow]


@dataclass(frozen=True)
class Part:
    """Some rows in a row.

    Attributes:
        rows: (name of the input, row).
        where: The place after them.
        share: About what share of all inputs is read then.
    """

    rows: list[Named]
    where: Where
    share: float


def file_parts(sources: Sources, start: Where = FROM_START) -> Generator[Part, None, None]:
    """Yield the parts of files, the same ones from whichever part on."""
    with ThreadPoolExecutor(1, "read") as thread:
        parts = _cut(sources, start)
        coming = deque(thread.submit(next, parts, None) for _ in range(_AHEAD + 1))
        while (part := coming.popleft().result()) is not None:
            coming.append(thread.submit(next, parts, None))
            yield part


def stream_parts(sources: Sources) -> Generator[Part, None, None]:
    """Yield the rows of a stream as they come: all that are there, up to the size of a part, but never none."""
    coming = _Waiting(ROWS_AT_ONCE)

    def read() -> None:
        try:
            for row in sources.rows():
                coming.put((row, _n_characters(row)))
            coming.put(_END)
        except BaseException as error:
            coming.put(error)

    Thread(target=read, name="read", daemon=True).start()  # nobody can wake a thread that waits for stdin
    item = coming.get()
    while isinstance(item, tuple):
        rows, n_characters = [item[0]], item[1]
        while len(rows) < ROWS_AT_ONCE and n_characters < CHARACTERS_AT_ONCE and not coming.empty():
            item = coming.get()
            if not isinstance(item, tuple):
                break
            rows.append(item[0])
            n_characters += item[1]
        yield Part(rows, FROM_START, 0.0)
        item = coming.get() if isinstance(item, tuple) else item
    if isinstance(item, BaseException):
        raise item


class _Waiting(Queue[Any]):
    """A queue that counts as full with the characters of a part, too."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._n_characters = 0

    def _put(self, item: Any) -> None:
        super()._put(item)
        self._n_characters += item[1] if isinstance(item, tuple) else 0

    def _get(self) -> Any:
        item = super()._get()
        self._n_characters -= item[1] if isinstance(item, tuple) else 0
        return item

    def _qsize(self) -> int:
        return self.maxsize if self._n_characters >= CHARACTERS_AT_ONCE else super()._qsize()


def _cut(sources: Sources, start: Where) -> Iterator[Part]:
    rows: list[Named] = []
    n_characters = 0
    for row in sources.rows(start):
        rows.append(row)
        n_characters += _n_characters(row)
        if n_characters >= CHARACTERS_AT_ONCE or len(rows) >= ROWS_AT_ONCE:
            yield Part(rows, sources.where, sources.share)
            rows, n_characters = [], 0
    if rows:
        yield Part(rows, sources.where, 1.0)


def _n_characters(row: Named) -> int:
    found = row[1]
    return sum(map(len, map(str, found.cells.values() if isinstance(found, Row) else (found.raw,))))
