"""A bidirectional LSTM over token vectors."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from sentimo.engine.networks.layered import Layered, LayeredConfig


class BiLstmConfig(LayeredConfig):
    """Sizes: `embedding_size` of token vectors, `hidden_size` of the output, half of it from each direction."""

    model_type = "sentimo-bilstm"
    natural_pooling: ClassVar[str] = "attention"


class BiLstm(Layered):
    """Each token is seen with all that stands before and after it.

    Shape:
        input_ids (b, t) int64, attention_mask (b, t) with 1 for tokens and 0 for padding on the right. Result:
        ``last_hidden_state`` (b, t, hidden_size).

    Source: Graves & Schmidhuber 2005, "Framewise phoneme classification with bidirectional LSTM"; with attention over
    its output as in Zhou et al. 2016, ACL P16-2034, section 3.
    """

    config_class = BiLstmConfig

    def _layer(self, width: int, config: BiLstmConfig) -> nn.Module:
        return _BothWays(width, config.hidden_size // 2)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
        elif isinstance(module, nn.LSTM):
            for name, value in module.named_parameters():
                if "weight_ih" in name:
                    nn.init.xavier_uniform_(value)
                elif "weight_hh" in name:
                    nn.init.orthogonal_(value)
                else:  # the forget gate starts open: Jozefowicz et al. 2015, section 3
                    nn.init.zeros_(value)
                    if "bias_ih" in name:
                        nn.init.ones_(value[module.hidden_size : 2 * module.hidden_size])


class _BothWays(nn.Module):
    """Two LSTMs: one reads the tokens as they stand, the other from the last token to the first.

    torch's own bidirectional layer would begin with the padding of short rows; packed rows cannot be exported.
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.forth = nn.LSTM(width, units, batch_first=True)
        self.back = nn.LSTM(width, units, batch_first=True)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        n_tokens = mask.sum(dim=1, keepdim=True)
        place = torch.arange(mask.shape[1], device=mask.device).unsqueeze(0)
        mirrored = torch.where(place < n_tokens, n_tokens - 1 - place, place).unsqueeze(-1)
        back = self.back(_taken(hidden, mirrored))[0]
        return torch.cat([self.forth(hidden)[0], _taken(back, mirrored)], dim=-1)


def _taken(hidden: Tensor, places: Tensor) -> Tensor:
    """Return the states at the places (b, t, 1)."""
    return hidden.gather(1, places.expand(-1, -1, hidden.shape[-1]))
