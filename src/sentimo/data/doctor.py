"""Examine labelled files before training: what is in them, what is wrong, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sentimo.core.documents import Document, Example
from sentimo.core.labels import Kind, LabelSpace
from sentimo.data.copies import find_copies
from sentimo.data.diagnosis import LEVELS, Answer, Diagnosis, Finding, Sample, counted, shown
from sentimo.data.label_balance import count_labels, imbalance, judge_balance
from sentimo.data.label_reading import read_labels
from sentimo.data.lengths import CountTokens, rough_lengths, summarise_lengths
from sentimo.data.readers import BadRow, Row, columns, read_rows, require_columns
from sentimo.data.split import split_examples, usual_fractions
from sentimo.data.targets import is_empty
from sentimo.data.text_faults import find_broken_text, find_language_mix, find_long_texts
from sentimo.errors import DataError
from sentimo.text.language import language_of


@dataclass
class _Reading:
    """What stands in the files: rows with a text, and the others."""

    rows: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    broken_off: list[str] = field(default_factory=list)


def examine(
    paths: Mapping[str, Sequence[Path]],
    *,
    text: str,
    label: str,
    task: str = "label",
    space: LabelSpace | None = None,
    kind: Kind | None = None,
    separator: str | None = None,
    mapping: Mapping[str, str] | None = None,
    max_tokens: int = 128,
    lengths: CountTokens | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Diagnosis:
    """Read labelled files once, as training would, and tell what stands in their way.

    Args:
        paths: Split -> its files. The first split is what is trained on; "train", "dev" and "test" are usual.
        text, label: Columns.
        task, space, kind, separator, mapping: See `sentimo.data.dataset.load_dataset`.
        max_tokens: Most tokens that training reads of a text.
        lengths: Counts tokens; by default words and Han characters are counted, which is too few.
        delimiter, encoding: See `sentimo.data.readers.ReadOptions`.

    Raises:
        DataError: a file or a column is missing, or a file cannot be opened.
    """
    paths = {split: files for split, files in paths.items() if files}
    reading = _read(paths, text, label, delimiter, encoding)
    samples = reading.samples
    labels = read_labels(samples, task=task, space=space, kind=kind, separator=separator, mapping=mapping)
    usable = [row for row, answer in enumerate(labels.answers) if answer is not None]
    labelled, answers = [samples[row] for row in usable], [labels.answers[row] for row in usable]
    table = count_labels(labelled, answers, labels.space, list(paths))
    first = next(iter(paths))
    counts = {row.label: row.rows[first] for row in table}
    classes = labels.space is not None and labels.space.range is None
    languages = [language_of(sample.text) for sample in samples]
    n_tokens = (lengths or rough_lengths)([sample.text for sample in samples])
    summary = summarise_lengths(n_tokens, max_tokens, exact=lengths is not None)

    findings = [*_unread(reading), *labels.findings]
    if labels.space is not None or not samples:
        findings += _scarcity(labelled, answers, task, list(paths))
    if labels.space is not None and classes:
        findings += judge_balance(counts, labels.space, given=space is not None)
    findings += find_copies(labelled, answers, labels.space)
    findings += find_broken_text(samples)
    findings += find_long_texts(samples, n_tokens, summary) if summary else ()
    findings += find_language_mix(samples, languages)
    return Diagnosis(
        rows={split: reading.rows[split] for split in paths},
        usable={split: sum(sample.split == split for sample in labelled) for split in paths},
        languages=dict(Counter(languages).most_common()),
        kind=labels.space.kind if labels.space else None,
        space=labels.space.name if labels.space else None,
        labels=table,
        imbalance=imbalance(counts) if classes else None,
        lengths=summary,
        findings=tuple(sorted(findings, key=lambda finding: LEVELS.index(finding.level))),
    )


def _read(
    paths: Mapping[str, Sequence[Path]], text: str, label: str, delimiter: str | None, encoding: str | None
) -> _Reading:
    reading = _Reading()
    names = _short_names([path for files in paths.values() for path in files])
    for split, files in paths.items():
        for path in files:
            header = columns(path, delimiter=delimiter, encoding=encoding)
            require_columns(path, header, {"text": text, "label": label})
            try:
                for row in read_rows(path, delimiter=delimiter, encoding=encoding):
                    reading.rows[split] += 1
                    _sort_in(reading, row, split, names[path], text, label)
            except DataError as error:  # past the first rows, so that the rest of the diagnosis is worth having
                reading.broken_off.append(str(error))
    return reading


def _sort_in(reading: _Reading, row: Row | BadRow, split: str, file: str, text: str, label: str) -> None:
    if isinstance(row, BadRow):
        reading.bad.append(f"{file}, row {row.number}: {row.reason}")
    elif is_empty(content := row.cells.get(text)):
        reading.empty.append(f"{file}, row {row.number}")
    else:
        reading.samples.append(Sample(split, file, row.number, str(content), row.cells.get(label)))


def _short_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the names of files without their folders, where that tells them apart."""
    alike = Counter(path.name for path in dict.fromkeys(paths))
    return {path: path.name if alike[path.name] == 1 else str(path) for path in paths}


def _unread(reading: _Reading) -> Iterator[Finding]:
    for message in reading.broken_off:
        yield Finding("error", "broken-file", message, "Repair the file there; rows after it were not examined.")
    if reading.bad:
        message = f"{counted(len(reading.bad), 'row')} that cannot be read"
        mend = "Quote cells that hold the delimiter or line breaks; such rows are skipped."
        yield Finding("warning", "unreadable-rows", message, mend, tuple(map(shown, reading.bad[:3])))
    if reading.empty:
        message = f"{counted(len(reading.empty), 'row')} without a text"
        yield Finding(
            "warning", "empty-text", message, "Fill or delete them; they are skipped.", tuple(reading.empty[:3])
        )


def _scarcity(
    samples: Sequence[Sample], answers: Sequence[Answer], task: str, splits: Sequence[str]
) -> Iterator[Finding]:
    """Yield an error where a split has no row, or too few or too equal ones to learn from and to hold some back."""
    sizes = Counter(sample.split for sample in samples)
    if empty := [split for split in splits if not sizes[split]]:
        message = f"no row of {' and '.join(empty)} has a text and a label that fits"
        yield Finding("error", "no-rows", message, "Name the right columns with --text and --label, or fill them.")
        return
    rows = [(sample, answer) for sample, answer in zip(samples, answers, strict=True) if sample.split == splits[0]]
    if len({answer for _, answer in rows}) == 1:
        label = shown(str(rows[0][0].cell), 40)
        message = f"all rows of {splits[0]} have the label {label!r}; two different ones are needed to learn anything"
        yield Finding(
            "error", "one-label", message, "Add rows of another label, or name the right column with --label."
        )
    elif "dev" not in splits:
        fractions = usual_fractions(has_test="test" in splits)
        try:
            # Rows that fit a space are labelled with targets, not with labels as written.
            examples = [Example(Document(sample.text), {task: answer}) for sample, answer in rows]  # type: ignore[dict-item]
            split_examples(examples, task, fractions=fractions)
        except DataError as error:
            yield Finding("error", "too-few-rows", str(error), "Label more rows, or give --dev and --test files.")
