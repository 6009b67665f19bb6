"""Heads read what an encoder wrote: ``(hidden (b, t, d), mask (b, t)) -> logits (b, n_labels)``.

A new head is one file and one line here. It takes ``(width, n_labels, dropout, **settings)``. One that weighs tokens
also has ``weights(hidden, mask) -> (b, t)``, which users can read.
"""

from __future__ import annotations

from collections.abc import Mapping

HEADS: Mapping[str, str] = {
    "linear": "sentimo.train.heads.linear:LinearHead",
    "attention": "sentimo.train.heads.attention:AttentionHead",
}
