import numpy as np
import onnxruntime as ort
import pytest

from sentimo.evaluate.speed import peak
from sentimo.evaluate.speed.peak import MatrixPeak


@pytest.fixture
def small_shapes(monkeypatch):
    monkeypatch.setattr(peak, "SHAPES", ((128, 128, 128), (64, 256, 64)))


def test_the_peak_is_positive_and_plausible(small_shapes):
    found = MatrixPeak(threads=1).measure()

    # the slowest core sold does 100 million operations a second; no core does 20 trillion
    assert found.keys() == {"fp32", "int8"}
    assert all(1e8 < rate < 2e13 for rate in found.values())


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_graph_multiplies(precision):
    # [1 2] times [[1 0 2], [3 1 0]] is [7 2 2]
    kinds = (np.uint8, np.int8) if precision == "int8" else (np.float32, np.float32)
    weights = np.array([[1, 0, 2], [3, 1, 0]], kinds[1])

    session = ort.InferenceSession(peak._graph(precision, weights), providers=["CPUExecutionProvider"])

    assert session.run(None, {"left": np.array([[1, 2]], kinds[0])})[0].tolist() == [[7, 2, 2]]


@pytest.mark.parametrize(("value", "encoded"), [(1, b"\x01"), (127, b"\x7f"), (300, b"\xac\x02")])
def test_numbers_are_written_as_protocol_buffers_do(value, encoded):
    assert peak._varint(value) == encoded  # 300 = 2 * 128 + 44: low seven bits first, 44 with the mark of "more"
