"""Write a bundle in another format, and prove that the written file answers as the bundle does."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sentimo.compress.formats import load_format
from sentimo.core.bundle import MANIFEST, PROBE_TEXTS, Bundle, check_outside_models
from sentimo.engine.backends import open_backend
from sentimo.engine.calibration import calibrated
from sentimo.engine.knowledge import knowledge_of
from sentimo.errors import BundleError, InputError

TOLERANCE = 1e-3
"""Largest difference of a score, as a share of its range."""

ENDINGS = {"onnx": ".onnx", "openvino": ".xml"}
"""Ending of the file where the format is one; the others are folders."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: The file or folder.
        files: What belongs to it, by name.
        largest_difference: Largest difference of a score from the bundle's, as a share of its range.
        n_windows: Windows of the probe texts that were compared.
    """

    path: Path
    files: tuple[str, ...]
    largest_difference: float
    n_windows: int


def export(
    model: str | Path, output: str | Path, form: str, *, texts: Sequence[str] = (), overwrite: bool = False
) -> Exported:
    """Write a model in another format.

    Args:
        model: The bundle.
        output: File (formats onnx and openvino; a folder gets ``model.onnx`` or ``model.xml`` in it) or folder (hf).
        form: "onnx", "hf" or "openvino".
        texts: Texts to compare on; the built-in probes by default. Every window of a long text is compared.
        overwrite: Replace what an earlier export wrote there.

    Raises:
        InputError: no such format, one that this model cannot have, or the output is taken.
        BundleError: the written file answers differently; it was not kept.
        MissingExtraError: a library is not installed.
    """
    write = load_format(form)
    bundle = Bundle.open(model)
    bundle.check_whole("an export")
    if knowledge_of(bundle) is not None:
        raise InputError(
            f"{bundle.path} reads texts by a lexicon beside its tokens, which no other program does; it runs in Sentimo"
        )
    target = Path(output)
    if form in ENDINGS and target.suffix != ENDINGS[form]:
        target = target / f"model{ENDINGS[form]}"
    check_outside_models(target)
    if target.exists() or (form == "openvino" and target.with_suffix(".bin").exists()):
        _check_replaceable(target, form, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=target.parent, ignore_cleanup_errors=True) as folder:
        draft = Path(folder) / target.name
        run = write(bundle, draft)
        gap, n = _largest_difference(bundle, run, list(texts) or list(PROBE_TEXTS))
        if not gap <= TOLERANCE:
            raise BundleError(
                f"the exported {form} model answers differently (a score is {gap:.2g} apart, allowed: {TOLERANCE:g}), "
                "so it was not kept. Another format may hold to it; a compressed model is exported more exactly from "
                "the one it was made of"
            )
        made = sorted(Path(folder).iterdir())
        _open_to_others(Path(folder))
        for path in made:
            if (place := target.parent / path.name).is_dir():
                shutil.rmtree(place)
            path.replace(place)
    names = [path.relative_to(target) for path in target.rglob("*")] if target.is_dir() else [p.name for p in made]
    return Exported(target, tuple(sorted(map(str, names))), gap, n)


def _open_to_others(folder: Path) -> None:
    """Let others read what some libraries write for its owner alone, as far as new files are read by others here."""
    probe = folder / "probe"
    probe.touch()
    mode = probe.stat().st_mode
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)


def _check_replaceable(target: Path, form: str, *, overwrite: bool) -> None:
    """Raise InputError unless what is there may be replaced: a file, or a folder that transformers would load."""
    if not overwrite:
        raise InputError(f"{target} is there already; choose another place, or replace it with --overwrite")
    if target.is_dir() != (form not in ENDINGS) or (target.is_dir() and not (target / "config.json").is_file()):
        raise InputError(f"{target} is no {form} model; it is left as it is. Choose another place")
    if any((folder / MANIFEST).exists() for folder in (target, target.parent)):
        raise InputError(f"{target} belongs to a model of Sentimo; it is left as it is. Choose another place")


def _largest_difference(bundle: Bundle, run: object, texts: Sequence[str]) -> tuple[float, int]:
    """Return the largest difference of a score over all windows of the texts, asked one by one, and their number."""
    backend = open_backend(bundle)
    windows = [window.features for each in backend.prepare(texts) for window in each.windows]
    if not windows:
        raise InputError("none of the texts has anything to read; nothing to compare on")
    largest = 0.0
    for features in windows:
        ids = np.array([features], dtype=np.int64)
        found, logits = run(ids, np.ones_like(ids)), backend.run([features])  # type: ignore[operator]
        for task in bundle.manifest.tasks:
            low, high = task.space.range or (0.0, 1.0)
            wanted = calibrated(task.space, logits[task.name], task.temperature)
            gap = float(np.abs(wanted - found[task.name]).max()) / (high - low)
            largest = max(largest, gap if gap == gap else np.inf)
    return largest, len(windows)
