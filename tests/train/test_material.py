"""What a run learns from: two materials have one digest only if training makes the same of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toy import MOODS, mood_examples

from sentimo.train.material import data_digest
from sentimo.train.tasks import TaskData


@pytest.mark.parametrize("part", ["train", "dev"])
@pytest.mark.parametrize("change", [{"weight": 0.5}, {"source": "augmented"}, {"among": {"mood": (0,)}}])
def test_the_digest_knows_weight_source_and_labels_that_count(part, change):
    rows = {"train": mood_examples(4), "dev": mood_examples(2), "test": []}
    changed = {**rows, part: [replace(rows[part][0], **change), *rows[part][1:]]}

    before, after, again = (data_digest({"mood": TaskData(MOODS, **each)}) for each in (rows, changed, dict(rows)))

    assert before == again != after
