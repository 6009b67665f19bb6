"""How far a file run is: a moving bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console

    from sentimo.engine.files import Progress

_LINE_EVERY_S = 60.0


class FileProgress:
    """Shows a file run.

    Args:
        console: Where.
        bar: Whether a bar may move there.
    """

    def __init__(self, console: Console, *, bar: bool = True) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        self._console, self._told = console, time.monotonic()
        self._bars = Bars(
            TextColumn("{task.percentage:>3.0f}%"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            console=console,
            disable=not (bar and console.is_terminal),
        )
        self._task = self._bars.add_task("rows", total=None, visible=False, rate="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, progress: Progress) -> None:
        """Show how far the run is."""
        line = rate(progress) + _left(progress)
        total = 1.0 if progress.share else None  # None: a bar that moves, but does not fill
        self._bars.update(self._task, visible=True, total=total, completed=progress.share, rate=line)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._told >= _LINE_EVERY_S:
            self._told = now
            done = f"{progress.share:.0%}  " if progress.share else ""
            self._console.print(done + line, markup=False)


def _left(progress: Progress) -> str:
    if not (progress.share and progress.texts_per_s):
        return ""
    n_left = progress.n_read / progress.share - progress.n_read
    minutes, seconds = divmod(round(n_left / progress.texts_per_s), 60)
    return f"  about {minutes} min left" if minutes > 2 else f"  about {60 * minutes + seconds} s left"


def rate(progress: Progress) -> str:
    """Return "4,096 rows  1,234 texts/s  30,000 tokens/s"."""
    rates = [f"{progress.n_read:,} rows"]
    if progress.n_now:
        rates.append(f"{progress.texts_per_s:,.0f} texts/s")
    if progress.work.n_tokens:
        rates.append(f"{progress.tokens_per_s:,.0f} tokens/s")
    return "  ".join(rates)
