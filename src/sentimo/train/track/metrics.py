"""``metrics.jsonl``: the figures of a run, one line for each moment something was measured.

The first line is the run itself (``event: run``), then come ``step`` (loss and learning rate since the line before),
``epoch`` (dev figures) and, once the model is judged, ``end`` (test figures).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentimo.core.durable import publish
from sentimo.train.track import Event, Run

METRICS = "metrics.jsonl"


def metrics_beside(output: Path) -> Path:
    """Return where the figures of a run lie while it runs; afterwards they lie in the model folder."""
    return output.parent / f"{output.name}.{METRICS}"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a metrics file; one that a killed run left unfinished is passed over."""
    lines = []
    for line in path.read_text("utf-8").splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            break
        if isinstance(found, dict) and "event" in found:
            lines.append(found)
    return lines


class MetricsFile:
    """Writes the metrics file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, run: Run, step: int) -> None:
        """Start the file, or cut it back to a step: a resumed run writes what followed once more."""
        there = read_metrics(self.path) if step and self.path.is_file() else []
        kept = [each for each in there if each.get("step", 0) <= step and each["event"] != "end"]
        head = {"event": "run", "id": run.id, "name": run.name, "started": datetime.now(UTC).isoformat("T", "seconds")}
        lines = kept or [{**head, "parameters": dict(run.parameters)}]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.new")
        new.write_text("".join(map(_line, lines)), "utf-8")
        publish(new, self.path)
        self._file = self.path.open("a", encoding="utf-8")

    def log(self, event: Event, step: int, figures: Mapping[str, float]) -> None:
        """Append a line; it is in the file at once."""
        self._file.write(_line({"event": event, "step": step, **figures}))
        self._file.flush()

    def close(self, *, finished: bool) -> None:
        """Close the file."""
        self._file.close()


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, allow_nan=False, default=str) + "\n"
