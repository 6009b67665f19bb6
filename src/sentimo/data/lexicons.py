"""Lexicons of others, read from the files as they are given out. None of them comes with Sentimo.

Whether a list may be used for what you do is for its licence to say: VADER is MIT, AFINN-111 ODbL, NRC-VAD, HowNet,
DUTIR and BosonNLP are for research, and each wants to be cited.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentimo.data.readers.encoding import decode
from sentimo.errors import DataError, did_you_mean
from sentimo.text.language import language_of
from sentimo.text.lexicon import LANGUAGES, Lexicon

Pairs = Iterator[tuple[int, str, float]]
"""(line, word, valence)."""

NEUTRAL_BELOW = 0.25
"""NRC-VAD rates every word; those nearer to the middle than this carry no feeling and are left out."""

_WORD, _VALENCE = ("word", "term", "词语", "词"), ("valence", "score", "strength", "mean", "强度")
_POLARITY = ("polarity", "sentiment", "极性")
_LEANINGS = {"positive": 1.0, "negative": -1.0, "pos": 1.0, "neg": -1.0, "neutral": 0.0, "both": 0.0, "正面": 1.0}
_LEANINGS |= {"负面": -1.0, "褒义": 1.0, "贬义": -1.0, "中性": 0.0}
_DEFAULT = 0.6  # valence of a word of a list that only tells its polarity


@dataclass(frozen=True)
class LexiconFile:
    """Which file, and how it is read.

    Attributes:
        path: The file; for HowNet also a folder with the files of positive and negative words.
        format: Key of `FORMATS`; None: seen from the file.
        language: "en" or "zh"; None: seen from the words.
    """

    path: Path
    format: str | None = None
    language: str | None = None


def read_lexicon(source: LexiconFile | str | Path) -> Lexicon:
    """Read a lexicon file. Words that it has several times get the mean of their valences.

    Raises:
        DataError: the file cannot be read, has another format, or holds no word; the message names the line.
    """
    source = LexiconFile(Path(source)) if isinstance(source, (str, Path)) else source
    if source.format is not None and source.format not in FORMATS:
        hint = did_you_mean(source.format, FORMATS)
        raise DataError(f"{source.path}: format {source.format!r} is not known ({', '.join(FORMATS)}).{hint}")
    if source.language is not None and source.language not in LANGUAGES:
        raise DataError(f"{source.path}: language {source.language!r} is not one of {', '.join(LANGUAGES)}")
    found: dict[str, list[float]] = {}
    for path in _files(source.path):
        lines = _lines(path)
        name = source.format or detect_format(path, lines)
        for number, word, valence in FORMATS[name](path, lines):
            if not -1.0 <= valence <= 1.0:
                raise DataError(
                    f"{path}, line {number}: {word!r} has the valence {valence:g} after scaling; expected -1 to 1. Is "
                    f"it really in the format {name}?"
                )
            if word.strip():
                found.setdefault(word.strip(), []).append(valence)
    if not found:
        raise DataError(f"{source.path}: no word in it")
    words = {word: round(sum(each) / len(each), 4) for word, each in found.items()}
    language = source.language or ("zh" if language_of(" ".join(list(words)[:500])) == "zh" else "en")
    return Lexicon({language: words})


def detect_format(path: Path, lines: Sequence[str]) -> str:
    """Return the key of `FORMATS` that the first lines of a file fit.

    Raises:
        DataError: none does.
    """
    head = [line for line in lines[:50] if line.strip()]
    if not head:
        raise DataError(f"{path}: the file is empty")
    names = [cell.strip().lower() for cell in re.split("[,\t]", head[0])]
    if {"valence", "arousal"} <= set(names):
        return "nrc-vad"
    if "词语" in names and "极性" in names:
        return "dutir"
    if any(name in _WORD for name in names) and any(name in (*_VALENCE, *_POLARITY) for name in names):
        return "csv"
    body = head[1:] or head
    if all(re.fullmatch(r"[^\t]+\t-?[\d.]+\t[\d.]+\t\[.*\]\s*", line) for line in body):
        return "vader"
    if all(re.fullmatch(r"[^\t]+\t[+-]?\d+\s*", line) for line in body):
        return "afinn"
    if all(re.fullmatch(r"[^\t]+(\t[\d.-]+){3}\s*", line) for line in body):
        return "nrc-vad"
    if all(re.fullmatch(r"\S+ -?[\d.]+(e-?\d+)?\s*", line) for line in body):
        return "boson"
    if _hownet_leaning(path, lines[0]) is not None:
        return "hownet"
    raise DataError(f"{path}: the format cannot be seen; say which: {', '.join(FORMATS)}")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = [each for each in sorted(path.glob("*.txt")) if _hownet_leaning(each, "") is not None]
    if not found:
        raise DataError(f"{path}: no .txt file whose name tells of 正面, 负面, positive or negative words")
    return found


def _lines(path: Path) -> list[str]:
    if path.suffix in (".xlsx", ".xls"):
        raise DataError(f"{path}: spreadsheets are not read; save it as CSV (UTF-8)")
    try:
        return decode(path.read_bytes()).splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _number(path: Path, number: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise DataError(f"{path}, line {number}: {cell!r} is no number") from None


def _cells(path: Path, lines: Sequence[str], separator: str, least: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            cells = line.split(separator)
            if len(cells) < least:
                raise DataError(f"{path}, line {number}: {line!r:.60}; expected {least} cells or more")
            yield number, cells


def _read_vader(path: Path, lines: Sequence[str]) -> Pairs:
    for number, cells in _cells(path, lines, "\t", 2):
        yield number, cells[0], _number(path, number, cells[1]) / 4


def _read_afinn(path: Path, lines: Sequence[str]) -> Pairs:
    for number, cells in _cells(path, lines, "\t", 2):
        yield number, cells[0], _number(path, number, cells[1]) / 5


def _read_nrc_vad(path: Path, lines: Sequence[str]) -> Pairs:
    separator = "\t" if "\t" in lines[0] else ","
    rows = list(_cells(path, lines, separator, 4))
    if not re.fullmatch(r"\s*-?[\d.]+\s*", rows[0][1][1]):
        rows = rows[1:]
    rated = [(number, cells[0], _number(path, number, cells[1])) for number, cells in rows]
    signed = any(value < 0 for *_, value in rated)  # version 2 goes from -1 to 1, version 1 from 0 to 1
    for number, word, value in rated:
        valence = value if signed else 2 * value - 1
        if abs(valence) >= NEUTRAL_BELOW:
            yield number, word, valence


def _hownet_leaning(path: Path, first: str) -> float | None:
    for told in (path.stem.lower(), first.lower()):
        for word in ("正面", "positive", "负面", "negative"):
            if word in told:
                return _LEANINGS[word]
    return None


def _read_hownet(path: Path, lines: Sequence[str]) -> Pairs:
    leaning = _hownet_leaning(path, lines[0] if lines else "")
    if leaning is None:
        raise DataError(f"{path}: neither its name nor its first line tells whether its words are 正面 or 负面")
    for number, line in enumerate(lines, start=1):
        word = line.strip()
        if word and not re.search(r"\s\d+\s*$", line) and not (number == 1 and "词语" in word):
            yield number, word, leaning * _DEFAULT


def _read_dutir(path: Path, lines: Sequence[str]) -> Pairs:
    for number, row in _table(path, lines, ("词语", "强度", "极性")):
        sign = {"0": 0.0, "1": 1.0, "2": -1.0, "3": 0.0}.get(row["极性"].strip().removesuffix(".0"))
        if sign is None:
            raise DataError(f"{path}, line {number}: 极性 {row['极性']!r}; expected 0, 1 (褒), 2 (贬) or 3")
        if sign:
            yield number, row["词语"], sign * min(1.0, _number(path, number, row["强度"]) / 9)


def _read_boson(path: Path, lines: Sequence[str]) -> Pairs:
    for number, line in enumerate(lines, start=1):
        word, blank, score = line.strip().rpartition(" ")
        if not blank:
            if line.strip():
                raise DataError(f"{path}, line {number}: {line!r:.60}; expected a word, a blank and a number")
            continue
        valence = max(-1.0, min(1.0, _number(path, number, score) / 5))  # they end at about -6.7 and 6.4
        if abs(valence) >= NEUTRAL_BELOW:
            yield number, word, valence


def _read_csv(path: Path, lines: Sequence[str]) -> Pairs:
    rows = list(_table(path, lines, ()))
    if not rows:
        return
    columns = {name.strip().lower(): name for name in rows[0][1]}
    word = next((columns[name] for name in _WORD if name in columns), None)
    valence = next((columns[name] for name in _VALENCE if name in columns), None)
    polarity = next((columns[name] for name in _POLARITY if name in columns), None)
    if word is None or (valence is None and polarity is None):
        found = ", ".join(columns) or "none"
        raise DataError(f"{path}: columns {found}; expected word and valence (or polarity)")
    values = [abs(_number(path, n, row[valence])) for n, row in rows if valence and row[valence].strip()]
    most = next((scale for scale in (1.0, 4.0, 5.0, 7.0, 9.0, 10.0) if max(values, default=0.0) <= scale), 0.0)
    if not most:
        raise DataError(f"{path}: valences up to {max(values):g}; expected them within -10 to 10")
    for number, row in rows:
        told = row[polarity].strip().lower() if polarity else ""
        if told and told not in _LEANINGS:
            raise DataError(f"{path}, line {number}: polarity {told!r}; expected one of {', '.join(_LEANINGS)}")
        found_value = row[valence].strip() if valence else ""
        if not found_value and not told:
            raise DataError(f"{path}, line {number}: {row[word]!r} has neither valence nor polarity")
        value = _number(path, number, found_value) / most if found_value else _DEFAULT * _LEANINGS[told]
        if told and value:  # a strength without sign takes that of the polarity
            value = abs(value) * _LEANINGS[told]
        yield number, row[word], value


def _table(path: Path, lines: Sequence[str], needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    separator = "\t" if lines and "\t" in lines[0] else ","
    reader = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=separator)
    columns = [name.strip() for name in reader.fieldnames or ()]
    if missing := [name for name in needed if name not in columns]:
        raise DataError(f"{path}: no column {', '.join(missing)}; its columns: {', '.join(columns)}")
    reader.fieldnames = columns
    for row in reader:
        yield reader.line_num, {key: cell or "" for key, cell in row.items() if isinstance(key, str)}


FORMATS: Mapping[str, Callable[[Path, Sequence[str]], Pairs]] = {
    "csv": _read_csv,
    "vader": _read_vader,
    "afinn": _read_afinn,
    "nrc-vad": _read_nrc_vad,
    "hownet": _read_hownet,
    "dutir": _read_dutir,
    "boson": _read_boson,
}
"""Name -> how it is read: ``csv`` (columns word and valence, or word and polarity), ``vader`` (vader_lexicon.txt),
``afinn`` (AFINN-111.txt), ``nrc-vad`` (NRC-VAD-Lexicon.txt), ``hownet`` (a word a line), ``dutir`` (the ontology saved
as CSV), ``boson`` (BosonNLP_sentiment_score.txt)."""
