"""What the data doctor finds, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate, islice
from typing import Any, Literal, NamedTuple
from unicodedata import east_asian_width

from sentimo.core.documents import Target
from sentimo.core.labels import Kind
from sentimo.text.printable import on_one_line

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")

Answer = Target | tuple[str, ...] | None
"""What a row is labelled with: its target; its labels as written where no label space fits; None where it has none."""

_MOST_EXAMPLES = 3
_MOST_SHOWN = 60  # columns of a text beside its place


class Sample(NamedTuple):
    """A row that has a text: its split, its file as shown, its number from 1, its text and its label cell."""

    split: str
    file: str
    number: int
    text: str
    cell: Any

    @property
    def place(self) -> str:
        """Where the row stands."""
        return f"{self.file}, row {self.number}"

    @property
    def quoted(self) -> str:
        """The place, and how the text begins."""
        return f"{self.place}: {shown(self.text)}"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or good to know.

    Attributes:
        level: ``error`` (training would fail), ``warning`` (it would run, and its numbers would mislead) or ``note``.
        code: Kind of the finding, such as ``leakage``.
        message: What was found, in one sentence.
        mend: What to do about it, in one line.
        examples: A few places where it stands.
    """

    level: Level
    code: str
    message: str
    mend: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelCount:
    """How often a label occurs: split -> rows, and split -> share of its labelled rows, in [0, 1]."""

    label: str
    rows: Mapping[str, int]
    share: Mapping[str, float]


@dataclass(frozen=True)
class Lengths:
    """How long the texts are, in tokens.

    Attributes:
        median, p95, longest: Of all texts.
        limit: Most tokens read at once.
        over: Share of the texts that are longer, in [0, 1].
        exact: Whether a tokenizer counted them; if not, words and Han characters were.
    """

    median: int
    p95: int
    longest: int
    limit: int
    over: float
    exact: bool


@dataclass(frozen=True)
class Diagnosis:
    """The state of labelled files.

    Attributes:
        rows: Split -> data rows read.
        usable: Split -> rows with a text and a label that fits the task.
        languages: Language -> texts, most frequent first.
        kind: Kind of the task, or None where its label space cannot be seen.
        space: Name of the label space, or None.
        labels: The label table, in the order of the space; of a score, its range in five parts.
        imbalance: Rows of the most frequent label for one row of the rarest, in the first split. None for scores.
        lengths: None where there is no text.
        findings: Errors first, then warnings, then notes.
    """

    rows: Mapping[str, int]
    usable: Mapping[str, int]
    languages: Mapping[str, int]
    kind: Kind | None
    space: str | None
    labels: tuple[LabelCount, ...]
    imbalance: float | None
    lengths: Lengths | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether training would run."""
        return not self.of_level("error")

    def of_level(self, level: Level) -> list[Finding]:
        """Return the findings of one level."""
        return [each for each in self.findings if each.level == level]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON; never NaN, never a half surrogate."""
        return {"ok": self.ok, **asdict(self)}


def shown(text: str, most: int = _MOST_SHOWN) -> str:
    """Return the beginning of a text on one line of at most `most` columns, fit for any output."""
    line = on_one_line(text[: 4 * most])
    ends = accumulate(2 if east_asian_width(each) in "WF" else 1 for each in line)
    n_fitting = sum(end < most for end in ends)  # one column is kept for the ellipsis
    return line if n_fitting >= len(line) - 1 and len(text) <= 4 * most else line[:n_fitting].rstrip() + "…"


def quoted(samples: Iterable[Sample]) -> tuple[str, ...]:
    """Return the first few of some rows as examples."""
    return tuple(sample.quoted for sample in islice(samples, _MOST_EXAMPLES))


def listed(names: Iterable[str], most: int = 6) -> str:
    """Return names in a row, the first few of many."""
    names = [on_one_line(name) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(n: int, what: str) -> str:
    """Return a number with its noun: "1 row", "2,000 rows"."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
