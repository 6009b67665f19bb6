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

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import POLARITY, Predictions, TaskScores
from sentimo.core.trace import Fired
from sentimo.data.lexicons import LexiconFile, read_lexicon
from sentimo.data.readers.encoding import decode
from sentimo.errors import InputError, MissingExtraError, did_you_mean
from sentimo.text.lexicon import LANGUAGES, Lexicon, built_in_lexicon
from sentimo.text.rules import Rules, is_negated
from sentimo.text.scripts import HAN

CERTAINTY = 0.95
"""Probability to which a label is raised that a rule decides for."""

SHARPNESS, NEUTRAL = 4.0, 0.8
"""Logits of the lexicon for valence v, as in `sentimo.engine.backends.lexicon`."""

_KEYS = ("name", "word", "regex", "task", "label", "shift", "certainty", "valence", "language", "unless_negated")
_LEXICON_KEYS = ("weight", "task", "built_in", "file", "format", "language")
_LEAST = 1e-9  # of a probability, so that its logarithm is finite
_LETTER = rf"[^\W{HAN}]"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Override:
    """One rule.

    Attributes:
        name: Shown where it fires.
        where: Where it stands, for errors.
        pattern: What it looks for.
        task: Its task; None: the first task that has its labels, "polarity" before the others.
        label: The label that it decides for, or None.
        shifts: Label -> what is added to its logit.
        certainty: Probability to which `label` is raised, in (0.5, 1).
        unless_negated: Whether it stays silent behind a negation.
    """

    name: str
    where: str
    pattern: re.Pattern[str]
    task: str | None = None
    label: str | None = None
    shifts: Mapping[str, float] = field(default_factory=dict)
    certainty: float = CERTAINTY
    unless_negated: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it is about."""
        return (self.label,) if self.label is not None else tuple(self.shifts)

    def find(self, text: str) -> re.Match[str] | None:
        """Return its first match in a text, None where there is none."""
        matches = self.pattern.finditer(text)
        return next((each for each in matches if not (self.unless_negated and is_negated(text, each.start()))), None)

    def task_in(self, spaces: Mapping[str, LabelSpace]) -> str | None:
        """Return the task that it is about, None where there is none."""
        tasks = [self.task] if self.task else sorted(spaces, key=lambda task: task != POLARITY)
        fitting = (task for task in tasks if task in spaces and set(self.labels) <= set(spaces[task].labels))
        return next(fitting, None)


@dataclass(frozen=True)
class Prior:
    """The lexicon as a second opinion.

    Attributes:
        lexicon: Its words.
        weight: What its logits are multiplied by, > 0.
        task: The task, whose labels have a leaning.
    """

    lexicon: Lexicon
    weight: float = 1.0
    task: str = POLARITY

    @cached_property
    def rules(self) -> Rules:
        """What reads texts by it."""
        return Rules(self.lexicon)


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
            InputError: it cannot be read, a rule in it is wrong, or two rules contradict each other.
            MissingExtraError: it is YAML, and PyYAML is not installed.
        """
        path = Path(path)
        try:
            content = decode(path.read_bytes())
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
        return cls.parse(_rows_of(path, content), where=str(path), folder=path.parent)

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
        if isinstance(data, Sequence) and not isinstance(data, str):
            data = {"rules": data}
        if not isinstance(data, Mapping):
            raise InputError(f"{where}: expected a list of rules, or the keys rules and lexicon; found {data!r:.60}")
        _check_keys(data, ("rules", "lexicon"), where)
        given = data.get("rules") or []
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise InputError(f"{where}: rules is {given!r:.60}; expected a list")
        rules, words = [], dict[str, dict[str, float]]()
        for number, each in enumerate(given, start=1):
            place = f"{where}, rule {number}"
            if not isinstance(each, Mapping):
                raise InputError(f"{place}: found {each!r:.60}; expected keys such as word and label")
            if each.get("valence") is None:
                rules.append(_rule(each, place))
            else:
                _add_word(each, words, place)
        _check_conflicts(rules)
        prior = _prior(data.get("lexicon"), Lexicon(words), where, folder)
        if not rules and prior is None:
            raise InputError(f"{where}: no rule in it. A rule has a word or regex, and a label, shift or valence.")
        stored = json.dumps([data, prior.lexicon.digest if prior else ""], ensure_ascii=False, default=str)
        return cls(tuple(rules), prior, hashlib.sha256(stored.encode("utf-8", "replace")).hexdigest())

    def check(self, spaces: Mapping[str, LabelSpace]) -> None:
        """Raise InputError where a rule is about a task or label that no model has.

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
        for rule in self.rules:
            task = rule.task_in(spaces)
            if rule.label is not None and task is not None and spaces[task].kind == "score":
                raise InputError(f"{rule.where}: {task!r} is a score, which has no label to decide for; give a shift")
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


def _rows_of(path: Path, content: str) -> Any:
    if path.suffix == ".csv":
        rows = csv.DictReader(io.StringIO(content))
        return [{key: cell for key, cell in row.items() if key is not None and cell} for row in rows]
    if path.suffix == ".json":
        try:
            return json.loads(content)
        except ValueError as error:
            raise InputError(f"{path}: not JSON: {error}") from error
    if path.suffix not in (".yaml", ".yml"):
        raise InputError(f"{path}: rules are read from .yaml, .json or .csv")
    try:
        import yaml
    except ImportError:
        raise MissingExtraError(f"{path}: YAML (rules in .json and .csv need nothing)", "train") from None
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {error}") from error


def _check_keys(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    if wrong := next((key for key in given if key not in known), None):
        hint = did_you_mean(str(wrong), known, f" Known keys: {', '.join(known)}.")
        raise InputError(f"{where}: unknown key {wrong!r}.{hint}")


def _rule(given: Mapping[str, Any], where: str) -> Override:
    _check_keys(given, _KEYS, where)
    pattern, name = _pattern(given, where)
    label = given.get("label")
    shifts = given.get("shift")
    if isinstance(shifts, str) or (isinstance(shifts, (int, float)) and not isinstance(shifts, bool)):
        if label is None:
            raise InputError(f"{where}: shift {shifts!r} of which label? Give label too, or shift: {{label: number}}")
        shifts, label = {str(label): shifts}, None
    if (label is None) == (shifts is None):
        raise InputError(f"{where}: expected a label to decide for, or a shift (label and number); one of the two")
    if shifts is not None and (not isinstance(shifts, Mapping) or not shifts):
        raise InputError(f"{where}: shift is {shifts!r}; expected label: number")
    moved = {str(each): _number(by, f"{where}: shift of {each!r}", -50, 50) for each, by in (shifts or {}).items()}
    certainty = _number(given.get("certainty", CERTAINTY), f"{where}: certainty", 0.5, 1)
    if not 0.5 < certainty < 1:
        raise InputError(f"{where}: certainty is {certainty}; expected a probability above 0.5 and below 1")
    task = given.get("task")
    return Override(
        name=str(given.get("name") or name),
        where=where,
        pattern=pattern,
        task=None if task is None else str(task),
        label=None if label is None else str(label),
        shifts=moved,
        certainty=certainty,
        unless_negated=_flag(given.get("unless_negated", False), f"{where}: unless_negated"),
    )


def _pattern(given: Mapping[str, Any], where: str) -> tuple[re.Pattern[str], str]:
    words, regex = given.get("word"), given.get("regex")
    if (words is None) == (regex is None):
        raise InputError(f"{where}: expected a word (or a list of them) or a regex; one of the two")
    if regex is not None:
        try:
            pattern = re.compile(str(regex))
        except re.error as error:
            raise InputError(f"{where}: regex {regex!r} cannot be read: {error}") from error
        if pattern.search("") is not None:
            raise InputError(f"{where}: regex {regex!r} matches an empty text, so it would fire everywhere")
        return pattern, str(regex)
    listed = [words] if isinstance(words, (str, int, float)) else words
    if not isinstance(listed, Sequence) or not all(str(each).strip() for each in listed) or not listed:
        raise InputError(f"{where}: word is {words!r}; expected a word, a phrase, or a list of them")
    spelt = sorted((str(each).strip() for each in listed), key=len, reverse=True)
    return re.compile("|".join(map(_word_pattern, spelt)), re.IGNORECASE), ", ".join(map(str, listed))


def _word_pattern(word: str) -> str:
    """Return a pattern of a word or phrase: whole words, Chinese anywhere, any space between its words."""
    body = r"\s+".join(map(re.escape, word.split()))
    before = rf"(?<!{_LETTER})" if re.match(_LETTER, word) else ""
    after = rf"(?!{_LETTER})" if re.search(rf"{_LETTER}\Z", word) else ""
    return f"{before}{body}{after}"


def _add_word(given: Mapping[str, Any], words: dict[str, dict[str, float]], where: str) -> None:
    _check_keys(given, _KEYS, where)
    if taken := [key for key in ("regex", "label", "shift", "task") if given.get(key) is not None]:
        raise InputError(f"{where}: valence goes with word alone; found {', '.join(taken)} too")
    listed = [given["word"]] if isinstance(given.get("word"), str) else given.get("word")
    if not isinstance(listed, Sequence) or not listed:
        raise InputError(f"{where}: valence of which word? Give word, a word or a list of them")
    valence = _number(given["valence"], f"{where}: valence", -1, 1)
    for word in map(str, listed):
        language = str(given.get("language") or ("zh" if re.search(f"[{HAN}]", word) else "en"))
        if language not in LANGUAGES:
            raise InputError(f"{where}: language {language!r} is not one of {', '.join(LANGUAGES)}")
        known = words.setdefault(language, {})
        if known.setdefault(word, valence) != valence:
            raise InputError(f"{where}: {word!r} has the valence {known[word]:g} in an earlier rule, {valence:g} here")


def _prior(given: Any, words: Lexicon, where: str, folder: Path) -> Prior | None:
    if given is None or given is False:
        return Prior(words) if len(words) else None
    if given is True:
        given = {}
    if isinstance(given, (int, float)):
        given = {"weight": given}
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: lexicon is {given!r}; expected a weight, or {', '.join(_LEXICON_KEYS)}")
    _check_keys(given, _LEXICON_KEYS, f"{where}, lexicon")
    weight = _number(given.get("weight", 1.0), f"{where}: lexicon.weight", 0, 50)
    lexicon = Lexicon({})
    if _flag(given.get("built_in", True), f"{where}: lexicon.built_in"):
        lexicon = built_in_lexicon()
    if given.get("file") is not None:
        file = LexiconFile(folder / str(given["file"]), given.get("format"), given.get("language"))
        lexicon = lexicon.joined(read_lexicon(file))
    lexicon = lexicon.joined(words)
    if not len(lexicon):
        raise InputError(f"{where}: lexicon has no word: built_in is false, and there is no file and no valence rule")
    return Prior(lexicon, weight, str(given.get("task", POLARITY))) if weight else None


def _check_conflicts(rules: Sequence[Override]) -> None:
    known: dict[tuple[str, str | None, bool], Override] = {}
    for rule in rules:
        if rule.label is None:
            continue
        first = known.setdefault((rule.pattern.pattern, rule.task, rule.unless_negated), rule)
        if first.label != rule.label:
            raise InputError(
                f"{rule.where}: {rule.name!r} decides for {rule.label!r}, and for {first.label!r} in {first.where}; "
                "only one of the two can hold. Leave one out, or give each a task of its own."
            )


def _number(value: Any, what: str, low: float, high: float) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else float("nan")
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high:
        raise InputError(f"{what} is {value!r}; expected a number from {low:g} to {high:g}")
    return number


def _flag(value: Any, what: str) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "yes", "1", "false", "no", "0"):
        return value.lower() in ("true", "yes", "1")
    if not isinstance(value, bool):
        raise InputError(f"{what} is {value!r}; expected true or false")
    return value


def overrides_of(rules: Overrides | str | Path | None) -> Overrides | None:
    """Return rules that were given as such or as a file, None where there are none."""
    return Overrides.load(rules) if isinstance(rules, (str, Path)) else rules
