"""Teachers: trained models whose answers a student learns."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sentimo.core.bundle import TORCH_WEIGHTS, Bundle
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import Predictions, TaskScores
from sentimo.data.reading import read_texts
from sentimo.engine.predictor import Predictor
from sentimo.errors import RecipeError
from sentimo.text.normalise import folded
from sentimo.train.encoder import Base, open_base
from sentimo.train.network import load_network
from sentimo.train.recipe import Semi, Teacher

_LEAST = 1e-6  # a probability nearer to 0 or 1 has no logit worth learning


@dataclass(frozen=True)
class Lesson:
    """What a student learns from its teachers.

    Attributes:
        settings: How.
        wanted: Task -> logits (n, n_labels) of the training rows, NaN where no teacher answered.
        network: The network of the one teacher whose layers are to be matched, or None.
    """

    settings: Teacher
    wanted: Mapping[str, Tensor]
    network: nn.Module | None = None


@dataclass
class _Known:
    """What is kept of teachers.

    Attributes:
        rows: Text -> its row in `logits`.
        logits: Task -> (n, n_labels) of the texts that were remembered.
        network: The network whose layers are matched, once it was loaded.
    """

    rows: dict[str, int] = field(default_factory=dict)
    logits: dict[str, Tensor] = field(default_factory=dict)
    network: nn.Module | None = None


class Teachers:
    """One or several models, asked together: the mean of their probabilities, in the label spaces of the student.

    Args:
        settings: Which.
        spaces: Task -> label space of the student.

    Attributes:
        taught: The tasks that every teacher has.
        digest: Of all of them.

    Raises:
        BundleError: a teacher cannot be opened.
        RecipeError: no task is taught, or its labels are not those of the student.
    """

    def __init__(self, settings: Teacher, spaces: Mapping[str, LabelSpace]) -> None:
        self.settings = settings
        self._known = _Known()
        self._models = [Predictor.load(path) for path in settings.models]
        self._order: list[dict[str, list[int]]] = []
        self.taught = [task for task in spaces if all(task in each.spaces for each in self._models)]
        self._spaces = {task: spaces[task] for task in self.taught}
        if not self.taught:
            found = "; ".join(
                f"{path} has {', '.join(each.spaces)}" for path, each in zip(settings.models, self._models, strict=True)
            )
            raise RecipeError(
                f"teacher: no task of {', '.join(spaces)} is one of every teacher ({found}). Call the task as they do."
            )
        for path, model in zip(settings.models, self._models, strict=True):
            self._order.append({task: _order(path, task, spaces[task], model.spaces[task]) for task in self.taught})
        digests = [each.bundle.digest for each in self._models if each.bundle]
        self.digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def with_settings(self, settings: Teacher) -> Self:
        """Return the same models, and what is remembered of them, with other settings."""
        found = copy.copy(self)
        found.settings = settings
        return found

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Return the mean of what they answer; a text that one leaves open is left open."""
        found = [each.predict(texts) for each in self._models]
        tasks = {}
        for task, space in self._spaces.items():
            scores = [each.tasks[task].scores[:, order[task]] for each, order in zip(found, self._order, strict=True)]
            cuts = None
            if space.kind == "multi":
                each_cuts = [
                    _cuts(model.tasks, task)[order[task]]
                    for model, order in zip(self._models, self._order, strict=True)
                ]
                cuts = tuple(np.mean(each_cuts, axis=0).tolist())
            tasks[task] = TaskScores(space, np.mean(scores, axis=0).astype(np.float32), cuts)
        return replace(found[0], tasks=tasks)

    def lesson(self, texts: Sequence[str], base: Base) -> Lesson:
        """Ask about all texts.

        Args:
            texts: The training texts.
            base: The student's base, whose tokens the layers of a teacher must share.

        Raises:
            RecipeError: layers are to be matched and the teacher does not suit.
        """
        settings, known = self.settings, self._known
        new = [text for text in dict.fromkeys(texts) if text not in known.rows]
        rows = known.rows | {text: len(known.rows) + at for at, text in enumerate(new)}
        places = [rows[text] for text in texts]
        wanted = {task: each[places] for task, each in self._with(new).items()}
        if not settings.hidden and not settings.attention:
            return Lesson(settings, wanted)
        bundle = _check_layers(settings, base)
        known.network = known.network or load_network(*bundle).requires_grad_(False)
        return Lesson(settings, wanted, known.network)

    def remember(self, texts: Sequence[str]) -> None:
        """Ask about texts now and keep the answers: lessons ask only about others."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known.rows]
        self._known.logits = self._with(new)
        self._known.rows |= {text: len(self._known.rows) + at for at, text in enumerate(new)}

    def _with(self, new: Sequence[str]) -> dict[str, Tensor]:
        """Return task -> logits of what is remembered, and of further texts."""
        known = self._known.logits
        if not new:
            return known
        found = {task: _logits(each.space, each.scores) for task, each in self.predict(new).tasks.items()}
        return {task: torch.cat([known[task], each]) if known else each for task, each in found.items()}


def unlabelled_texts(settings: Teacher | Semi, known: Collection[str]) -> list[str]:
    """Return the texts of the files without labels, each once, but those that are known: to train, dev or test.

    Args:
        settings: Which files.
        known: Texts, folded.
    """
    texts = [text for path in settings.text for text in read_texts(path).texts]
    once = {folded(text): text for text in reversed(texts)}
    return [text for key, text in reversed(once.items()) if key not in known]


def _order(path: Path, task: str, wanted: LabelSpace, found: LabelSpace) -> list[int]:
    """Return where the teacher has each of the student's labels."""
    if found.kind != wanted.kind or set(found.labels) != set(wanted.labels) or found.range != wanted.range:
        raise RecipeError(
            f"teacher {path}: task {task!r} is {found.kind} with {', '.join(found.labels)}; the student's is "
            f"{wanted.kind} with {', '.join(wanted.labels)}. Both must have the same labels."
        )
    return [found.labels.index(label) for label in wanted.labels]


def _cuts(tasks: Sequence[TaskSpec], task: str) -> NDArray[Any]:
    spec = next(each for each in tasks if each.name == task)
    return np.full(len(spec.space), 0.5) if spec.thresholds is None else np.asarray(spec.thresholds)


def _logits(space: LabelSpace, scores: NDArray[Any]) -> Tensor:
    found = torch.from_numpy(np.asarray(scores, dtype=np.float32))
    if space.range is not None:
        low, high = space.range
        found = (found - low) / (high - low)
    if space.kind in ("single", "ordinal"):
        return found.clamp(min=_LEAST).log()
    return found.clamp(_LEAST, 1 - _LEAST).logit()


def _check_layers(settings: Teacher, base: Base) -> tuple[Base, dict[str, LabelSpace]]:
    """Return base and label spaces of the teacher whose layers are to be matched.

    Raises:
        RecipeError: there are several, or its layers are not those of a network that reads the same tokens.
    """
    if len(settings.models) != 1:
        raise RecipeError("teacher: hidden states and attention can be learnt from a single teacher only; give one")
    bundle = Bundle.open(settings.models[0])
    if TORCH_WEIGHTS not in bundle.files:
        raise RecipeError(
            f"teacher {settings.models[0]} has no torch weights ({TORCH_WEIGHTS}): its layers cannot be learnt. Set "
            "hidden and attention to 0, or take the model that training saved."
        )
    own = open_base(str(bundle.path))
    if own.tokenizer.get_vocab() != base.tokenizer.get_vocab() or (own.prefix, own.suffix) != (
        base.prefix,
        base.suffix,
    ):
        raise RecipeError(
            f"teacher {settings.models[0]} cuts texts into other tokens than base {base.name!r}: layers cannot be "
            "matched token by token. Set hidden and attention to 0, or choose a base with its tokenizer."
        )
    return own, {task.name: task.space for task in bundle.manifest.tasks}
