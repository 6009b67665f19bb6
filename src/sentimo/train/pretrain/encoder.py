"""A BERT encoder that reads packed rows: several documents in a row, none of which sees another.

Its weights are named as transformers' ``BertModel`` names them, so what is saved loads there (and in Sentimo) as is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_EPSILON = 1e-12


@dataclass(frozen=True)
class Shape:
    """Size of an encoder.

    Attributes:
        vocabulary: Number of tokens.
        width: Of the hidden states; `heads` divides it.
        layers, heads: How many.
        inner: Width inside the feed-forward layers.
        positions: Most tokens of a document, special tokens included.
        embedding: Width of the token embeddings; where it is not `width`, a linear layer stands between.
    """

    vocabulary: int
    width: int = 384
    layers: int = 6
    heads: int = 12
    inner: int = 1536
    positions: int = 256
    embedding: int | None = None

    def to_config(self, pad_id: int) -> dict[str, Any]:
        """Return the ``config.json`` under which transformers opens the weights as a BERT encoder."""
        return {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": self.vocabulary,
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.inner,
            "max_position_embeddings": self.positions,
            "type_vocab_size": 2,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
            "initializer_range": 0.02,
            "layer_norm_eps": _EPSILON,
            "pad_token_id": pad_id,
            "position_embedding_type": "absolute",
        }

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


class PackedBert(nn.Module):
    """The encoder.

    Shape:
        ids (b, t) int64; documents (b, t) int64, the same number for the tokens of one document; places (b, t) int64,
        the place of a token in its document. Result: (b, t, width).

    Source: Devlin et al. 2019, arXiv:1810.04805; documents kept apart as in Krell et al. 2021, arXiv:2107.02027.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = _Embeddings(shape)
        self.encoder = _Stack(shape)
        self.apply(_start)

    def forward(self, ids: Tensor, documents: Tensor, places: Tensor) -> Tensor:
        """Return the hidden states of the last layer."""
        same = documents[:, None, :, None] == documents[:, None, None, :]
        hidden: Tensor = self.embeddings(ids, places)
        for layer in self.encoder.layer:
            hidden = layer(hidden, same)
        return hidden


class _Stack(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))


class _Embeddings(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.embedding or shape.width
        self.word_embeddings = nn.Embedding(shape.vocabulary, width)
        self.position_embeddings = nn.Embedding(shape.positions, width)
        self.token_type_embeddings = nn.Embedding(2, width)  # the second is never read here; transformers expects it
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)
        self.project = nn.Linear(width, shape.width) if width != shape.width else nn.Identity()

    def forward(self, ids: Tensor, places: Tensor) -> Tensor:
        words = self.word_embeddings(ids) + self.token_type_embeddings.weight[0] + self.position_embeddings(places)
        hidden: Tensor = self.project(self.LayerNorm(words))
        return hidden


class _Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": _Attention(shape), "output": _Output(shape.width, shape.width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(shape.width, shape.inner)})
        self.output = _Output(shape.inner, shape.width)

    def forward(self, hidden: Tensor, same: Tensor) -> Tensor:
        hidden = self.attention["output"](self.attention["self"](hidden, same), hidden)
        result: Tensor = self.output(functional.gelu(self.intermediate["dense"](hidden)), hidden)
        return result


class _Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query, self.key, self.value = (nn.Linear(shape.width, shape.width) for _ in range(3))

    def forward(self, hidden: Tensor, same: Tensor) -> Tensor:
        b, t, width = hidden.shape
        linears = (self.query, self.key, self.value)
        # One product of three times the width keeps a GPU busier than three.
        weight = torch.cat([each.weight for each in linears])
        bias = torch.cat([each.bias for each in linears])
        query, key, value = functional.linear(hidden, weight, bias).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=same)
        return seen.transpose(1, 2).reshape(b, t, width)


class _Output(nn.Module):
    def __init__(self, inner: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, inner: Tensor, before: Tensor) -> Tensor:
        result: Tensor = self.LayerNorm(self.dense(inner) + before)
        return result


def _start(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
