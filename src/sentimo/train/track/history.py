"""Runs read back: what their metrics files say, for `sentimo runs`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentimo.core.bundle import MANIFEST
from sentimo.errors import InputError
from sentimo.train.track.metrics import METRICS, metrics_beside, read_metrics

Curve = list[tuple[float, float]]
"""(step, value), in the order of the run."""


@dataclass(frozen=True)
class History:
    """A run as its metrics file tells it.

    Attributes:
        path: The file.
        name: Of the model folder.
        started: When, ISO 8601.
        parameters: Every choice of the recipe, by dotted key.
        steps, epochs: The lines of steps and of epochs.
        end: The test figures; empty for a run that did not get there.
        is_saved: Whether the file lies in a model folder: the run came to its end.
    """

    path: Path
    name: str
    started: str
    parameters: dict[str, Any]
    steps: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    is_saved: bool = False

    @property
    def state(self) -> str:
        """Return "done", or "open": still running, stopped or failed, which a file cannot tell apart."""
        return "done" if self.is_saved else "open"

    @property
    def best(self) -> dict[str, Any]:
        """The line of the epoch that was kept, or the best of those so far; empty before the first."""
        if not self.epochs:
            return {}
        kept = self.end.get("best_epoch")
        of_end = [each for each in self.epochs if each.get("epoch") == kept]
        return of_end[0] if of_end else max(self.epochs, key=lambda each: float(each.get("main", 0.0)))

    def curve(self, figure: str) -> Curve:
        """Return a figure over the run: ``loss`` and ``learning_rate`` by step, dev figures by epoch."""
        lines = self.steps if any(figure in each for each in self.steps) else self.epochs
        return [(float(each["step"]), float(each[figure])) for each in lines if figure in each]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {**vars(self), "path": str(self.path), "state": self.state, "best": self.best}


def read_history(run: str | Path) -> History:
    """Read a run.

    Args:
        run: A model folder, the output folder of a run that still goes on, or a metrics file.

    Raises:
        InputError: there are no figures.
    """
    path = Path(run)
    places = [path] if path.is_file() else [path / METRICS, metrics_beside(path)]
    found = next((each for each in places if each.is_file()), None)
    if found is None:
        raise InputError(
            f"{run}: no figures of a run, neither {places[0]} nor {places[-1]}. Expected a model folder that `sentimo "
            "train` made, or one that it is making."
        )
    lines = read_metrics(found)
    if not lines or lines[0]["event"] != "run":
        raise InputError(f"{found} does not start with the line of a run; it is no file that `sentimo train` wrote")
    head = lines[0]
    # A run killed after an epoch, before its checkpoint, tells of that epoch twice: the later line holds.
    epochs = {each["epoch"]: each for each in lines if each["event"] == "epoch"}
    is_saved = (found.parent / MANIFEST).is_file()
    return History(
        path=found,
        name=found.resolve().parent.name if is_saved else str(head["name"]),  # a model may have been moved
        started=str(head["started"]),
        parameters=dict(head["parameters"]),
        steps=[each for each in lines if each["event"] == "step"],
        epochs=list(epochs.values()),
        end=next((each for each in lines if each["event"] == "end"), {}),
        is_saved=is_saved,
    )


def find_histories(folder: Path) -> list[History]:
    """Return the runs under a folder, the latest first.

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Expected the one that holds model folders, such as models")
    return sorted(_histories(folder), key=lambda each: each.started, reverse=True)


def _histories(folder: Path) -> Iterator[History]:
    for path in sorted(folder.rglob(f"*{METRICS}")):
        if path.name != METRICS and not path.name.endswith(f".{METRICS}"):
            continue
        try:
            yield read_history(path)
        except (InputError, KeyError, TypeError, json.JSONDecodeError):
            continue  # another program's metrics
