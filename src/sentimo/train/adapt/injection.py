"""What the methods that peft injects into linear layers share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from peft import inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers.pytorch_utils import Conv1D

from sentimo.train.adapt.adaptation import Adaptation


class Injected(Adaptation):
    """Replaces linear layers by those of peft, which hold the old one and the new weights, and merges them again."""

    merges: ClassVar[bool] = True

    @staticmethod
    def inject(encoder: nn.Module, kind: Any, names: Sequence[str], **settings: Any) -> Any:
        """Put a method of peft on the named linear layers; return its configuration."""
        old = [encoder.get_submodule(name) for name in names]
        # GPT-2 keeps its matrices the other way round, and peft wants to be told.
        config = kind(
            target_modules=list(names), fan_in_fan_out=all(isinstance(each, Conv1D) for each in old), **settings
        )
        inject_adapter_in_model(config, encoder)
        return config

    def merge(self, encoder: nn.Module) -> None:
        """Put what was learnt into the old linear layers, and those back into their places."""
        for name, layer in list(injected(encoder)):
            layer.merge(safe_merge=True)
            place, _, last = name.rpartition(".")
            setattr(encoder.get_submodule(place), last, layer.get_base_layer())


def injected(encoder: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield name and module of each layer of peft."""
    for name, module in encoder.named_modules():
        if isinstance(module, BaseTunerLayer):
            yield name, module
