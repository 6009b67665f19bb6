"""How the weights of an encoder begin: with those of another one, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sentimo.errors import InputError
from sentimo.train.pretrain.encoder import PackedBert

_WORDS, _PLACES = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"


def begin_with(
    encoder: PackedBert,
    weights: Mapping[str, Tensor],
    tokens: Mapping[str, int],
    their_tokens: Mapping[str, int] | None = None,
    *,
    seed: int = 13,
) -> int:
    """Copy the weights of a BERT encoder with another vocabulary.

    Layers, norms and positions are copied as they are: much of what they do is not bound to a language (Artetxe et
    al. 2020, arXiv:1910.11856). The embedding of a token that both know is copied; the others are drawn with the mean
    and spread of theirs, so that the layers see what they are used to.

    Args:
        encoder: Changed in place.
        weights: ``BertModel`` weights of the same width and number of layers.
        tokens: Token -> id of the encoder.
        their_tokens: Token -> id of the weights; None draws all embeddings anew.
        seed: Of what is drawn.

    Returns:
        Number of embeddings that were copied.

    Raises:
        InputError: the weights do not fit.
    """
    own = encoder.state_dict()
    new = {}
    for name, mine in own.items():
        if name == _WORDS:
            continue
        theirs = weights.get(name)
        if theirs is None or theirs.shape[1:] != mine.shape[1:] or len(theirs) < len(mine):
            found = "missing" if theirs is None else f"of shape {tuple(theirs.shape)}"
            raise InputError(f"these weights do not fit: {name} is {found}, expected {tuple(mine.shape)}")
        new[name] = theirs[: len(mine)].float()
    old = weights[_WORDS].float()
    generator = torch.Generator().manual_seed(seed)
    words = old.mean(0) + old.std(0) * torch.randn(own[_WORDS].shape, generator=generator)
    pairs = [(place, their_tokens[token]) for token, place in tokens.items() if token in (their_tokens or {})]  # type: ignore[index]
    if pairs:
        mine, theirs_at = (list(each) for each in zip(*pairs, strict=True))
        words[mine] = old[theirs_at]
    encoder.load_state_dict({**new, _WORDS: words})
    return len(pairs)
