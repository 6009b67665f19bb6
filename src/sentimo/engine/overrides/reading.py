"""Rules as users write them: files and plain values, checked."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sentimo.core.predictions import POLARITY
from sentimo.data.lexicons import LexiconFile, read_lexicon
from sentimo.data.readers.encoding import decode
from sentimo.engine.overrides.rule import CERTAINTY, Override, Prior
from sentimo.errors import InputError, MissingExtraError, did_you_mean
from sentimo.text.lexicon import LANGUAGES, Lexicon, built_in_lexicon
from sentimo.text.scripts import HAN

_KEYS = ("name", "word", "regex", "task", "label", "shift", "certainty", "valence", "language", "unless_negated")
_WORD_KEYS = ("word", "valence", "language")
_LEXICON_KEYS = ("weight", "task", "built_in", "file", "format", "language")
_LETTER = rf"[^\W{HAN}]"


def read_values(path: Path) -> Any:
    """Return the plain values of a file of rules; raise InputError where it cannot be read."""
    try:
        content = decode(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _rows_of(path, content)


def parse_rules(data: Any, where: str, folder: Path) -> tuple[tuple[Override, ...], Prior | None]:
    """Check plain values as rules and return them; see `Overrides.parse`."""
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
    prior = _prior(data.get("lexicon"), Lexicon(words), where, folder)
    if not rules and prior is None:
        raise InputError(f"{where}: no rule in it. A rule has a word or regex, and a label, shift or valence.")
    return tuple(rules), prior


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
    if given.get("language") is not None:
        raise InputError(f"{where}: language goes with valence, the strength of a word in the lexicon; leave it out")
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
    if taken := [key for key in given if key not in _WORD_KEYS and given[key] is not None]:
        raise InputError(f"{where}: valence goes with word and language alone; found {', '.join(taken)} too")
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
