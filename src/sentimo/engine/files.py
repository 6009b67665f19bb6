"""A file of texts in, the same file with answers out: any size, constant memory, resumable."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentimo.core.durable import publish, sync
from sentimo.data.readers import BadRow, Row, columns, read_rows, require_columns
from sentimo.data.writers import json_line, open_writer
from sentimo.engine.predictor import Predicts
from sentimo.errors import InputError, Interrupted

ROWS_AT_ONCE, CHARACTERS_AT_ONCE = 4096, 4_000_000
"""Size of a part, whichever is reached first. It bounds the memory of a run and what an interruption costs."""

_STATE = "state.json"
_FIXED = {  # what a run must agree in with the one it goes on from, and how to say it
    "source": "source",
    "size": "version of the source",
    "changed": "version of the source",
    "text": "column of the texts",
    "delimiter": "delimiter",
    "encoding": "encoding",
    "models": "model",
}
_PROBE = ("I like it.", "我喜欢。")  # one text per built-in model: their answers show which columns there will be


@dataclass(frozen=True)
class Summary:
    """What came of a file.

    Attributes:
        n_rows: Rows written to the target.
        n_bad: Rows without an answer, listed in `bad`.
        bad: The side file, or None where every row has an answer.
        renamed: Result column -> name it was given because the source has a column of its name, or of another column
            of the same task.
    """

    n_rows: int
    n_bad: int
    bad: Path | None
    renamed: Mapping[str, str]


@dataclass
class _State:
    """How far a run is, and what it must agree with to be resumed."""

    source: str
    size: int
    changed: int
    text: str
    delimiter: str | None
    encoding: str | None
    models: str
    n_read: int = 0
    n_rows: int = 0
    n_bad: int = 0
    n_parts: int = 0
    done: bool = False


def predict_file(
    predictor: Predicts,
    source: str | Path,
    target: str | Path,
    *,
    text: str,
    delimiter: str | None = None,
    encoding: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_rows: Callable[[int], None] = lambda n: None,
) -> Summary:
    """Answer every row of a file.

    The target holds the rows of the source in order, all their columns, and those of `Predictions.to_columns`. A row
    that cannot be read is not in it; a row whose text has no answer (an empty one) is, with the reason in ``error``.
    Both are listed in ``<target>.bad.jsonl`` with row number, reason and cells. The run works in ``<target>.parts``;
    the target appears when it is whole.

    Args:
        predictor: What answers.
        source: CSV, TSV, JSONL, Parquet or text file.
        target: CSV, TSV, JSONL or Parquet file to write.
        text: Column of the texts.
        delimiter, encoding: See `read_rows`.
        resume: Go on after the last whole part of an interrupted run.
        overwrite: Replace a target that is already there.
        on_rows: Told the number of rows read so far, after every part.

    Raises:
        DataError: the source or its column cannot be read.
        InputError: the target is there already or of an unknown format, or there is a run to resume, or none.
        Interrupted: Ctrl-C; `resume` goes on.
    """
    run = _FileRun(predictor, Path(source), Path(target), text, delimiter, encoding, overwrite)
    return run.run(resume, on_rows)


class _FileRun:
    """One call of `predict_file`."""

    def __init__(
        self,
        predictor: Predicts,
        source: Path,
        target: Path,
        text: str,
        delimiter: str | None,
        encoding: str | None,
        overwrite: bool,
    ) -> None:
        self.predictor, self.source, self.target, self.text = predictor, source, target, text
        self.reading = {"delimiter": delimiter, "encoding": encoding}
        self.overwrite = overwrite
        self.writer = open_writer(target)
        self.names = columns(source, **self.reading)
        require_columns(source, self.names, {"text": text})
        if target.exists() and target.samefile(source):
            raise InputError(f"{target} is the source itself; write the answers to another file")
        self.folder = target.with_name(target.name + ".parts")
        self.bad = target.with_name(target.name + ".bad.jsonl")
        answers = predictor.predict(_PROBE)
        self.results = list(answers.to_columns())
        clashing = {_task_of(name, answers.tasks) for name in self.results if name in self.names}
        self.renamed = {
            name: _free_name(name, self.names) for name in self.results if _task_of(name, answers.tasks) in clashing
        }
        stat = source.stat()
        digests = "+".join(dict.fromkeys(each.digest for each in answers.models))
        self.state = _State(
            str(source.resolve()), stat.st_size, stat.st_mtime_ns, text, delimiter, encoding, models=digests
        )
        types = {self.renamed.get(name, name): kind for name, kind in answers.column_types().items()}
        self.schema = _schema(source, types) if target.suffix.lower() == ".parquet" else None

    def run(self, resume: bool, on_rows: Callable[[int], None]) -> Summary:
        self._start(resume)
        on_rows(self.state.n_read)
        if self.state.done:
            return self._publish()
        rows = read_rows(self.source, **self.reading)
        for _ in zip(range(self.state.n_read), rows, strict=False):
            pass
        try:
            for part in _parts(rows):
                self._answer(part)
                on_rows(self.state.n_read)
            return self._finish()
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped after {self.state.n_read} rows; the same command with --resume goes on from there"
            ) from None

    def _start(self, resume: bool) -> None:
        found = self.folder / _STATE
        if resume:
            self._restore(found)
        if not self.state.done:
            self._check_free(self.target)
            self._check_free(self.bad)
        if resume:
            return
        if found.is_file():
            raise InputError(f"{self.folder} holds an unfinished run. Go on with --resume, or delete it to start anew.")
        # A run that was killed as it began, or as it ended, leaves the bare folder.
        if self.folder.exists() and {each.name for each in self.folder.iterdir()} - {f"{_STATE}.new"}:
            raise InputError(f"{self.folder} is in the way and not ours: rename it, or choose another target")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._save_state()

    def _check_free(self, path: Path) -> None:
        if path.exists() and not self.overwrite:
            raise InputError(f"{path} is already there. Choose another name, or replace it with --overwrite.")

    def _restore(self, found: Path) -> None:
        if not found.is_file():
            raise InputError(f"nothing to resume: there is no {self.folder}. Start without --resume.")
        try:
            stored = _State(**json.loads(found.read_text("utf-8")))
        except (TypeError, ValueError):
            raise InputError(
                f"{found} was written by another version, or is damaged. Delete {self.folder} to start anew."
            ) from None
        for name, what in _FIXED.items():
            if getattr(stored, name) != getattr(self.state, name):
                raise InputError(
                    f"{self.folder} was begun with another {what}. Run the same command as then, or delete the folder "
                    "to start anew."
                )
        self.state = stored

    def _answer(self, part: Sequence[Row | BadRow]) -> None:
        rows = [row for row in part if isinstance(row, Row)]
        answers = self.predictor.predict([_text(row.cells.get(self.text)) for row in rows])
        found = answers.to_columns()
        nothing = [None] * len(rows)
        table = {name: [row.cells.get(name) for row in rows] for name in self.names}
        table |= {self.renamed.get(name, name): found.get(name, nothing) for name in self.results}
        bad: list[dict[str, Any]] = [
            {"row": row.number, "reason": row.reason, "cells": row.raw} for row in part if isinstance(row, BadRow)
        ]
        bad += [
            {"row": row.number, "reason": error, "cells": dict(row.cells)}
            for row, error in zip(rows, answers.errors, strict=True)
            if error is not None
        ]
        number = self.state.n_parts
        self.writer.write(self._part(number), table, self.schema)
        lines = [json_line(each) for each in sorted(bad, key=lambda each: each["row"])]
        self._part(number, ".bad").write_text("".join(lines), "utf-8", newline="")
        sync(self._part(number))  # before the state that counts it
        sync(self._part(number, ".bad"))
        self.state.n_parts += 1
        self.state.n_read += len(part)
        self.state.n_rows += len(rows)
        self.state.n_bad += len(bad)
        self._save_state()

    def _finish(self) -> Summary:
        numbers = range(self.state.n_parts)
        header = [*self.names, *(self.renamed.get(name, name) for name in self.results)]
        self.writer.join([self._part(number) for number in numbers], self.whole, header)
        with self.whole_bad.open("wb") as file:
            for number in numbers:
                file.write(self._part(number, ".bad").read_bytes())
        sync(self.whole)
        sync(self.whole_bad)
        self.state.done = True
        self._save_state()
        return self._publish()

    def _publish(self) -> Summary:
        """Move the whole files into place and clean up; killed anywhere in here, a resumed run does the rest."""
        if self.whole_bad.exists() and self.state.n_bad:
            publish(self.whole_bad, self.bad)
        elif not self.state.n_bad:
            self.bad.unlink(missing_ok=True)
        if self.whole.exists():
            publish(self.whole, self.target)
        for path in self.folder.iterdir():
            if path.name != _STATE:
                path.unlink()
        (self.folder / _STATE).unlink()
        self.folder.rmdir()
        return Summary(self.state.n_rows, self.state.n_bad, self.bad if self.state.n_bad else None, self.renamed)

    @property
    def whole(self) -> Path:
        return self.folder / f"whole{self.target.suffix}"

    @property
    def whole_bad(self) -> Path:
        return self.folder / "whole.bad"

    def _part(self, number: int, ending: str = "") -> Path:
        return self.folder / f"{number:08d}{ending or self.target.suffix}"

    def _save_state(self) -> None:
        new = self.folder / f"{_STATE}.new"
        new.write_text(json.dumps(asdict(self.state)), "utf-8")
        publish(new, self.folder / _STATE)


def _parts(rows: Iterable[Row | BadRow]) -> Iterator[list[Row | BadRow]]:
    part: list[Row | BadRow] = []
    n_characters = 0
    for row in rows:
        part.append(row)
        n_characters += sum(len(str(cell)) for cell in row.cells.values()) if isinstance(row, Row) else 0
        if len(part) >= ROWS_AT_ONCE or n_characters >= CHARACTERS_AT_ONCE:
            yield part
            part, n_characters = [], 0
    if part:
        yield part


def _text(cell: Any) -> Any:
    """Return the text of a cell; numbers are read as texts, None stays what it is: no text."""
    return str(cell) if isinstance(cell, (int, float)) and cell == cell else cell


def _task_of(column: str, tasks: Iterable[str]) -> str:
    """Return the task that a result column belongs to (or the column itself): they are renamed together."""
    return max((task for task in tasks if column == task or column.startswith(f"{task}_")), key=len, default=column)


def _free_name(name: str, taken: Sequence[str]) -> str:
    name = f"predicted_{name}"
    while name in taken:
        name += "_"
    return name


def _schema(source: Path, results: Mapping[str, type]) -> Any:
    """Return the types of a Parquet target: those of the results, and of the source where it has types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
    fields = list(pq.read_schema(source)) if source.suffix.lower() == ".parquet" else []
    return pa.schema([*fields, *(pa.field(name, kinds[kind]) for name, kind in results.items())])
