"""Label cells to targets: what space the labels of a file span, and what each cell means in it."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sentimo.core.documents import Target
from sentimo.core.labels import EMOTION_SPACES, SPACES, Kind, LabelSpace
from sentimo.errors import AmbiguousLabelError, DataError, UnknownLabelError

_MOSTLY = 0.95  # share of numbers from which a few other cells are faults, not labels
_MOST_NUMBER_CLASSES = 20  # more distinct whole numbers than this are a score


class LeftOut(Exception):
    """A row that has no target for the task: its label is empty, or not one the mapping keeps."""


def labels_in(cell: Any, separator: str | None = None) -> list[str]:
    """Return the labels in a cell, without blanks around them: of a list, of a cell cut at `separator`, or itself.

    An empty cell has none. Whole numbers lose their ".0"; a string that spells a list, in JSON or as Python prints
    it, is one.
    """
    if is_empty(cell):
        return []
    if isinstance(cell, str):
        cell = cell.strip()
        listed = _list_in(cell)
        if listed is not None:
            return labels_in(listed)
        return [part.strip() for part in cell.split(separator) if part.strip()] if separator else [_plain(cell)]
    if isinstance(cell, Iterable):
        return [label for part in cell for label in labels_in(part)]
    return [_plain(cell)]


def is_empty(cell: Any) -> bool:
    """Return whether a cell holds nothing: None, NaN or blank."""
    return (
        cell is None or (isinstance(cell, float) and math.isnan(cell)) or (isinstance(cell, str) and not cell.strip())
    )


def number_in(cell: Any) -> float | None:
    """Return the finite number in a cell, or None."""
    if isinstance(cell, bool) or (isinstance(cell, Iterable) and not isinstance(cell, str)):
        return None
    try:
        value = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def infer_space(
    cells: Iterable[Any],
    task: str,
    *,
    kind: Kind | None = None,
    separator: str | None = None,
    mapping: Mapping[str, str] | None = None,
) -> LabelSpace:
    """See from the label cells of a file which space they span.

    Lists (or a `separator`) make a multi-label task, fractions or more than 20 whole numbers a score, anything else a
    single-label one. Labels of a known space (letter case apart, or by their localised names) become that space. Whole
    numbers are ordered by value, so 0..C-1 and 1..C both become ids 0..C-1; other labels are ordered as strings.

    Raises:
        DataError: no labels, one label only, or an ordinal task whose order cannot be seen.
    """
    cells = list(cells)
    filled = [cell for cell in cells if not is_empty(cell)]
    if not filled:
        raise DataError(f"task {task!r}: {'the label column is empty' if cells else 'there is no row with a text'}")
    kind = kind or _kind_of(filled, separator)
    if kind == "score":
        return LabelSpace(task, (task,), "score", range=_range_of(filled, task))
    found = {label for cell in filled for label in labels_in(cell, separator)}
    if mapping:
        found = {mapping[label] for label in found if label in mapping}
    if len(found) < 2:
        what = f"only the label {next(iter(found))!r}" if found else "no label"
        raise DataError(f"task {task!r}: {what} in the file; two different ones are needed to learn anything")
    for known in SPACES.values():
        alias = _alias(known)
        meant = {alias.get(label.casefold(), label) for label in found}
        if (
            len(found) == len(meant)
            and meant == set(known.labels)
            and (known.kind == kind or {known.kind, kind} == {"single", "ordinal"})
            and not (kind == "ordinal" and known.name in EMOTION_SPACES)
        ):
            return LabelSpace(known.name, known.labels, kind, known.polarity, known.names)
    numbers = all(number_in(label) is not None for label in found)
    if kind == "ordinal" and not numbers:
        raise DataError(
            f"task {task!r}: the order of {', '.join(sorted(found)[:8])} cannot be seen; give the labels in order, "
            "lowest first (`space:` in a recipe, --space on the command line)"
        )
    ordered = sorted(found, key=lambda label: (float(label), label)) if numbers else sorted(found)
    return LabelSpace(task, tuple(ordered), kind)


class TargetReader:
    """Turns label cells into targets of a space.

    Strings match labels exactly, then without regard to letter case, then by their localised names. Whole numbers
    that are not labels themselves count as ids: 0-based where one is 0, 1-based where one is the number of labels.
    Where the labels are numbers (stars), all numbers of a file are labels, or all are ids.

    Args:
        space: The task's labels.
        cells: All label cells of the file, to see how its numbers count.
        separator: Sign between several labels in one cell.
        mapping: Old label -> new label; rows with none of the old labels are left out.
        first_id: Number of the first label where numbers are ids and it is known, from the training rows; else seen.
    """

    def __init__(
        self,
        space: LabelSpace,
        cells: Sequence[Any] = (),
        *,
        separator: str | None = None,
        mapping: Mapping[str, str] | None = None,
        first_id: int | None = None,
    ) -> None:
        self._space, self._separator, self._mapping = space, separator, mapping
        self._has_numbers = space.range is None and all(label.isdecimal() for label in space.labels)
        self._label_of = {**_alias(space), **{label: label for label in space.labels}}
        self.first_id = first_id if first_id is not None else self._first_id(cells)

    def target(self, cell: Any, where: str) -> Target:
        """Return the target in a cell.

        Raises:
            LeftOut: the cell is empty, or the mapping keeps none of its labels.
            UnknownLabelError: a label is not in the space.
            DataError: a score that is no number or out of range, or several labels where one is wanted.
        """
        if is_empty(cell):
            raise LeftOut("no label")
        if self._space.range is not None:
            return self._score(cell, where, self._space.range)
        labels = labels_in(cell, self._separator if self._space.kind == "multi" else None)
        if self._mapping is not None:
            labels = [self._mapping[label] for label in labels if label in self._mapping]
            if not labels:
                raise LeftOut("the mapping has no place for its label")
        ids = tuple(sorted({self._id(label, where) for label in labels}))
        if self._space.kind == "multi":
            return ids
        if len(ids) != 1:
            if self._mapping is not None:
                raise LeftOut("its labels fall into several of the mapped ones")
            raise DataError(f"{where}: {len(ids)} labels in a {self._space.kind}-label task; use kind multi")
        return ids[0]

    def _id(self, label: str, where: str) -> int:
        if self.first_id is not None and self._has_numbers and label.isdecimal():
            return self._counted(label, where)  # "1" may be the second label here, though one is called "1"
        known = self._label_of.get(label) or self._label_of.get(label.casefold())
        if known is not None:
            return self._space.labels.index(known)
        if self.first_id is not None and label.isdecimal():
            return self._counted(label, where)
        if label.isdecimal() and not self._has_numbers and 0 < int(label) < len(self._space):
            raise AmbiguousLabelError(
                f"{where}: {label} may count the labels of {self._space.name!r} from 0 or from 1; the file holds "
                f"neither 0 nor {len(self._space)} to tell. Write the labels as words."
            )
        raise UnknownLabelError(label, self._space.name, self._space.labels, where)

    def _counted(self, label: str, where: str) -> int:
        position = int(label) - (self.first_id or 0)
        if not 0 <= position < len(self._space):
            raise UnknownLabelError(label, self._space.name, self._space.labels, where)
        return position

    def _first_id(self, cells: Sequence[Any]) -> int | None:
        """Return which id the first label has in the file, or None where labels are not ids."""
        if self._space.kind == "score":
            return None
        found = {label for cell in cells for label in labels_in(cell, self._separator)}
        found = found if self._has_numbers else found - set(self._label_of)
        # A stray "-1", "n/a" or "99" is a fault of its row and says nothing about the others.
        ids = {int(label) for label in found if label.isdecimal() and int(label) <= len(self._space)}
        from_0, from_1 = 0 in ids, len(self._space) in ids
        labels = {str(each) for each in ids} <= set(self._space.labels) or (from_0 and from_1)
        if self._has_numbers and labels:  # all numbers of a file are labels, or all are ids
            return None
        return 0 if from_0 else 1 if from_1 else None

    def _score(self, cell: Any, where: str, bounds: tuple[float, float]) -> float:
        value = number_in(cell)
        if value is None:
            raise DataError(f"{where}: {str(cell)[:40]!r} is not a number; task {self._space.name!r} is a score")
        if not bounds[0] <= value <= bounds[1]:
            raise DataError(
                f"{where}: {value:g} lies outside the range {bounds[0]:g}..{bounds[1]:g} of {self._space.name!r}"
            )
        return value


def _alias(space: LabelSpace) -> dict[str, str]:
    """Return every other way to write the labels of a space, case folded -> label."""
    localised = {name.casefold(): label for names in space.names.values() for label, name in names.items()}
    return {**localised, **{label.casefold(): label for label in space.labels}}


def _kind_of(cells: Sequence[Any], separator: str | None) -> Kind:
    if separator or any(_is_list(cell) for cell in cells):
        return "multi"
    numbers = [number for cell in cells if (number := number_in(cell)) is not None]
    if len(numbers) < max(1, _MOSTLY * len(cells)):
        return "single"
    whole = all(value.is_integer() for value in numbers)
    if whole and len(set(numbers)) <= _MOST_NUMBER_CLASSES:
        return "single"
    return "score"


def _is_list(cell: Any) -> bool:
    return _list_in(cell.strip()) is not None if isinstance(cell, str) else isinstance(cell, Iterable)


def _list_in(cell: str) -> list[Any] | None:
    """Return the list that a string spells, as `json` or as pandas writes lists to CSV, or None."""
    if cell.startswith("[") and cell.endswith("]"):
        for read in (json.loads, ast.literal_eval):
            try:
                found: list[Any] = read(cell)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                continue
            return found
    return None


def _range_of(cells: Sequence[Any], task: str) -> tuple[float, float]:
    """Return 0..1 or -1..1 where the numbers fit, else the whole numbers around them."""
    values = [value for cell in cells if (value := number_in(cell)) is not None]
    if not values or min(values) == max(values):
        raise DataError(f"task {task!r}: a score needs different numbers; found {str(cells[0])[:40]!r} everywhere")
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        if low <= min(values) and max(values) <= high:
            return low, high
    return float(math.floor(min(values))), float(math.ceil(max(values)))


def _plain(value: Any) -> str:
    """Return a label as written; 3.0 (and "3.0") is "3"."""
    number = number_in(value)
    if number is not None and number.is_integer() and (isinstance(value, float) or str(value).endswith(".0")):
        return str(int(number))
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
