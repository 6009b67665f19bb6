"""Where the parts of an encoder's layers are: the few names that transformers gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from sentimo.compress.material import NotPossible


@dataclass(frozen=True)
class Layer:
    """The linear layers of one encoder layer that tell its shape.

    Attributes:
        query: (heads * head_width, width).
        merge: What reads the heads, (width, heads * head_width).
        widen, narrow: The feed-forward part, (columns, width) and (width, columns).
        head_width: Width of one head.
    """

    query: nn.Linear
    merge: nn.Linear
    widen: nn.Linear
    narrow: nn.Linear
    head_width: int

    @property
    def n_heads(self) -> int:
        """Number of its attention heads."""
        return self.query.out_features // self.head_width


def stack_of(network: Any) -> Any:
    """Return the encoder's list of layers.

    Raises:
        NotPossible: it has none (ALBERT runs one layer again and again).
    """
    encoder = network.encoder.base_model
    n_layers = int(encoder.config.num_hidden_layers)
    for module in encoder.modules():
        if isinstance(module, nn.ModuleList) and len(module) == n_layers:
            return module
    raise NotPossible(f"an encoder of type {encoder.config.model_type} has no list of layers to take from")


def layers_of(network: Any) -> list[Layer]:
    """Return the parts of every layer, for encoders laid out as BERT is (RoBERTa, MacBERT, ELECTRA, XLM-R ...).

    Raises:
        NotPossible: the encoder is laid out otherwise.
    """
    try:
        return [_layer(each) for each in stack_of(network)]
    except AttributeError as error:
        kind = network.encoder.config.model_type
        raise NotPossible(
            f"heads and columns are cut in encoders laid out as BERT is; {kind} is not ({error})"
        ) from None


def keep_outputs(layer: nn.Linear, kept: Any) -> nn.Linear:
    """Return the linear layer with some of its outputs, in the order of `kept`."""
    smaller = nn.Linear(layer.in_features, len(kept), bias=layer.bias is not None)
    smaller.weight.data = layer.weight.data[kept].clone()
    if layer.bias is not None:
        smaller.bias.data = layer.bias.data[kept].clone()
    return smaller


def keep_inputs(layer: nn.Linear, kept: Any) -> nn.Linear:
    """Return the linear layer with some of its inputs, in the order of `kept`."""
    smaller = nn.Linear(len(kept), layer.out_features, bias=layer.bias is not None)
    smaller.weight.data = layer.weight.data[:, kept].clone()
    if layer.bias is not None:
        smaller.bias.data = layer.bias.data.clone()
    return smaller


def _layer(module: Any) -> Layer:
    inner = module.attention.self
    return Layer(
        inner.query,
        module.attention.output.dense,
        module.intermediate.dense,
        module.output.dense,
        inner.attention_head_size,
    )
