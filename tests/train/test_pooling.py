from __future__ import annotations

import pytest
import torch

from sentimo.train.pooling import pool

HIDDEN = torch.tensor([[[1.0, 10.0], [3.0, 30.0], [5.0, 50.0]], [[2.0, 20.0], [4.0, 40.0], [99.0, 99.0]]])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])


@pytest.mark.parametrize(
    ("how", "vectors"),
    [
        ("mean", [[3.0, 30.0], [3.0, 30.0]]),
        ("first", [[1.0, 10.0], [2.0, 20.0]]),
        ("last", [[5.0, 50.0], [4.0, 40.0]]),
    ],
)
def test_pooling_leaves_padding_out(how, vectors):
    assert pool(HIDDEN, MASK, how).tolist() == vectors


@pytest.mark.parametrize("how", ["mean", "first", "last"])
def test_a_text_without_tokens_gets_finite_values(how):
    assert pool(HIDDEN, torch.zeros(2, 3, dtype=torch.int64), how).isfinite().all()


@pytest.mark.parametrize("how", ["mean", "first", "last"])
@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32])
def test_the_mask_may_have_any_type(how, dtype):
    assert torch.equal(pool(HIDDEN, MASK.to(dtype), how), pool(HIDDEN, MASK, how))


def test_the_mean_keeps_the_precision_of_the_tokens():
    assert pool(HIDDEN.bfloat16(), MASK, "mean").dtype == torch.bfloat16
