"""A network that is still in torch, as a backend of the engine: one way from text to answer before and after export."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentimo.engine.backends import Prepared
from sentimo.engine.backends.tokens import TokenReader
from sentimo.train.encoder import Base


class TorchBackend:
    """Runs a network in evaluation mode.

    Args:
        network: See `sentimo.train.network.build_network`.
        base: Its base, for the tokenizer.
        max_tokens: Most tokens read at once.
    """

    def __init__(self, network: nn.Module, base: Base, max_tokens: int) -> None:
        self._network = network
        self._reader = TokenReader(
            deepcopy(base.tokenizer.backend_tokenizer),
            max_tokens=max_tokens,
            prefix=base.prefix,
            suffix=base.suffix,
            pad_id=base.pad_id,
        )

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows of token ids."""
        return self._reader.prepare(texts)

    @torch.no_grad()
    def run(self, features: Sequence[list[int]]) -> dict[str, NDArray[np.float32]]:
        """Return task -> logits (len(features), n_labels)."""
        self._network.eval()
        device = next(self._network.parameters()).device
        ids, mask = (torch.from_numpy(each).to(device) for each in self._reader.pad(features))
        return {task: logits.float().cpu().numpy() for task, logits in self._network(ids, mask).items()}
