"""Suites of cases: those that come with Sentimo, and those of a user's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentimo.data.readers import BadRow, columns, read_rows
from sentimo.data.targets import is_empty
from sentimo.errors import DataError, InputError
from sentimo.evaluate.phenomena.expectations import Expectation, read_expectation

COLUMNS = ("group", "expect", "text")
"""Every suite has them; "case" too where several texts are one case."""

BUILT_IN: Mapping[str, Path] = {language: Path(__file__).with_name(f"{language}.csv") for language in ("en", "zh")}
"""Language -> the suite that comes with Sentimo."""


@dataclass(frozen=True)
class Case:
    """One expectation.

    Attributes:
        group: The phenomenon.
        expect: What is expected, as written.
        texts: One text, or several in the order of the suite.
        where: File and data row of the first text.
        expectation: What is expected.
    """

    group: str
    expect: str
    texts: tuple[str, ...]
    where: str
    expectation: Expectation


@dataclass(frozen=True)
class Suite:
    """Cases by which models are judged.

    Attributes:
        name: Language of a suite that comes with Sentimo, or the path of a file.
        cases: In the order of the file.
    """

    name: str
    cases: tuple[Case, ...]


@dataclass
class _Draft:
    """A case whose rows are being collected."""

    group: str
    expect: str
    where: str
    texts: list[str]


def built_in_suite(language: str) -> Suite:
    """Return the suite of a language that comes with Sentimo: "en" or "zh"."""
    return Suite(language, load_suite(BUILT_IN[language]).cases)


def load_suite(path: str | Path) -> Suite:
    """Read a suite from a table with the columns of `COLUMNS`, in any format that Sentimo reads.

    Rows with the same cell in the column "case" are the texts of one case, in order; a row without one is a case of
    its own. Blank cells around words do not count; the texts stay as they are.

    Raises:
        DataError: there is no such file, a column is missing, or a row cannot be used; the message names it.
    """
    drafts: dict[str, _Draft] = {}
    for number, cells in _rows(path):
        where = f"{path}, row {number}"
        group, expect = (_word(cells, column, where) for column in COLUMNS[:2])
        text = cells["text"]
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{where}: no text")
        named = cells.get("case")
        key = f"row {number}" if is_empty(named) else f"case {str(named).strip()}"
        draft = drafts.setdefault(key, _Draft(group, expect, where, []))
        if (draft.group, draft.expect) != (group, expect):
            raise DataError(
                f"{where}: {key!r} is {group!r}, {expect!r} here and {draft.group!r}, {draft.expect!r} in its first "
                f"row ({draft.where}); the rows of a case agree in group and expect"
            )
        draft.texts.append(text)
    if not drafts:
        raise DataError(f"{path}: no rows; a suite has at least one case")
    return Suite(str(path), tuple(map(_case, drafts.values())))


def _rows(path: str | Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    found = columns(path)
    if missing := [name for name in COLUMNS if name not in found]:
        raise DataError(
            f"{path}: no column {', '.join(map(repr, missing))}; its columns: {', '.join(found)}. A suite has the "
            f"columns {', '.join(COLUMNS)}, and case where several texts are one case."
        )
    for row in read_rows(path):
        if isinstance(row, BadRow):
            raise DataError(f"{path}, row {row.number}: {row.reason}")
        yield row.number, {**dict.fromkeys(COLUMNS), **row.cells}


def _word(cells: Mapping[str, Any], column: str, where: str) -> str:
    if is_empty(cells[column]):
        raise DataError(f"{where}: column {column!r} is empty; every row of a suite fills it")
    return str(cells[column]).strip()


def _case(draft: _Draft) -> Case:
    try:
        expectation = read_expectation(draft.expect)
    except InputError as error:
        raise DataError(f"{draft.where}, expect: {error}") from None
    if expectation.several and len(draft.texts) < 2:
        raise DataError(
            f"{draft.where}: {draft.expect!r} is about several texts; found one. Give them the same cell in the "
            "column 'case'."
        )
    if not expectation.several and len(draft.texts) > 1:
        raise DataError(
            f"{draft.where}: {draft.expect!r} is about one text; found {len(draft.texts)} in one case. Leave the "
            "column 'case' empty."
        )
    return Case(draft.group, draft.expect, tuple(draft.texts), draft.where, expectation)
