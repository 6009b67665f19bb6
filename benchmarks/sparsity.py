"""Does onnxruntime gain from zeros? Times a linear layer of a small encoder, dense, half empty, and 2:4 sparse.

CPU time, one thread, the three in turn; prints the median ratio to the dense layer.
"""

from __future__ import annotations

import time

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

WIDTH, COLUMNS, TOKENS, ROUNDS, REPEATS = 384, 1536, 1024, 15, 10


def main() -> None:
    """Print the ratios."""
    random = np.random.default_rng(13)
    weight = random.normal(size=(WIDTH, COLUMNS)).astype(np.float32)
    half = np.where(np.abs(weight) >= np.median(np.abs(weight)), weight, 0)
    fours = np.abs(weight).reshape(-1, 4, COLUMNS)
    two_of_four = np.where(fours.argsort(axis=1).argsort(axis=1) >= 2, weight.reshape(-1, 4, COLUMNS), 0)
    layers = {"dense": weight, "half empty": half, "2:4": two_of_four.reshape(weight.shape)}
    sessions = {name: layer(values) for name, values in layers.items()}
    inputs = {"x": random.normal(size=(TOKENS, WIDTH)).astype(np.float32)}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(ROUNDS):
        for name, session in sessions.items():
            started = time.process_time()
            for _ in range(REPEATS):
                session.run(None, inputs)
            times[name].append(time.process_time() - started)
    dense = np.array(times["dense"])
    for name, values in layers.items():
        ratio = float(np.median(dense / np.array(times[name])))
        print(f"{name}: {np.mean(values == 0):.0%} zeros, {ratio:.2f} times as fast as dense")


def layer(weight: NDArray[np.float32]) -> ort.InferenceSession:
    """Return a session of one matrix product on one thread."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", COLUMNS])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
