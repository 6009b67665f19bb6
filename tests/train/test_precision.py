from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from sentimo.errors import RecipeError
from sentimo.train import precision
from sentimo.train.precision import autocast, choose_precision, has_fast_bf16

CPU = torch.device("cpu")


@pytest.fixture(params=[True, False], ids=["with bf16", "without bf16"])
def fast(request, monkeypatch):
    monkeypatch.setattr(precision, "has_fast_bf16", lambda device: request.param)
    return request.param


def test_auto_takes_bf16_where_the_device_computes_in_it(fast):
    assert choose_precision("auto", CPU) == ("bf16" if fast else "fp32")


def test_fp32_is_taken_at_its_word(fast):
    assert choose_precision("fp32", CPU) == "fp32"


def test_bf16_is_refused_where_it_would_be_emulated(fast):
    if fast:
        assert choose_precision("bf16", CPU) == "bf16"
    else:
        with pytest.raises(RecipeError, match="this cpu does not compute in bf16; use precision auto or fp32"):
            choose_precision("bf16", CPU)


@pytest.mark.parametrize(("found", "fast"), [(None, False), ("AVX-512 BF16", True)])
def test_a_cpu_has_bf16_where_it_has_instructions_for_it(found, fast, monkeypatch):
    monkeypatch.setattr(precision, "bf16_instructions", lambda: found)

    assert has_fast_bf16(CPU) is fast


def test_only_bf16_multiplies_in_bf16():
    ones = torch.ones(2, 2)

    with autocast("bf16", CPU):
        assert (ones @ ones).dtype == torch.bfloat16
    with autocast("fp32", CPU):
        assert (ones @ ones).dtype == torch.float32


@pytest.mark.parametrize(("own", "expected"), [(None, "128"), ("7", "7")])
def test_training_keeps_few_kernels_unless_the_user_says_how_many(own, expected):
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    environment = {key: value for key, value in os.environ.items() if key != name} | ({name: own} if own else {})
    code = f"import os, sentimo.train.precision; print(os.environ[{name!r}])"

    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert found.stdout.strip() == expected
