"""layers: whole layers taken out of the encoder, the least important first."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from torch import nn

from sentimo.compress.distil import distil_for
from sentimo.compress.layout import stack_of
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.network import derive_network, main_figure
from sentimo.core.bundle import Bundle
from sentimo.train.encoder import Base

SHARE = 1 / 3
"""Share of the layers taken out where the rest can learn to do without them."""


def layers(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with fewer layers; needs torch weights and labelled rows.

    One after the other, that layer goes without which the labelled rows are answered best. With texts to train on, a
    third of the layers goes and the rest learn the original's answers; without, as many as the rows tolerate.

    Source: Sajjad et al. 2023, "On the Effect of Dropping Layers of Pre-trained Transformer Models", arXiv:2004.03844.
    """

    def edit(network: nn.Module, base: Base) -> nn.Module:
        n_layers = len(stack_of(network))
        most = max(1, round(SHARE * n_layers)) if material.train else n_layers - 1
        least = main_figure(network, base, source, material) - material.max_drop / 100
        kept = list(range(n_layers))
        while n_layers - len(kept) < most:
            figures = {
                gone: main_figure(keep_layers(network, [each for each in kept if each != gone]), base, source, material)
                for gone in kept
            }
            best = max(figures, key=lambda gone: figures[gone])
            if not material.train and figures[best] < least:
                break
            kept.remove(best)
        if len(kept) == n_layers:
            raise NotPossible(f"no layer can go within {material.max_drop:g} points without training (--train)")
        material.tell(f"layers: {', '.join(str(each + 1) for each in kept)} of {n_layers} are kept")
        smaller: nn.Module = keep_layers(network, kept)
        if material.train:
            distil_for(smaller, source, base, material)
        return smaller

    return derive_network(source, target, material, edit)


def keep_layers(network: Any, kept: list[int]) -> Any:
    """Return a copy of the network with some of its layers, numbered from 0."""
    copy = deepcopy(network)
    stack = stack_of(copy)
    chosen = [stack[at] for at in kept]
    del stack[:]
    stack.extend(chosen)
    copy.encoder.config.num_hidden_layers = len(kept)
    return copy
