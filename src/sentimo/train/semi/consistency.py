"""Consistency: a text and the same text in other words shall have one answer."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from sentimo.core.labels import LabelSpace
from sentimo.data.augment import AUGMENTERS
from sentimo.train.batching import padded
from sentimo.train.catalogue import build
from sentimo.train.objectives.step import Batch, Outcome, Surroundings, Wrapper, ask
from sentimo.train.recipe import AugmentMethod
from sentimo.train.semi.method import SemiMethod

DEFAULT_VIEWS: tuple[Mapping[str, Any], ...] = (
    {"name": "synonym", "share": 0.3},
    {"name": "swap"},
    {"name": "delete", "share": 0.2},
)
"""Stronger than what augmentation does to a text: no label has to survive for certain, only an answer."""


class Consistency(SemiMethod, ABC):
    """What UDA and FixMatch have in common: rows, drawing, and the question about texts in other words.

    Args:
        weight: Factor of the loss of the texts, the mean over those drawn, beside that of the labels, > 0.
        ratio: Most texts drawn per labelled row, > 0.
        views: Methods of augmentation, all done to a text one after the other.

    Raises:
        ValueError: a number is not positive.
        RecipeError, InputError, DataError: a method of augmentation cannot be built.
    """

    reads_texts = True

    def __init__(self, weight: float, ratio: float, views: Sequence[AugmentMethod] | None) -> None:
        if not weight > 0 or not ratio > 0:
            raise ValueError(f"weight {weight} and ratio {ratio}: expected numbers above 0")
        self.weight, self.ratio = weight, ratio
        chosen = views or [AugmentMethod(**each) for each in DEFAULT_VIEWS]
        self.views = [
            build(AUGMENTERS[each.name], f"semi.views {each.name!r}", **(each.model_extra or {})) for each in chosen
        ]

    @abstractmethod
    def losses(self, space: LabelSpace, found: Tensor, plain: Tensor) -> Tensor:
        """Return how far each answer is from what it shall be (b,).

        Args:
            space: The task's labels.
            found: (b, n_labels) logits of the texts in other words.
            plain: (b, n_labels) logits of the texts as they are, constants.
        """

    def drawn(self, shares: Sequence[float] | None, has_label: Sequence[bool]) -> list[float] | None:
        """Draw labelled rows more often where there are more than `ratio` texts for each."""
        n_labelled = sum(has_label)
        more = (len(has_label) - n_labelled) / (self.ratio * max(1, n_labelled))
        if more <= 1:
            return super().drawn(shares, has_label)
        given = shares or [1.0] * len(has_label)
        return [share * (more if has else 1.0) for share, has in zip(given, has_label, strict=True)]

    def wrap(self, inner: nn.Module, around: Surroundings, seed: int) -> nn.Module:
        """Return the objective with that of the texts around it."""
        return TextsAgree(inner, around, self, seed)

    def rewrite(self, texts: Sequence[str], seed: int, epoch: int) -> list[str]:
        """Return the texts in other words: the same ones for the same text, seed and epoch."""
        draws = [_draw(text, seed, epoch) for text in texts]
        found = list(texts)
        for view in self.views:
            found = view.rewrite(found, draws)
        return found


class TextsAgree(Wrapper):
    """Add the loss of the rows without a label of any task.

    The answers that are to be learnt are those which the objective within asked for; only the texts in other words are
    asked anew. In the sum over a batch, the texts of one labelled row together count `weight` times what its labels do.

    Args:
        inner: The objective within.
        around: The label spaces, texts and tokenizer.
        method: What is learnt.
        seed: Of the other words.
    """

    def __init__(self, inner: nn.Module, around: Surroundings, method: Consistency, seed: int) -> None:
        super().__init__(inner, around)
        self._method, self._seed = method, seed
        n, n_texts = len(around.texts), len(around.unlabelled)
        self._texts = frozenset(around.unlabelled)
        per_row = min(method.ratio, n_texts / max(1, n - n_texts))  # texts drawn per labelled row
        self._factor = method.weight / per_row if per_row else 0.0
        self._share = per_row / (1 + per_row)

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return inner + self._share

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        plain = self.inner(model, batch)
        places = [place for place, row in enumerate(batch.rows) if row in self._texts]
        if not places:
            return Outcome(plain.loss, plain.logits)
        texts = self._method.rewrite([self.around.texts[batch.rows[at]] for at in places], self._seed, batch.epoch)
        ids, mask = padded(self.around.encode(texts), batch.ids.device)
        unknown = {task: each[places] for task, each in batch.unknown.items()}
        changed = replace(batch, ids=ids, mask=mask, weight=batch.weight[places], unknown=unknown, shift=None)
        found = ask(model, changed)
        losses = {
            task: self._method.losses(space, found[task], plain.logits[task][places].detach())
            for task, space in self.around.spaces.items()
        }
        return Outcome(plain.loss + self._factor * self.total(changed, losses), plain.logits)


def sure(space: LabelSpace, plain: Tensor, certainty: float) -> Tensor:
    """Return whether answers are sure: (b,) of the best label, (b, n_labels) of each where several may hold."""
    if space.kind == "multi":
        scores = plain.sigmoid()
        return (scores >= certainty) | (scores <= 1 - certainty)
    return plain.softmax(dim=1).amax(dim=1) >= certainty


def label_losses(found: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """Return the mean over labels (b,) of the binary divergence from wanted scores, where they count (b, n_labels)."""
    own = functional.binary_cross_entropy(wanted, wanted, reduction="none")
    losses = functional.binary_cross_entropy_with_logits(found, wanted, reduction="none") - own
    return (counts * losses).mean(dim=1)


def _draw(text: str, seed: int, epoch: int) -> Random:
    digest = hashlib.sha256(f"{seed}\0semi\0{epoch}\0{text}".encode("utf-8", "surrogatepass")).digest()
    return Random(int.from_bytes(digest[:8], "big"))


def check_certainty(certainty: float) -> None:
    """Raise ValueError when a certainty is not in [0, 1)."""
    if not 0 <= certainty < 1:
        raise ValueError(f"certainty {certainty} is not in [0, 1)")
