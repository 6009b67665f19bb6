"""Bottleneck adapters."""

from __future__ import annotations

from typing import Any, Literal, get_args

from torch import Tensor, nn

from sentimo.train.adapt.adaptation import Adaptation
from sentimo.train.adapt.layers import sublayer_outputs
from sentimo.train.encoder import Base

Placement = Literal["houlsby", "pfeiffer"]
PLACEMENTS: tuple[str, ...] = get_args(Placement)

_CHILD = "bottleneck"


class Bottleneck(Adaptation):
    """Puts a narrow two-layer network behind each part of a transformer layer: ``h + up(gelu(down(h)))``.

    It stands before the skip connection. ``up`` starts near 0, so that training starts from the base. A network with a
    bend cannot be merged into a matrix: it stays in the graph and costs a few per cent of the time of an answer.

    Args:
        size: Width of the narrow place. Default: a sixteenth of the encoder's, 8 at least.
        placement: "houlsby": behind attention and feed-forward part; "pfeiffer": behind the feed-forward part only,
            half the weights for nearly the same quality.

    Raises:
        ValueError: a setting is out of its range.

    Source: Houlsby et al. 2019, "Parameter-Efficient Transfer Learning for NLP", arXiv:1902.00751, section 2.1, figure
    2; one per layer: Pfeiffer et al. 2021, "AdapterFusion", arXiv:2005.00247 (theirs stands behind a norm of its own,
    ours where Houlsby's second one does).
    """

    def __init__(self, size: int | None = None, placement: Placement = "houlsby") -> None:
        if size is not None and size < 1:
            raise ValueError(f"size is {size}; expected 1 or more")
        if placement not in PLACEMENTS:
            raise ValueError(f"placement {placement!r} is not one of {', '.join(PLACEMENTS)}")
        self.size, self.placement = size, placement

    def apply(self, encoder: nn.Module, base: Base) -> None:
        """Put the networks behind the layers that end the parts."""
        width = int(encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
        for attention, feedforward in sublayer_outputs(encoder):
            for name in (attention, feedforward) if self.placement == "houlsby" else (feedforward,):
                layer = encoder.get_submodule(name)
                layer.add_module(_CHILD, _Narrow(width, self.size or max(8, width // 16)))
                layer.register_forward_hook(_through)


class _Narrow(nn.Module):
    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, size), nn.Linear(size, width)
        self.bend = nn.GELU()
        nn.init.normal_(self.down.weight, std=0.02)
        nn.init.normal_(self.up.weight, std=1e-3)
        nn.init.zeros_(self.down.bias)
        nn.init.zeros_(self.up.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        added: Tensor = self.up(self.bend(self.down(hidden)))
        return hidden + added


def _through(layer: nn.Module, _: Any, output: Tensor) -> Tensor:
    found: Tensor = layer.get_submodule(_CHILD)(output)
    return found
