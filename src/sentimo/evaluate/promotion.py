"""The gate that a new model must pass before it takes the place of the one in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sentimo.core.documents import Example
from sentimo.core.predictions import TaskScores
from sentimo.engine.predictor import Predicts
from sentimo.errors import InputError
from sentimo.evaluate.bootstrap import Figure, bootstrap, figure
from sentimo.evaluate.metrics import MAIN_FIGURE, checked_scores, measures
from sentimo.evaluate.report import rows_of, task_of

CALIBRATION = "ece"


@dataclass(frozen=True)
class PromotionGate:
    """What a challenger must keep to.

    Attributes:
        margin: The lower end of the 95 % interval of challenger minus champion, in the main figure, must lie above
            minus this. 0 asks for a challenger that is surely better; 0.01 lets one pass that is surely not worse by
            more than a point.
        calibration_margin: Most that the calibration error may rise.
        others_margin: Most that the main figure may fall on any further file, or in any other task.
    """

    margin: float = 0.0
    calibration_margin: float = 0.01
    others_margin: float = 0.01

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise InputError(f"{name} is {value}; expected a share of the figure, 0 or more")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What, such as "mood: macro_f1".
        n: Rows.
        champion, challenger: The figure of each, with its interval.
        difference: Challenger minus champion, paired over the same resamples.
        needs: What the gate asked for, in words.
        passed: Whether it was so.
    """

    name: str
    n: int
    champion: Figure
    challenger: Figure
    difference: Figure
    needs: str
    passed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {name: each.to_dict() if isinstance(each, Figure) else each for name, each in vars(self).items()}


@dataclass(frozen=True)
class Promotion:
    """Whether a challenger may take the place of the champion, and why.

    Attributes:
        checks: Everything that was looked at.
    """

    checks: tuple[Check, ...] = field(default=())

    @property
    def promoted(self) -> bool:
        """Whether every check passed."""
        return all(each.passed for each in self.checks)

    @property
    def refusals(self) -> list[str]:
        """What stood in the way, in sentences."""
        return [
            f"{each.name}: {each.difference} on {each.n} rows, needs {each.needs}"
            for each in self.checks
            if not each.passed
        ]


def judge_promotion(
    champion: Predicts,
    challenger: Predicts,
    task: str,
    rows: Mapping[str, Sequence[Example]],
    *,
    others: Mapping[str, Sequence[Example]] | None = None,
    gate: PromotionGate | None = None,
    n_bootstrap: int = 1000,
    seed: int = 13,
) -> Promotion:
    """Judge two models on the same rows.

    Args:
        champion: The model in use.
        challenger: The one that is to follow it.
        task: The task that was renewed.
        rows: Task -> held-out rows; those of other tasks must not get worse.
        others: Name -> further rows of `task`, such as files of phenomena, on which it must not get worse.
        gate: What is asked for.
        n_bootstrap, seed: Of the paired bootstrap.

    Raises:
        InputError: a task is missing, or no row is answered by both.
    """
    gate = gate or PromotionGate()
    how = {"n_bootstrap": n_bootstrap, "seed": seed}
    checks = []
    for name, examples in rows.items():
        found = _Pair(champion, challenger, name, examples)
        main = MAIN_FIGURE[found.space.kind]
        if name == task:
            checks.append(
                found.check(main, "", f"its lower end above {0 - gate.margin:g}", _surely(gate.margin), **how)
            )
            if found.space.kind != "score":
                most = f"a rise of at most {gate.calibration_margin:g}"
                checks.append(found.check(CALIBRATION, "", most, _rises_little(gate.calibration_margin), **how))
        else:
            least = f"a fall of at most {gate.others_margin:g}"
            checks.append(found.check(main, "", least, _falls_little(gate.others_margin), **how))
    for name, examples in (others or {}).items():
        found = _Pair(champion, challenger, task, examples)
        least = f"a fall of at most {gate.others_margin:g}"
        main = MAIN_FIGURE[found.space.kind]
        checks.append(found.check(main, f" on {name}", least, _falls_little(gate.others_margin), **how))
    return Promotion(tuple(checks))


class _Pair:
    """The answers of two models to the rows that both answered."""

    def __init__(self, champion: Predicts, challenger: Predicts, task: str, examples: Sequence[Example]) -> None:
        labelled = [each for each in examples if task in each.targets]
        if not labelled:
            raise InputError(f"no row has a target for task {task!r}; there is nothing to judge by")
        texts = [each.document.text for each in labelled]
        first, second = (task_of(each.predict(texts), task) for each in (champion, challenger))
        answered = np.isfinite(first.scores).all(axis=1) & np.isfinite(second.scores).all(axis=1)
        kept = np.flatnonzero(answered).tolist()
        if not kept:
            raise InputError(f"task {task!r}: no row was answered by both models")
        self.task, self.space = task, first.space
        self.targets = [labelled[row].targets[task] for row in kept]
        self.both = rows_of(first, kept), rows_of(second, kept)

    def check(self, name: str, where: str, needs: str, rule: Any, *, n_bootstrap: int, seed: int) -> Check:
        # The same draws for both: that is what makes the difference a paired one.
        old, new = (self._drawn(each, n_bootstrap, seed)[name] for each in self.both)
        champion, challenger, difference = figure(old), figure(new), figure(new - old)
        if champion is None or challenger is None or difference is None:
            raise InputError(f"task {self.task!r}: {name} is undefined on {len(self.targets)} rows; give more rows")
        return Check(
            f"{self.task}: {name}{where}", len(self.targets), champion, challenger, difference, needs, rule(difference)
        )

    def _drawn(self, scores: TaskScores, n_bootstrap: int, seed: int) -> dict[str, Any]:
        checked = checked_scores(self.space, self.targets, replace(scores).scores)
        measure = measures(self.space, self.targets, checked, scores.common_thresholds)[0]
        return bootstrap(measure, len(self.targets), n_bootstrap, seed)


def _surely(margin: float) -> Any:
    return lambda difference: difference.low is not None and difference.low > -margin


def _rises_little(margin: float) -> Any:
    return lambda difference: difference.value <= margin


def _falls_little(margin: float) -> Any:
    return lambda difference: difference.value >= -margin
