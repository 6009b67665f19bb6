"""Ask a model for the texts of a suite, and count the cases that come out as expected."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sentimo.core.predictions import Prediction
from sentimo.engine.predictor import Predicts
from sentimo.errors import InputError
from sentimo.evaluate.bootstrap import Figure
from sentimo.evaluate.phenomena.answer import Answer
from sentimo.evaluate.phenomena.expectations import Verdict
from sentimo.evaluate.phenomena.suite import Case, Suite

_Z = 1.959963984540054  # of a two-sided 95% interval


class Tally(NamedTuple):
    """How many cases were judged, and how many of them were right."""

    n: int
    right: int

    @property
    def share(self) -> Figure:
        """Share of cases that were right, with its 95% interval."""
        return wilson(self.right, self.n)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts, and the share as value, low and high."""
        return {"n": self.n, "right": self.right, **self.share.to_dict()}


class Failure(NamedTuple):
    """A case that was not right, and what was found instead."""

    case: Case
    found: str

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        case = self.case
        return {
            "group": case.group,
            "expect": case.expect,
            "found": self.found,
            "texts": list(case.texts),
            "where": case.where,
        }


@dataclass(frozen=True)
class SuiteReport:
    """What a model makes of a suite.

    Attributes:
        suite: Name of the suite.
        model, digest: Which model answered; several are joined by " + ".
        total: All cases that were judged.
        groups: Group -> its cases that were judged.
        left_out: Why cases were not judged -> how many: the model cannot be asked that.
        failures: Cases that were not right, in the order of the suite.
    """

    suite: str
    model: str
    digest: str
    total: Tally
    groups: Mapping[str, Tally]
    left_out: Mapping[str, int]
    failures: tuple[Failure, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "suite": self.suite,
            "model": self.model,
            "digest": self.digest,
            "total": self.total.to_dict(),
            "groups": {name: tally.to_dict() for name, tally in self.groups.items()},
            "left_out": dict(self.left_out),
            "failures": [failure.to_dict() for failure in self.failures],
        }


def judge(predictor: Predicts, suite: Suite) -> SuiteReport:
    """Ask a model for every text of a suite and compare its answers with what is expected.

    A case with several texts is right only if all of it is. A text without an answer makes its case wrong. What a
    model has no task or label for is left out and counted in `SuiteReport.left_out`.

    Args:
        predictor: Anything with ``predict(texts) -> Predictions``.
        suite: The cases.

    Raises:
        InputError: the model can be asked none of the cases.
    """
    texts = list(dict.fromkeys(text for case in suite.cases for text in case.texts))
    predictions = predictor.predict(texts)
    answers = dict(zip(texts, predictions, strict=True))
    counts: dict[str, list[bool]] = {case.group: [] for case in suite.cases}
    left_out, failures = Counter[str](), list[Failure]()
    for case in suite.cases:
        verdict = _judge(case, answers)
        if verdict.right is None:
            left_out[verdict.found] += 1
            continue
        counts[case.group].append(verdict.right)
        if not verdict.right:
            failures.append(Failure(case, verdict.found))
    groups = {name: Tally(len(found), sum(found)) for name, found in counts.items() if found}
    if not groups:
        tasks = ", ".join(predictions.tasks) or "none"
        raise InputError(
            f"suite {suite.name}: the model can be asked none of its {len(suite.cases)} cases; its tasks: {tasks}. "
            "A suite asks for polarity, intensity and emotions."
        )
    models = list(dict.fromkeys(predictions.models))
    return SuiteReport(
        suite=suite.name,
        model=" + ".join(each.name for each in models),
        digest=" + ".join(each.digest for each in models),
        total=Tally(sum(each.n for each in groups.values()), sum(each.right for each in groups.values())),
        groups=groups,
        left_out=left_out,
        failures=tuple(failures),
    )


def _judge(case: Case, answers: Mapping[str, Prediction]) -> Verdict:
    found = [answers[text] for text in case.texts]
    if error := next((each.error for each in found if each.error is not None), None):
        return Verdict(False, f"no answer: {error}")
    return case.expectation.judge([Answer.of(each) for each in found])


def wilson(right: int, n: int) -> Figure:
    """Return a share and its 95% interval, which holds also for few cases and for shares of 0 and 1.

    Args:
        right: How many of them.
        n: Number of cases, at least 1.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22.
    """
    share, weight = right / n, _Z**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * share * (1 - share) + weight**2 / 4) / (1 + weight)
    return Figure(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))
