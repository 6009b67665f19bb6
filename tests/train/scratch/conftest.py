"""Bases without pre-training, made from the texts of the mood task."""

from __future__ import annotations

import pytest
from toy import mood_examples, toy_recipe

from sentimo.train.scratch import base_of

TEXTS = [each.document.text for each in mood_examples(36)]
SMALL = {"width": 16, "hidden": 24, "least_count": 1}


@pytest.fixture
def make_base():
    """Makes a base by name, with settings of its encoder."""
    return lambda name, texts=TEXTS, seed=13, **settings: base_of(
        toy_recipe(base=name, encoder={**SMALL, **settings}, seed=seed), texts
    )
