"""Does onnxruntime gain from zeros? Times a linear layer of a small encoder, dense, half empty, and 2:4 sparse.

    python benchmarks/sparsity.py [--json]

CPU time, one thread, the three in turn; prints the median ratio to the dense layer.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sentimo.evaluate.speed.rounds import Contender, Spread, lap

WIDTH, COLUMNS, TOKENS, ROUNDS, REPEATS = 384, 1536, 1024, 15, 10


def main() -> None:
    """Measure and print."""
    random = np.random.default_rng(13)
    weight = random.normal(size=(WIDTH, COLUMNS)).astype(np.float32)
    half = np.where(np.abs(weight) >= np.median(np.abs(weight)), weight, 0)
    fours = np.abs(weight).reshape(-1, 4, COLUMNS)
    two_of_four = np.where(fours.argsort(axis=1).argsort(axis=1) >= 2, weight.reshape(-1, 4, COLUMNS), 0)
    layers = {"dense": weight, "half empty": half, "2:4": two_of_four.reshape(weight.shape)}
    sessions = {name: layer(values) for name, values in layers.items()}
    inputs = {"x": random.normal(size=(TOKENS, WIDTH)).astype(np.float32)}
    ways = {name: Contender(name, partial(repeat, session, inputs), [], 0) for name, session in sessions.items()}
    laps = [{name: lap(way).cpu_seconds for name, way in ways.items()} for _ in range(ROUNDS)]
    ratios = {name: Spread.of([each["dense"] / each[name] for each in laps]) for name in layers}
    rows = [
        {
            "weights": name,
            "zeros": f"{np.mean(values == 0):.0%}",
            "times as fast as dense": "{median:.2f} [{low:.2f}, {high:.2f}]".format(**ratios[name].to_dict()),
        }
        for name, values in layers.items()
    ]
    how = f"A layer of {WIDTH} by {COLUMNS}, {TOKENS} tokens, CPU time of one thread, median of {ROUNDS} rounds in turn"
    if "--json" in sys.argv:
        print(json.dumps({"how": how, "rows": rows, "notes": []}))
    else:
        print("\n".join([how, *map(str, rows)]))


def repeat(session: ort.InferenceSession, inputs: dict[str, NDArray[np.float32]], texts: Sequence[str]) -> None:
    """Run a layer often enough to be timed."""
    for _ in range(REPEATS):
        session.run(None, inputs)


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
