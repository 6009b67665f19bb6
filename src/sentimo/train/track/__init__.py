"""Trackers: where the figures of a run go, beside ``metrics.jsonl``, which is always written.

A tracker is built from its settings, before anything is trained, and told what happens. A new one is one file and one
line here. No tracker sends anything anywhere unless the recipe says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

TRACKERS: Mapping[str, str] = {
    "tensorboard": "sentimo.train.track.tensorboard:TensorBoard",
    "wandb": "sentimo.train.track.wandb:WeightsAndBiases",
    "mlflow": "sentimo.train.track.mlflow:MLflow",
}

Event = Literal["step", "epoch", "end"]
PREFIXES: Mapping[Event, str] = {"step": "step", "epoch": "epoch", "end": "test"}
"""What trackers put before the name of a figure: ``step/loss``, ``epoch/main`` (on dev), ``test/main``."""


@dataclass(frozen=True)
class Run:
    """What a tracker knows of a run before it starts.

    Attributes:
        id: Names this run only; a resumed run keeps it.
        name: Of the model folder.
        folder: Where trackers that write files put them, shared by all models beside this one.
        parameters: Every choice of the recipe, by dotted key.
    """

    id: str
    name: str
    folder: Path
    parameters: Mapping[str, Any]


class Tracker(Protocol):
    """One place where figures go."""

    def open(self, run: Run, step: int) -> None:
        """Start, or go on after `step`: what was told of later steps is told again."""

    def log(self, event: Event, step: int, figures: Mapping[str, float]) -> None:
        """Take figures after a step (from 1)."""

    def close(self, *, finished: bool) -> None:
        """End; `finished` is False for a run that was stopped or failed."""


def named(event: Event, figures: Mapping[str, float]) -> dict[str, float]:
    """Return the figures under the names that trackers show."""
    return {f"{PREFIXES[event]}/{name}": value for name, value in figures.items()}
