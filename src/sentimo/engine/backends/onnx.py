"""Encoders and their heads as one ONNX graph, run by onnxruntime; the tokenizer is a `tokenizers` file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Self

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
    """Runs a graph with onnxruntime: a batch alone on all cores, several batches at the same time on one core each.

    Several batches side by side take 5-10 % less CPU time than one after another on two threads (MiniLM-L6, fp32, 2
    cores of a Zen 3, batches of 512 to 1,024 tokens), and the gap grows with the cores: a short batch cannot feed many.

    Each of the two ways is a session with a copy of the weights. A bulk job holds one: the session for all cores gives
    way to that for one core, unless it was used, and a batch alone behind a bulk job, its last, is run on one core too.

    Args:
        graph: The ONNX file.
        reader: What makes windows of token ids.
        threads: Cores to use; 0 leaves it to the runtime, and runs one batch at a time.
        unpack_weights: Multiply 8-bit weights back to float once, when the graph is opened, not at every run.
        weight_bits: Bits of the weights of 8-bit products. x86 without VNNI or AMX adds pairs of products in 16 bit:
            right for 7, but 8 would saturate and are multiplied another way there, exact and slower.
    """

    open_session: Any = ort.InferenceSession  # a subclass may run its graphs in sessions of another kind

    def __init__(
        self,
        graph: Path,
        reader: TokenReader,
        *,
        threads: int = 0,
        unpack_weights: bool = False,
        weight_bits: int = 8,
    ) -> None:
        self._graph, self._threads, self._opening = graph, threads, Lock()
        self._unpack_weights, self._weight_bits = unpack_weights, weight_bits
        self._session, self._one_core = self._open(threads), None
        self._n_alone = 0  # batches alone since several were run side by side
        outputs = {each.name: each.shape[-1] for each in self._session.get_outputs()}
        super().__init__(reader, outputs, streams=max(1, threads))

    @classmethod
    def _start(cls, graph: Path, reader: TokenReader, *, unpack_weights: bool, weight_bits: int, exact: bool) -> Self:
        return cls(graph, reader, threads=n_threads(), unpack_weights=unpack_weights, weight_bits=weight_bits)

    def session_options(self) -> Any:
        """Return how a session is opened, whatever the number of its threads."""
        options = ort.SessionOptions()
        options.log_severity_level = 3
        # Spinning workers burn whole cores between batches and slow down whatever runs beside us.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if self._unpack_weights:
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        if self._weight_bits > 7:
            options.add_session_config_entry("session.x64quantprecision", "1")
        return options

    def _open(self, threads: int) -> Any:
        options = self.session_options()
        options.intra_op_num_threads = threads
        try:
            return self.open_session(str(self._graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises C++ exceptions that share no other base
            raise BundleError(f"{self._graph} cannot be run by onnxruntime {ort.__version__}: {error}") from error

    def prepare_beside(self) -> None:
        """Open the session for one core in the caller's thread.

        Opened by the thread of a batch, it leaves what it needs while it is opened, 50 MB for MiniLM-L6, in the heap of
        that thread.
        """
        self._choose_session(beside=True)

    def _choose_session(self, *, beside: bool) -> Any:
        with self._opening:
            if beside:
                if self._one_core is None:
                    self._session = self._session if self._n_alone else None
                    self._one_core = self._open(1)
                self._n_alone = 0
                return self._one_core
            self._n_alone += 1
            if self._session is None and self._n_alone > 1:
                self._session = self._open(self._threads)
            return self._session or self._one_core

    def _compute(self, names: Sequence[str], ids: Ids, mask: Ids, *, beside: bool) -> list[NDArray[np.float32]]:
        session = self._choose_session(beside=beside)
        found: list[NDArray[np.float32]] = session.run(names, {"input_ids": ids, "attention_mask": mask})
        return found
