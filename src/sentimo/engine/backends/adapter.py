"""Adapters: a graph without the weights of its base, which are read from where the base lies.

Any number of adapter bundles share one stored base. `base.json` says which weights of the graph are whose:
``{"name": ..., "digest": ..., "weights": {weight of the graph: [file, name in it, transposed]}}`` with file "base" or
"adapter".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle
from sentimo.engine.backends import GRAPH
from sentimo.engine.backends.graph import open_reader
from sentimo.engine.backends.onnx import OnnxBackend
from sentimo.engine.backends.tokens import TokenReader
from sentimo.engine.base_weights import find_base, read_safetensors, read_weights
from sentimo.engine.threads import n_threads
from sentimo.errors import BundleError

BASE, WEIGHTS = "base.json", "adapter.safetensors"

Arrays = dict[str, NDArray[Any]]


class AdapterBackend(OnnxBackend):
    """Runs the graph of an adapter with the weights of its base in it.

    Args:
        graph: The ONNX file.
        reader: What makes windows of token ids.
        weights: Weight of the graph -> its values.
        threads: See `OnnxBackend`.
    """

    def __init__(self, graph: Path, reader: TokenReader, *, weights: Arrays, threads: int = 0) -> None:
        self._weights = weights
        super().__init__(graph, reader, threads=threads)

    @classmethod
    def open(
        cls, bundle: Bundle, *, max_windows: int | None = None, base: str | Path | None = None, **how: Any
    ) -> Self:
        """Open an adapter and its base.

        Args:
            bundle: The adapter.
            max_windows: Most windows read of one text; None reads all.
            base: Folder of the base; None looks for it, see `sentimo.engine.base_weights.find_base`.
            how: What other graphs are told; there is nothing to choose here.

        Raises:
            BundleError: the base is not there or another one, or the files do not fit together.
        """
        about = json.loads(bundle.file(BASE).read_text("utf-8"))
        try:
            folder = find_base(about["name"], about["digest"], bundle.path, base)
            weights = graph_weights(about["weights"], folder, bundle.file(WEIGHTS))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{bundle.file(BASE)} does not fit the weights: {error!r}") from error
        reader = open_reader(bundle, max_windows=max_windows)
        backend = cls(bundle.file(GRAPH), reader, weights=weights, threads=n_threads())
        backend.check(bundle)
        return backend

    def session_options(self) -> Any:
        """Return how a session is opened: with the weights that the graph names and does not hold."""
        options = super().session_options()
        names = list(self._weights)
        self._values = [ort.OrtValue.ortvalue_from_numpy(self._weights[name]) for name in names]  # sessions borrow them
        options.add_external_initializers(names, self._values)
        return options


def graph_weights(where: Mapping[str, Any], base: Path, adapter: Path) -> Arrays:
    """Return weight of the graph -> its values, float32 where they are floats.

    Args:
        where: As ``base.json`` has it.
        base: Folder of the base.
        adapter: File with what was learnt.
    """
    files: dict[str, Arrays] = {"base": read_weights(base), "adapter": dict(read_safetensors(adapter))}
    found = {}
    for name, (file, key, is_transposed) in where.items():
        values = files[file][key]
        values = values.T if is_transposed else values
        if values.dtype.kind == "f":
            values = values.astype(np.float32, copy=False)
        found[name] = np.require(values, requirements=["C", "A"])
    return found
