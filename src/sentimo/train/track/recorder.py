"""What a run tells while it learns, gathered and handed to every tracker."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sentimo.errors import TrainingError
from sentimo.train.catalogue import build
from sentimo.train.recipe import Recipe
from sentimo.train.track import TRACKERS, Event, Run, Tracker
from sentimo.train.track.metrics import METRICS, MetricsFile, metrics_beside, read_metrics

_OWN = METRICS

MOST_LINES = 200
"""Lines about steps in a run of any length: what a curve needs."""


class Recorder:
    """Gathers the loss of steps, and tells the trackers.

    Args:
        run: The run; None records nothing.
        trackers: Name -> tracker.
        tell: Shows a sentence.
    """

    def __init__(
        self,
        run: Run | None = None,
        trackers: Mapping[str, Tracker] | None = None,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._run, self._waiting, self._tell = run, dict(trackers or {}), tell
        self._open: dict[str, Tracker] = {}
        self._every = 1
        self._loss, self._rows, self._last = 0.0, 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._open):
            self._call(name, lambda tracker: tracker.close(finished=error is None))
        self._open.clear()

    def begin(self, n_steps: int, step: int = 0, state: Mapping[str, Any] | None = None) -> None:
        """Open the trackers.

        Args:
            n_steps: Steps of the whole run.
            step: Steps already made by a run that goes on.
            state: What `state` gave then.

        Raises:
            TrainingError: a tracker cannot be opened.
        """
        self._every = max(1, n_steps // MOST_LINES)
        if state:
            self._loss, self._rows = state["loss"], state["rows"]
        self._last = step
        for name, tracker in self._waiting.items():
            assert self._run is not None  # whoever gives trackers gives the run
            try:
                tracker.open(self._run, step)
            except Exception as error:  # whatever a library raises; said before anything is trained
                raise TrainingError(f"track: {name} cannot be started: {type(error).__name__}: {error}") from error
            self._open[name] = tracker
        self._waiting.clear()

    def step(self, step: int, loss: float, rows: int, learning_rate: float) -> None:
        """Take the mean loss of a step over its rows; every so many steps a line is told."""
        self._loss, self._rows, self._last = self._loss + loss * rows, self._rows + rows, step
        if step % self._every == 0:
            self._log("step", step, {"loss": round(self._loss / self._rows, 6), "learning_rate": learning_rate})
            self._loss, self._rows = 0.0, 0

    def epoch(self, step: int, figures: Mapping[str, Any]) -> None:
        """Take the figures of an epoch."""
        self._log("epoch", step, figures)

    def end(self, figures: Mapping[str, Any]) -> None:
        """Take the figures of the model that is kept."""
        self._log("end", self._last, figures)

    def state(self) -> dict[str, float]:
        """Return what a checkpoint needs for the next line to be that of an undisturbed run."""
        return {"loss": self._loss, "rows": self._rows}

    def _log(self, event: Event, step: int, figures: Mapping[str, Any]) -> None:
        for name in list(self._open):
            self._call(name, lambda tracker: tracker.log(event, step, figures))

    def _call(self, name: str, what: Callable[[Tracker], None]) -> None:
        """Tell one tracker; one that fails is dropped, for a curve that cannot be drawn is no reason to stop a run."""
        try:
            what(self._open[name])
        except Exception as error:  # whatever a library raises
            if name == _OWN:  # a full disk: the model could not be saved either
                raise
            del self._open[name]
            self._tell(f"track: {name} failed and is left out from here on: {type(error).__name__}: {error}")


def build_trackers(recipe: Recipe) -> dict[str, Tracker]:
    """Return the trackers that a recipe asks for, not opened yet.

    Raises:
        RecipeError: a setting is wrong.
        MissingExtraError: a package is not installed.
    """
    return {
        choice.name: build(TRACKERS[choice.name], f"track: {choice.name}", **(choice.model_extra or {}))
        for choice in recipe.track
    }


def recorder_for(recipe: Recipe, output: Path, *, resume: bool, tell: Callable[[str], None]) -> Recorder:
    """Return the recorder of a training run: the metrics file beside its output, and the recipe's trackers.

    Args:
        recipe: The run.
        output: The model folder to be made.
        resume: Whether it goes on: then it keeps the id that it started with.
        tell: Shows a sentence.
    """
    path = metrics_beside(output)
    earlier = read_metrics(path)[:1] if resume and path.is_file() else []
    # No random numbers of the run's own generators are drawn: they would change what is learnt.
    identity = earlier[0].get("id") if earlier else None
    run = Run(identity or uuid.uuid4().hex[:12], output.name, output.parent / "tracking", flat(recipe))
    return Recorder(run, {_OWN: MetricsFile(path), **build_trackers(recipe)}, tell)


def flat(recipe: Recipe) -> dict[str, Any]:
    """Return every choice of a recipe by dotted key."""
    found: dict[str, Any] = {}

    def walk(value: Any, key: str) -> None:
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if not parts:
            found[key] = value
            return
        for name, part in parts:
            walk(part, f"{key}.{name}" if key else str(name))

    walk(recipe.model_dump(mode="json", exclude={"track"}), "")
    return found
