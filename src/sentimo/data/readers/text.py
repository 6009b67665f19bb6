"""Plain text: one text a line, in the column "text"."""

from __future__ import annotations

from collections.abc import Iterator

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.encoding import encoding_of
from sentimo.data.readers.lines import LineReader, Lines, Place
from sentimo.data.streams import Input


def columns(source: Input, options: ReadOptions) -> list[str]:
    """Return the one column."""
    return ["text"]


class Reader(LineReader):
    """The lines; a blank one is a row with an empty text."""

    def __init__(self, source: Input, options: ReadOptions, place: Place) -> None:
        super().__init__(source, encoding_of(source, options.encoding), place)

    def __iter__(self) -> Iterator[Row | BadRow]:
        start = self._start
        lines = Lines(self._source, self._encoding, start.n_bytes, returns=False)
        for number, line in enumerate(lines, start.rows_before + 1):
            if number > start.rows:
                self._passed(number, number, lines)
                yield Row(number, {"text": line.rstrip("\r\n")})
