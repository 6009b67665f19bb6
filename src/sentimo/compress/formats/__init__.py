"""Formats that other programs read. One file and one catalogue line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle
from sentimo.errors import InputError, MissingExtraError, did_you_mean

Runner = Callable[[NDArray[np.int64], NDArray[np.int64]], Mapping[str, NDArray[np.float32]]]
"""``input_ids`` and ``attention_mask`` (b, t) to task -> scores (b, n_labels), as the exported file gives them."""

Format = Callable[[Bundle, Path], Runner]
"""(bundle, file or folder to write) -> what runs the written file in the library it was written for."""

FORMATS: Mapping[str, str] = {
    "onnx": "sentimo.compress.formats.onnx:export_scores",
    "hf": "sentimo.compress.formats.hf:export_hf",
    "openvino": "sentimo.compress.formats.openvino:export_openvino",
}
"""Name -> function."""

_EXTRAS = {"openvino": "openvino"}

TOKENIZER_FILES: Sequence[str] = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def load_format(name: str) -> Format:
    """Import a format of the catalogue.

    Raises:
        InputError: there is no such format.
        MissingExtraError: a library that it needs is not installed.
    """
    if name not in FORMATS:
        raise InputError(f"there is no format {name!r}; known: {', '.join(FORMATS)}.{did_you_mean(name, FORMATS)}")
    module, function = FORMATS[name].split(":")
    try:
        found: Format = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the format {name} ({error.name})", _EXTRAS.get(name, "train")) from None
    return found
