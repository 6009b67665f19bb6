"""qat8: a short epoch in which the network learns to answer as before although its linear layers round to 8 bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sentimo.compress.derive import derive, plain_manifest
from sentimo.compress.distil import distil_for
from sentimo.compress.dynamic8 import multiply_dynamically
from sentimo.compress.graph import load_graph, save_graph, weight_bits
from sentimo.compress.layout import stack_of
from sentimo.compress.material import Material, NotPossible
from sentimo.compress.network import open_network
from sentimo.compress.ranges import feeds, fix_ranges
from sentimo.core.bundle import Bundle
from sentimo.core.manifest import Manifest
from sentimo.engine.backends import GRAPH, WEIGHT_BITS
from sentimo.train.export import export_onnx

CALIBRATION_TEXTS = 1_000

PACE = 0.1
"""Factor of the learning rate. At the full rate the network moves further from the original than rounding moves it."""


def qat8(source: Bundle, target: Path, material: Material) -> Bundle:
    """Write the bundle with 8-bit products that it has learnt to live with; needs torch weights and texts to train on.

    Every linear layer of the encoder rounds as the graph will; gradients pass the rounding unchanged. The teacher is
    the network as it is. While it learns, the range of what goes into a layer is that of the batch; then ranges are
    fixed on some of the texts, one at a time.

    Source: Jacob et al. 2018, arXiv:1712.05877, section 3; Bengio et al. 2013, arXiv:1308.3432 (straight-through).
    """
    if not material.train:
        raise NotPossible("qat8 learns, and no texts to train on were given (--train)")

    def change(folder: Path) -> Manifest:
        torch.manual_seed(material.seed)
        student, base = open_network(source)
        rounded = round_linear_layers(student, weight_levels())
        distil_for(student, source, base, material, pace=PACE)
        restore_linear_layers(rounded)
        export_onnx(student, folder, [task.name for task in source.manifest.tasks])
        learnt = plain_manifest(source)
        graph = multiply_dynamically(load_graph(Bundle(folder, learnt, "", {GRAPH: ""})))
        fix_ranges(graph, feeds(source, material.train, CALIBRATION_TEXTS, material.seed))
        save_graph(graph, folder / GRAPH)
        return plain_manifest(source, **{WEIGHT_BITS: weight_bits()})

    return derive(source, target, change)


def weight_levels() -> int:
    """Return the largest whole number that weights take at run time: 127, or 64 where sums could overflow."""
    return 127 if weight_bits() == 8 else 64


def round_linear_layers(network: Any, levels: int) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Put rounding into every linear layer of the encoder's layers; return where, for `restore_linear_layers`."""
    places = [
        (parent, name, layer)
        for parent in stack_of(network).modules()
        for name, layer in parent.named_children()
        if type(layer) is nn.Linear
    ]
    for parent, name, layer in places:
        setattr(parent, name, RoundedLinear(layer, levels))
    return places


def restore_linear_layers(places: list[tuple[nn.Module, str, nn.Linear]]) -> None:
    """Take the rounding out again; the layers keep what they learnt."""
    for parent, name, layer in places:
        setattr(parent, name, layer)


class RoundedLinear(nn.Module):
    """A linear layer as onnxruntime computes it with 8-bit products.

    Args:
        layer: The layer; its weights are shared.
        levels: Weights are rounded to -levels..levels, one scale per output.

    Shape:
        (..., in_features) -> (..., out_features).
    """

    def __init__(self, layer: nn.Linear, levels: int) -> None:
        super().__init__()
        self.layer, self.levels = layer, levels

    def forward(self, values: Tensor) -> Tensor:
        """Return the layer's output for rounded inputs and weights."""
        return functional.linear(round_inputs(values), round_weights(self.layer.weight, self.levels), self.layer.bias)


def round_inputs(values: Tensor) -> Tensor:
    """Round to the 256 steps between the least (or 0) and the largest (or 0) of all values."""
    low, high = values.detach().amin().clamp(max=0), values.detach().amax().clamp(min=0)
    step = ((high - low) / 255).clamp(min=1e-12)
    zero = torch.round(-low / step).clamp(0, 255)
    rounded = (torch.round(values / step) + zero).clamp(0, 255)
    return _straight_through(values, (rounded - zero) * step)


def round_weights(weight: Tensor, levels: int) -> Tensor:
    """Round a matrix (outputs, inputs) to whole multiples of each output's scale."""
    step = (weight.detach().abs().amax(dim=1, keepdim=True) / levels).clamp(min=1e-12)
    return _straight_through(weight, torch.round(weight / step).clamp(-levels, levels) * step)


def _straight_through(values: Tensor, rounded: Tensor) -> Tensor:
    return values + (rounded - values).detach()
