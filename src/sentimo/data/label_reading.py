"""Label cells to answers, with every cell that does not fit told instead of raised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sentimo.core.labels import LabelSpace
from sentimo.data.diagnosis import Answer, Finding, Level, Sample, counted, listed, quoted, shown
from sentimo.data.number_labels import judge_ids, judge_numbers, judge_scales
from sentimo.data.reading import Reading
from sentimo.data.targets import LeftOut, TargetReader, infer_space, is_empty, labels_in, number_in
from sentimo.errors import AmbiguousLabelError, DataError, UnknownLabelError
from sentimo.text.printable import on_one_line


@dataclass(frozen=True)
class LabelReading:
    """The labels of some rows: their space (None where none fits), an answer per row, and what was wrong."""

    space: LabelSpace | None
    answers: list[Answer]
    findings: list[Finding]


# Code -> level, what is counted, what is wrong with it, mend.
_MISFITS: Mapping[str, tuple[Level, str, str, str]] = {
    "several-labels": (
        "error",
        "row",
        "with several labels in a task that takes one",
        "Keep one label a row, or use --kind multi.",
    ),
    "ambiguous-id": (
        "error",
        "row",
        "with a number that may count the labels from 0 or from 1",
        "Write the labels as words; no row holds the number that would tell.",
    ),
    "not-a-number": (
        "error",
        "score",
        "that cannot be read as a number",
        "Put a number in, or empty the cell: such rows are skipped.",
    ),
    "out-of-range": (
        "error",
        "score",
        "outside the range of the others",
        "Bring all files to one scale; the training rows must hold its lowest and highest score.",
    ),
    "no-label": ("warning", "row", "without a label", "Label them; until then they are skipped."),
    "unmapped-label": (
        "note",
        "row",
        "with labels that the mapping has no one place for",
        "Nothing to do if they are meant to be left out; else add their labels to the mapping.",
    ),
}


def read_labels(
    samples: Sequence[Sample], reading: Reading, *, task: str, space: LabelSpace | None = None
) -> LabelReading:
    """Read the label cells of rows as training does: the space is seen in the first split, the others must fit it.

    Args:
        samples: Rows split after split.
        reading: What stands in the cells.
        task: Name of the task.
        space: Its labels; None: seen from the first split.
    """
    if not samples:
        return LabelReading(space, [], [])
    separator, mapping = reading.separator, reading.mapping
    by_split: dict[str, list[Sample]] = {}
    for sample in samples:
        by_split.setdefault(sample.split, []).append(sample)
    source = f"label space {space.name!r}" if space else samples[0].split
    findings: list[Finding] = []
    if space is None:
        cells = [sample.cell for sample in by_split[samples[0].split]]
        try:
            space = infer_space(cells, task, kind=reading.kind, separator=separator, mapping=mapping)
        except DataError as error:
            written = [tuple(labels_in(sample.cell, separator)) or None for sample in samples]
            return LabelReading(None, [*written], [_no_space(str(error), written)])
        findings += judge_numbers(space, cells, reading.kind)
        findings += judge_scales(space, by_split[samples[0].split])
    reader_of: dict[str, TargetReader] = {}
    for split, rows in by_split.items():
        reader = TargetReader(space, [row.cell for row in rows], separator=separator, mapping=mapping)
        if reader.first_id is None and reader_of:  # what a small file does not tell, the training rows do
            reader.first_id = next(iter(reader_of.values())).first_id
        reader_of[split] = reader
    misfits: dict[str, list[Sample]] = {}
    unknown: dict[tuple[str, str | None], list[Sample]] = {}
    answers = [_answer(reader_of[row.split], row, space, misfits, unknown) for row in samples]
    findings += _misfits(misfits)
    findings += [_unknown(unknown, space, source, skip=reading.on_unknown == "skip")] if unknown else []
    findings += judge_ids(space, {split: reader.first_id for split, reader in reader_of.items()})
    return LabelReading(space, answers, findings)


def _answer(
    reader: TargetReader,
    row: Sample,
    space: LabelSpace,
    misfits: dict[str, list[Sample]],
    unknown: dict[tuple[str, str | None], list[Sample]],
) -> Answer:
    """Return the target of a row, or None after putting the row where its fault belongs."""
    try:
        return reader.target(row.cell, row.place)
    except LeftOut:
        code = "no-label" if is_empty(row.cell) else "unmapped-label"
    except UnknownLabelError as error:
        unknown.setdefault((error.label, error.nearest), []).append(row)
        return None
    except AmbiguousLabelError:
        code = "ambiguous-id"
    except DataError:
        if space.range is None:
            code = "several-labels"
        else:
            code = "not-a-number" if number_in(row.cell) is None else "out-of-range"
    misfits.setdefault(code, []).append(row)
    return None


def _no_space(message: str, answers: Sequence[tuple[str, ...] | None]) -> Finding:
    n_labels = len({label for labels in answers for label in labels or ()})
    code, mend = {
        0: ("no-labels", "Fill the column, or name the one with the labels with --label."),
        1: ("one-label", "Add rows of another label, or name the right column with --label."),
    }.get(n_labels, ("label-space", "Correct the label cells, or choose another --kind or --space."))
    return Finding("error", code, on_one_line(message), mend)


def _misfits(misfits: Mapping[str, list[Sample]]) -> Iterator[Finding]:
    for code, (level, what, fault, mend) in _MISFITS.items():
        if rows := misfits.get(code):
            with_cells = (row._replace(text=f"{shown(str(row.cell), 30)} | {row.text}") for row in rows)
            examples = quoted(rows if code == "no-label" else with_cells)
            yield Finding(level, code, f"{counted(len(rows), what)} {fault}", mend, examples)


def _unknown(
    unknown: Mapping[tuple[str, str | None], list[Sample]], space: LabelSpace, source: str, *, skip: bool
) -> Finding:
    by_count = sorted(unknown.items(), key=lambda item: -len(item[1]))
    labels = [
        f"{shown(label, 40)!r} ({counted(len(rows), 'row')}" + (f", nearest {nearest!r})" if nearest else ")")
        for (label, nearest), rows in by_count
    ]
    n = sum(map(len, unknown.values()))
    return Finding(
        "warning" if skip else "error",
        "unknown-label",
        f"{counted(n, 'row')} with a label that {source} ({listed(space.labels)}) does not have: {listed(labels)}",
        "Correct these labels; until then they are skipped."
        if skip
        else "Correct these labels, or leave such rows out with --on-unknown skip.",
        quoted(row for _, rows in by_count for row in rows),
    )
