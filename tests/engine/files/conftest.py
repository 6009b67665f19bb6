"""Files to answer, and parts so small that a few rows make several."""

from __future__ import annotations

import pytest
from tables import ROWS, write

from sentimo.engine.files import parts


@pytest.fixture
def reviews(tmp_path):
    return write(tmp_path / "reviews.csv", ROWS)


@pytest.fixture
def many(tmp_path):
    """20 rows, of which 3, 8, 13 and 18 have no text, with parts of 4 rows."""
    rows = [{"n": str(n), "text": "" if n % 5 == 3 else f"good {n}"} for n in range(1, 21)]
    return write(tmp_path / "many.csv", rows)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "ROWS_AT_ONCE", 4)
