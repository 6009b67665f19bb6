"""columns: the least important columns of the feed-forward layers taken out, as many in every layer."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sentimo.compress.distil import distil_for
from sentimo.compress.importance import importance
from sentimo.compress.layout import keep_inputs, keep_outputs, layers_of, stack_of
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.network import derive_network, most_tolerated
from sentimo.core.bundle import Bundle
from sentimo.train.encoder import Base

SHARE = 1 / 2
"""Share of the columns taken out where the rest can learn to do without them."""

_STEPS = 8  # the columns go by eighths: widths stay multiples of what matrix kernels read at once


def columns(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with narrower feed-forward layers; needs torch weights and labelled rows.

    With texts to train on, half of the columns go and the rest learn the original's answers; without, as many eighths
    as the labelled rows tolerate. Importance: `sentimo.compress.importance`.
    """

    def edit(network: nn.Module, base: Base) -> nn.Module:
        parts = layers_of(network)
        spaces = {task.name: task.space for task in source.manifest.tasks}
        narrow = [each.narrow for each in parts]
        scores = importance(network, narrow, 1, base, spaces, material.rows, source.manifest.max_tokens)
        width = parts[0].widen.out_features
        steps = [width * step // _STEPS for step in range(1, _STEPS)]
        if material.train:
            gone = round(SHARE * width)
        else:
            gone = most_tolerated(steps, lambda n: keep_columns(network, scores, width - n), base, source, material)
        if not gone:
            raise NotPossible(f"no eighth of the columns can go within {material.max_drop:g} points without training")
        material.tell(f"columns: {width - gone} of {width} are kept in every layer")
        smaller: nn.Module = keep_columns(network, scores, width - gone)
        if material.train:
            distil_for(smaller, source, base, material)
        return smaller

    return derive_network(source, target, material, edit)


def keep_columns(network: Any, scores: Tensor, n_kept: int) -> Any:
    """Return a copy whose feed-forward layers keep their most important columns.

    Args:
        network: The network.
        scores: Importance, (n_layers, n_columns).
        n_kept: Columns kept in each layer.
    """
    copy = deepcopy(network)
    for module, row in zip(stack_of(copy), scores, strict=True):
        kept = row.topk(n_kept).indices.sort().values
        module.intermediate.dense = keep_outputs(module.intermediate.dense, kept)
        module.output.dense = keep_inputs(module.output.dense, kept)
    copy.encoder.config.intermediate_size = n_kept
    return copy
