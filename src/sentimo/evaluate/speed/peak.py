"""What the processor could do at most: the best rate of matrix products, measured in the same run as the model.

An encoder spends nearly all its work in matrix products, so their best rate bounds it. It is measured with onnxruntime,
because that is what runs the model: products of the sizes that encoders have, and large square ones. The instruction
peak (every multiply-add unit busy in every cycle) lies 10-25 % higher; no library reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sentimo.engine.threads import n_threads
from sentimo.evaluate.speed.rounds import Clock

SHAPES = ((1024, 384, 1536), (1024, 1536, 384), (1024, 768, 3072), (1024, 1024, 1024))
"""(rows, inner, columns): the feed-forward layers of MiniLM and of BERT at 1,024 tokens, and a square product."""

_FLOAT, _UINT8, _INT8, _INT32 = 1, 2, 3, 6  # element types of ONNX
_OPERATORS = {"fp32": ("MatMul", _FLOAT, _FLOAT, _FLOAT), "int8": ("MatMulInteger", _UINT8, _INT8, _INT32)}
_REPEATS = 3


class MatrixPeak:
    """Matrix products ready to be timed.

    Args:
        threads: Threads of the runtime; None takes what the engine takes.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or n_threads()
        random = np.random.default_rng(13)
        self._products = []
        for precision in _OPERATORS:
            for rows, inner, columns in SHAPES:
                left = random.integers(0, 128, (rows, inner))
                weights = random.integers(-64, 64, (inner, columns))
                kinds = (np.uint8, np.int8) if precision == "int8" else (np.float32, np.float32)
                session = _session(precision, weights.astype(kinds[1]), self.threads)
                self._products.append((precision, 2 * rows * inner * columns, session, left.astype(kinds[0])))

    def measure(self) -> Mapping[str, float]:
        """Return the best rate of each precision ("fp32", "int8") in operations per second, wall clock.

        A multiply and an add count as two operations. Takes about a second.
        """
        best = dict.fromkeys(_OPERATORS, 0.0)
        for precision, n_operations, session, left in self._products:
            for _ in range(_REPEATS):
                clock = Clock()
                session.run(None, {"left": left})
                best[precision] = max(best[precision], n_operations / clock.read()[0])
        return best


def _session(precision: str, weights: NDArray[Any], threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(_graph(precision, weights), options, providers=["CPUExecutionProvider"])


def _graph(precision: str, weights: NDArray[Any]) -> bytes:
    """Return an ONNX file that multiplies its input "left" with constant weights.

    Written field by field, because the package onnx is no part of the base installation. The numbers are those of
    onnx.proto: ModelProto (1 ir_version, 7 graph, 8 opset_import), GraphProto (1 node, 2 name, 5 initializer, 11 input,
    12 output), NodeProto (1 input, 2 output, 4 op_type), TensorProto (1 dims, 2 data_type, 8 name, 9 raw_data),
    ValueInfoProto (1 name, 2 type), TypeProto (1 tensor_type: 1 elem_type).
    """
    operator, left, right, result = _OPERATORS[precision]
    node = _field(1, b"left") + _field(1, b"right") + _field(2, b"product") + _field(4, operator.encode())
    dims = b"".join(_field(1, each) for each in weights.shape)
    tensor = dims + _field(2, right) + _field(8, b"right") + _field(9, weights.tobytes())
    inputs, outputs = (
        _field(number, _field(1, name) + _field(2, _field(1, _field(1, kind))))
        for number, name, kind in ((11, b"left", left), (12, b"product", result))
    )
    graph = _field(1, node) + _field(2, b"product") + _field(5, tensor) + inputs + outputs
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 18))


def _field(number: int, value: int | bytes) -> bytes:
    """Return a field of a protocol buffer: an integer, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, high = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(high) if high else bytes([low])
