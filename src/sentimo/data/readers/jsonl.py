"""JSON Lines: one object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sentimo.data.readers import BadRow, ReadOptions, Row
from sentimo.data.readers.encoding import count_lines, encoding_of
from sentimo.errors import DataError

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def columns(path: Path, options: ReadOptions) -> list[str]:
    """Return the keys of all rows, in order of their first occurrence."""
    rows = read(path, options)
    names = list(dict.fromkeys(key for row in rows if isinstance(row, Row) for key in row.cells))
    if not names:
        raise DataError(f"{path}: no line holds a JSON object with keys, such as " + '{"text": "..."}')
    return names


def read(path: Path, options: ReadOptions) -> Iterator[Row | BadRow]:
    """Return the rows; blank lines are passed over."""
    encoding = encoding_of(path, options.encoding)
    return _rows(path, encoding)


def estimate_rows(path: Path) -> int:
    """Return about how many rows the file has."""
    return count_lines(path)


def _rows(path: Path, encoding: str) -> Iterator[Row | BadRow]:
    number = 0
    with path.open(encoding=encoding, errors="replace") as file:
        for line_number, line in enumerate(file, 1):
            if not line.strip():
                continue
            number += 1
            try:
                cells = _whole(json.loads(line)) if _SURROGATE.search(line) else json.loads(line)
            except (ValueError, RecursionError) as error:
                yield BadRow(number, f"not JSON (line {line_number}): {error}", line.rstrip("\n"))
                continue
            if isinstance(cells, dict):
                yield Row(number, cells)
            else:
                yield BadRow(number, f"a {type(cells).__name__}, not an object (line {line_number})", line.rstrip("\n"))


def _whole(value: Any) -> Any:
    """Return a value without half surrogate pairs, which JSON can spell but no file can hold: each becomes U+FFFD."""
    line = json.dumps(value, ensure_ascii=False)
    return json.loads(line.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
