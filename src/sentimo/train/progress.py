"""What a run shows while it works: bars and notes on stderr."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

_LINE_EVERY_S = 60.0


class Progress:
    """Shows a run: a moving bar on a terminal, a line a minute in a log.

    Args:
        console: Where; None shows nothing.
    """

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
            console=console,
            disable=console is None,
        )
        self._task: TaskID | None = None
        self._n_steps = self._first_step = 0
        self._started = self._told = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def note(self, sentence: str) -> None:
        """Show a sentence."""
        if self._console is not None:
            self._console.print(Text(sentence))

    def plan(self, n_steps: int, done: int) -> None:
        """Start the bar."""
        self._task = self._bars.add_task("training", total=n_steps, completed=done, loss=0.0)
        self._n_steps, self._first_step = n_steps, done
        self._started = self._told = time.monotonic()

    def step(self, step: int, loss: float) -> None:
        """Move the bar; `loss` is the mean of the epoch so far."""
        if self._task is not None:
            self._bars.update(self._task, completed=step, loss=loss)
        now = time.monotonic()
        if self._console is not None and not self._console.is_terminal and now - self._told >= _LINE_EVERY_S:
            self._told = now
            left = (now - self._started) / (step - self._first_step) * (self._n_steps - step)
            self.note(f"step {step:,} of {self._n_steps:,}  loss {loss:.4f}  about {left / 60:.0f} min left")

    def epoch(self, figures: Mapping[str, Any], *, is_best: bool) -> None:
        """Show the dev figures of an epoch."""
        shown = "  ".join(
            f"{name} {value:.4f}" for name, value in figures.items() if isinstance(value, float) and name != "seconds"
        )
        best = "  (best so far)" if is_best else ""
        self.note(f"epoch {figures['epoch']}: {shown}  {figures['seconds']:.0f} s{best}")
