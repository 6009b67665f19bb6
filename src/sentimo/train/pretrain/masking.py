"""Which tokens a model has to guess: short runs, drawn anew at every step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

RUN_LENGTHS = (0.4, 0.3, 0.2, 0.1)
"""Share of runs of 1, 2, 3 and 4 tokens. Chinese words have one to four characters, so runs stand in for words without
a segmenter, which would be wrong on the slang of social media. Source: Cui et al. 2020, MacBERT, arXiv:2004.13922."""

_LONGEST = 8
"""Pieces up to which a word is hidden as a whole."""


@dataclass(frozen=True)
class Masked:
    """Rows with tokens to guess.

    Attributes:
        ids: (b, t) what the model sees.
        chosen: (k,) places of the tokens to guess, in the flattened rows.
        counts: (k,) whether the place is really one of them; k is fixed, so some may not be.
        targets: (k,) the tokens that stood there.
    """

    ids: Tensor
    chosen: Tensor
    counts: Tensor
    targets: Tensor


def mask(
    ids: Tensor,
    *,
    share: float,
    mask_id: int,
    n_special: int,
    replace: bool = True,
    continues: Tensor | None = None,
) -> Masked:
    """Hide runs of tokens, and of words in pieces all pieces.

    Args:
        ids: (b, t) rows.
        share: Of the tokens to guess.
        mask_id: Id that stands for a hidden token.
        n_special: Ids below it are never hidden or drawn.
        replace: Of the tokens to guess, leave a tenth as they are and put a random token in place of another tenth
            (BERT); else all become `mask_id`.
        continues: (n_tokens,) bool, the tokens that go on with the word before them; None: none does.
    """
    runs = _runs(ids.shape, share, ids.device)
    draw = torch.rand(ids.numel(), device=ids.device)
    if continues is not None:
        inner = continues[ids]
        runs = _whole(runs, inner)
        draw = draw[_starts(inner)]  # the pieces of a word are drawn together
    hidden = runs & (ids >= n_special)
    n_chosen = max(1, round(share * ids.numel()))
    # Hidden tokens first, in random order; a fixed number keeps the shapes of a compiled step.
    order = hidden.flatten() + draw
    chosen = order.topk(n_chosen).indices
    counts = hidden.flatten()[chosen]
    targets = ids.flatten()[chosen]
    shown = torch.full_like(targets, mask_id)
    if replace:
        way = torch.rand(n_chosen, device=ids.device)
        # A random token of the batch, so that frequent ones are drawn more often.
        other = targets[torch.randint(n_chosen, (n_chosen,), device=ids.device)]
        shown = torch.where(way < 0.8, shown, torch.where((way < 0.9) & (other >= n_special), other, targets))
    seen = ids.flatten().clone()
    seen[chosen] = torch.where(counts, shown, targets)
    return Masked(seen.view_as(ids), chosen, counts, targets)


def _runs(shape: torch.Size, share: float, device: torch.device) -> Tensor:
    """Return (b, t) bool, a little more than `share` of it true, in runs."""
    mean = sum(length * each for length, each in enumerate(RUN_LENGTHS, 1))
    starts = torch.rand(shape, device=device) < 1.15 * share / mean  # runs overlap, and special tokens fall out
    lengths = torch.multinomial(torch.tensor(RUN_LENGTHS, device=device), starts.numel(), replacement=True).view(shape)
    hidden = starts.clone()
    for step in range(1, len(RUN_LENGTHS)):
        hidden[:, step:] |= starts[:, :-step] & (lengths[:, :-step] >= step)
    return hidden


def _whole(hidden: Tensor, inner: Tensor) -> Tensor:
    """Return (b, t) with the whole words of hidden pieces hidden; `inner` are the pieces that begin no word."""
    hidden = hidden.clone()
    for _ in range(_LONGEST - 1):
        before = hidden.clone()
        hidden[:, :-1] |= before[:, 1:] & inner[:, 1:]
        hidden[:, 1:] |= before[:, :-1] & inner[:, 1:]
    return hidden


def _starts(inner: Tensor) -> Tensor:
    """Return (b * t,) where the word of each place begins, in the flattened rows."""
    flat = inner.clone()
    flat[:, 0] = False  # rows are cut anywhere
    places = torch.arange(flat.numel(), device=inner.device)
    return torch.where(flat.flatten(), 0, places).cummax(0).values
