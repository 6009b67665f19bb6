"""Bundles: the one place where training and prediction meet. A bundle is a folder; this module is its contract.

A bundle holds ``manifest.json`` and the files it lists, each with its SHA-256. The manifest says which backend runs
it, which tasks it answers in which label spaces, and how scores are calibrated. ``probes.json`` holds a few texts with
the scores that the model gave when it was saved. See docs/bundle-format.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sentimo
from sentimo.core.durable import sync
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import Manifest
from sentimo.errors import BundleError, SentimoError

FORMAT, FORMAT_VERSION = "sentimo-bundle", 1
MANIFEST, PROBES = "manifest.json", "probes.json"
TORCH_WEIGHTS, HEADS_FILE, HEADS_CONFIG = "model.safetensors", "heads.safetensors", "heads.json"
"""Files that training reads: the encoder, the heads where they are Sentimo's own, and the settings of those heads."""

LEXICON, FUSION_FILE = "lexicon.json", "knowledge.safetensors"
"""Words of feeling that a model reads texts by (`sentimo.text.lexicon`), and for training the weights of their gate."""

SAFE_ENDINGS = frozenset(
    {".json", ".jsonl", ".txt", ".md", ".yaml", ".npy", ".onnx", ".data", ".safetensors", ".model"}
)
"""What a bundle may hold. Nothing here can run code when it is read; pickles (.bin, .pt, .pkl) and .py can."""

PROBE_TEXTS = (
    "I love it.",
    "The battery died after two days and nobody answered my emails.",
    "The parcel arrived on Tuesday.",
    "Not bad at all, but I would not buy it again.",
    "WOW!!! best day ever 😀😀",
    "这家酒店的服务太差了，再也不会来了。",
    "质量很好，物流也快，非常满意！",
    "会议改到周三下午三点。",
    "ok",
    "I was so scared that I could not sleep, and now I am just sad. " * 12,
)
"""Texts whose scores are stored in a bundle and asked again in a fresh process before a save counts."""


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: every file was found as the manifest says.

    Attributes:
        path: The folder.
        manifest: What it is.
        digest: SHA-256 of the manifest, which holds the SHA-256 of every file: it names exactly this model.
        files: File name (POSIX path inside the folder) -> SHA-256.
    """

    path: Path
    manifest: Manifest
    digest: str
    files: Mapping[str, str]

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Open a bundle and verify it.

        Raises:
            BundleError: there is no bundle, it is of a newer format, a file is missing, changed, not listed, or of
                a kind that could run code.
        """
        folder = Path(path)
        content, stored = _read_manifest(folder)
        files = stored["files"]
        _check_names(folder, files)
        for name, digest in files.items():
            if (found := _sha256(folder / name)) != digest:
                raise BundleError(
                    f"{folder / name} has changed since the bundle was saved (SHA-256 {found[:12]}…, expected "
                    f"{digest[:12]}…). Copy the bundle again or train it anew; a bundle is never edited by hand."
                )
        try:
            manifest = Manifest.from_dict(stored)
        except (KeyError, TypeError, ValueError, SentimoError) as error:
            raise BundleError(f"{folder / MANIFEST} cannot be understood: {error}") from error
        return cls(folder, manifest, hashlib.sha256(content).hexdigest(), files)

    def file(self, name: str) -> Path:
        """Return the path of a listed file; raise BundleError for any other."""
        if name not in self.files:
            raise BundleError(f"{self.path}: the bundle has no file {name!r}; it lists {', '.join(self.files)}")
        return self.path / name

    def check_whole(self, what: str) -> None:
        """Raise BundleError for an adapter, whose graph lacks the weights of its base, and for an ensemble."""
        if self.manifest.backend == "ensemble":
            raise BundleError(
                f"{self.path} is an ensemble of several models; {what} needs one. Let one model learn its answers "
                f"first: `teacher: {self.path}` in a recipe of `sentimo train`."
            )
        if self.manifest.backend == "adapter":
            raise BundleError(
                f"{self.path} is an adapter, which holds no weights of its base; {what} needs a whole model. Train it "
                "with `save: model`."
            )

    def copy_to(self, folder: Path, *, leave_out: Iterable[str] = ()) -> None:
        """Copy the listed files but the probes, which `write_bundle` writes anew.

        Args:
            folder: Where to; it exists.
            leave_out: Patterns of names to leave out, such as ``*.safetensors``.
        """
        unwanted = (PROBES, *leave_out)
        for name in self.files:
            if not any(fnmatchcase(name, pattern) for pattern in unwanted):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.path / name, folder / name)

    def probes(self) -> Probes:
        """Return the texts and scores stored when the bundle was saved."""
        return Probes.from_dict(json.loads(self.file(PROBES).read_text("utf-8")))


@dataclass(frozen=True)
class Probes:
    """Texts with the calibrated scores that a model gave when it was saved.

    Attributes:
        texts: The texts.
        scores: Task -> (n_texts, n_labels); a text without an answer has NaN.
        tolerance: Largest difference of a probability, or of a score as a share of its range, that still counts as the
            same answer.
    """

    texts: tuple[str, ...]
    scores: Mapping[str, NDArray[Any]]
    tolerance: float = 1e-3

    def differences(self, found: Mapping[str, NDArray[Any]], spaces: Mapping[str, LabelSpace]) -> list[str]:
        """Return a sentence for each task whose scores differ; empty when all agree.

        Args:
            found: Task -> scores of the texts.
            spaces: Task -> label space.
        """
        sentences = []
        for task, expected in self.scores.items():
            if task not in found:
                sentences.append(f"task {task!r} is missing")
                continue
            if expected.shape != found[task].shape:
                sentences.append(f"task {task!r}: scores of shape {found[task].shape}, expected {expected.shape}")
                continue
            low, high = spaces[task].range or (0.0, 1.0)
            wanted, given = np.asarray(expected, np.float64), np.asarray(found[task], np.float64)
            gap = np.where(np.isnan(wanted) & np.isnan(given), 0.0, np.abs(wanted - given)) / (high - low)
            if not (gap <= self.tolerance).all():  # NaN on one side is a difference too
                row = int(np.nan_to_num(gap, nan=np.inf).max(axis=1).argmax())
                sentences.append(f"task {task!r}: {gap[row].max():.2g} apart on {self.texts[row][:40]!r}")
        return sentences

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        rows = {task: np.asarray(values, np.float64).round(6).tolist() for task, values in self.scores.items()}
        scores = {
            task: [[None if value != value else value for value in row] for row in values]  # JSON has no NaN
            for task, values in rows.items()
        }
        return {"texts": list(self.texts), "scores": scores, "tolerance": self.tolerance}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Probes:
        """Build probes from what `to_dict` gave."""
        scores = {task: np.asarray(values, dtype=np.float64) for task, values in data["scores"].items()}
        return cls(tuple(data["texts"]), scores, float(data["tolerance"]))


def write_bundle(
    target: str | Path,
    manifest: Manifest,
    fill: Callable[[Path], None],
    probes: Probes,
    *,
    overwrite: bool = False,
) -> Bundle:
    """Write a bundle so that it is either there, whole and proven, or not there at all.

    The files are written to a folder beside the target, opened by a fresh process that answers the probes, and only
    then moved into place. A bundle that is replaced is moved aside first: whoever looks in between finds none.

    Args:
        target: Folder to make.
        manifest: What the bundle is.
        fill: Called with an empty folder; writes the backend's files there.
        probes: Texts and the scores expected from the reloaded bundle.
        overwrite: Replace a bundle that is already there. Anything else that is there is never replaced.

    Raises:
        BundleError: the target is taken, a file is of a refused kind, or the reloaded bundle answers differently.
    """
    target = Path(target)
    check_target(target, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.parent / f".{target.name}.{os.getpid()}.tmp"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        fill(work)
        (work / PROBES).write_text(_json(probes.to_dict()), "utf-8")
        files = {name: _sha256(work / name) for name in _listing(work)}
        _check_names(work, files)
        stored = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "sentimo": sentimo.__version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **manifest.to_dict(),
            "files": files,
        }
        (work / MANIFEST).write_text(_json(stored), "utf-8")
        for name in files:  # some libraries write files that only their owner may read
            (work / name).chmod((work / MANIFEST).stat().st_mode)
        _prove_in_fresh_process(work)
        for name in (*files, MANIFEST):
            sync(work / name)
        _move(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Bundle.open(target)


def move_bundle(source: Path, target: Path, *, overwrite: bool = False) -> Path:
    """Move a bundle to its place, and return that.

    Args:
        source: A whole bundle, beside the target.
        target: Where it goes.
        overwrite: Replace a bundle that is there; it is moved aside first.

    Raises:
        BundleError: the target is taken, or the source is no bundle.
    """
    Bundle.open(source)
    check_target(target, overwrite=overwrite)
    _move(source, target)
    return target


def check_target(target: Path, *, overwrite: bool = False, read: Sequence[str | Path] = ()) -> None:
    """Raise BundleError when a bundle may not be written to `target`; those in `read` are never replaced."""
    check_outside_models(target)
    if any(target.resolve() == Path(each).resolve() for each in read):
        raise BundleError(f"{target} is a model that is read here; it is kept. Write the new one to another folder.")
    if not target.exists() and not target.is_symlink():
        return
    if target.is_dir() and not target.is_symlink():
        if not any(target.iterdir()):
            return
        if _is_bundle(target):
            if overwrite:
                return
            raise BundleError(f"{target} already holds a model. Choose another folder, or replace it with --overwrite.")
    raise BundleError(f"{target} exists and is not a model folder; it is left as it is. Choose another folder.")


def check_outside_models(path: Path) -> None:
    """Raise BundleError when a file or folder would lie in a model folder, which may hold its own files only."""
    for folder in path.resolve().parents:
        if _is_bundle(folder):
            raise BundleError(
                f"{path} would lie in the model folder {folder}, and with files that are not its own that model cannot "
                "be opened. Choose another place."
            )


def _is_bundle(folder: Path) -> bool:
    """Return whether a folder is a bundle, of whatever version: other programs have manifests too."""
    try:
        stored = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(stored, dict) and stored.get("format") == FORMAT


def _read_manifest(folder: Path) -> tuple[bytes, dict[str, Any]]:
    path = folder / MANIFEST
    if not folder.exists():
        raise BundleError(
            f"{folder}: no such model folder. Check the path, make one with `sentimo train`, or "
            "take a built-in one (`sentimo models`)."
        )
    if not path.is_file():
        raise BundleError(f"{folder} is not a model folder: it has no {MANIFEST}. Expected what `sentimo train` wrote.")
    content = path.read_bytes()
    try:
        stored = json.loads(content)
        if stored["format"] != FORMAT:
            raise ValueError(f"its format is {stored['format']!r}, expected {FORMAT!r}")
        if stored["version"] != FORMAT_VERSION:  # before anything else: a newer one may be laid out differently
            raise BundleError(
                f"{folder} is of bundle format {stored['version']!r}; sentimo {sentimo.__version__} reads format "
                f"{FORMAT_VERSION}. Upgrade with: pip install -U sentimo"
            )
        files = stored["files"]
        if not all(isinstance(each, str) for each in (*files, *files.values())):
            raise ValueError("its files are not listed as name and SHA-256")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{path} cannot be read as the manifest of a bundle: {error!r}") from error
    return content, stored


def _check_names(folder: Path, files: Mapping[str, str]) -> None:
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or name == MANIFEST:
            raise BundleError(f"{folder / MANIFEST} lists {name!r}, which lies outside the bundle")
        if path.suffix not in SAFE_ENDINGS:
            raise BundleError(
                f"{folder} holds {name!r}: files of kind {path.suffix or 'unknown'!r} can run code when opened and are "
                f"refused. A bundle may hold {', '.join(sorted(SAFE_ENDINGS))}."
            )
    there = set(_listing(folder)) - {MANIFEST}
    if missing := sorted(set(files) - there):
        raise BundleError(f"{folder}: listed files are missing: {', '.join(missing)}. Copy the whole folder again.")
    if extra := sorted(there - set(files)):
        raise BundleError(f"{folder}: files that the manifest does not list: {', '.join(extra)}. Move them elsewhere.")


def _listing(folder: Path) -> Iterator[str]:
    """Yield the files of a folder as POSIX paths; hidden ones are passed over, links refused."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts):
            continue
        if path.is_symlink():
            raise BundleError(f"{path} is a link; a bundle holds its files itself")
        if path.is_file():
            yield name.as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _prove_in_fresh_process(folder: Path) -> None:
    # The same import path as ours and no more: a numpy.py in the working folder must not spoil a save.
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sentimo.engine.prove", str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        why = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise BundleError(f"the saved model does not answer as it did before saving, so it was not kept: {why}")


def _move(work: Path, target: Path) -> None:
    if not target.exists():
        work.rename(target)
        return
    old = target.parent / f".{target.name}.{os.getpid()}.old"
    target.rename(old)
    try:
        work.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old)
