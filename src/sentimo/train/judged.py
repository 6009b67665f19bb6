"""Members and what was made of them, on the same rows: figures, the difference to the best member, and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.bootstrap import Figure, Floats, Measure, bootstrap, figure
from sentimo.evaluate.calibration import multi_hot
from sentimo.evaluate.measures import multi_measure
from sentimo.evaluate.metrics import MAIN_FIGURE, measures
from sentimo.evaluate.report import TITLES
from sentimo.evaluate.speed.rounds import Clock, spread_out

_TIMED_TEXTS, _N_BOOTSTRAP = 256, 1000


@dataclass(frozen=True)
class Judged:
    """Calibrated answers to labelled rows.

    Attributes:
        space: The task's labels.
        scores: (n, n_labels).
        cuts: (n, n_labels) the score from which each label is given; multi-label only.
        targets: (n,) the truth.
    """

    space: LabelSpace
    scores: NDArray[Any]
    cuts: NDArray[Any]
    targets: list[Target]

    def measure(self) -> Measure:
        """Return what measures the answers."""
        if self.space.kind == "multi":
            return multi_measure(multi_hot(self.space, self.targets), self.scores, self.scores >= self.cuts)
        return measures(self.space, self.targets, self.scores, None)[0]


@dataclass(frozen=True)
class Contest:
    """Members and what was made of them on the same rows of one task.

    Attributes:
        main, second: Names of the figures that are told: the main one, and ECE (of a score: MAE).
        names: The members.
        figures: For each member, and last for the whole: main and second.
        best: Position of the best member.
        gain: The whole minus the best member, main figure, paired bootstrap. Being the best of several on these very
            rows is partly luck, so the whole is judged a little too strictly.
        n: Rows.
        seconds: For each member, and last for the whole: time for the same texts, medians; empty where not measured.
    """

    main: str
    second: str
    names: tuple[str, ...]
    figures: tuple[tuple[Figure, Figure], ...]
    best: int
    gain: Figure
    n: int
    seconds: tuple[float, ...] = ()

    @property
    def verdict(self) -> str:
        """What the rows say, in a sentence."""
        assert self.gain.low is not None  # resamples were drawn
        assert self.gain.high is not None
        best, facts = self.names[self.best], f"difference in {TITLES[self.main]} {self.gain}"
        if self.gain.low > 0:
            return f"Better than the best member, {best} ({facts})."
        if self.gain.high < 0:
            return f"Worse than the best member, {best} ({facts}): keep that one."
        return f"Not surely different from the best member, {best} ({facts})."

    def ratios(self) -> list[float]:
        """Return the time of each as a multiple of the best member's."""
        return [each / self.seconds[self.best] for each in self.seconds]

    def cells(self, whole: str) -> list[tuple[str, ...]]:
        """Return the rows of a table: name, main figure, second figure, and time where it was measured."""
        times: list[tuple[str, ...]] = [(f"{each:.2f}",) for each in self.ratios()] or [()] * len(self.figures)
        rows = zip((*self.names, whole), self.figures, times, strict=True)
        return [(name, str(main), f"{second.value:.4f}", *time) for name, (main, second), time in rows]

    @property
    def headings(self) -> tuple[str, ...]:
        """Headings of these columns."""
        return ("model", f"{TITLES[self.main]} [95%]", TITLES[self.second], *(("time",) if self.seconds else ()))

    @property
    def title(self) -> str:
        """What the rows are, and how time is told where it was measured."""
        return f"{self.n} rows" + ("; time as a multiple of the best member's" if self.seconds else "")

    def markdown(self, task: str) -> list[str]:
        """Return the table as lines of Markdown."""
        return [
            f"**{task}** ({self.title})",
            "",
            f"| {' | '.join(self.headings)} |",
            "| --- |" + " ---: |" * (len(self.headings) - 1),
            *(f"| {' | '.join(cells)} |" for cells in self.cells("**ensemble**")),
            "",
            self.verdict,
            "",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        models: list[dict[str, Any]] = [
            {"name": name, self.main: main.to_dict(), self.second: second.to_dict()}
            for name, (main, second) in zip((*self.names, None), self.figures, strict=True)
        ]
        for each, seconds, ratio in zip(models, self.seconds, self.ratios(), strict=False):
            each |= {"seconds": round(seconds, 4), "time_ratio": round(ratio, 3)}
        return {
            "rows": self.n,
            "main": self.main,
            "members": models[:-1],
            "ensemble": {name: value for name, value in models[-1].items() if name != "name"},
            "best_member": self.names[self.best],
            "gain": self.gain.to_dict(),
            "verdict": self.verdict,
        }


def contest(names: Sequence[str], members: Sequence[Judged], whole: Judged, *, seed: int) -> Contest:
    """Judge members and the whole on the same rows, in the same resamples.

    Args:
        names: Of the members.
        members, whole: Their answers to the same rows.
        seed: Of the bootstrap.
    """
    kind, n = whole.space.kind, len(whole.targets)
    main, second = MAIN_FIGURE[kind], "mae" if kind == "score" else "ece"
    drawn = [bootstrap(each.measure(), n, _N_BOOTSTRAP, seed) for each in (*members, whole)]
    best = int(np.argmax([each[main][0] for each in drawn[:-1]]))
    return Contest(
        main,
        second,
        tuple(names),
        tuple((_figure(each[main]), _figure(each[second])) for each in drawn),
        best,
        _figure(drawn[-1][main] - drawn[best][main]),
        n,
    )


def seconds_of(models: Sequence[Predictor], texts: Sequence[str], *, rounds: int) -> list[float]:
    """Return how long each model takes for the same texts, at most 256, in turn: medians over the rounds."""
    chosen = spread_out(texts, _TIMED_TEXTS)
    found: list[list[float]] = [[] for _ in models]
    for number in range(rounds + 1):
        for model, times in zip(models, found, strict=True):
            clock = Clock()
            model.predict(chosen)
            if number:  # the first round opens pages and pools
                times.append(clock.read()[0])
    return [float(np.median(times)) for times in found]


def print_contest(task: str, found: Contest, console: Console, whole: str) -> None:
    """Print the table and its verdict."""
    table = Table(title=f"{task}: {found.title}", title_justify="left")
    for number, heading in enumerate(found.headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for place, cells in enumerate(found.cells(whole)):
        style = "bold" if place == len(found.names) else ""
        table.add_row(*(Text(cell, style=style) for cell in cells))
    console.print(table)
    console.print(Text(found.verdict))


def _figure(values: Floats) -> Figure:
    found = figure(values)
    assert found is not None  # sums over rows are always defined
    return found
