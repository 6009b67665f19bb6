"""Dictionaries of synonyms: those that come with Sentimo, those of the user, and wordnets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sentimo.data.readers import BadRow, columns, read_rows
from sentimo.data.targets import is_empty
from sentimo.errors import DataError, InputError, MissingExtraError

Synonyms = Mapping[str, Sequence[str]]
"""Word (lower case) -> others of like meaning."""

_BUILT_IN = ("synonyms.en.txt", "synonyms.zh.txt")


@cache
def built_in_synonyms() -> Synonyms:
    """Return the small lists that come with Sentimo (English and Chinese, written for it)."""
    lines = [line for name in _BUILT_IN for line in files(__package__).joinpath(name).read_text("utf-8").splitlines()]
    return _of_groups([line.split() for line in lines if line and not line.startswith("#")])


def read_synonyms(path: str | Path) -> Synonyms:
    """Read a dictionary of the user.

    A file with columns ``word`` and ``synonym`` (CSV, TSV, JSONL, Parquet) has one pair a row, which counts in that
    direction only. A .txt file has one group of words a line with blanks between them, each a synonym of the others; a
    first word that ends in "=", as in the 同义词词林, is a heading, and groups whose heading ends in "#" or "@" (words
    that are only related, or alone) are left out.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds no pair.
    """
    path = Path(path)
    pairs: Synonyms = _read_groups(path) if path.suffix == ".txt" else _read_pairs(path)
    if not pairs:
        raise DataError(
            f"{path}: no pair of words in it. Expected columns word and synonym, or in .txt a group a line."
        )
    return pairs


class Wordnet:
    """A wordnet of the library wn: the words that share the first senses of a word.

    Args:
        name: As wn names it, such as ``oewn:2024``. ``python -m wn download oewn:2024`` fetches it once.
        senses: Senses looked at of each word, the most usual first.

    Raises:
        MissingExtraError: wn is not installed.
        InputError: wn has no such wordnet.
    """

    def __init__(self, name: str, senses: int = 1) -> None:
        try:
            import wn
        except ImportError:
            raise MissingExtraError("synonyms from a wordnet", "augment") from None
        try:
            self._wordnet: Any = wn.Wordnet(name)
        except wn.Error as error:
            raise InputError(f"wordnet {name!r}: {error}. Fetch it once: python -m wn download {name}") from error
        self._senses = senses
        self._known: dict[str, tuple[str, ...]] = {}

    def __getitem__(self, word: str) -> tuple[str, ...]:
        """Return the synonyms of a word, none where it is unknown."""
        if word not in self._known:
            lemmas = [lemma for synset in self._wordnet.synsets(word)[: self._senses] for lemma in synset.lemmas()]
            self._known[word] = tuple(dict.fromkeys(lemma for lemma in lemmas if lemma.lower() != word))
        return self._known[word]


def _read_pairs(path: Path) -> Synonyms:
    if not {"word", "synonym"} <= set(there := columns(path)):
        raise DataError(f"{path}: a dictionary has the columns word and synonym; found {', '.join(there)}")
    found: dict[str, dict[str, None]] = {}
    for row in read_rows(path):
        if isinstance(row, BadRow) or is_empty(row.cells.get("word")) or is_empty(row.cells.get("synonym")):
            continue
        word, synonym = str(row.cells["word"]).strip().lower(), str(row.cells["synonym"]).strip()
        if word != synonym:
            found.setdefault(word, {})[synonym] = None
    return {word: tuple(others) for word, others in found.items()}


def _read_groups(path: Path) -> Synonyms:
    groups = []
    for row in read_rows(path):
        words = [] if isinstance(row, BadRow) else str(row.cells["text"]).split()
        heading = words[0] if words else ""
        if heading.startswith("#") or heading.endswith(("#", "@")):
            continue
        groups.append(words[1:] if heading.endswith("=") else words)
    return _of_groups(groups)


def _of_groups(groups: Sequence[Sequence[str]]) -> Synonyms:
    """Return the synonyms of each word; "_" in a word stands for a blank."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        words = [word.replace("_", " ") for word in group]
        for word in words:
            found.setdefault(word.lower(), {}).update(dict.fromkeys(other for other in words if other != word))
    return {word: tuple(others) for word, others in found.items() if others}
