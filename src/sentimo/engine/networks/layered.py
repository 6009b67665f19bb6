"""What the encoders without pre-training share: token vectors, and layers on top of each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class LayeredConfig(PretrainedConfig):  # type: ignore[misc]
    """Sizes: `embedding_size` of token vectors, `hidden_size` of the output. Subclasses name type and pooling."""

    vocab_size: int = 30_000
    embedding_size: int = 128
    hidden_size: int = 256
    num_hidden_layers: int = 1
    hidden_dropout_prob: float = 0.3
    pad_token_id: int | None = 0


class Layered(PreTrainedModel, ABC):  # type: ignore[misc]
    """Layers over token vectors, each with dropout before it. Subclasses say what a layer is (`_layer`)."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.embedding_size)
        self.embedding_norm = nn.LayerNorm(config.embedding_size)  # vectors of a file may be of any length
        widths = [config.embedding_size, *[config.hidden_size] * (config.num_hidden_layers - 1)]
        self.layers = nn.ModuleList(self._layer(width, config) for width in widths)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.post_init()

    @abstractmethod
    def _layer(self, width: int, config: Any) -> nn.Module:
        """Return a layer ``(hidden (b, t, width), mask (b, t)) -> hidden (b, t, hidden_size)``."""

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the token vectors."""
        return self.embeddings

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> BaseModelOutput:
        """Return the state of every token."""
        hidden = self.embedding_norm(self.embeddings(input_ids))
        for layer in self.layers:
            hidden = layer(self.dropout(hidden), attention_mask)
        return BaseModelOutput(last_hidden_state=hidden)
