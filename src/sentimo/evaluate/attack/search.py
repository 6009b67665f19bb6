"""Attack a model: change each text it answers right a little, step by step, until the answer is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from random import Random
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentimo.core.documents import Example, Target
from sentimo.core.predictions import TaskScores
from sentimo.engine.predictor import Predicts
from sentimo.errors import InputError, did_you_mean
from sentimo.evaluate.attack import CHANGES
from sentimo.evaluate.attack.pieces import changed, pieces, places
from sentimo.evaluate.bootstrap import Figure, Floats, bootstrap, figure
from sentimo.evaluate.calibration import multi_hot
from sentimo.evaluate.metrics import is_right
from sentimo.evaluate.report import rows_of, task_of

MOST_ROWS, MOST_CHANGED = 500, 0.2
_MOST_PLACES = 60  # words of a text that are asked for their weight; of a longer text as many are drawn
_SHOWN = 5

Change = Callable[[Sequence[str], int, Random], Iterator[dict[int, str]]]


@dataclass(frozen=True)
class Misled:
    """A text that was answered right, and its change that was not."""

    text: str
    changed: str


@dataclass(frozen=True)
class AttackReport:
    """How a model stands an attack.

    Attributes:
        task: The task.
        changes: Names of the changes that were tried.
        most_changed: Share of the words of a text that may be changed; at least one is.
        n: Rows.
        clean: Share of rows answered right.
        robust: Share of rows answered right before and after everything that was tried.
        lost: Their difference.
        n_asked: Texts that the model was asked in all.
        share_changed: Mean share of words changed where the answer became wrong; None where none did.
        examples: Some of those texts.
    """

    task: str
    changes: tuple[str, ...]
    most_changed: float
    n: int
    clean: Figure
    robust: Figure
    lost: Figure
    n_asked: int
    share_changed: float | None
    examples: tuple[Misled, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        figures = {name: getattr(self, name).to_dict() for name in ("clean", "robust", "lost")}
        return {
            **vars(self),
            **figures,
            "changes": list(self.changes),
            "examples": [vars(each) for each in self.examples],
        }


def parse_changes(names: str) -> tuple[str, ...]:
    """Read ``typos,swaps`` or ``all``.

    Raises:
        InputError: a name is not known.
    """
    wanted = tuple(dict.fromkeys(each.strip() for each in names.split(",")))
    if wanted == ("all",):
        return tuple(CHANGES)
    for name in wanted:
        if name not in CHANGES:
            known = ", ".join(CHANGES)
            raise InputError(f"attack {name!r} is not known (all, {known}).{did_you_mean(name, CHANGES)}")
    return wanted


def attack(
    predictor: Predicts,
    task: str,
    rows: Sequence[Example],
    *,
    changes: Sequence[str] = tuple(CHANGES),
    most_changed: float = MOST_CHANGED,
    most_rows: int = MOST_ROWS,
    n_bootstrap: int = 1000,
    seed: int = 13,
) -> AttackReport:
    """Attack a model on labelled rows, knowing nothing of it but its scores.

    The words of each text that is answered right are ranked by what leaving them out does to the score of the true
    answer. The most important ones are then changed one after the other, each in the way that lowers that score most,
    until the answer is wrong or `most_changed` of the words have been tried.

    Args:
        predictor: The model.
        task: The task; its answers are labels.
        rows: Labelled rows.
        changes: Names in `CHANGES`.
        most_changed: Share of the words of a text that may be changed, in (0, 1]; at least one may.
        most_rows: As many rows are drawn where there are more.
        n_bootstrap: Resamples for the intervals.
        seed: Of the draw, the changes and the intervals.

    Raises:
        InputError: the model does not have the task, the task is a score, or no row has a target.

    Source: Li et al. 2019, "TextBugger", arXiv:1812.05271, algorithm 2 (black box).
    """
    if not 0 < most_changed <= 1:
        raise InputError(f"the share of words to change is {most_changed}; expected above 0 and at most 1")
    labelled = [each for each in rows if task in each.targets]
    if len(labelled) > most_rows:
        labelled = Random(seed).sample(labelled, most_rows)
    if not labelled:
        raise InputError(f"no row has a target for task {task!r}; nothing to attack")
    run = _Attack(predictor, task, [_change(name) for name in changes], most_changed, seed)
    texts = [_Text(each.document.text, each.targets[task]) for each in labelled]
    run.judge(texts)
    clean = np.array([each.is_right for each in texts])
    standing = [each for each in texts if each.is_right]
    run.rank(standing)
    while standing:
        standing = run.step(standing)
    robust = np.array([each.is_right for each in texts])
    drawn = bootstrap(_shares(clean, robust), len(texts), n_bootstrap, seed)
    found = {name: figure(values) for name, values in drawn.items()}
    misled = [each for each, was_right in zip(texts, clean, strict=True) if was_right and not each.is_right]
    return AttackReport(
        task=task,
        changes=tuple(changes),
        most_changed=most_changed,
        n=len(texts),
        **{name: each for name, each in found.items() if each is not None},
        n_asked=run.n_asked,
        share_changed=float(np.mean([each.n_changed / len(places(each.parts)) for each in misled])) if misled else None,
        examples=tuple(Misled(each.text, "".join(each.parts)) for each in misled[:_SHOWN]),
    )


def print_attack(report: AttackReport, console: Console) -> None:
    """Print what an attack came to."""
    table = Table(title=Text(f"{report.task} under attack ({', '.join(report.changes)}; {report.n} rows)"))
    table.title_justify = "left"
    table.add_column("share of rows answered right")
    table.add_column("value [95% interval]", justify="right")
    for name, value in (("as they are", report.clean), ("attacked", report.robust), ("lost", report.lost)):
        table.add_row(Text(name), Text(str(value)))
    console.print()
    console.print(table)
    if report.share_changed is not None:
        console.print(
            Text(f"{report.share_changed:.0%} of the words were changed where the answer became wrong, as in")
        )
        for each in report.examples[:3]:
            console.print(Text(f"  {each.text}\n  {each.changed}", style="dim"))


@dataclass
class _Text:
    """One text under attack."""

    text: str
    target: Target
    parts: list[str] = field(default_factory=list)
    is_right: bool = False
    margin: float = 0.0
    left: list[int] = field(default_factory=list)  # places still to change, the most important last
    budget: int = 0
    n_changed: int = 0

    def __post_init__(self) -> None:
        self.parts = pieces(self.text)


class _Attack:
    def __init__(
        self, predictor: Predicts, task: str, changes: Sequence[Change], most_changed: float, seed: int
    ) -> None:
        self.predictor, self.task, self.changes = predictor, task, changes
        self.most_changed, self.seed = most_changed, seed
        self.n_asked = 0

    def judge(self, texts: Sequence[_Text]) -> None:
        found = self._ask([each.text for each in texts], [each.target for each in texts])
        for each, answer in zip(texts, found, strict=True):
            each.is_right, each.margin = answer

    def rank(self, texts: Sequence[_Text]) -> None:
        asked: list[tuple[_Text, int, str]] = []
        for each in texts:
            at = list(places(each.parts))
            each.budget = max(1, int(self.most_changed * len(at)))
            if len(at) > _MOST_PLACES:
                at = sorted(Random(f"{self.seed} {each.text}").sample(at, _MOST_PLACES))
            asked += [(each, place, "".join(changed(each.parts, {place: ""}))) for place in at]
        found = self._ask([text for _, _, text in asked], [each.target for each, _, _ in asked])
        ranked: dict[int, list[tuple[float, int]]] = {id(each): [] for each in texts}
        for (each, place, _), (_, margin) in zip(asked, found, strict=True):
            ranked[id(each)].append((np.inf if np.isnan(margin) else margin, place))
        for each in texts:
            each.left = [place for _, place in sorted(ranked[id(each)], reverse=True)]

    def step(self, texts: Sequence[_Text]) -> list[_Text]:
        """Change one place more of each text; return those that still stand and have places left."""
        asked: list[tuple[_Text, list[str]]] = []
        for each in texts:
            ways: list[dict[int, str]] = []
            while each.left and not ways:  # a place that cannot be changed costs nothing
                place = each.left.pop()
                dice = Random(f"{self.seed} {place} {each.text}")
                ways = [way for change in self.changes for way in change(each.parts, place, dice)]
            candidates = [changed(each.parts, way) for way in ways]
            asked += [(each, parts) for parts in candidates if any(parts[at].strip() for at in places(parts))]
        found = self._ask(["".join(parts) for _, parts in asked], [each.target for each, _ in asked])
        best: dict[int, tuple[bool, float, list[str]]] = {}
        for (each, parts), (right, margin) in zip(asked, found, strict=True):
            if margin < best.get(id(each), (True, each.margin, []))[1]:  # never so for a text without an answer, NaN
                best[id(each)] = (right, margin, parts)
        for each in texts:
            each.budget -= 1
            if id(each) in best:
                each.is_right, each.margin, each.parts = best[id(each)]
                each.n_changed += 1
        return [each for each in texts if each.is_right and each.left and each.budget > 0]

    def _ask(self, texts: Sequence[str], targets: Sequence[Target]) -> list[tuple[bool, float]]:
        """Return for each text whether the answer is right, and by how much: above 0 if so, NaN without an answer."""
        if not texts:
            return []
        once = list(dict.fromkeys(texts))
        self.n_asked += len(once)
        place = {text: row for row, text in enumerate(once)}
        scores = rows_of(task_of(self.predictor.predict(once), self.task), [place[text] for text in texts])
        if scores.space.kind == "score":
            raise InputError(f"task {self.task!r} is a score, which is never just right or wrong; it has no attack")
        return list(zip(*_margins(scores, targets), strict=True))


def _margins(scores: TaskScores, targets: Sequence[Target]) -> tuple[list[bool], list[float]]:
    matrix = scores.scores.astype(np.float64)
    truth = multi_hot(scores.space, targets)
    known = np.nan_to_num(matrix, nan=-1.0)
    right = is_right(scores.space, targets, known, scores.common_thresholds)
    assert right is not None  # scores were refused before
    right &= ~np.isnan(matrix).any(axis=1)
    if scores.space.kind == "multi":
        cuts = np.asarray(scores.common_thresholds if scores.common_thresholds is not None else 0.5)
        margins = np.where(truth, matrix - cuts, cuts - matrix).min(axis=1)
    else:
        margins = np.where(truth, matrix, -np.inf).max(axis=1) - np.where(truth, -np.inf, matrix).max(axis=1)
    return right.tolist(), margins.tolist()


def _shares(clean: Any, robust: Any) -> Callable[[Floats], dict[str, Floats]]:
    table = np.column_stack([clean, robust]).astype(np.float64)

    def measure(weights: Floats) -> dict[str, Floats]:
        shares = weights @ table / weights.sum(axis=1, keepdims=True)
        return {"clean": shares[:, 0], "robust": shares[:, 1], "lost": shares[:, 0] - shares[:, 1]}

    return measure


def _change(name: str) -> Change:
    module, function = CHANGES[name].split(":")
    found: Change = getattr(import_module(module), function)
    return found
