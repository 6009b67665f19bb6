"""Objectives: what training minimises, per task (``(logits (b, n_labels), targets) -> losses (b,)``) and around all.

Targets are (b,) int64 ids for single and ordinal tasks, (b, n_labels) 0/1 for multi-label ones, (b,) floats in [0, 1]
(the place in the range) for scores. A wrapper works on the loss of a whole step, ``(model, batch) -> Outcome``,
whatever it is made of (`sentimo.train.objectives.step`). A new objective or wrapper is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """One objective: where it lives and which kinds of task it suits."""

    where: str
    kinds: tuple[str, ...]


OBJECTIVES: Mapping[str, Entry] = {
    "cross_entropy": Entry("sentimo.train.objectives.cross_entropy:CrossEntropy", ("single", "ordinal")),
    "focal": Entry("sentimo.train.objectives.focal:Focal", ("single", "ordinal")),
    "ordinal": Entry("sentimo.train.objectives.ordinal:Ordinal", ("ordinal",)),
    "bce": Entry("sentimo.train.objectives.bce:BinaryCrossEntropy", ("multi",)),
    "asymmetric": Entry("sentimo.train.objectives.asymmetric:Asymmetric", ("multi",)),
    "mse": Entry("sentimo.train.objectives.mse:MeanSquaredError", ("score",)),
    "huber": Entry("sentimo.train.objectives.huber:Huber", ("score",)),
}

DEFAULT_OBJECTIVE: Mapping[str, str] = {
    "single": "cross_entropy",
    "ordinal": "ordinal",
    "multi": "bce",
    "score": "mse",
}

WRAPPERS: Mapping[str, str] = {
    "fgm": "sentimo.train.objectives.fgm:FGM",
    "pgd": "sentimo.train.objectives.pgd:PGD",
    "freelb": "sentimo.train.objectives.freelb:FreeLB",
    "vat": "sentimo.train.objectives.vat:VAT",
    "smart": "sentimo.train.objectives.smart:SMART",
    "rdrop": "sentimo.train.objectives.rdrop:RDrop",
    "clp": "sentimo.train.objectives.clp:CLP",
    "mixup": "sentimo.train.objectives.mixup:Mixup",
}
