from __future__ import annotations

import numpy as np
import pytest

from sentimo.engine.base_weights import packed, unpacked
from sentimo.errors import InputError


def test_matrices_take_8_bit_with_a_scale_per_row_and_vectors_16():
    stored = packed({"a": np.array([[0.5, -1.27], [0.0, 0.0]]), "b": np.array([0.1, 2.0])})

    assert stored["a"].dtype == np.int8
    assert stored["a"].tolist() == [[50, -127], [0, 0]]
    assert stored["a.scale"][0] == pytest.approx(0.01)
    assert stored["b"].dtype == np.float16
    found = unpacked(stored)
    assert found.keys() == {"a", "b"}
    assert np.allclose(found["a"], [[0.5, -1.27], [0, 0]])


def test_a_matrix_without_its_scales_is_told():
    stored = packed({"a": np.ones((3, 2))})

    for broken in ({"a": stored["a"]}, {**stored, "a.scale": np.ones(2, np.float32)}):
        with pytest.raises(InputError, match="a lacks its scale for each of 3 rows"):
            unpacked(broken)
