from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import TaskScores
from sentimo.evaluate.identities import identity_gap

MOODS = LabelSpace("moods", ("bad", "good"))


class Unfair:
    """Finds good 0.2 where "she" stands and 0.6 elsewhere."""

    def predict(self, texts):
        good = np.array([0.2 if "she" in text.lower().split() else 0.6 for text in texts], dtype=np.float32)
        return SimpleNamespace(tasks={"mood": TaskScores(MOODS, np.column_stack([1 - good, good]))})


def test_the_gap_is_what_an_exchange_moves():
    # "she" and "he" are 0.4 apart and answered differently; for the film nobody is asked; "gay" moves nothing
    found = identity_gap(Unfair(), "mood", ["she sings", "a film", "he sings", "a gay couple"], n_bootstrap=50)

    assert (found.n_texts, found.n_pairs) == (3, 3)
    assert found.gap.value == pytest.approx((0.4 + 0.4 + 0.0) / 3, abs=1e-6)
    assert found.flipped.value == pytest.approx(2 / 3)
    assert found.gap.low <= found.gap.value <= found.gap.high


def test_texts_that_name_nobody_have_no_gap():
    assert identity_gap(Unfair(), "mood", ["a film"]) is None
