"""Adaptations: few weights learn beside a base that stays as it is (parameter-efficient fine-tuning).

An adaptation is put over the encoder of a network; the heads always learn. A new one is one file and one line here. Its
class takes its settings and does what `sentimo.train.adapt.adaptation.Adaptation` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """One adaptation: where it lives, and how many times the rate of full tuning its weights learn at by default.

    Few weights that start from nothing, or that steer a whole layer, need larger steps than weights that are fine
    already.
    """

    where: str
    rate_factor: float


ADAPTERS: Mapping[str, Entry] = {
    "lora": Entry("sentimo.train.adapt.lora:Lora", 20.0),
    "adalora": Entry("sentimo.train.adapt.adalora:AdaLora", 20.0),
    "ia3": Entry("sentimo.train.adapt.ia3:Ia3", 200.0),
    "bitfit": Entry("sentimo.train.adapt.bitfit:BitFit", 100.0),
    "bottleneck": Entry("sentimo.train.adapt.bottleneck:Bottleneck", 40.0),
    "prefix": Entry("sentimo.train.adapt.prefix:Prefix", 600.0),
    "prompt": Entry("sentimo.train.adapt.prompt:Prompt", 200.0),
}
