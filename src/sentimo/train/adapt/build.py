"""Put what a recipe says under ``adapt`` over a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from sentimo.errors import MissingExtraError, RecipeError
from sentimo.train.adapt import ADAPTERS
from sentimo.train.adapt.adaptation import Adaptation
from sentimo.train.catalogue import build
from sentimo.train.encoder import Base

if TYPE_CHECKING:
    from sentimo.train.recipe import AdaptChoice


def build_adaptation(choice: AdaptChoice | None) -> Adaptation:
    """Return the adaptation of a recipe; without one, that which lets everything learn.

    Raises:
        RecipeError: a setting is not known, or its value is refused.
        MissingExtraError: the library peft is not installed.
    """
    if choice is None:
        return Adaptation()
    entry = ADAPTERS[choice.name]
    try:
        made: Adaptation = build(entry.where, f"adapt {choice.name!r}", **(choice.model_extra or {}))
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"adapt {choice.name} ({error.name})", "train") from None
    made.name, made.rate_factor = choice.name, entry.rate_factor
    return made


def adapt(network: nn.Module, base: Base, choice: AdaptChoice | None) -> None:
    """Freeze the encoder of a network and put an adaptation over it; heads, and a pooler they read, learn as before.

    ``network.adaptation`` is that adaptation from then on.

    Raises:
        RecipeError: the encoder starts from nothing; see also `build_adaptation` and `Adaptation.apply`.
    """
    adaptation = network.adaptation = build_adaptation(choice)  # type: ignore[assignment]
    if choice is None:
        return
    if base.is_from_scratch:
        raise RecipeError(
            f"adapt {choice.name}: base {base.name!r} starts from nothing; leave adapt out, all must learn"
        )
    encoder: Any = network.encoder.base_model  # type: ignore[union-attr]
    pooler = getattr(encoder, "pooler", None)
    heads = {*network.parameters()} - {*encoder.parameters()} | ({*pooler.parameters()} if pooler else set())
    learning = [each for each in heads if each.requires_grad]
    encoder.requires_grad_(False)
    adaptation.apply(encoder, base)
    for each in learning:  # peft, too, freezes all that it does not know
        each.requires_grad = True
    adaptation.learns = frozenset(name for name, each in network.named_parameters() if each.requires_grad)


def adaptation_of(network: nn.Module) -> Adaptation:
    """Return the adaptation of a network; one made otherwise than by `adapt` learns as it is."""
    found = getattr(network, "adaptation", None)
    return found if isinstance(found, Adaptation) else Adaptation()


def learning_share(network: nn.Module) -> dict[str, Any]:
    """Return how many weights of a network learn, of how many, and the share, for report and card."""
    n = sum(each.numel() for each in network.parameters())
    learns = adaptation_of(network).learns
    learning = sum(
        each.numel() for name, each in network.named_parameters() if (name in learns if learns else each.requires_grad)
    )
    return {"weights": n, "learning": learning, "share": round(learning / n, 6)}
