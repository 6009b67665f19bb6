"""Figures as TensorBoard event files."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from sentimo.errors import MissingExtraError
from sentimo.train.track import Event, Run, named


class TensorBoard:
    """Writes ``tracking/tensorboard/<name>`` beside the model; look with ``tensorboard --logdir tracking/tensorboard``.

    Raises:
        MissingExtraError: the package is not installed.

    Source: https://www.tensorflow.org/tensorboard; written by ``torch.utils.tensorboard``.
    """

    def __init__(self) -> None:
        if find_spec("tensorboard") is None:
            raise MissingExtraError("track: tensorboard", "track")

    def open(self, run: Run, step: int) -> None:
        """Start the event file; TensorBoard hides what earlier files of the folder say of later steps."""
        from torch.utils.tensorboard import SummaryWriter

        folder = run.folder / "tensorboard" / run.name
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)
        if not step:
            rows = "\n".join(f"| {key} | {value} |" for key, value in run.parameters.items())
            self._writer.add_text("recipe", f"| key | value |\n| --- | --- |\n{rows}")

    def log(self, event: Event, step: int, figures: Mapping[str, float]) -> None:
        """Write scalars."""
        for name, value in named(event, figures).items():
            self._writer.add_scalar(name, value, step)

    def close(self, *, finished: bool) -> None:
        """Close the file."""
        self._writer.close()
