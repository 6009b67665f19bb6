"""Rules of the user at prediction time: a word, phrase or pattern that moves an answer, or decides it.

All of it happens to calibrated logits (the logarithm of a probability; of a multi-label task or a score, of its odds),
so that probabilities stay probabilities:

1. The lexicon, where the rules ask for it, is added as a second opinion: its logits times the weight, a product of
   experts. A text without a word of feeling is left alone.
2. The shifts of all rules that fire are added. A rule counts once, however often it matches.
3. Of the rules with a label the first that fires, per task, decides: its label is raised to `certainty` if it is below;
   the other labels keep their proportions. Labels of a multi-label task do not exclude each other: each is raised.

The answers of the windows of a long text stay those of the model.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import Predictions, TaskScores
from sentimo.core.trace import Fired
from sentimo.engine.overrides.reading import parse_rules, read_values
from sentimo.engine.overrides.rule import Override, Prior
from sentimo.errors import InputError, did_you_mean

SHARPNESS, NEUTRAL = 4.0, 0.8
"""Logits of the lexicon for valence v, as in `sentimo.engine.backends.lexicon`."""

_LEAST = 1e-9  # of a probability, so that its logarithm is finite

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Overrides:
    """The rules of a user.

    Attributes:
        rules: In the order of the file.
        prior: The lexicon, or None.
        digest: SHA-256 of the file and of the words.
    """

    rules: tuple[Override, ...]
    prior: Prior | None = None
    digest: str = ""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file of rules: .yaml, .json, or .csv with a rule a row.

        Raises:
            InputError: it cannot be read, or a rule in it is wrong.
            MissingExtraError: it is YAML, and PyYAML is not installed.
        """
        path = Path(path)
        return cls.parse(read_values(path), where=str(path), folder=path.parent)

    @classmethod
    def parse(cls, data: Any, where: str = "rules", folder: Path = Path()) -> Self:
        """Check plain values as rules: a list of them, or ``{"rules": [...], "lexicon": ...}``.

        Args:
            data: The values, see docs/knowledge.md.
            where: What errors call the file.
            folder: Where paths in it begin.

        Raises:
            InputError: names the rule and the wrong key or value.
        """
        rules, prior = parse_rules(data, where, folder)
        stored = json.dumps([data, prior.lexicon.digest if prior else ""], ensure_ascii=False, default=str)
        return cls(rules, prior, hashlib.sha256(stored.encode("utf-8", "replace")).hexdigest())

    def check(self, spaces: Mapping[str, LabelSpace]) -> None:
        """Raise InputError where a rule is about a task or label that no model has, or two contradict each other.

        Args:
            spaces: Task -> label space, of all models.
        """
        for rule in self.rules:
            if rule.task_in(spaces) is not None:
                continue
            if rule.task is not None and rule.task not in spaces:
                hint = did_you_mean(rule.task, spaces)
                raise InputError(f"{rule.where}: the model has no task {rule.task!r} ({', '.join(spaces)}).{hint}")
            tasks = [rule.task] if rule.task else list(spaces)
            known = list(dict.fromkeys(label for task in tasks for label in spaces[task].labels))
            wrong = next((label for label in rule.labels if label not in known), None)
            if wrong is None:
                raise InputError(f"{rule.where}: no task has all of the labels {', '.join(rule.labels)}; give one task")
            otherwise = f" Labels: {', '.join(known)}."
            raise InputError(f"{rule.where}: the model has no label {wrong!r}.{did_you_mean(wrong, known, otherwise)}")
        deciding: dict[tuple[str, str, bool], Override] = {}
        for rule in self.rules:
            task = rule.task_in(spaces)
            if rule.label is None or task is None:
                continue
            if spaces[task].kind == "score":
                raise InputError(f"{rule.where}: {task!r} is a score, which has no label to decide for; give a shift")
            first = deciding.setdefault((rule.pattern.pattern, task, rule.unless_negated), rule)
            if first.label != rule.label and spaces[task].kind != "multi":
                raise InputError(
                    f"{rule.where}: {rule.name!r} decides for {rule.label!r}, and for {first.label!r} in "
                    f"{first.where}; only one of the two can be the answer of {task}. Leave one out."
                )
        if self.prior is not None:
            space = spaces.get(self.prior.task)
            if space is None or _leanings(space) is None:
                raise InputError(
                    f"lexicon: the model has no task {self.prior.task!r} whose labels are negative and positive; its "
                    f"tasks: {', '.join(spaces)}. Name one with lexicon.task."
                )

    def apply(self, predictions: Predictions) -> Predictions:
        """Return the answers as the rules want them, each with its trace.

        The rows of a text without an answer stay as they are.
        """
        scores = {name: np.array(task.scores) for name, task in predictions.tasks.items()}
        traces = []
        for row, text in enumerate(predictions.texts):
            here = {
                name: _Row(task.space, scores[name][row].astype(np.float64), task.cuts[row])
                for name, task in predictions.tasks.items()
                if not np.isnan(scores[name][row]).any()
            }
            traces.append(self._apply(text, here) if predictions.errors[row] is None else ())
            for name, each in here.items():
                if each.is_changed:
                    scores[name][row] = each.scores
        tasks = {name: TaskScores(t.space, scores[name], t.thresholds) for name, t in predictions.tasks.items()}
        return replace(predictions, tasks=tasks, traces=tuple(traces))

    def _apply(self, text: str, rows: Mapping[str, _Row]) -> tuple[Fired, ...]:
        spaces = {name: row.space for name, row in rows.items()}
        trace: list[Fired] = []
        fired = [(rule, found) for rule in self.rules if (found := rule.find(text)) is not None]
        if self.prior is not None and self.prior.task in rows:
            trace += self._ask_prior(text, rows[self.prior.task])
        decided: dict[str, Override] = {}
        for rule, match in fired:  # shifts first: what is decided stays decided
            if (task := rule.task_in(spaces)) is not None and rule.shifts:
                rows[task].shift(rule.shifts)
                moved = ", ".join(f"{label} {by:+.2f}" for label, by in rule.shifts.items())
                told = (f"rule {rule.name!r} shifts {task}: {moved}", f"规则“{rule.name}”移动 {task}：{moved}")
                trace.append(_told(rule, match, max(rule.shifts.values(), key=abs), told))
        for rule, match in fired:
            if (task := rule.task_in(spaces)) is None or rule.label is None:
                continue
            label = rule.label
            winner = decided.setdefault(f"{task}\0{label}" if spaces[task].kind == "multi" else task, rule)
            if winner.label != label:
                told = (
                    f"rule {rule.name!r} wants {task} {label}; rule {winner.name!r} stands before it and decides",
                    f"规则“{rule.name}”主张 {task} 为 {label}；排在前面的规则“{winner.name}”已作决定",
                )
                trace.append(_told(rule, match, 0.0, told))
                continue
            by = rows[task].raise_to(label, rule.certainty)
            told = (
                f"rule {rule.name!r} decides {task}: {label} ({by:+.2f})",
                f"规则“{rule.name}”决定 {task} 为 {label}（{by:+.2f}）",
            )
            trace.append(_told(rule, match, by, told))
        return tuple(sorted(trace, key=lambda each: (each.start, each.end)))

    def _ask_prior(self, text: str, row: _Row) -> Iterable[Fired]:
        assert self.prior is not None
        reading = self.prior.rules.read(text)
        if not reading.n_feelings:
            return ()
        leanings = _leanings(row.space) or {}
        row.shift(
            {
                label: self.prior.weight * (SHARPNESS * reading.valence * leaning if leaning else NEUTRAL)
                for label, leaning in leanings.items()
            }
        )
        return reading.trace


class _Row:
    """The answer to one text, in logits."""

    def __init__(self, space: LabelSpace, scores: Floats, cuts: NDArray[Any]) -> None:
        self.space, self._cuts, self.is_changed = space, cuts, False
        self._low, self._high = space.range or (0.0, 1.0)
        share = ((scores - self._low) / (self._high - self._low)).clip(_LEAST, 1 - _LEAST)
        self._is_odds = space.kind in ("multi", "score")
        self._logits: Floats = np.log(share) - (np.log1p(-share) if self._is_odds else 0.0)

    @property
    def scores(self) -> Floats:
        """The scores (n_labels,)."""
        if self._is_odds:
            found: Floats = self._low + (self._high - self._low) / (1 + np.exp(-self._logits))
            return found
        exponent = np.exp(self._logits - self._logits.max())
        return np.asarray(exponent / exponent.sum())

    def shift(self, shifts: Mapping[str, float]) -> None:
        """Add to the logits of labels."""
        for label, by in shifts.items():
            self._logits[self.space.labels.index(label)] += by
        self.is_changed = True

    def raise_to(self, label: str, certainty: float) -> float:
        """Raise a label to a probability where it is below, and return by how much its logit grew."""
        at = self.space.labels.index(label)
        if self.space.kind == "multi":
            certainty = max(certainty, (1 + float(self._cuts[at])) / 2)
        now = float(np.clip(self.scores[at], _LEAST, 1 - _LEAST))
        by = float(np.log(certainty / (1 - certainty)) - np.log(now / (1 - now)))
        if by <= 0:
            return 0.0
        self.shift({label: by})
        return by


def _leanings(space: LabelSpace) -> dict[str, float] | None:
    """Return label -> leaning from -1 to 1 (0: neutral) of a task of polarity, None for any other."""
    if space.kind == "ordinal":
        last = len(space) - 1
        if "" in (space.polarity.get(label, "") for label in (space.labels[0], space.labels[-1])):
            return None
        return {label: 2 * at / last - 1 for at, label in enumerate(space.labels)}
    known = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}
    found = {label: known.get(space.polarity.get(label, label)) for label in space.labels}
    if space.kind != "single" or None in found.values() or not {-1.0, 1.0} <= set(found.values()):
        return None
    return {label: leaning for label, leaning in found.items() if leaning is not None}


def _told(rule: Override, match: re.Match[str], effect: float, told: tuple[str, str]) -> Fired:
    return Fired("override", match.start(), match.end(), match[0], effect, name=rule.name, told=told)


def overrides_of(rules: Overrides | str | Path | None) -> Overrides | None:
    """Return rules that were given as such or as a file, None where there are none."""
    return Overrides.load(rules) if isinstance(rules, (str, Path)) else rules
