"""Checkpoints: everything a run needs to go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from sentimo.core.durable import publish
from sentimo.errors import TrainingError
from sentimo.train.recipe import Recipe, dump_recipe, relative_to

STATE = "state.pt"


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoint of a run, in a folder beside its output.

    Attributes:
        folder: Where it lies.
        fingerprint: Of the recipe and the data; a checkpoint of another run is refused.
    """

    folder: Path
    fingerprint: str

    @classmethod
    def beside(cls, output: Path, recipe: Recipe, data: str) -> Checkpoints:
        """Return the place for a run's checkpoint.

        Args:
            output: The model folder to be made.
            recipe: The run.
            data: Digest of its training data.
        """
        # How often it is saved, who is told, what a search may change and from where files are named changes no run.
        same = relative_to(
            recipe.model_copy(update={"checkpoint_minutes": 0.0, "track": [], "search": {}}), output.resolve()
        )
        digest = hashlib.sha256((dump_recipe(same) + data).encode()).hexdigest()
        return cls(output.parent / f"{output.name}.checkpoint", digest)

    def of_round(self, number: int) -> Checkpoints:
        """Return the place for what comes before the run itself: a round of self-training."""
        digest = hashlib.sha256(f"{self.fingerprint} round {number}".encode()).hexdigest()
        return Checkpoints(self.folder / f"round-{number}", digest)

    def exists(self) -> bool:
        """Whether there is something to resume."""
        return self.is_begun() or any(self.folder.glob(f"round-*/{STATE}"))

    def is_begun(self) -> bool:
        """Whether the run itself has a checkpoint, not only what comes before it."""
        return (self.folder / STATE).is_file()

    def save(self, state: dict[str, Any]) -> None:
        """Write the state; a crash while writing leaves the earlier one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / f"{STATE}.new"
        with new.open("wb") as file:
            torch.save({"fingerprint": self.fingerprint, **state}, file)
        publish(new, self.folder / STATE)

    def load(self) -> dict[str, Any]:
        """Read the state.

        Raises:
            TrainingError: it cannot be read, or belongs to another recipe or other data.
        """
        path = self.folder / STATE
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, UnpicklingError) as error:
            # torch's own words are pages long and advise to trust the file.
            raise TrainingError(
                f"{path} is damaged or cannot be read ({type(error).__name__}). Delete {self.folder} to start anew."
            ) from error
        if state.get("fingerprint") != self.fingerprint:
            raise TrainingError(
                f"{self.folder} is the checkpoint of a run with another recipe or other data. Resume with the recipe "
                f"it was started with, or delete {self.folder} to start anew."
            )
        return state

    def remove(self) -> None:
        """Delete the checkpoint."""
        shutil.rmtree(self.folder, ignore_errors=True)
