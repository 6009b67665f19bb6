"""Bundles made from bundles: copied, changed, asked, and proven in a fresh process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sentimo.core.bundle import PROBE_TEXTS, Bundle, Probes, write_bundle
from sentimo.core.manifest import Manifest
from sentimo.core.predictions import ModelId
from sentimo.engine.backends import open_backend
from sentimo.engine.predictor import Predictor

FOR_TRAINING = "*.safetensors"
"""Pattern of the files that only training reads."""


def derive(
    source: Bundle,
    target: Path,
    change: Callable[[Path], Manifest],
    *,
    keep_torch_weights: bool = False,
    overwrite: bool = False,
) -> Bundle:
    """Write a changed copy of a bundle.

    Its probes are its own answers: whether they are good enough is judged on labelled rows, not on ten texts.

    Args:
        source: The bundle.
        target: Folder to make.
        change: Called with a folder that holds the copied files; changes them and returns the manifest.
        keep_torch_weights: Copy the weights that only training reads, too.
        overwrite: Replace a bundle that is already there.

    Raises:
        BundleError: the target is taken, or the copy cannot be opened.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".compress-", dir=target.parent) as folder:
        draft = Path(folder)
        source.copy_to(draft, leave_out=() if keep_torch_weights else (FOR_TRAINING,))
        manifest = change(draft)
        answers = open_draft(draft, manifest).predict(PROBE_TEXTS)
        probes = Probes(PROBE_TEXTS, {task: each.scores for task, each in answers.tasks.items()})

        def fill(empty: Path) -> None:
            for path in draft.iterdir():  # the draft itself may be read by its owner only, and copies would be too
                shutil.copytree(path, empty / path.name) if path.is_dir() else shutil.copy(path, empty)

        return write_bundle(target, manifest, fill, probes, overwrite=overwrite)


def open_draft(folder: Path, manifest: Manifest, graph: str | None = None) -> Predictor:
    """Return a predictor over files that are not a bundle yet: with its exact graph, or the one named."""
    files = {path.relative_to(folder).as_posix(): "" for path in folder.rglob("*") if path.is_file()}
    how: dict[str, Any] = {"graph": graph} if graph else {}
    backend = open_backend(Bundle(folder, manifest, "", files), **how)
    return Predictor(backend, manifest.tasks, ModelId(manifest.name, ""))


def answering_bytes(bundle: Bundle) -> int:
    """Return the size of the files that are needed to answer or to understand a bundle: all but torch weights."""
    return sum((bundle.path / name).stat().st_size for name in bundle.files if not fnmatchcase(name, FOR_TRAINING))


def plain_manifest(source: Bundle, **settings: Any) -> Manifest:
    """Return the manifest of a bundle whose graph is stored anew, with other settings added."""
    kept = {name: value for name, value in source.manifest.settings.items() if name != "weights"}
    return replace(source.manifest, settings={**kept, **settings})
