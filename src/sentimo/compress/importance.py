"""How much attention heads and feed-forward columns matter, measured on labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sentimo.core.documents import Example
from sentimo.core.labels import LabelSpace
from sentimo.engine.batching import batches
from sentimo.train.batching import padded
from sentimo.train.catalogue import build
from sentimo.train.encoder import Base
from sentimo.train.objectives import DEFAULT_OBJECTIVE, OBJECTIVES
from sentimo.train.rows import merge, to_rows


def importance(
    network: nn.Module,
    layers: Sequence[nn.Linear],
    unit: int,
    base: Base,
    spaces: Mapping[str, LabelSpace],
    rows: Mapping[str, Sequence[Example]],
    max_tokens: int,
) -> Tensor:
    """Return how much the loss depends on each group of inputs of some linear layers.

    A gate of 1 multiplies each group. Its importance is the mean over the rows of ``|d loss / d gate|``, which is the
    first-order estimate of what removing the group costs.

    Args:
        network: The network, in evaluation mode.
        layers: The layers; with those that read the attention heads, a unit of a head's width measures heads.
        unit: Number of neighbouring inputs that belong together.
        base, spaces, rows: What the loss is measured on.
        max_tokens: Texts are cut to it.

    Shape:
        Result: (n_layers, width / unit), >= 0.

    Source: Michel et al. 2019, "Are Sixteen Heads Really Better than One?", arXiv:1905.10650, eq. 3; Molchanov et al.
    2017, arXiv:1611.06440 (Taylor criterion).
    """
    chosen = {task: spaces[task] for task in rows}
    data = to_rows(merge(rows), chosen, base, max_tokens)
    objectives = {task: build(OBJECTIVES[DEFAULT_OBJECTIVE[space.kind]].where, task) for task, space in chosen.items()}
    gates: dict[nn.Module, Tensor] = {}

    def gate(layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
        (values,) = inputs
        one = torch.ones(len(values), 1, values.shape[-1] // unit, requires_grad=True)
        gates[layer] = one
        return (values * one.repeat_interleave(unit, dim=-1),)

    hooks = [layer.register_forward_pre_hook(gate) for layer in layers]
    total = torch.zeros(len(layers), layers[0].in_features // unit)
    try:
        for batch in batches([len(row) for row in data.ids], 2048, 32):
            index = torch.tensor(batch)
            logits = network(*padded([data.ids[row] for row in batch], torch.device("cpu")))
            loss = torch.zeros(())
            for task, objective in objectives.items():
                has = data.has[task][index]
                if has.any():
                    loss = loss + objective(logits[task][has], data.targets[task][index][has]).sum()
            found = torch.autograd.grad(loss, [gates[layer] for layer in layers])
            total += torch.stack([each.abs().sum(dim=(0, 1)) for each in found])
    finally:
        for hook in hooks:
            hook.remove()
    return total / len(data)
