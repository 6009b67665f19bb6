"""Readers turn a file into rows, one after the other. A new format is one file and one catalogue line.

A reader module has a class ``Reader(source, options, place)``, the `Rows` of a file, and ``columns(source, options)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sentimo.data.readers.lines import START, Place
from sentimo.data.streams import COMPRESSIONS, FileInput, Input, as_input
from sentimo.errors import DataError, did_you_mean

READERS: Mapping[str, str] = {
    ".csv": "sentimo.data.readers.csv",
    ".tsv": "sentimo.data.readers.csv",
    ".jsonl": "sentimo.data.readers.jsonl",
    ".ndjson": "sentimo.data.readers.jsonl",
    ".parquet": "sentimo.data.readers.parquet",
    ".txt": "sentimo.data.readers.text",
}
"""Ending of the file name -> module. All but Parquet may end in .gz or .zst too."""

_TEXT_NAMES = (
    *("text", "sentence", "review", "content", "comment", "tweet", "post", "message", "body", "utterance"),
    *("headline", "title", "document", "文本", "评论", "内容", "句子", "正文", "微博", "标题"),
)
_LABEL_NAMES = (
    *("label", "labels", "sentiment", "polarity", "emotion", "emotions", "intensity", "valence", "stars", "rating"),
    *("score", "class", "category", "target", "标签", "情感", "情绪", "极性", "类别", "评分", "星级"),
)


class Row(NamedTuple):
    """A data row: its number from 1 (a header is not counted) and its cells by column."""

    number: int
    cells: Mapping[str, Any]


class BadRow(NamedTuple):
    """A data row that cannot be read, why, and what stands there: its cells (CSV) or its line (JSONL), if anything."""

    number: int
    reason: str
    raw: Any = None


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file where it does not say so itself.

    Attributes:
        delimiter: Sign between cells of a CSV file; guessed by default.
        encoding: Of a text file; UTF-8 (with or without BOM), UTF-16 with BOM and GB18030 are detected by default.
    """

    delimiter: str | None = None
    encoding: str | None = None


class Rows(Protocol):
    """The rows of a file."""

    def __iter__(self) -> Iterator[Row | BadRow]:
        """Read one row after the other."""
        ...

    @property
    def place(self) -> Place:
        """The place after the row that was given last, from which `read_rows` can go on."""
        ...

    @property
    def share(self) -> float:
        """About what share of the file is read, in [0, 1]."""
        ...


def read_rows(
    source: str | Path | Input,
    place: Place = START,
    /,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Rows:
    """Read a CSV, TSV, JSONL, Parquet or text file row by row, in constant memory.

    Cells of CSV files are strings; JSONL and Parquet keep their types. A text file has one column, "text".

    Args:
        source: The file, plain or compressed (.gz, .zst), or a stream.
        place: Where to go on: the `Rows.place` of an earlier reading of the same file in the same way.
        delimiter: Sign between CSV cells; None: guessed.
        encoding: Of a text file; None: detected.

    Raises:
        DataError: no such file, an unknown format, an unknown encoding or no header. Raised at the call, not later.
    """
    source = as_input(source)
    rows: Rows = _reader(source).Reader(source, ReadOptions(delimiter, encoding), place)
    return rows


def columns(source: str | Path | Input, *, delimiter: str | None = None, encoding: str | None = None) -> list[str]:
    """Return the columns of a file, in order. Those of JSONL are the keys of all its rows."""
    source = as_input(source)
    names: list[str] = _reader(source).columns(source, ReadOptions(delimiter, encoding))
    return names


def guess_columns(
    path: str | Path | Input,
    *,
    text: str | None = None,
    label: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> tuple[str, str | None]:
    """Guess which column holds the texts and which the labels, by name, then by what stands in them.

    Args:
        path: The file.
        text, label: What is known already.
        delimiter, encoding: See `read_rows`.

    Returns:
        (text column, label column or None).

    Raises:
        DataError: no column looks like texts.
    """
    preview = as_input(path).preview
    names = columns(preview, delimiter=delimiter, encoding=encoding)
    rows = read_rows(preview, delimiter=delimiter, encoding=encoding)
    sample = [row for row in islice(rows, 200) if isinstance(row, Row)]
    if text is None:
        free = [name for name in names if name != label]
        text = _by_name(free, _TEXT_NAMES) or _longest(free, sample)
    if text is None:
        raise DataError(f"{path}: no column looks like texts ({', '.join(names)}); name it with --text")
    free = [name for name in names if name != text]
    return text, label or _by_name(free, _LABEL_NAMES) or _fewest_values(free, sample)


def choose_columns(
    path: str | Path, text: str | None, label: str | None, *, delimiter: str | None = None, encoding: str | None = None
) -> tuple[str, str]:
    """Return the columns of texts and labels: those that were given, and a guess for the others.

    Raises:
        DataError: no column looks like texts, or like labels.
    """
    if text is None or label is None:
        text, label = guess_columns(path, text=text, label=label, delimiter=delimiter, encoding=encoding)
    if text == label:
        raise DataError(f"{path}: column {text!r} cannot hold both texts and labels; name them with --text and --label")
    if label is None:
        raise DataError(f"{path}: no column looks like labels; name it with --label, or `label:` in a recipe")
    return text, label


def require_columns(path: str | Path | Input, names: list[str], wanted: Mapping[str, str]) -> None:
    """Raise DataError when a wanted column (option -> name) is not among those of the file."""
    for option, name in wanted.items():
        if name not in names:
            raise DataError(
                f"{path}: no column {name!r}; its columns: {', '.join(names)}."
                + did_you_mean(name, names, f" Name one with --{option}.")
            )


def _reader(source: Input) -> Any:
    if isinstance(source, FileInput):
        _check_file(source)
    if source.ending not in READERS:
        raise DataError(
            f"{source}: files of kind {source.ending or 'unknown'!r} are not read; known: {', '.join(READERS)}, "
            f"all but .parquet also with {' or '.join(COMPRESSIONS)} behind"
        )
    return import_module(READERS[source.ending])


def _check_file(source: FileInput) -> None:
    path = source.path
    if path.is_dir():
        raise DataError(f"{source} is a folder; name a file in it")
    if source.ending in READERS and not path.is_file():
        raise DataError(f"{source}: no such file" if not path.exists() else f"{source} is not a file")
    if source.ending == ".parquet" and source.compression:
        raise DataError(f"{source}: Parquet compresses itself; decompress the file and name it {path.stem}")


def _by_name(names: list[str], known: Sequence[str]) -> str | None:
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[name] for name in known if name in lower), None)


def _longest(names: list[str], sample: list[Row]) -> str | None:
    lengths = {name: sum(len(cell) for row in sample if isinstance(cell := row.cells.get(name), str)) for name in names}
    best = max(lengths, key=lambda name: lengths[name], default=None)
    return best if best is not None and lengths[best] else None


def _fewest_values(names: list[str], sample: list[Row]) -> str | None:
    distinct = {name: len({str(row.cells.get(name)) for row in sample}) for name in names}
    few = {name: n for name, n in distinct.items() if 2 <= n <= max(2, len(sample) // 4)}
    if few:
        return min(few, key=lambda name: few[name])
    return names[0] if len(names) == 1 else None
