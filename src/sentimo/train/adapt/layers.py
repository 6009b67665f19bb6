"""Where in an encoder the linear layers lie, whatever its authors called them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from transformers.pytorch_utils import Conv1D

from sentimo.errors import RecipeError

KEYS_AND_VALUES = (
    *("key", "value", "k_lin", "v_lin", "k_proj", "v_proj", "key_proj", "value_proj", "k", "v"),
    *("c_attn", "Wqkv", "in_proj", "query_key_value", "qkv_proj"),  # one layer for queries, keys and values
)
"""Last names of the layers that compute keys and values."""


def blocks(encoder: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return name and module of each transformer layer, in order.

    Raises:
        RecipeError: none were found.
    """
    n = int(encoder.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    for name, module in encoder.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == n:
            return [(f"{name}.{place}", each) for place, each in enumerate(module)]
    raise RecipeError(
        f"adapt: the layers of {type(encoder).__name__} were not found. Layers that share weights (ALBERT) cannot be "
        "adapted; use adapt prompt, or freeze."
    )


def linear_layers(encoder: nn.Module) -> dict[str, nn.Module]:
    """Return name -> linear layer of all transformer layers: what attends and feeds forward, no embedding or pooler."""
    return {
        f"{name}.{inner}": module
        for name, block in blocks(encoder)
        for inner, module in block.named_modules()
        if isinstance(module, (nn.Linear, Conv1D))
    }


def chosen_layers(encoder: nn.Module, targets: str | Sequence[str], what: str) -> list[str]:
    """Return the names of the linear layers that a recipe means.

    Args:
        encoder: The encoder.
        targets: "all", or ends of names such as "query" or "attention.output.dense".
        what: How an error calls the setting.

    Raises:
        RecipeError: an end fits no layer.
    """
    names = list(linear_layers(encoder))
    if targets == "all":
        return names
    ends = [targets] if isinstance(targets, str) else list(targets)
    for end in ends:
        if not any(_ends_with(name, end) for name in names):
            first = blocks(encoder)[0][0] + "."
            known = ", ".join(name.removeprefix(first) for name in names if name.startswith(first))
            raise RecipeError(f"{what}: no linear layer is called {end!r}. Those of the first layer: {known}.")
    return [name for name in names if any(_ends_with(name, end) for end in ends)]


def key_and_value_layers(encoder: nn.Module) -> list[str]:
    """Return the names of the layers that compute keys and values; none where they have unusual names."""
    return [name for name in linear_layers(encoder) if name.rsplit(".", 1)[-1] in KEYS_AND_VALUES]


def sublayer_outputs(encoder: nn.Module) -> list[tuple[str, str]]:
    """Return, for each transformer layer, the names of the layers that end its attention and its feed-forward part.

    They are the last two that give back the width of the encoder: BERT's ``attention.output.dense`` and
    ``output.dense``, GPT-2's ``attn.c_proj`` and ``mlp.c_proj``, Llama's ``o_proj`` and ``down_proj``.

    Raises:
        RecipeError: a transformer layer has no two of them.
    """
    width = int(encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
    layers = linear_layers(encoder)
    found = []
    for name, _ in blocks(encoder):
        ends = [each for each, module in layers.items() if each.startswith(name + ".") and width_out(module) == width]
        if len(ends) < 2:
            raise RecipeError(f"adapt: no attention and feed-forward parts were found in {name} of the encoder")
        found.append((ends[-2], ends[-1]))
    return found


def width_out(module: nn.Module) -> int:
    """Return the number of outputs of a linear layer."""
    return int(module.nf if isinstance(module, Conv1D) else module.out_features)  # type: ignore[arg-type]


def _ends_with(name: str, end: str) -> bool:
    return name == end or name.endswith("." + end)
