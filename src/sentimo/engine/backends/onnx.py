"""Encoders and their heads as one ONNX graph, run by onnxruntime; the tokenizer is a `tokenizers` file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sentimo.engine.backends import GRAPH
from sentimo.engine.backends.graph import ATTENTION, TOKENIZER, WEIGHTS_8_BIT, GraphBackend
from sentimo.engine.backends.tokens import Ids, TokenReader
from sentimo.engine.threads import n_threads
from sentimo.errors import BundleError

__all__ = ["ATTENTION", "GRAPH", "TOKENIZER", "WEIGHTS_8_BIT", "OnnxBackend"]


class OnnxBackend(GraphBackend):
    """Runs a graph with onnxruntime.

    Args:
        graph: The ONNX file.
        reader: What makes windows of token ids.
        threads: Threads of the runtime; 0 takes one per core.
        unpack_weights: Multiply 8-bit weights back to float once, when the graph is opened, not at every run.
    """

    def __init__(self, graph: Path, reader: TokenReader, *, threads: int = 0, unpack_weights: bool = False) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Spinning workers burn whole cores between batches and slow down whatever runs beside us.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if unpack_weights:
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        try:
            self._session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises C++ exceptions that share no other base
            raise BundleError(f"{graph} cannot be run by onnxruntime {ort.__version__}: {error}") from error
        super().__init__(reader, {each.name: each.shape[-1] for each in self._session.get_outputs()}, streams=1)

    @classmethod
    def _start(cls, graph: Path, reader: TokenReader, *, unpack_weights: bool, exact: bool) -> Self:
        return cls(graph, reader, threads=n_threads(), unpack_weights=unpack_weights)

    def _compute(self, names: Sequence[str], ids: Ids, mask: Ids) -> list[NDArray[np.float32]]:
        found: list[NDArray[np.float32]] = self._session.run(names, {"input_ids": ids, "attention_mask": mask})
        return found
