"""Sentences that were written for the built-in models, with their labels: written_en.csv and written_zh.csv.

Word lists and frames (graded.py) teach how sentences are built, not how people talk. How these were made, and the guide
that says what their labels mean: written.md.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

EVERY = 10  # one row in so many is to choose by, the others to learn from


class Written(NamedTuple):
    """A sentence, its side (negative, neutral, positive) and its emotion of Ekman's six and neutral, "" if not sure."""

    text: str
    polarity: str
    emotion: str


def written_sentences(language: str) -> tuple[Sequence[Written], Sequence[Written]]:
    """Return the sentences of a language ("en" or "zh") to learn from, and those to choose by."""
    with Path(__file__).with_name(f"written_{language}.csv").open(encoding="utf-8", newline="") as file:
        rows = [Written(**row) for row in csv.DictReader(file)]
    return [row for at, row in enumerate(rows) if at % EVERY], rows[::EVERY]
