"""Precision: bf16 where the processor computes in it, fp32 elsewhere."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from sentimo.engine.cpu import bf16_instructions
from sentimo.errors import RecipeError

# On a processor oneDNN, which reads this once, keeps what it built for every shape of batch. There are thousands where
# texts differ in length: the default of 1,024 takes gigabytes and saves no time.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")


def has_fast_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bf16 in hardware. Without it bf16 on a CPU is far slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bf16_instructions() is not None
    return False


def choose_precision(wanted: str, device: torch.device) -> str:
    """Return "bf16" or "fp32".

    Raises:
        RecipeError: bf16 is wanted and the device does not compute in it.
    """
    if wanted == "bf16" and not has_fast_bf16(device):
        raise RecipeError(f"precision bf16: this {device.type} does not compute in bf16; use precision auto or fp32")
    return "bf16" if wanted != "fp32" and has_fast_bf16(device) else "fp32"


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Return the context in which the forward pass runs."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


class InPrecision(nn.Module):
    """A network that enters `autocast` in each forward pass: torch's context holds only for the thread that did so."""

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__()
        self._network, self._precision = network, precision

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return task -> logits."""
        with autocast(self._precision, input_ids.device):
            logits: dict[str, Tensor] = self._network(input_ids, attention_mask)
        return logits
