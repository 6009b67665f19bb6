"""Compare two models on the same rows without being fooled by noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentimo.core.documents import Target
from sentimo.core.predictions import TaskScores
from sentimo.errors import InputError
from sentimo.evaluate.bootstrap import Figure, bootstrap, figure
from sentimo.evaluate.metrics import ACCURACY, MAIN_FIGURE, checked_scores, is_right, measures

SIGNIFICANCE = 0.05
_EXACT_BELOW = 25  # discordant rows; from there on chi-square is close enough to the binomial


@dataclass(frozen=True)
class McNemar:
    """McNemar's test: do the rows that only one of two models gets right lean to one side?

    Attributes:
        only_a: Rows that only the first model answers right.
        only_b: Rows that only the second answers right.
        p: Two-sided p-value, in [0, 1].
        exact: True for the binomial test, False for chi-square with continuity correction.
    """

    only_a: int
    only_b: int
    p: float
    exact: bool


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows.

    Attributes:
        main: The figure compared.
        a, b: Its value for each, with its interval.
        difference: a - b of the main figure, paired bootstrap.
        accuracy_difference: a - b of the share of rows answered exactly right; None for scores.
        mcnemar: The test on the same rows; None for scores.
        n: Rows compared. `unanswered` rows that either model left open are not among them.
        winner: "a", "b", or None when the difference may be noise.
        verdict: The same in a sentence.
    """

    main: str
    a: Figure
    b: Figure
    difference: Figure
    accuracy_difference: Figure | None
    mcnemar: McNemar | None
    n: int
    unanswered: int
    winner: Literal["a", "b"] | None
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        values = {name: each.to_dict() if isinstance(each, Figure) else each for name, each in vars(self).items()}
        return {**values, "mcnemar": vars(self.mcnemar).copy() if self.mcnemar else None}


def compare(
    a_scores: TaskScores,
    b_scores: TaskScores,
    targets: Sequence[Target],
    *,
    names: tuple[str, str] = ("A", "B"),
    n_bootstrap: int = 1000,
    seed: int = 13,
) -> Comparison:
    """Say which of two models answers one task better, or that the rows cannot tell.

    A winner is named only when the interval of the difference of the main figure does not hold 0, McNemar's p is below
    0.05 (where the kind has right and wrong answers), and both point the same way.

    Args:
        a_scores: The first model's scores of the rows.
        b_scores: The second's, in the same label space; thresholds may differ.
        targets: The truth, one per row.
        names: How the verdict calls the models.
        n_bootstrap: Resamples, at least 1; each draws the same rows for both models.
        seed: Of the resamples.

    Raises:
        InputError: the label spaces differ, no row is answered by both, or what `score_task` refuses.

    Source: McNemar 1947; Berg-Kirkpatrick et al. 2012 for the paired bootstrap in NLP.
    """
    space = a_scores.space
    if (space.labels, space.kind) != (b_scores.space.labels, b_scores.space.kind):
        raise InputError(
            f"{names[0]} answers {space.name!r} ({space.kind}: {', '.join(space.labels)}) but {names[1]} answers "
            f"{b_scores.space.name!r} ({b_scores.space.kind}: {', '.join(b_scores.space.labels)}); compare models of "
            "one label space"
        )
    if n_bootstrap < 1:
        raise InputError(f"a comparison needs at least 1 resample; found n_bootstrap={n_bootstrap}")
    if not len(targets) == len(a_scores.scores) == len(b_scores.scores):
        found = f"{len(a_scores.scores)} and {len(b_scores.scores)} rows of scores for {len(targets)} targets"
        raise InputError(f"two models are compared on the same rows; found {found}")
    kept = np.flatnonzero(np.isfinite(a_scores.scores).all(axis=1) & np.isfinite(b_scores.scores).all(axis=1))
    if not len(kept):
        raise InputError(f"{names[0]} and {names[1]} have no row that both answered; nothing to compare")
    truth = [targets[row] for row in kept.tolist()]
    a, b = (replace(each, scores=each.scores[kept]) for each in (a_scores, b_scores))
    figures = _figures(a, b, truth, n_bootstrap, seed)
    test = _test(a, b, truth)
    winner = _winner(figures["difference"], test)
    return Comparison(
        main=MAIN_FIGURE[space.kind],
        a=figures["a"],
        b=figures["b"],
        difference=figures["difference"],
        accuracy_difference=figures.get("accuracy_difference"),
        mcnemar=test,
        n=len(kept),
        unanswered=len(targets) - len(kept),
        winner=winner,
        verdict=_verdict(winner, names, MAIN_FIGURE[space.kind], figures["difference"], test),
    )


def mcnemar(a_right: Sequence[bool], b_right: Sequence[bool]) -> McNemar:
    """Test whether two models are right equally often, from the rows where only one of them is.

    Below 25 such rows the exact two-sided binomial test; from 25, chi-square with one degree of freedom and the
    continuity correction of Edwards 1948.
    """
    first, second = np.asarray(a_right, dtype=bool), np.asarray(b_right, dtype=bool)
    only_a, only_b = int((first & ~second).sum()), int((~first & second).sum())
    n = only_a + only_b
    if n < _EXACT_BELOW:
        tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
        return McNemar(only_a, only_b, min(1.0, 2 * tail), exact=True)
    chi_square = max(abs(only_a - only_b) - 1, 0) ** 2 / n
    return McNemar(only_a, only_b, math.erfc(math.sqrt(chi_square / 2)), exact=False)


def print_comparison(comparison: Comparison, console: Console, names: tuple[str, str] = ("A", "B")) -> None:
    """Print the comparison as a table and its verdict."""
    left_out = f", {comparison.unanswered} unanswered left out" if comparison.unanswered else ""
    table = Table(title=f"{comparison.n} rows{left_out}", title_justify="left")
    table.add_column("")
    table.add_column("value [95% interval]", justify="right")
    table.add_row(Text(f"{comparison.main} of {names[0]}"), Text(str(comparison.a)))
    table.add_row(Text(f"{comparison.main} of {names[1]}"), Text(str(comparison.b)))
    table.add_row("difference", Text(str(comparison.difference)))
    if comparison.accuracy_difference:
        table.add_row("difference in accuracy", Text(str(comparison.accuracy_difference)))
    if comparison.mcnemar:
        table.add_row("right in one model only", f"{comparison.mcnemar.only_a} / {comparison.mcnemar.only_b}")
        table.add_row("McNemar p", f"{comparison.mcnemar.p:.4f}")
    console.print(table)
    console.print(Text(comparison.verdict, style="bold"))


def _figures(a: TaskScores, b: TaskScores, targets: Sequence[Target], n_bootstrap: int, seed: int) -> dict[str, Figure]:
    main, accuracy = MAIN_FIGURE[a.space.kind], ACCURACY[a.space.kind]
    # One seed, so both models are measured on the same draws: that is what makes the difference a paired one.
    in_a, in_b = (
        bootstrap(
            measures(each.space, targets, checked_scores(each.space, targets, each.scores), each.common_thresholds)[0],
            len(targets),
            n_bootstrap,
            seed,
        )
        for each in (a, b)
    )
    values = {"a": in_a[main], "b": in_b[main], "difference": in_a[main] - in_b[main]}
    if accuracy:
        values["accuracy_difference"] = in_a[accuracy] - in_b[accuracy]
    return {name: found for name, column in values.items() if (found := figure(column))}


def _test(a: TaskScores, b: TaskScores, targets: Sequence[Target]) -> McNemar | None:
    right = [is_right(each.space, targets, each.scores.astype(np.float64), each.common_thresholds) for each in (a, b)]
    if right[0] is None or right[1] is None:
        return None
    return mcnemar(right[0].tolist(), right[1].tolist())


def _winner(difference: Figure, test: McNemar | None) -> Literal["a", "b"] | None:
    assert difference.low is not None  # compare refuses to run without resamples
    assert difference.high is not None
    if difference.low <= 0 <= difference.high:
        return None
    winner: Literal["a", "b"] = "a" if difference.value > 0 else "b"
    if test is not None:
        leans_to = "a" if test.only_a > test.only_b else "b"
        if test.p >= SIGNIFICANCE or leans_to != winner:
            return None
    return winner


def _verdict(
    winner: Literal["a", "b"] | None, names: tuple[str, str], main: str, difference: Figure, test: McNemar | None
) -> str:
    p = f", McNemar p = {test.p:.3g}" if test else ""
    facts = f"difference in {main} {difference}{p}"
    if winner is None:
        return f"No winner: the difference between {names[0]} and {names[1]} may be noise ({facts})."
    better, worse = names if winner == "a" else names[::-1]
    return f"{better} is better than {worse} ({facts})."
