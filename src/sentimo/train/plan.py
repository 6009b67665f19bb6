"""What a run will cost, told before it starts: steps, memory, time."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sentimo.engine.batching import batches
from sentimo.errors import TrainingError
from sentimo.train.batching import epoch_batches, padded
from sentimo.train.loop import is_out_of_memory
from sentimo.train.optim import epochs_of
from sentimo.train.precision import autocast, choose_precision
from sentimo.train.recipe import Recipe
from sentimo.train.rows import Rows

_TRIAL_STEPS = 4  # the first ones warm up


@dataclass(frozen=True)
class Plan:
    """The cost of a run.

    Attributes:
        n_parameters, n_learning: Weights of the network, and those that learn.
        n_rows: Training texts.
        n_tokens: Tokens of one epoch.
        epochs: Epochs at most; early stopping may end sooner.
        n_steps: Steps of the optimiser in all.
        memory_bytes: Expected peak of the process; on a GPU, of the GPU.
        seconds: Expected time of all steps, from a short trial; evaluation comes on top.
        tokens_per_second: Speed of the trial.
        precision: "fp32" or "bf16".
        device: Where it runs, with the number of threads on a CPU.
    """

    n_parameters: int
    n_learning: int
    n_rows: int
    n_tokens: int
    epochs: float
    n_steps: int
    memory_bytes: int
    seconds: float
    tokens_per_second: float
    precision: str
    device: str

    def __str__(self) -> str:
        """Return the plan in two lines."""
        millions, learning = self.n_parameters / 1e6, self.n_learning / 1e6
        share = self.n_learning / self.n_parameters
        learn = f"{learning:.1f} M learn" if share > 0.1 else f"{learning:.3f} M learn, {share:.2%}"
        return (
            f"{millions:.1f} M weights ({learn}); {self.n_rows:,} texts, {self.n_tokens:,} tokens an "
            f"epoch; {self.epochs:g} {'epoch' if self.epochs == 1 else 'epochs'} = {self.n_steps:,} steps\n"
            f"about {self.memory_bytes / 1e9:.1f} GB of memory and {_duration(self.seconds)} at "
            f"{self.tokens_per_second:,.0f} tokens/s ({self.precision}, {self.device})"
        )


_ELSEWHERE = {"bf16": (34, 5), "fp32": (68, 10)}
_ON_CPU = {"bf16": (80, 10), "fp32": (95, 13)}
"""Precision -> bytes of a token and layer, per unit of width and per head and token of the text.

Those of a processor are measured (torch 2.13, a step of a BERT of 4 layers, tests/train/test_plan.py): its autocast
keeps much of what is 16 bit in 32 as well.
"""


def make_plan(network: nn.Module, rows: Rows, recipe: Recipe, passes: float = 1.0) -> Plan:
    """Count and time a run. The trial computes gradients and drops them: no weight changes.

    Args:
        network: What learns.
        rows: The training rows.
        recipe: How.
        passes: Work of a step, as a multiple of one pass forwards and backwards.
    """
    device = next(network.parameters()).device
    precision = choose_precision(recipe.precision, device)
    lengths = [len(ids) for ids in rows.ids]
    epochs = epochs_of(recipe, len(rows))
    n_steps = max(1, round(-(-len(rows) // recipe.batch_size) * epochs))
    n_tokens = sum(lengths)
    taken = max(0, _resident_bytes() - 4 * sum(each.numel() for each in network.parameters()))
    speed = _trial(network, rows, recipe, precision)
    return Plan(
        n_parameters=sum(each.numel() for each in network.parameters()),
        n_learning=sum(each.numel() for each in network.parameters() if each.requires_grad),
        n_rows=len(rows),
        n_tokens=n_tokens,
        epochs=epochs,
        n_steps=n_steps,
        memory_bytes=expected_memory(network, lengths, recipe, precision, passes)
        + (taken if device.type == "cpu" else 0),
        seconds=n_tokens * epochs * passes / speed,
        tokens_per_second=speed / passes,
        precision=precision,
        device=f"{device.type}, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type,
    )


def expected_memory(network: nn.Module, lengths: list[int], recipe: Recipe, precision: str, passes: float = 1.0) -> int:
    """Return what training itself takes, in bytes: weights, gradients, optimiser, best weights, and activations.

    Activations of a transformer layer take about ``t * (34 d + 5 heads * length)`` bytes in 16 bit for t tokens of
    width d (Korthikanti et al. 2022, arXiv:2205.05198, section 4), twice that in 32. A processor takes more.
    """
    config = network.encoder.config  # type: ignore[union-attr]
    weights = sum(each.numel() for each in network.parameters())
    learning = sum(each.numel() for each in network.parameters() if each.requires_grad)
    moments = {"adamw": 2, "sgd": 1, "adafactor": 0}[recipe.optimiser.name]
    width = int(config.hidden_size)  # type: ignore[union-attr, arg-type]
    heads = int(getattr(config, "num_attention_heads", 0))  # without attention the formula is about right for LSTMs too
    longest = max(lengths)
    tokens = max(longest, min(recipe.micro_tokens, recipe.batch_size * longest))
    kind = next(network.parameters()).device.type
    of_width, of_length = (_ON_CPU if kind == "cpu" else _ELSEWHERE)[precision]
    layer = tokens * (of_width * width + of_length * heads * longest)
    n_layers = int(config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    n_layers = 0 if recipe.freeze == "encoder" else min(n_layers, recipe.train_last or n_layers)
    return 4 * (2 * weights + (1 + moments) * learning) + round(layer * n_layers * passes)


def _trial(network: nn.Module, rows: Rows, recipe: Recipe, precision: str) -> float:
    """Return tokens per second of a few passes; where memory runs out, of smaller ones, as in the loop.

    Raises:
        TrainingError: there is not enough memory for a single text.
    """
    try:
        return _tokens_per_second(network, rows, recipe, precision)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        longest = max(map(len, rows.ids))
        if recipe.micro_tokens <= longest:
            raise TrainingError(
                f"not enough memory for a single text of {longest} tokens. Lower max_tokens, or freeze layers."
            ) from error
    finally:
        network.zero_grad()
    smaller = recipe.model_copy(update={"micro_tokens": max(longest, recipe.micro_tokens // 2)})
    return _trial(network, rows, smaller, precision)


def _tokens_per_second(network: nn.Module, rows: Rows, recipe: Recipe, precision: str) -> float:
    """Time a few forward and backward passes."""
    device = next(network.parameters()).device
    lengths = [len(ids) for ids in rows.ids]
    plan = epoch_batches(lengths, recipe.batch_size, recipe.seed, epoch=0)[:_TRIAL_STEPS]
    network.train()
    started, n_tokens = _now(device), 0
    for number, batch in enumerate(plan):
        if number == len(plan) // 2:
            started, n_tokens = _now(device), 0
        for part in batches([lengths[row] for row in batch], recipe.micro_tokens, len(batch)):
            chosen = [batch[place] for place in part]
            with autocast(precision, device):
                logits: Mapping[str, torch.Tensor] = network(*padded([rows.ids[row] for row in chosen], device))
            sum(each.float().sum() for each in logits.values()).backward()  # type: ignore[union-attr]
            n_tokens += sum(lengths[row] for row in chosen)
    return max(1.0, n_tokens / (_now(device) - started))


def _now(device: torch.device) -> float:
    """Return the time in seconds when all work given to the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _resident_bytes() -> int:
    """Return the memory of this process, 0 where the system does not tell (not Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
