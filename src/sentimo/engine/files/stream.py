"""Answers to stdout, part by part, as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from sentimo.data.sources import Sources, find_inputs
from sentimo.data.streams import StreamInput
from sentimo.data.writers import Writer
from sentimo.engine.files.parts import file_parts, stream_parts
from sentimo.engine.files.progress import Progress, Summary, Watch
from sentimo.engine.files.table import PROBE, Table
from sentimo.engine.predictor import Predicts
from sentimo.errors import InputError


def predict_stream(
    predictor: Predicts,
    sources: str | Path | Sequence[str | Path] | StreamInput,
    out: BinaryIO,
    *,
    text: str,
    ending: str,
    input_ending: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    formula_guard: bool = True,
    on_bad: Callable[[Mapping[str, Any]], None] = lambda row: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Summary:
    """Answer every row of files or of a stream, and write the rows to a stream.

    Rows of a stream are answered as they come, up to a part at once, so that a slow source is answered at once and a
    fast one in large batches. A JSONL stream has the columns of its first object; keys that come later are left out.

    Args:
        predictor, sources, text, input_ending, delimiter, encoding, formula_guard: See `predict_file`.
        out: Where to write; it is flushed after every part.
        ending: What to write: ".csv", ".tsv" or ".jsonl".
        on_bad: Told every row without an answer, with its number, the reason and its cells.
        on_progress: Told how far the run is, after every part.

    Raises:
        DataError: a source or its column cannot be read.
        InputError: Parquet is not written to a stream.
    """
    if ending == ".parquet":
        raise InputError("Parquet is not written to a stream; name a file with -o")
    writer = Writer(Path("stdout"), ending, formula_guard=formula_guard)
    is_stream = isinstance(sources, StreamInput)
    files = [sources] if isinstance(sources, (str, Path, StreamInput)) else sources
    inputs = [sources] if isinstance(sources, StreamInput) else find_inputs(files, input_ending)  # type: ignore[arg-type]
    found = Sources(inputs, text, delimiter=delimiter, encoding=encoding)
    table, watch = Table(found, text, predictor.predict(PROBE)), Watch(predictor)
    out.write(writer.header(table.names))
    n_read = n_rows = n_bad = 0
    with closing(stream_parts(found) if is_stream else file_parts(found)) as parts:
        for part in parts:
            answers = predictor.predict(table.texts(part))
            out.write(writer.encode(table.columns(part, answers)))
            out.flush()
            for row in (bad := table.bad_rows(part, answers)):
                on_bad(row)
            n_read, n_rows, n_bad = n_read + len(part.rows), n_rows + len(answers), n_bad + len(bad)
            on_progress(watch.read(n_read, part.share))
    out.flush()
    return Summary(n_read, n_rows, n_bad, None, table.renamed, sorted(table.left_out), watch.read(n_read, 1.0))
