"""JSON Lines: one object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.encoding import encoding_of
from sentimo.data.readers.lines import LineReader, Lines, Place
from sentimo.data.streams import Input, StreamInput
from sentimo.errors import DataError

_decode = json.JSONDecoder().decode
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def columns(source: Input, options: ReadOptions) -> list[str]:
    """Return the keys of all rows, in order of their first occurrence; of a stream those of its first object.

    How much of a stream is there beforehand is chance: it must not decide which columns there are.
    """
    names: dict[str, None] = {}
    for line in Lines(source.preview, encoding_of(source, options.encoding)):
        try:
            cells = _value(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(cells, dict) and not names.keys() >= cells.keys():
            names |= dict.fromkeys(cells)
            if isinstance(source, StreamInput):
                break
    if not names:
        raise DataError(f"{source}: no line holds a JSON object with keys, such as " + '{"text": "..."}')
    return list(names)


class Reader(LineReader):
    """The rows; blank lines are passed over."""

    def __init__(self, source: Input, options: ReadOptions, place: Place) -> None:
        super().__init__(source, encoding_of(source, options.encoding), place)

    def __iter__(self) -> Iterator[Row | BadRow]:
        start = self._start
        number, lines = start.rows_before, Lines(self._source, self._encoding, start.n_bytes)
        for line_number, line in enumerate(lines, start.lines_before + 1):
            if line.isspace():
                continue
            number += 1
            if number > start.rows:
                self._passed(number, line_number, lines)
                yield _row(number, line_number, line)


def _row(number: int, line_number: int, line: str) -> Row | BadRow:
    try:
        cells = _value(line)
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"not JSON (line {line_number}): {error}", line.rstrip("\r\n"))
    if isinstance(cells, dict):
        return Row(number, cells)
    return BadRow(number, f"a {type(cells).__name__}, not an object (line {line_number})", line.rstrip("\r\n"))


def _value(line: str) -> Any:
    """Return what a line holds. Half surrogate pairs, which JSON can spell but no file can hold, become U+FFFD."""
    value = _decode(line)
    if "\\u" not in line or not _SURROGATE.search(line):
        return value
    spelt = json.dumps(value, ensure_ascii=False)
    return json.loads(spelt.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
