"""Encoders of our own that start without pre-training: ``(ids (b, t), mask (b, t)) -> hidden (b, t, d)``.

Each is a transformers model, so that it is saved, opened, frozen and exported as every other encoder is. They lie here
and not with training because the torch backend opens them too. A new one is one file and one line here: a
`sentimo.engine.networks.layered.Layered` whose config has ``vocab_size``, ``embedding_size``, ``hidden_size``,
``num_hidden_layers``, ``hidden_dropout_prob`` and ``natural_pooling``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

NETWORKS: Mapping[str, str] = {
    "bilstm": "sentimo.engine.networks.bilstm:BiLstm",
    "static": "sentimo.engine.networks.static:Static",
    "textcnn": "sentimo.engine.networks.textcnn:TextCnn",
}
"""Name, as a recipe says it -> class."""

MODEL_TYPES = tuple(f"sentimo-{name}" for name in NETWORKS)
"""What their config.json calls them."""


def network_class(name: str) -> Any:
    """Return the class of a network."""
    module, kind = NETWORKS[name].split(":")
    return getattr(import_module(module), kind)


@cache
def register() -> None:
    """Let transformers open what these networks saved."""
    from transformers import AutoConfig, AutoModel

    for name in NETWORKS:
        kind = network_class(name)
        AutoConfig.register(kind.config_class.model_type, kind.config_class)
        AutoModel.register(kind.config_class, kind)
