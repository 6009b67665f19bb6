"""What a file run tells while it works, and at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentimo.engine.work import Work


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        n_read: Rows read, by this call and by those that it goes on from.
        share: About what share of the source is read, in [0, 1]; 0 where nobody knows (stdin).
        n_now: Rows read by this call.
        seconds: Time since its first row.
        work: What the predictor has done for them.
    """

    n_read: int = 0
    share: float = 0.0
    n_now: int = 0
    seconds: float = 0.0
    work: Work = field(default_factory=Work)

    @property
    def texts_per_s(self) -> float:
        """Rows per second."""
        return self.n_now / self.seconds if self.seconds else 0.0

    @property
    def tokens_per_s(self) -> float:
        """Tokens per second, without padding; 0 where the predictor does not count them."""
        return self.work.n_tokens / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Summary:
    """What came of a run.

    Attributes:
        n_read: Rows of the source.
        n_rows: Rows written to the target. The others could not be read.
        n_bad: Rows without an answer, listed in `bad`: those that could not be read, and those with no text.
        bad: The side file, or None where every row has an answer.
        renamed: Result column -> name it was given because the source has a column of its name, or of another column
            of the same task.
        left_out: Keys of a JSON Lines stream that came after its columns were fixed; they are not in the target.
        progress: Speed and work of this call.
        was_finished: Whether the target was there already, and nothing was left to resume; nothing is counted then.
    """

    n_read: int
    n_rows: int
    n_bad: int
    bad: Path | None
    renamed: Mapping[str, str]
    left_out: Sequence[str]
    progress: Progress
    was_finished: bool = False

    @property
    def status(self) -> str:
        """Return "completed", "completed with errors" or "already there"."""
        if self.was_finished:
            return "already there"
        return "completed with errors" if self.n_bad else "completed"

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON. Shares are of the texts of this call, in [0, 1]."""
        work = self.progress.work
        n = max(1, work.n_texts)
        return {
            "status": self.status,
            "rows_read": None if self.was_finished else self.n_read,
            "rows": None if self.was_finished else self.n_rows,
            "bad_rows": None if self.was_finished else self.n_bad,
            "bad": str(self.bad) if self.bad else None,
            "seconds": round(self.progress.seconds, 3),
            "texts_per_s": round(self.progress.texts_per_s, 1),
            "tokens_per_s": round(self.progress.tokens_per_s, 1),
            "padding": round(work.padding, 4),
            "duplicates": round(work.n_duplicates / n, 4),
            "rerun": round(work.n_rerun / n, 4),
            "cheap": round(work.n_cheap / n, 4),
        }


class Watch:
    """Makes the `Progress` of a call."""

    def __init__(self, predictor: Any, n_before: int = 0) -> None:
        self._predictor, self._n_before = predictor, n_before
        self._started, self._work = time.perf_counter(), self._done()

    def read(self, n_read: int, share: float) -> Progress:
        """Return how far the call is."""
        seconds = time.perf_counter() - self._started
        return Progress(n_read, share, n_read - self._n_before, seconds, self._done() - self._work)

    def _done(self) -> Work:
        work = getattr(self._predictor, "work", None)
        return work if isinstance(work, Work) else Work()
