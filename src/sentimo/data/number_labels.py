"""What numbers in a label column are taken for: ids, classes or scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sentimo.core.labels import Kind, LabelSpace
from sentimo.data.diagnosis import Finding, Sample, counted, listed, shown
from sentimo.data.targets import is_empty, number_in

_MOSTLY = 0.9  # share of numbers from which a label column is meant to be one of numbers


def judge_numbers(space: LabelSpace, cells: Sequence[Any], kind: Kind | None) -> Iterator[Finding]:
    """Yield what the numbers of a file mean in the label space that was seen in it.

    Args:
        space: What `sentimo.data.targets.infer_space` saw in the cells.
        cells: The label cells of the rows to train on.
        kind: The kind that the user asked for, if any.
    """
    if space.range is not None:
        yield _score(space.range, cells)
        return
    numbers = [number for label in space.labels if (number := number_in(label)) is not None]
    if len(numbers) == len(space):
        base = f", {numbers[0]:g}-based" if numbers[0] in (0, 1) else ""
        message = f"labels are the numbers {listed(space.labels)}{base}; stored as ids 0 to {len(space) - 1}"
        grades = kind is None and len(space) > 2
        mend = (
            "If they are grades or stars, --kind ordinal uses their order." if grades else "A mapping gives them names."
        )
        yield Finding("note", "number-labels", message, mend)
    elif kind is None and space.kind == "single":
        yield from _words_among_numbers(cells)


def judge_scales(space: LabelSpace, samples: Sequence[Sample]) -> Iterator[Finding]:
    """Yield where files that make up one split count their labels from 0 and from 1.

    Args:
        space: The label space that was seen in all of them.
        samples: The rows of the split.
    """
    if space.range is not None:
        return
    numbers: dict[str, set[int]] = {}
    for sample in samples:
        number = number_in(sample.cell)
        if number is not None and number.is_integer():
            numbers.setdefault(sample.file, set()).add(int(number))
    firsts = {file: min(found) for file, found in numbers.items()}
    if {0, 1} <= set(firsts.values()) and len({max(found) for found in numbers.values()}) > 1:
        counts = ", ".join(f"{min(found)} to {max(found)} in {file}" for file, found in numbers.items())
        mend = (
            "Bring the files to one scale, or write labels instead of numbers: together they make one label too many."
        )
        yield Finding("warning", "scales-disagree", f"the labels run from {counts}", mend)


def judge_ids(space: LabelSpace, first_ids: Mapping[str, int | None]) -> Iterator[Finding]:
    """Yield how numbers that are not labels themselves count as ids of a given space.

    Args:
        space: The given space.
        first_ids: Split -> the number of the first label, or None where labels are not numbers.
    """
    found = {split: first for split, first in first_ids.items() if first is not None}
    if len(set(found.values())) > 1:
        counts = ", ".join(f"from {first} in {split}" for split, first in found.items())
        mend = "Write labels instead of numbers, or make every file count from 0 and hold that label."
        yield Finding("warning", "ids-disagree", f"numbers in the label column are counted {counts}", mend)
    elif found:
        first = next(iter(found.values()))
        message = (
            f"numbers in the label column are read as {first}-based ids of {space.name!r}: "
            f"{first} is {space.labels[0]!r}, {first + len(space) - 1} is {space.labels[-1]!r}"
        )
        yield Finding("note", "number-labels", message, "If they mean something else, write labels instead of numbers.")


def _score(bounds: tuple[float, float], cells: Sequence[Any]) -> Finding:
    values = [value for cell in cells if (value := number_in(cell)) is not None]
    message = f"scores from {min(values):g} to {max(values):g}, read in the range {bounds[0]:g} to {bounds[1]:g}"
    mend = "If the scale is wider, add rows with its ends; if the numbers name classes, use --kind single."
    return Finding("note", "score", message, mend)


def _words_among_numbers(cells: Sequence[Any]) -> Iterator[Finding]:
    filled = [cell for cell in cells if not is_empty(cell)]
    words = Counter(shown(str(cell), 40) for cell in filled if number_in(cell) is None)
    if sum(words.values()) <= (1 - _MOSTLY) * len(filled):
        exceptions = listed(f"{word!r} ({counted(n, 'row')})" for word, n in words.items())
        mend = "Empty or correct these cells: each is a label of its own, and the numbers are not read as a score."
        yield Finding("warning", "mixed-numbers", f"the labels are numbers, but for {exceptions}", mend)
