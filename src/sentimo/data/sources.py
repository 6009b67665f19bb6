"""Several inputs as one: files, folders and globs, read one after the other, with the union of their columns."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentimo.core.bundle import MANIFEST
from sentimo.data.readers import READERS, BadRow, Row, columns, read_rows
from sentimo.data.readers.encoding import encoding_of
from sentimo.data.readers.lines import START, Place
from sentimo.data.streams import FileInput, Input, ending_of
from sentimo.errors import DataError, did_you_mean

NOT_READ_FROM_FOLDERS = (".bad.jsonl",)
"""Endings of files that `sentimo predict` leaves beside its output."""


def find_inputs(
    sources: Sequence[str | Path], ending: str | None = None, output: Path | None = None
) -> list[FileInput]:
    """Return the files that are meant, each once, sorted.

    Args:
        sources: Files, folders (all files of a known kind in them, at any depth, but hidden ones), and globs.
        ending: What the files are read as, whatever their names end in.
        output: File or folder that is going to be written: what an earlier run left there is not found in a folder
            or by a glob.

    Raises:
        DataError: there is no such file, a folder or glob leads to none, or a folder is a model.
    """
    paths = {path for source in sources for path in _paths(Path(source), ending, output)}
    once = {path.resolve(): path for path in sorted(paths, reverse=True)}
    return [FileInput(path, ending) for path in sorted(once.values())]


def is_output(path: Path, output: Path) -> bool:
    """Return whether a path is an output or in it, whatever ways lead there."""
    path, output = path.resolve(), output.resolve()
    return path == output or output in path.parents


def _paths(source: Path, ending: str | None, output: Path | None) -> list[Path]:
    if source.is_dir():
        if (source / MANIFEST).is_file():
            raise DataError(f"{source} is a model, not texts; to answer with it, give --model {source}")
        found = [path for path in source.rglob("*") if path.is_file() and _is_meant(path.relative_to(source), ending)]
        if output and not is_output(source, output):
            found = _others(found, output)
        if not found:
            raise DataError(f"{source}: no file to read in this folder; known: {', '.join(READERS)}")
        return found
    if not source.exists() and glob.has_magic(str(source)):
        found = [Path(path) for path in glob.glob(str(source), recursive=True) if Path(path).is_file()]  # noqa: PTH207
        found = _others(found, output) if output else found
        if not found:
            raise DataError(f"{source}: no file has such a name")
        return found
    if not source.exists():
        raise DataError(f"{source}: no such file")
    return [source]


def _others(paths: list[Path], output: Path) -> list[Path]:
    ours = [output, *(output.with_name(output.name + each) for each in (".unfinished", *NOT_READ_FROM_FOLDERS))]
    return [path for path in paths if not any(is_output(path, each) for each in ours)]


def _is_meant(path: Path, ending: str | None) -> bool:
    hidden = any(part.startswith((".", "_")) or part.endswith(".unfinished") for part in path.parts)
    return (
        not hidden and not path.name.endswith(NOT_READ_FROM_FOLDERS) and bool(ending or ending_of(path)[0] in READERS)
    )


@dataclass(frozen=True)
class Where:
    """A place in several inputs: the number of the input from 0, and the place in it."""

    input: int = 0
    place: Place = START


FROM_START = Where()


class Sources:
    """The rows of one or several inputs with the same text column.

    Args:
        inputs: Files, or one stream.
        text: Column of the texts; every input has it.
        delimiter, encoding: See `read_rows`.
        names, encodings: The columns, and the encoding of each input, where they are known from an earlier reading.

    Attributes:
        names: Columns of all inputs, in order of their first occurrence; with several inputs, `file_column` at last.
        encodings: Encoding of each input, None for Parquet.
        fingerprint: What tells these files from others, and these versions of them from others.
        file_column: Column that says the file a row is from, or None where there is one input.

    Raises:
        DataError: an input cannot be read, or has no such column.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        text: str,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        names: Sequence[str] | None = None,
        encodings: Sequence[str | None] | None = None,
    ) -> None:
        self.inputs, self._delimiter = tuple(inputs), delimiter
        self._sizes = [path.stat().st_size for path in self.files]
        self.fingerprint = self._fingerprint()  # before anything is read: looking for columns may take minutes
        self.names = list(names) if names is not None else self._columns(text, encoding)
        self.encodings = list(encodings) if encodings is not None else [_encoding(each, encoding) for each in inputs]
        self.file_column = self.names[-1] if len(self.inputs) > 1 else None

    def _columns(self, text: str, encoding: str | None) -> list[str]:
        names: dict[str, None] = {}
        without = []
        for each in self.inputs:
            found = columns(each.preview, delimiter=self._delimiter, encoding=encoding)
            names |= dict.fromkeys(found)
            if text not in found:
                without.append((each, found))
        if without:
            raise _no_text(without, text, len(self.inputs))
        if len(self.inputs) > 1:
            names[_free("source_file", names)] = None
        return list(names)

    @property
    def files(self) -> list[Path]:
        """The inputs that are files."""
        return [each.path for each in self.inputs if isinstance(each, FileInput)]

    @property
    def is_stream(self) -> bool:
        """Whether the input is a stream, of which only the first lines were seen beforehand."""
        return len(self.files) < len(self.inputs)

    @property
    def is_parquet(self) -> bool:
        """Whether all inputs are Parquet, so that the types of the columns are known."""
        return all(each.ending == ".parquet" for each in self.inputs)

    def changed(self) -> bool:
        """Return whether a file is another than when it was opened, or gone."""
        try:
            return self._fingerprint() != self.fingerprint
        except FileNotFoundError:
            return True

    def _fingerprint(self) -> tuple[str, str]:
        stats = [(path, path.stat()) for path in self.files]
        which = "\n".join(str(path.resolve()) for path, _ in stats)
        versions = "\n".join(f"{stat.st_size} {stat.st_mtime_ns}" for _, stat in stats)
        return _digest(which), _digest(versions)

    def rows(self, start: Where = FROM_START) -> Iterator[tuple[str, Row | BadRow]]:
        """Yield (name of the input, row) from a place on; `where` and `share` follow."""
        place = start.place
        for number in range(start.input, len(self.inputs)):
            source = self.inputs[number]
            how = {"delimiter": self._delimiter, "encoding": self.encodings[number]}
            self._number, self._rows = number, read_rows(source, place, **how)
            place = START
            for row in self._rows:
                yield source.name, row

    @property
    def where(self) -> Where:
        """The place after the row that was given last."""
        return Where(self._number, self._rows.place)

    @property
    def share(self) -> float:
        """About what share of all files is read, in [0, 1]; 0 for a stream."""
        if not sum(self._sizes):
            return 0.0
        read = sum(self._sizes[: self._number]) + self._sizes[self._number] * self._rows.share
        return read / sum(self._sizes)


def _encoding(source: Input, given: str | None) -> str | None:
    return None if source.ending == ".parquet" else encoding_of(source, given)


def _no_text(without: Sequence[tuple[Input, list[str]]], text: str, n_inputs: int) -> DataError:
    first, found = without[0]
    hint = did_you_mean(text, found, " Name one with --text.")
    if n_inputs == 1:
        return DataError(f"{first}: no column {text!r}; its columns: {', '.join(found)}.{hint}")
    names = ", ".join(str(each) for each, _ in without[:5]) + (", ..." if len(without) > 5 else "")
    return DataError(
        f"{len(without)} of {n_inputs} files have no column {text!r}: {names}. "
        f"The columns of {first}: {', '.join(found)}.{hint} Or leave these files out."
    )


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "_"
    return name


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()
