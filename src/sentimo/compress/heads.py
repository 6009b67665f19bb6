"""heads: the least important attention heads taken out, wherever in the encoder they are."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sentimo.compress.distil import distil_for
from sentimo.compress.importance import importance
from sentimo.compress.layout import keep_inputs, keep_outputs, layers_of, stack_of
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.network import derive_network, most_tolerated
from sentimo.core.bundle import Bundle
from sentimo.train.encoder import Base

SHARE = 1 / 3
"""Share of the heads taken out where the rest can learn to do without them."""

_STEPS = 12


def heads(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with fewer attention heads; needs torch weights and labelled rows.

    Importance is scaled to length 1 within a layer; every layer keeps a head. With texts to train on, a third of the
    heads goes and the rest learn the original's answers; without, as many twelfths as the labelled rows tolerate. The
    result has no torch weights: transformers knows no encoder whose layers differ in their number of heads.

    Source: Michel et al. 2019, arXiv:1905.10650, section 4.
    """

    def edit(network: nn.Module, base: Base) -> nn.Module:
        parts = layers_of(network)
        spaces = {task.name: task.space for task in source.manifest.tasks}
        merge, width = [each.merge for each in parts], parts[0].head_width
        scores = importance(network, merge, width, base, spaces, material.rows, source.manifest.max_tokens)
        total = scores.numel()
        steps = sorted({max(1, total * step // _STEPS) for step in range(1, _STEPS)})
        if material.train:
            gone = round(SHARE * total)
        else:
            gone = most_tolerated(steps, lambda n: drop_heads(network, scores, n), base, source, material)
        if not gone:
            raise NotPossible(f"no attention head can go within {material.max_drop:g} points without training")
        smaller: nn.Module = drop_heads(network, scores, gone)
        left = [each.n_heads for each in layers_of(smaller)]
        material.tell(f"heads: {sum(left)} of {total} are kept, by layer {', '.join(map(str, left))}")
        if material.train:
            distil_for(smaller, source, base, material)
        return smaller

    return derive_network(source, target, material, edit, loadable=False)


def drop_heads(network: Any, scores: Tensor, n_gone: int) -> Any:
    """Return a copy without its least important heads.

    Args:
        network: The network.
        scores: Importance, (n_layers, n_heads).
        n_gone: Heads taken out in all; fewer where every layer is left with one.
    """
    copy = deepcopy(network)
    scaled = scores / scores.norm(dim=1, keepdim=True).clamp_min(1e-12)
    kept = torch.ones_like(scaled, dtype=torch.bool)
    for place in scaled.flatten().argsort().tolist():
        layer, head = divmod(place, scaled.shape[1])
        if int((~kept).sum()) == n_gone:
            break
        if kept[layer].sum() > 1:
            kept[layer, head] = False
    for module, flags in zip(stack_of(copy), kept, strict=True):
        inner = module.attention.self
        width = inner.attention_head_size
        places = flags.repeat_interleave(width).nonzero().flatten()
        for name in ("query", "key", "value"):
            setattr(inner, name, keep_outputs(getattr(inner, name), places))
        module.attention.output.dense = keep_inputs(module.attention.output.dense, places)
        inner.num_attention_heads, inner.all_head_size = int(flags.sum()), len(places)
    return copy
