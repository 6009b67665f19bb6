"""Smaller and faster models from trained ones: bundles in, bundles out. One file and one catalogue line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from sentimo.compress.material import Material
from sentimo.core.bundle import Bundle
from sentimo.errors import InputError, MissingExtraError, did_you_mean

Candidate = Callable[[Bundle, Path, Material], Bundle]
"""(source, target folder, what may be used) -> the bundle written there. Raises NotPossible, or MissingExtraError."""

CANDIDATES: Mapping[str, str] = {
    "vocabulary": "sentimo.compress.vocabulary:vocabulary",
    "layers": "sentimo.compress.layers:layers",
    "columns": "sentimo.compress.columns:columns",
    "heads": "sentimo.compress.heads:heads",
    "weights16": "sentimo.compress.weights16:weights16",
    "weights8": "sentimo.compress.weights8:weights8",
    "dynamic8": "sentimo.compress.dynamic8:dynamic8",
    "static8": "sentimo.compress.static8:static8",
    "qat8": "sentimo.compress.qat8:qat8",
    "two-precision": "sentimo.compress.two_precision:two_precision",
}
"""Name -> function, in the order in which a chain applies them."""

NUMBERS = ("weights16", "weights8", "dynamic8", "static8", "qat8", "two-precision")
"""Candidates that say how numbers are stored and multiplied; a chain ends with one of them at most."""

TRIED: tuple[str, ...] = (
    *("weights16", "weights8", "dynamic8", "static8", "qat8", "two-precision"),
    *("vocabulary", "layers", "columns", "heads"),
    *("vocabulary+dynamic8", "vocabulary+two-precision", "vocabulary+columns+qat8", "vocabulary+layers+qat8"),
)
"""Chains tried when none are named."""


def load_candidate(name: str) -> Candidate:
    """Import a candidate of the catalogue.

    Raises:
        MissingExtraError: a library that it needs is not installed.
    """
    module, function = CANDIDATES[name].split(":")
    try:
        found: Candidate = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{name} ({error.name})", "compress") from None
    return found


def parse_chain(text: str) -> tuple[str, ...]:
    """Read candidates joined by "+", such as ``vocabulary+dynamic8``.

    Raises:
        InputError: one is not known, twice there or out of order, or two say how numbers are stored.
    """
    names = tuple(part.strip() for part in text.split("+"))
    for name in names:
        if name not in CANDIDATES:
            known = ", ".join(CANDIDATES)
            raise InputError(f"there is no candidate {name!r}; known: {known}.{did_you_mean(name, CANDIDATES)}")
    order = list(CANDIDATES)
    places = [order.index(name) for name in names]
    if places != sorted(set(places)):
        ordered = "+".join(order[place] for place in sorted(set(places)))
        raise InputError(f"the chain {text!r} cannot be applied in this order; write it as {ordered}")
    if len(numbers := [name for name in names if name in NUMBERS]) > 1:
        raise InputError(f"{' and '.join(numbers)} both say how numbers are stored; take one of them")
    return names
