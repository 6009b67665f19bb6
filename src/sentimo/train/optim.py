"""Optimisers and learning rate schedules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from sentimo.engine.networks import MODEL_TYPES
from sentimo.train.adapt import ADAPTERS
from sentimo.train.adapt.build import adaptation_of
from sentimo.train.encoder import Base
from sentimo.train.network import depth_of
from sentimo.train.recipe import Optimiser, Recipe, Schedule

DEFAULT_LEARNING_RATES: Mapping[str, Mapping[int, float]] = {
    "adamw": {512: 1e-4, 768: 3e-5, 1 << 30: 1.5e-5},
    "adafactor": {512: 2e-3, 768: 8e-4, 1 << 30: 4e-4},  # a share of the size of the weights, which is about 0.05
    "sgd": {512: 2e-2, 768: 1e-2, 1 << 30: 5e-3},
}
"""Optimiser -> widest encoder -> learning rate. Wide encoders need small steps."""


SCRATCH_LEARNING_RATES: Mapping[str, float] = {"adamw": 2e-3, "adafactor": 3e-2, "sgd": 0.3}
"""Optimiser -> learning rate of an encoder without pre-training, and of its heads: all of it starts from nothing."""

HEAD_FACTORS: Mapping[str, float] = {"adamw": 5.0, "adafactor": 1.0, "sgd": 1.0}
"""Optimiser -> how many times the encoder's rate new heads learn at by default: they start from nothing."""

FROZEN_FACTOR = 10.0
"""How many times faster still heads learn over an encoder that is frozen or adapted: little moves under them."""


USUAL_EPOCHS, MOST_EPOCHS, LEAST_STEPS = 3, 20, 300
"""Epochs of a recipe that names none, and the steps for which there are more of them where rows are few."""


def usual_epochs(n_rows: int, batch_size: int) -> float:
    """Return the epochs of a recipe that names none: 3, or so many that there are 300 steps, but at most 20.

    Source: Zhang et al. 2021, "Revisiting Few-sample BERT Fine-tuning", arXiv:2006.05987, section 6; Mosbach et al.
    2021, arXiv:2006.04884: few rows need more steps than the usual three epochs have. Measured: docs/results.md.
    """
    per_epoch = math.ceil(n_rows / batch_size)
    return float(min(MOST_EPOCHS, max(USUAL_EPOCHS, math.ceil(LEAST_STEPS / per_epoch))))


def epochs_of(recipe: Recipe, n_rows: int) -> float:
    """Return the epochs of a recipe over so many rows: those that it names, else the usual ones."""
    return recipe.epochs or usual_epochs(n_rows, recipe.batch_size)


def default_learning_rate(optimiser: str, width: int, adapt: str | None = None, *, from_scratch: bool = False) -> float:
    """Return the learning rate used when the recipe gives none.

    Args:
        optimiser: Its name.
        width: Of the encoder.
        adapt: Name of the adaptation whose weights learn; None where those of the encoder do.
        from_scratch: Whether the encoder starts from nothing.
    """
    if from_scratch:
        return SCRATCH_LEARNING_RATES[optimiser]
    rate = next(rate for widest, rate in DEFAULT_LEARNING_RATES[optimiser].items() if width <= widest)
    return rate * (ADAPTERS[adapt].rate_factor if adapt else 1.0)


def default_head_rate(optimiser: str, rate: float, *, frozen: bool, from_scratch: bool = False) -> float:
    """Return the rate of the heads used when the recipe gives none.

    Args:
        optimiser: Its name.
        rate: The encoder's.
        frozen: Whether the weights of the encoder stay as they are.
        from_scratch: Whether the encoder starts without pre-training.
    """
    if from_scratch:
        return rate
    return rate * HEAD_FACTORS[optimiser] * (FROZEN_FACTOR if frozen else 1.0)


def usual_rate(recipe: Recipe, base: Base) -> float:
    """Return the learning rate of the encoder that a recipe would have if it gave none."""
    adapt = recipe.adapt.name if recipe.adapt else None
    return default_learning_rate(recipe.optimiser.name, base.width, adapt, from_scratch=base.is_from_scratch)


def chosen_rates(
    settings: Optimiser, width: int, adapt: str | None, *, from_scratch: bool, frozen: bool
) -> tuple[float, float]:
    """Return the rates of the encoder and of the heads: those of the settings, else the usual ones.

    Args:
        settings: What the recipe says.
        width, adapt, from_scratch: See `default_learning_rate`.
        frozen: See `default_head_rate`.
    """
    name = settings.name
    rate = settings.learning_rate or default_learning_rate(name, width, adapt, from_scratch=from_scratch)
    full = default_learning_rate(name, width) if adapt else rate
    usual = default_head_rate(name, full, frozen=frozen or adapt is not None, from_scratch=from_scratch)
    return rate, settings.head_learning_rate or usual


def build_optimiser(network: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """Return the optimiser over what learns.

    Weight decay leaves out biases and norms (all one-dimensional parameters). The rate of encoder layer k of L is
    ``rate * layer_decay**(L + 1 - k)``, embeddings count as layer 0; heads have their own rate.
    """
    config = network.encoder.config  # type: ignore[union-attr]
    adaptation = adaptation_of(network)
    n_layers = int(config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    rate, head_rate = chosen_rates(
        settings,
        int(config.hidden_size),  # type: ignore[union-attr, arg-type]
        adaptation.name or None,
        from_scratch=str(config.model_type) in MODEL_TYPES,  # type: ignore[union-attr]
        frozen=not any(
            each.requires_grad
            for name, each in network.encoder.base_model.named_parameters()  # type: ignore[union-attr]
            if not name.startswith("pooler.")  # learns with the heads
        ),
    )
    # A pooler comes with the encoder, and learns as if nothing were adapted.
    pooler_rate = default_learning_rate(settings.name, int(config.hidden_size)) if adaptation.name else rate  # type: ignore[union-attr, arg-type]
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        depth = depth_of(name, n_layers, network)
        if depth is None:
            own = pooler_rate if ".pooler." in name else head_rate
        else:
            own = rate * settings.layer_decay ** (n_layers + 1 - depth)
        decays = parameter.ndim > 1 and not any(part in name for part in adaptation.no_decay)
        decay = settings.weight_decay if decays else 0.0
        groups.setdefault((own, decay), []).append(parameter)
    parameters: list[dict[str, Any]] = [
        {"params": members, "lr": own, "weight_decay": decay} for (own, decay), members in groups.items()
    ]
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=settings.momentum)
    if settings.name == "adafactor":
        return torch.optim.Adafactor(parameters, lr=rate)
    return torch.optim.AdamW(parameters, lr=rate, fused=True)


def build_schedule(optimiser: torch.optim.Optimizer, settings: Schedule, n_steps: int) -> LambdaLR:
    """Return the schedule: linear warm-up, then linear or cosine to 0, or constant."""
    warmup = round(n_steps * settings.warmup)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        left = (n_steps - step) / max(1, n_steps - warmup)
        if settings.name == "linear":
            return max(0.0, left)
        if settings.name == "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * (1.0 - max(0.0, left))))
        return 1.0

    return LambdaLR(optimiser, factor)
