"""How much answers depend on who is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentimo.engine.predictor import Predicts
from sentimo.evaluate.bootstrap import Figure, Floats, bootstrap, figure
from sentimo.evaluate.report import task_of
from sentimo.text.identities import counterfactuals


@dataclass(frozen=True)
class IdentityGap:
    """What exchanging identities does to the answers of a task.

    Attributes:
        n_texts: Texts that name an identity.
        n_pairs: Pairs of such a text and an exchanged one.
        gap: Mean over texts of the mean over pairs of the greatest change of a score (of the range, for a score).
        flipped: Mean over texts of the share of pairs whose answer differs; 0 for a score.
    """

    n_texts: int
    n_pairs: int
    gap: Figure
    flipped: Figure

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {**vars(self), "gap": self.gap.to_dict(), "flipped": self.flipped.to_dict()}


def identity_gap(
    predictor: Predicts, task: str, texts: Sequence[str], *, n_bootstrap: int = 1000, seed: int = 13
) -> IdentityGap | None:
    """Ask a model about texts and about the same with identities exchanged (`sentimo.text.identities`).

    Args:
        predictor: The model.
        task: The task.
        texts: Texts; those that name no identity are passed over.
        n_bootstrap, seed: Of the intervals, over texts.

    Returns:
        None where no text names an identity.

    Source: Garg et al. 2019, "Counterfactual Fairness in Text Classification through Robustness", arXiv:1809.10610,
    section 3 (counterfactual token fairness gap; there of one probability).
    """
    pairs = {text: found for text in dict.fromkeys(texts) if (found := counterfactuals(text))}
    asked = list(dict.fromkeys([*pairs, *(each for found in pairs.values() for each in found)]))
    if not asked:
        return None
    scores = task_of(predictor.predict(asked), task)
    place = {text: row for row, text in enumerate(asked)}
    low, high = scores.space.range or (0.0, 1.0)
    answers = scores.decide()
    is_score = scores.space.kind == "score"
    rows: list[tuple[float, float]] = []
    n_pairs = 0
    for text, others in pairs.items():
        own = place[text]
        known = [place[each] for each in others if answers[place[each]] is not None and answers[own] is not None]
        if not known:
            continue
        moved = np.abs(scores.scores[known].astype(np.float64) - scores.scores[own]).max(axis=1) / (high - low)
        changed = 0.0 if is_score else float(np.mean([answers[each] != answers[own] for each in known]))
        rows.append((float(moved.mean()), changed))
        n_pairs += len(known)
    if not rows:
        return None
    table = np.array(rows)

    def measure(weights: Floats) -> dict[str, Floats]:
        means = weights @ table / weights.sum(axis=1, keepdims=True)
        return {"gap": means[:, 0], "flipped": means[:, 1]}

    drawn = bootstrap(measure, len(table), n_bootstrap, seed)
    gap, flipped = figure(drawn["gap"]), figure(drawn["flipped"])
    assert gap is not None  # means of finite numbers
    assert flipped is not None
    return IdentityGap(len(table), n_pairs, gap, flipped)
