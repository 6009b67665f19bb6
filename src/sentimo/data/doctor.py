"""Examine labelled files before training: what is in them, what is wrong, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.data.copies import find_copies
from sentimo.data.diagnosis import LEVELS, Answer, Diagnosis, Finding, Sample, counted, shown
from sentimo.data.label_balance import count_labels, imbalance, judge_balance
from sentimo.data.label_reading import read_labels
from sentimo.data.lengths import CountTokens, rough_lengths, summarise_lengths
from sentimo.data.readers import BadRow, Row, columns, read_rows, require_columns
from sentimo.data.reading import Reading
from sentimo.data.split import split_examples, usual_fractions
from sentimo.data.targets import is_empty
from sentimo.data.text_faults import find_broken_text, find_language_mix, find_long_texts
from sentimo.errors import DataError
from sentimo.text.language import language_of


@dataclass
class _Read:
    """What stands in the files: rows with a text, and the others."""

    rows: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    broken_off: list[str] = field(default_factory=list)


def examine(
    paths: Mapping[str, Sequence[Path]],
    reading: Reading,
    *,
    task: str = "label",
    space: LabelSpace | None = None,
    max_tokens: int = 128,
    lengths: CountTokens | None = None,
) -> Diagnosis:
    """Read labelled files once, as training would, and tell what stands in their way.

    Args:
        paths: Split -> its files. The first split is what is trained on; "train", "dev" and "test" are usual.
        reading: Columns and what stands in them.
        task, space: See `sentimo.data.dataset.load_dataset`.
        max_tokens: Most tokens that training reads of a text.
        lengths: Counts tokens; by default words and Han characters are counted, which is too few.

    Raises:
        DataError: a file or a column is missing, or a file cannot be opened.
    """
    paths = {split: files for split, files in paths.items() if files}
    first = next(iter(paths))
    reading = reading.with_columns(paths[first][0])
    read = _read(paths, reading)
    samples = read.samples
    labels = read_labels(samples, reading, task=task, space=space)
    usable = [row for row, answer in enumerate(labels.answers) if answer is not None]
    labelled, answers = [samples[row] for row in usable], [labels.answers[row] for row in usable]
    table = count_labels(labelled, answers, labels.space, list(paths))
    counts = {row.label: row.rows[first] for row in table}
    classes = labels.space is not None and labels.space.range is None
    languages = [language_of(sample.text) for sample in samples]
    n_tokens = (lengths or rough_lengths)([sample.text for sample in samples])
    summary = summarise_lengths(n_tokens, max_tokens, exact=lengths is not None)

    findings = [*_unread(read), *labels.findings]
    if labels.space is not None or not samples:
        findings += _scarcity(labelled, answers, task, list(paths))
    if labels.space is not None and classes:
        findings += judge_balance(counts, labels.space, given=space is not None)
    findings += find_copies(labelled, answers, labels.space)
    findings += find_broken_text(samples)
    findings += find_long_texts(samples, n_tokens, summary) if summary else ()
    findings += find_language_mix(samples, languages)
    return Diagnosis(
        rows={split: read.rows[split] for split in paths},
        usable={split: sum(sample.split == split for sample in labelled) for split in paths},
        languages=dict(Counter(languages).most_common()),
        kind=labels.space.kind if labels.space else None,
        space=labels.space.name if labels.space else None,
        labels=table,
        imbalance=imbalance(counts) if classes else None,
        lengths=summary,
        findings=tuple(sorted(findings, key=lambda finding: LEVELS.index(finding.level))),
    )


def _read(paths: Mapping[str, Sequence[Path]], reading: Reading) -> _Read:
    read = _Read()
    text, label = reading.columns
    names = _short_names([path for files in paths.values() for path in files])
    for split, files in paths.items():
        for path in files:
            require_columns(path, columns(path, **reading.options), {"text": text, "label": label})
            try:
                for row in read_rows(path, **reading.options):
                    read.rows[split] += 1
                    _sort_in(read, row, split, names[path], text, label)
            except DataError as error:  # past the first rows, so that the rest of the diagnosis is worth having
                read.broken_off.append(str(error))
    return read


def _sort_in(read: _Read, row: Row | BadRow, split: str, file: str, text: str, label: str) -> None:
    if isinstance(row, BadRow):
        read.bad.append(f"{file}, row {row.number}: {row.reason}")
    elif is_empty(content := row.cells.get(text)):
        read.empty.append(f"{file}, row {row.number}")
    else:
        read.samples.append(Sample(split, file, row.number, str(content), row.cells.get(label)))


def _short_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the names of files without their folders, where that tells them apart."""
    alike = Counter(path.name for path in dict.fromkeys(paths))
    return {path: path.name if alike[path.name] == 1 else str(path) for path in paths}


def _unread(read: _Read) -> Iterator[Finding]:
    for message in read.broken_off:
        yield Finding("error", "broken-file", message, "Repair the file there; rows after it were not examined.")
    if read.bad:
        message = f"{counted(len(read.bad), 'row')} that cannot be read"
        mend = "Quote cells that hold the delimiter or line breaks; such rows are skipped."
        yield Finding("warning", "unreadable-rows", message, mend, tuple(map(shown, read.bad[:3])))
    if read.empty:
        message = f"{counted(len(read.empty), 'row')} without a text"
        yield Finding("warning", "empty-text", message, "Fill or delete them; they are skipped.", tuple(read.empty[:3]))


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
