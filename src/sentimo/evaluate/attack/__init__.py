"""Attacks: small changes of a text that leave its meaning to a reader, and a search for those that mislead a model.

A change is ``(pieces, place, dice) -> changes``: pieces of a text (`sentimo.evaluate.attack.pieces`), the place of a
word or Chinese character among them, and ``place -> new piece`` for each way to change it. A new one is one file and
one line here.
"""

from __future__ import annotations

from collections.abc import Mapping

CHANGES: Mapping[str, str] = {
    "typos": "sentimo.evaluate.attack.typos:typos",
    "swaps": "sentimo.evaluate.attack.swaps:swaps",
    "homophones": "sentimo.evaluate.attack.homophones:homophones",
    "drops": "sentimo.evaluate.attack.drops:drops",
}
