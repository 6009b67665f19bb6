"""What candidates are given in tests: labelled rows for two tasks of the shared model, and texts to learn from."""

from __future__ import annotations

import pytest

from sentimo.compress.material import Material
from sentimo.data.reading import Reading
from sentimo.evaluate.labelled import load_labelled


@pytest.fixture(scope="session")
def rows(labelled, trained):
    """Task -> labelled rows, for two of the four tasks of the shared model."""
    spaces = {task.name: task.space for task in trained.bundle.manifest.tasks}
    files = [labelled / "polarity.csv", labelled / "intensity.csv"]
    return {name: data.examples for name, data in (load_labelled(path, spaces, Reading()) for path in files)}


@pytest.fixture(scope="session")
def texts(rows):
    """The 120 texts of the rows."""
    return [each.document.text for each in rows["polarity"]]


@pytest.fixture
def material(rows, texts):
    """What a candidate may use."""
    return Material(rows, train=texts, corpus=texts[::2], seed=1, max_drop=5.0)
