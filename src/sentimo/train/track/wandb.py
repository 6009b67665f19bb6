"""Figures to Weights & Biases, offline unless asked otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from sentimo.errors import MissingExtraError
from sentimo.train.track import Event, Run, named

MODES = ("offline", "online")


class WeightsAndBiases:
    """Logs a run with wandb.

    Args:
        project: Project the run belongs to.
        entity: Account or team; None is the one that is logged in.
        mode: "offline" writes ``tracking/wandb`` beside the model, sent when you say ``wandb sync``; "online" sends
            figures and recipe (never texts) while the run goes on.

    Raises:
        MissingExtraError: the package is not installed.
        ValueError: no such mode.

    Source: https://docs.wandb.ai/ref/python/init
    """

    def __init__(self, project: str = "sentimo", entity: str | None = None, mode: str = "offline") -> None:
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is not one of {', '.join(MODES)}")
        if find_spec("wandb") is None:
            raise MissingExtraError("track: wandb", "track")
        self._project, self._entity, self._mode = project, entity, mode

    def open(self, run: Run, step: int) -> None:
        """Start the run, or go on with the one of the same id."""
        import wandb

        run.folder.mkdir(parents=True, exist_ok=True)
        self._run: Any = wandb.init(
            project=self._project,
            entity=self._entity,
            mode=self._mode,  # type: ignore[arg-type]
            id=run.id,
            name=run.name,
            resume="allow",
            dir=str(run.folder),
            config=dict(run.parameters),
            settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
        )

    def log(self, event: Event, step: int, figures: Mapping[str, float]) -> None:
        """Log figures at their step; the end of the run also goes into its summary."""
        self._run.log(named(event, figures), step=step)

    def close(self, *, finished: bool) -> None:
        """Finish the run."""
        self._run.finish(exit_code=0 if finished else 1)
