"""What candidates are given in tests: rows, texts to learn from, and a small model with heads of all kinds."""

from __future__ import annotations

import pytest
from conftest import labelled_rows

from sentimo.compress.material import Material
from sentimo.core.documents import Document, Example


def examples(task):
    """The shared rows with the labels of one task of the shared model."""
    places = {"polarity": ["negative", "neutral", "positive"].index, "intensity": float}
    return [Example(Document(row["text"]), {task: places[task](row[task])}) for row in labelled_rows()]


@pytest.fixture(scope="session")
def rows():
    """Task -> labelled rows, for two of the four tasks of the shared model."""
    return {"polarity": examples("polarity"), "intensity": examples("intensity")}


@pytest.fixture
def material(rows):
    """What a candidate may use; what it tells is in `material.told`."""
    told = []
    made = Material(rows, train=[row["text"] for row in labelled_rows()], seed=1, max_drop=5.0, tell=told.append)
    object.__setattr__(made, "told", told)
    return made
