"""The ONNX graph of a bundle, run by OpenVINO (extra "openvino")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from queue import LifoQueue
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.engine.backends.graph import GraphBackend
from sentimo.engine.backends.tokens import Ids, TokenReader
from sentimo.engine.threads import n_threads
from sentimo.errors import BundleError, MissingExtraError


class OpenvinoBackend(GraphBackend):
    """Runs a graph with OpenVINO, hinted at throughput: as many streams as it thinks best, a batch in each.

    Args:
        graph: The ONNX file.
        reader: What makes windows of token ids.
        threads: Threads of all streams together.
        exact: Compute in float32 even where the CPU has bf16 units.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """

    def __init__(self, graph: Path, reader: TokenReader, *, threads: int, exact: bool = False) -> None:
        try:
            import openvino
        except ImportError:
            raise MissingExtraError("backend 'openvino'", "openvino") from None
        core = openvino.Core()
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_NUM_THREADS": threads,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,  # 8-bit weights are a form of storage; the sums stay in float
        }
        if exact:
            settings["INFERENCE_PRECISION_HINT"] = "f32"
        try:
            self._model = core.compile_model(core.read_model(graph), "CPU", settings)
        except RuntimeError as error:
            raise BundleError(f"{graph} cannot be run by OpenVINO {openvino.__version__}: {error}") from error
        streams = int(self._model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self.precision = str(self._model.get_property("INFERENCE_PRECISION_HINT").get_type_name())
        # A request belongs to one batch at a time: whoever wants to run takes one, or waits for it.
        self._requests: LifoQueue[Any] = LifoQueue()
        for _ in range(streams):
            self._requests.put(self._model.create_infer_request())
        n_logits = {}
        for output in self._model.outputs:
            last = output.get_partial_shape()[-1]
            n_logits[output.get_any_name()] = last.get_length() if last.is_static else None
        super().__init__(reader, n_logits, streams)

    @classmethod
    def _start(cls, graph: Path, reader: TokenReader, *, unpack_weights: bool, weight_bits: int, exact: bool) -> Self:
        return cls(graph, reader, threads=n_threads(), exact=exact)

    def _compute(self, names: Sequence[str], ids: Ids, mask: Ids, *, beside: bool) -> list[NDArray[np.float32]]:
        request = self._requests.get()
        try:
            request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)
            return [np.array(request.get_tensor(name).data, np.float32) for name in names]
        finally:
            self._requests.put(request)
