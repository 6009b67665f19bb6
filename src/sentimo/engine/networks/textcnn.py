"""Convolutions over runs of tokens."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from sentimo.engine.networks.layered import Layered, LayeredConfig


class TextCnnConfig(LayeredConfig):
    """Sizes: `embedding_size` of token vectors, `windows` the lengths of runs; `hidden_size` is shared among them."""

    model_type = "sentimo-textcnn"
    natural_pooling: ClassVar[str] = "max"
    hidden_size: int = 300
    windows: list[int] | tuple[int, ...] = (3, 4, 5)


class TextCnn(Layered):
    """Filters look for runs of tokens; with pooling "max" a text is what was found anywhere in it.

    A filter is also laid over the ends, so that a text shorter than the run has an answer.

    Shape:
        input_ids (b, t) int64, attention_mask (b, t) with 1 for tokens and 0 for padding. Result:
        ``last_hidden_state`` (b, t, hidden_size).

    Source: Kim 2014, "Convolutional Neural Networks for Sentence Classification", arXiv:1408.5882, eq. 1-3.
    """

    config_class = TextCnnConfig

    def _layer(self, width: int, config: TextCnnConfig) -> nn.Module:
        return _Filters(width, config.hidden_size, tuple(config.windows))

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
        elif isinstance(module, nn.Conv1d):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]


class _Filters(nn.Module):
    """Filters of several lengths side by side; the first ones get what does not divide evenly."""

    def __init__(self, width: int, n_filters: int, windows: tuple[int, ...]) -> None:
        super().__init__()
        share, rest = divmod(n_filters, len(windows))
        self.filters = nn.ModuleDict(
            {str(size): nn.Conv1d(width, share + (at < rest), size) for at, size in enumerate(windows)}
        )

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        seen = (hidden * mask.unsqueeze(-1).to(hidden.dtype)).transpose(1, 2)
        found = [
            each(functional.pad(seen, ((int(size) - 1) // 2, int(size) // 2))) for size, each in self.filters.items()
        ]
        return torch.cat(found, dim=1).relu().transpose(1, 2)
