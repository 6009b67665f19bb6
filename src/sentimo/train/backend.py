"""A network that is still in torch, as a backend of the engine: one way from text to answer before and after export."""

from __future__ import annotations

from copy import deepcopy

from tokenizers import Tokenizer
from torch import nn

from sentimo.engine.backends.tokens import TokenReader
from sentimo.engine.backends.torch import TorchBackend
from sentimo.train.encoder import Base


def network_backend(network: nn.Module, base: Base, max_tokens: int) -> TorchBackend:
    """Return a backend that runs a network as it is whenever it is asked.

    Args:
        network: See `sentimo.train.network.build_network`.
        base: Its base, for the tokenizer.
        max_tokens: Most tokens read at once.
    """
    return TorchBackend(network, reader_of(base, max_tokens, deepcopy(base.tokenizer.backend_tokenizer)))


def reader_of(base: Base, max_tokens: int, tokenizer: Tokenizer) -> TokenReader:
    """Return what reads texts for a network over a base.

    Args:
        base: For the tokens around a text, and its knowledge.
        max_tokens: Most tokens read at once.
        tokenizer: Its tokenizer, or a saved copy of it.
    """
    return TokenReader(
        tokenizer,
        max_tokens=max_tokens,
        prefix=base.prefix,
        suffix=base.suffix,
        pad_id=base.pad_id,
        knowledge=base.knowledge,
    )
