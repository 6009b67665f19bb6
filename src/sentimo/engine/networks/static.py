"""A vector for every token, whatever stands around it."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from sentimo.engine.networks.layered import Layered, LayeredConfig


class StaticConfig(LayeredConfig):
    """Sizes: `embedding_size` of token vectors, `hidden_size` of what the layers make of each."""

    model_type = "sentimo-static"
    natural_pooling: ClassVar[str] = "attention"


class Static(Layered):
    """Each token is seen alone, so word order does not count; pooling "attention" learns how much each token counts.

    Shape:
        input_ids (b, t) int64, attention_mask (b, t) with 1 for tokens and 0 for padding. Result:
        ``last_hidden_state`` (b, t, hidden_size).

    Source: Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification", arXiv:1607.01759 (the mean of token
    vectors); Arora et al. 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", ICLR (a weighted mean).
    """

    config_class = StaticConfig

    def _layer(self, width: int, config: StaticConfig) -> nn.Module:
        return _Alone(width, config.hidden_size)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)


class _Alone(nn.Module):
    def __init__(self, width: int, hidden_size: int) -> None:
        super().__init__()
        self.change = nn.Linear(width, hidden_size)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        changed: Tensor = self.change(hidden)
        return changed.relu()
