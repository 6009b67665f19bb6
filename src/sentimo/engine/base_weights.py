"""The weights of a base model, found on this machine and told apart by digest; read by numpy alone.

An adapter bundle (backend ``adapter``) holds what was learnt beside a base, and not the base itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.data.bases import SHORT_NAMES, local_folder
from sentimo.errors import BundleError, InputError

VARIABLE = "SENTIMO_BASE"
"""Folder of the base of adapter bundles, where it is not found under the name that they were trained with."""

_TYPES: Mapping[str, str] = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I8": "i1",
}

WEIGHTS_8_BIT = "model.int8.safetensors"
"""File of weights stored in 8 bit; transformers, which would take the whole numbers for weights, does not open it."""

_SCALE = ".scale"


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files with the weights of a base, in order; none where it has no such files."""
    return sorted(folder.glob("model*.safetensors"))


def weights_digest(folder: Path) -> str:
    """Return what names the weights of a base: the SHA-256 of its one file, or of those of all its files in a row.

    Raises:
        InputError: there are no such files.
    """
    files = weight_files(folder)
    if not files:
        raise InputError(f"{folder} holds no model.safetensors; an adapter needs a base whose weights are kept in one")
    digests = [_sha256(str(each), each.stat().st_mtime_ns, each.stat().st_size) for each in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def read_weights(folder: Path) -> dict[str, NDArray[Any]]:
    """Return name -> values of all weights, mapped from disk: what is not used is not read.

    bfloat16 becomes float32, and so do matrices in 8 bit. Types that no weight of a layer has are left out.

    Raises:
        InputError: a file is no safetensors file, or one of 8-bit weights lacks a scale.
    """
    found = {name: values for path in weight_files(folder) for name, values in read_safetensors(path)}
    return unpacked(found) if (folder / WEIGHTS_8_BIT).is_file() else found


def packed(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return weights with every matrix in 8 bit: ``w ~ scale * q``, q in -127..127, scale = max|w| / 127 of its row.

    Scales stand beside their matrix as ``<name>.scale`` (rows,), float32. Vectors become float16.
    """
    found: dict[str, NDArray[Any]] = {}
    for name, values in weights.items():
        if values.ndim != 2:
            found[name] = values.astype(np.float16)
            continue
        exact = values.astype(np.float32)
        scale = np.maximum(np.abs(exact).max(axis=1) / 127, np.finfo(np.float32).tiny)
        found |= {name: np.rint(exact / scale[:, None]).astype(np.int8), name + _SCALE: scale}
    return found


def unpacked(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Undo `packed`, but for what rounding took.

    Raises:
        InputError: a matrix lacks its scale.
    """
    found = {}
    for name, values in weights.items():
        if values.dtype == np.int8:
            if (scale := weights.get(name + _SCALE)) is None or scale.shape != values.shape[:1]:
                raise InputError(f"weights in 8 bit: {name} lacks its scale for each of {len(values)} rows")
            found[name] = values * scale[:, None]
        elif not name.endswith(_SCALE):
            found[name] = values
    return found


def read_safetensors(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield name and values of each array: eight bytes of length, so much JSON, then the values (little-endian)."""
    try:
        whole = np.memmap(path, dtype=np.uint8, mode="r")
        n = int.from_bytes(whole[:8].tobytes(), "little")
        header = json.loads(whole[8 : 8 + n].tobytes())
        for name, about in header.items():
            if name != "__metadata__" and about["dtype"] in _TYPES:
                start, end = about["data_offsets"]
                kind = _TYPES[about["dtype"]]
                values = whole[8 + n + start : 8 + n + end].view(kind).reshape(about["shape"])
                if about["dtype"] == "BF16":
                    values = (values.astype(np.uint32) << 16).view(np.float32)
                yield name, values
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}") from error


def find_base(name: str, digest: str, bundle: Path, given: str | Path | None = None) -> Path:
    """Return the folder of the base of an adapter bundle.

    Args:
        name: As the bundle calls it: a short name, a hub id, or a path seen from the bundle.
        digest: Of its weights, see `weights_digest`.
        bundle: Folder of the adapter bundle.
        given: Where the caller says it lies. None looks in SENTIMO_BASE, then under its name.

    Raises:
        BundleError: it is not there, or its weights are not those that the adapter was made for.
    """
    places = [str(given)] if given is not None else [os.environ.get(VARIABLE) or name, name]
    found: dict[Path, str] = {}
    for place in places:
        folder = _by_name(place, bundle) if place in (name, *SHORT_NAMES) else Path(place).expanduser()
        if folder is not None and weight_files(folder):
            found[folder] = weights_digest(folder)
            if found[folder] == digest:
                return folder
    what = f"{bundle} is an adapter for base {name!r} (SHA-256 {digest[:12]}…)"
    way_out = f"Say where its folder lies: --base FOLDER, or {VARIABLE}=FOLDER."
    for folder, other in found.items():
        raise BundleError(
            f"{what}; the weights in {folder} are others (SHA-256 {other[:12]}…), and its answers with them would mean "
            f"nothing. {way_out}"
        )
    missing = "that base is not on this machine" if places[0] == name else f"{places[0]} holds no weights"
    raise BundleError(f"{what}, and {missing}. {way_out}")


def _by_name(name: str, bundle: Path) -> Path | None:
    if name in SHORT_NAMES:
        return local_folder(name) or hub_folder("sentence-transformers/all-MiniLM-L6-v2")
    if (bundle / name).is_dir():
        return bundle / name
    is_path = name.startswith((".", "/")) or "\\" in name or name.count("/") > 1
    return None if is_path else hub_folder(name)


def hub_folder(hub_id: str) -> Path | None:
    """Return where a model of the Hugging Face hub lies, if it was fetched before."""
    from huggingface_hub import try_to_load_from_cache  # comes with tokenizers; no other bundle needs it

    found = try_to_load_from_cache(hub_id, "model.safetensors")
    return Path(found).parent if isinstance(found, str) else None


@lru_cache
def _sha256(path: str, _mtime: int, _size: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
