"""What is minimised in pre-training: guess hidden tokens, or tell which tokens were replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from sentimo.train.pretrain.encoder import PackedBert, Shape
from sentimo.train.pretrain.masking import Masked, mask
from sentimo.train.pretrain.packing import layout


@dataclass(frozen=True)
class Special:
    """Ids of the special tokens; all of them are smaller than `n`."""

    pad: int = 0
    first: int = 2
    last: int = 3
    mask: int = 4
    n: int = 5


class MaskedLanguageModel(nn.Module):
    """Guess hidden tokens from what stands around them.

    Args:
        shape: Of the encoder.
        special: Ids of the special tokens.
        share: Of the tokens to guess.
        continues: (n_tokens,) bool, the tokens that go on with a word (`continuations`): words are hidden as a whole.

    Source: Devlin et al. 2019, arXiv:1810.04805, section 3.1 (without next-sentence prediction, which does not help:
    Liu et al. 2019, arXiv:1907.11692); whole words: Cui et al. 2019, arXiv:1906.08101.
    """

    continues: Tensor | None

    def __init__(self, shape: Shape, special: Special, share: float = 0.15, *, continues: Tensor | None = None) -> None:
        super().__init__()
        self.special, self.share = special, share
        self.register_buffer("continues", continues, persistent=False)
        self.encoder = PackedBert(shape)
        self.guess = _Guess(shape, self.encoder.embeddings.word_embeddings)

    def forward(self, ids: Tensor) -> dict[str, Tensor]:
        """Return ``loss`` and its ``perplexity`` for packed rows (b, t)."""
        special = self.special
        masked = mask(ids, share=self.share, mask_id=special.mask, n_special=special.n, continues=self.continues)
        hidden = self.encoder(masked.ids, *layout(ids, special.first, special.pad))
        loss, _ = self.guess(hidden, masked)
        return {"loss": loss, "perplexity": loss.detach().exp()}


class ReplacedTokens(nn.Module):
    """A small generator fills hidden tokens; the encoder tells, for every token, whether it is the one that was there.

    Every token teaches, not only the hidden ones, so small models learn more in the same time.

    Source: Clark et al. 2020, ELECTRA, arXiv:2003.10555. Embeddings are shared; the loss of the encoder counts
    `weight` times; the generator has a quarter of the width (section 3.2).
    """

    continues: Tensor | None

    def __init__(
        self,
        shape: Shape,
        special: Special,
        share: float = 0.15,
        weight: float = 50.0,
        *,
        continues: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.special, self.share, self.weight = special, share, weight
        self.register_buffer("continues", continues, persistent=False)
        self.encoder = PackedBert(shape)
        width = shape.width // 4
        heads = next(n for n in range(max(1, shape.heads // 4), 0, -1) if width % n == 0)
        small = replace(shape, width=width, inner=shape.inner // 4, heads=heads)
        self.generator = PackedBert(replace(small, embedding=shape.width))
        self.generator.embeddings.word_embeddings = self.encoder.embeddings.word_embeddings
        self.guess = _Guess(self.generator.shape, self.encoder.embeddings.word_embeddings)
        self.judge = nn.Sequential(nn.Linear(shape.width, shape.width), nn.GELU(), nn.Linear(shape.width, 1))

    def forward(self, ids: Tensor) -> dict[str, Tensor]:
        """Return ``loss``, the generator's ``perplexity`` and the encoder's ``judged``: its loss per token."""
        special = self.special
        where = layout(ids, special.first, special.pad)
        masked = mask(
            ids,
            share=self.share,
            mask_id=special.mask,
            n_special=special.n,
            replace=False,
            continues=self.continues,
        )
        guess_loss, logits = self.guess(self.generator(masked.ids, *where), masked)
        drawn = _draw(logits.detach())
        filled = ids.flatten().clone()
        filled[masked.chosen] = torch.where(masked.counts, drawn, masked.targets)
        filled = filled.view_as(ids)
        doubts = self.judge(self.encoder(filled, *where)).squeeze(-1)
        real = (ids >= special.n).float()
        per_token = functional.binary_cross_entropy_with_logits(
            doubts.float(), (filled != ids).float(), reduction="none"
        )
        judged = (per_token * real).sum() / real.sum().clamp(min=1.0)
        loss = guess_loss + self.weight * judged
        return {"loss": loss, "perplexity": guess_loss.detach().exp(), "judged": judged.detach()}


class _Guess(nn.Module):
    """Hidden states to tokens, through the embeddings."""

    def __init__(self, shape: Shape, words: nn.Embedding) -> None:
        super().__init__()
        self.dense = nn.Linear(shape.width, words.embedding_dim)
        self.LayerNorm = nn.LayerNorm(words.embedding_dim, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(words.num_embeddings))
        self.words = (words,)  # shared, not owned

    def forward(self, hidden: Tensor, masked: Masked) -> tuple[Tensor, Tensor]:
        """Return the mean loss over the tokens to guess, and their logits (k, vocabulary)."""
        states = hidden.flatten(0, 1)[masked.chosen]
        logits = functional.linear(self.LayerNorm(functional.gelu(self.dense(states))), self.words[0].weight, self.bias)
        per_token = functional.cross_entropy(logits.float(), masked.targets, reduction="none")
        loss = (per_token * masked.counts).sum() / masked.counts.sum().clamp(min=1)
        return loss, logits


def continuations(tokenizer: Tokenizer, n_tokens: int) -> Tensor:
    """Return (n_tokens,) bool: the tokens of a WordPiece vocabulary that go on with the word before them."""
    found = torch.zeros(n_tokens, dtype=torch.bool)
    found[[at for token, at in tokenizer.get_vocab().items() if token.startswith("##")]] = True
    return found


def _draw(logits: Tensor) -> Tensor:
    """Return one token per row, drawn with its probability (the Gumbel-max trick)."""
    noise = -torch.log(-torch.log(torch.rand_like(logits, dtype=torch.float32).clamp(1e-9, 1 - 1e-7)))
    return (logits.float() + noise).argmax(-1)


OBJECTIVES: Mapping[str, Callable[..., MaskedLanguageModel | ReplacedTokens]] = {
    "mlm": MaskedLanguageModel,
    "replaced-tokens": ReplacedTokens,
}
"""Name -> what is minimised."""
