"""Counterfactual logit pairing: what an exchange of identities moves is made small."""

from __future__ import annotations

import pytest
import torch
from test_wrappers import plain
from toy import MOODS, toy_recipe

from sentimo.core.documents import Document, Example
from sentimo.evaluate.identities import identity_gap
from sentimo.train.learner import Learner
from sentimo.train.objectives.clp import CLP
from sentimo.train.objectives.step import Batch, Surroundings


class Lookup(torch.nn.Module):
    """Logits (0, id of the first token / 10)."""

    def forward(self, ids, mask):
        z = ids[:, 0] / 10
        return {"mood": torch.stack([torch.zeros_like(z), z], dim=1).requires_grad_()}


def test_the_difference_of_centred_logits_is_added_for_rows_that_name_someone():
    texts = ["she sings", "a film"]
    around = Surroundings({"mood": MOODS}, {"mood": 1.0}, texts, lambda found: [[9] for _ in found])
    batch = Batch(
        rows=[0, 1],
        ids=torch.tensor([[1], [5]]),
        mask=torch.ones(2, 1, dtype=torch.int64),
        weight=torch.tensor([0.5, 1.0]),
        targets={"mood": torch.zeros(2, dtype=torch.int64)},
        has={"mood": torch.zeros(2, dtype=torch.bool)},
    )

    found = CLP(plain(), around, weight=3.0)(Lookup(), batch)

    # (0, 0.1) and (0, 0.9), their means off: (-0.05, 0.05) and (-0.45, 0.45)
    assert found.loss.item() == pytest.approx(3.0 * 0.5 * 0.4)


def test_labels_that_a_set_does_not_tell_apart_do_not_count():
    around = Surroundings({"mood": MOODS}, {"mood": 1.0}, ["she sings"], lambda found: [[9] for _ in found])
    batch = Batch(
        rows=[0],
        ids=torch.tensor([[1]]),
        mask=torch.ones(1, 1, dtype=torch.int64),
        weight=torch.ones(1),
        targets={"mood": torch.zeros(1, dtype=torch.int64)},
        has={"mood": torch.zeros(1, dtype=torch.bool)},
        unknown={"mood": torch.tensor([[True, False]])},
    )

    # one label is left, whose logit says nothing alone
    assert CLP(plain(), around)(Lookup(), batch).loss.item() == 0.0


def test_training_with_it_closes_the_gap(bert_base):
    # In train "she" is always unhappy: a model learns the word.
    texts = [("she was sad", 0), ("she was slow", 0), ("he was happy", 1), ("he was great", 1)] * 4
    gaps = []
    for objective in ([], [{"name": "clp", "weight": 3.0}]):
        recipe = toy_recipe(
            "mood", epochs=6, objective=objective, dropout=0.0, pooling="mean", optimiser={"learning_rate": 5e-3}
        )
        rows = [Example(Document(text), {"mood": target}) for text, target in texts]
        learner = Learner.build(recipe, bert_base, {"mood": MOODS}, {"mood": rows})
        learner.fit(None)
        asked = ["she was kind", "he was kind", "the man was here"]
        gaps.append(identity_gap(learner.predictor(), "mood", asked, n_bootstrap=0).gap.value)

    assert gaps[1] < 0.5 * gaps[0]
