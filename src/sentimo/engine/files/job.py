"""Answers into a file that is whole, or not there; and that can be gone on with whenever the run ended."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import sentimo
from sentimo.core.bundle import check_outside_models
from sentimo.core.durable import publish, sync
from sentimo.core.predictions import Predictions
from sentimo.data.readers import BadRow
from sentimo.data.sources import Sources, find_inputs, is_output
from sentimo.data.streams import Input, StreamInput
from sentimo.data.writers import Writer
from sentimo.data.writers.jsonl import json_line
from sentimo.engine.files.parts import Part, file_parts, stream_parts
from sentimo.engine.files.progress import Progress, Summary, Watch
from sentimo.engine.files.state import State, Workplace
from sentimo.engine.files.table import PROBE, Table
from sentimo.engine.predictor import Predicts
from sentimo.errors import DataError, DiskFullError, InputError, Interrupted

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def predict_file(
    predictor: Predicts,
    sources: str | Path | Sequence[str | Path] | StreamInput,
    target: str | Path,
    *,
    text: str,
    input_ending: str | None = None,
    ending: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    folder: bool = False,
    formula_guard: bool = True,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Summary:
    """Answer every row of one or several files.

    The target holds the rows of the sources in order, all their columns, and those of `Predictions.to_columns`; with
    several files, a column ``source_file`` says where a row is from. A row that cannot be read is not in it; a row
    whose text has no answer (an empty one) is, with the reason in ``error``. Both are listed in ``<target>.bad.jsonl``
    with row number, reason and cells. The run works in ``<target>.unfinished``; the target appears when it is whole.

    Args:
        predictor: What answers.
        sources: Files, folders or globs (see `find_inputs`) of CSV, TSV, JSONL, Parquet or text, plain or compressed
            (.gz, .zst); or a stream, which cannot be resumed.
        target: CSV, TSV, JSONL (also .gz, .zst) or Parquet file to write.
        text: Column of the texts.
        input_ending, ending: What the sources are read as and the target is written as, such as ".csv"; by default
            their names say so.
        delimiter, encoding: See `read_rows`.
        folder: Write a folder of Parquet files of at most a million rows.
        formula_guard: Put an apostrophe before texts in CSV and TSV that a spreadsheet would run as formulas.
        resume: Go on after the last whole part of an interrupted run; begin where there is none, and do nothing where
            the target is there.
        overwrite: Replace a target that is already there.
        on_progress: Told how far the run is, after every part.

    Raises:
        DataError: a source or its column cannot be read, or a source changed while it was read.
        InputError: the target is there already or of an unknown format, or there is a run to resume or one at work.
        Interrupted: Ctrl-C; `resume` goes on.
        DiskFullError: there is no room for the target; `resume` goes on.
    """
    target = Path(target)
    if target.is_symlink():  # a folder cannot take the place of a link
        target = target.resolve()
    check_outside_models(target / "part")  # of the target too, where it is a folder
    if isinstance(sources, StreamInput):
        inputs: Sequence[Input] = [sources]
        if resume:
            raise InputError(f"{sources} cannot be read again, so there is nothing to resume; start without --resume")
    else:
        inputs = find_inputs([sources] if isinstance(sources, (str, Path)) else sources, input_ending, target)
    if folder and ending not in (None, ".parquet"):
        raise InputError(f"{target}: a folder is written as Parquet; name a file for {ending}")
    writer = Writer(target, ".parquet" if folder else ending, formula_guard=formula_guard)
    job = _Job(predictor, inputs, target, writer, folder, overwrite, on_progress)
    run = {
        "column of the texts": text,
        "delimiter": delimiter,
        "encoding": encoding,
        "form of the output": f"{writer.ending} {folder} {formula_guard}",
    }
    return job.run(run, resume)


class _Job:
    """One call of `predict_file`."""

    def __init__(
        self,
        predictor: Predicts,
        inputs: Sequence[Input],
        target: Path,
        writer: Writer,
        folder: bool,
        overwrite: bool,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.predictor, self.inputs, self.target, self.writer = predictor, inputs, target, writer
        self.folder, self.overwrite, self.on_progress = folder, overwrite, on_progress
        self.bad = target.with_name(target.name + ".bad.jsonl")
        self.can_resume = not any(isinstance(each, StreamInput) for each in inputs)
        self.place = Workplace(target.with_name(target.name + ".unfinished"), durable=self.can_resume)
        self.whole = self.place.whole if writer.is_parquet else self.place.rows

    def run(self, run: dict[str, str | None], resume: bool) -> Summary:
        try:
            if resume and not self.place.has_state and not self.overwrite and _holds_something(self.target):
                bad = self.bad if self.bad.exists() else None
                return Summary(0, 0, 0, bad, {}, [], Progress(), was_finished=True)
            found = None
            if resume and self.place.has_state:
                self.place.hold()
                found = self.place.load()
            return self._run(run, found)
        finally:
            self.place.release()

    def _run(self, run: dict[str, str | None], found: State | None) -> Summary:
        text = str(run["column of the texts"])
        known: dict[str, Any] = {"names": found.names, "encodings": found.encodings} if found else {}
        self.sources = Sources(self.inputs, text, delimiter=run["delimiter"], encoding=run["encoding"], **known)
        if any(is_output(path, self.target) for path in self.sources.files):
            raise InputError(f"{self.target} is the source itself, or holds it; write the answers elsewhere")
        probe = self.predictor.predict(PROBE)
        self.table = Table(self.sources, text, probe)
        self.schema = self.table.schema() if self.writer.is_parquet else None
        source, version = self.sources.fingerprint
        run = {"source": source, "version of the source": version, **_identity(self.predictor, probe), **run}
        if not (found and found.done):
            self._check_free(self.target, self.bad)
        if found:
            self._check_same(found, run)
        self.state = found or State(run, self.sources.names, self.sources.encodings)
        with self._kept():
            if found:
                self.place.go_on(found)
            else:
                self.state = self.place.begin(self.state, self.writer.header(self.table.names))
            return self._answer_all()

    def _check_free(self, *paths: Path) -> None:
        for path in paths:
            if path.is_dir() and not self.folder:
                raise InputError(f"{path} is a folder; name a file in it, or write Parquet files into it")
            if _holds_something(path) and not self.overwrite:
                raise InputError(f"{path} is already there. Choose another name, or replace it with --overwrite.")
        if self.folder and self.target in paths and self.target.is_dir():
            others = [path.name for path in self.target.iterdir() if not path.match("part-*.parquet")]
            if others:
                raise InputError(f"{self.target} holds other files ({others[0]}); write into a folder of its own")

    def _check_same(self, found: State, run: dict[str, str | None]) -> None:
        for what in {**run, **found.run}:
            then, now = found.run.get(what), run.get(what)
            if then != now:
                raise InputError(
                    f"{self.place.folder} was begun with another {what}: {_shortened(then)}, now {_shortened(now)}. "
                    "Run the same command as then, on the same sources, or delete the folder to start anew."
                )

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Say how to go on when the run ends early; one that cannot go on leaves nothing behind."""
        how = "the same command with --resume goes on from there"
        if not self.can_resume:
            how = f"{self.inputs[0]} cannot be read again, so start anew"
        try:
            yield
        except KeyboardInterrupt:
            raise Interrupted(f"stopped after {self.state.n_read} rows; {how}") from None
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise DiskFullError(
                f"no room for {self.target} after {self.state.n_read} rows ({error.strerror}). Make room; {how}."
            ) from error
        finally:
            if not self.can_resume and self.place.is_held and self.place.folder.exists():
                shutil.rmtree(self.place.folder)

    def _answer_all(self) -> Summary:
        self.watch = Watch(self.predictor, self.state.n_read)
        self.on_progress(self.watch.read(self.state.n_read, 0.0))
        if not self.state.done:
            self._answer_parts()
            self._finish()
        return self._publish()

    def _answer_parts(self) -> None:
        """Answer the parts that are left. Two threads read and write beside it."""
        parts = file_parts(self.sources, self.state.where) if self.can_resume else stream_parts(self.sources)
        # Closed here, not by the garbage collection, which would wait for the thread of the reader in any other thread.
        with closing(parts), ThreadPoolExecutor(1, "write") as thread:
            before = None
            for part in parts:
                answers = self.predictor.predict(self.table.texts(part))
                if before:  # where writing failed, nothing may be written behind it
                    self._wait(*before)
                before = part, thread.submit(self._write, part, answers)
            if before:
                self._wait(*before)

    def _wait(self, part: Part, written: Future[None]) -> None:
        written.result()
        self.on_progress(self.watch.read(self.state.n_read, part.share))

    def _write(self, part: Part, answers: Predictions) -> None:
        columns, bad = self.table.columns(part, answers), self.table.bad_rows(part, answers)
        rows = self.writer.encode(columns, self.schema)
        bad_rows = "".join(map(json_line, bad)).encode("utf-8")
        self.place.append(rows, bad_rows)
        state = self.state
        self.state = self.place.save(
            replace(
                state,
                where=part.where,
                n_read=state.n_read + len(part.rows),
                n_rows=state.n_rows + len(columns[self.table.names[0]]),
                n_unreadable=state.n_unreadable + sum(isinstance(row, BadRow) for _, row in part.rows),
                n_bad=state.n_bad + len(bad),
                n_bytes=state.n_bytes + len(rows),
                n_bad_bytes=state.n_bad_bytes + len(bad_rows),
            )
        )

    def _finish(self) -> None:
        """Make the files whole and count once more."""
        if self.sources.changed():
            self.place.remove()  # rows of two versions: nothing to go on with
            raise DataError("a source changed while it was read, so its answers were thrown away; start anew")
        self.place.check_lengths(self.state)
        n_rows = self.state.n_rows
        if self.writer.is_parquet:
            from sentimo.data.writers.parquet import join

            if self.place.whole.is_dir():  # of a run that was killed here
                shutil.rmtree(self.place.whole)
            files, n_rows = join(self.place.rows, self.place.whole, self.table.names, folder=self.folder)
            for path in [*files, *([self.place.whole] if self.folder else [])]:
                sync(path)
        if not self.state.n_read == n_rows + self.state.n_unreadable == self.state.n_rows + self.state.n_unreadable:
            raise RuntimeError(
                f"{self.state.n_read} rows read, but {n_rows} written and {self.state.n_unreadable} unreadable: a bug"
            )
        self.state = self.place.save(replace(self.state, done=True))

    def _publish(self) -> Summary:
        """Move the whole files into place and clean up; killed anywhere in here, a resumed run does the rest."""
        # Hours may have gone since this was checked; what left our folder is what this run put there itself.
        pairs = ((self.whole, self.target), (self.place.bad, self.bad))
        try:
            self._check_free(*(there for here, there in pairs if here.exists()))
        except InputError as error:
            if not self.can_resume:
                raise
            raise InputError(f"{error} The answers are kept: make way, then go on with --resume.") from None
        if not self.state.n_bad:
            self.bad.unlink(missing_ok=True)
        elif self.place.bad.exists():
            publish(self.place.bad, self.bad)
        if self.whole.exists():
            if self.target.is_dir():  # a folder cannot take the place of another in one step
                shutil.rmtree(self.target)
            publish(self.whole, self.target)
        self.place.remove()
        state = self.state
        progress = self.watch.read(state.n_read, 1.0)
        bad, left_out = self.bad if state.n_bad else None, sorted(self.table.left_out)
        return Summary(state.n_read, state.n_rows, state.n_bad, bad, self.table.renamed, left_out, progress)


def _identity(predictor: Predicts, probe: Predictions) -> dict[str, str]:
    """Return what the answers depend on to the last bit, as what -> how it is in each model."""
    answered = [{"model": digest} for digest in dict.fromkeys(each.digest for each in probe.models)]
    known: dict[str, list[str]] = {"version of Sentimo": [sentimo.__version__]}
    for each in getattr(predictor, "identity", answered):
        for what, how in each.items():
            known.setdefault(what, []).append(how)
    return {what: ", ".join(how) for what, how in known.items()}


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _shortened(value: str | None) -> str:
    """Return what a run depends on as it is shown; of digests and long lists the beginning."""
    return "none" if value is None else value if len(value) <= 60 else f"{value[:57]}..."
