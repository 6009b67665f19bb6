"""The loop of pre-training: a number of steps over packed rows, on one processor, resumable to the bit on a CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sentimo.core.durable import publish
from sentimo.errors import Interrupted, TrainingError
from sentimo.train.stopping import stop_signals

Log = dict[str, float]

_HELD_OUT_ROWS, _HELD_OUT_SEED = 512, 0


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn.

    Attributes:
        steps: Updates of the weights.
        rows: Packed rows per update.
        learning_rate: At its highest.
        warmup, decay: Share of the steps over which the rate rises at the start, and falls to 0 at the end.
        weight_decay: Of matrices; embeddings count as matrices, biases and norms do not.
        clip: Largest norm of a gradient.
        seed: Of the order of rows and of what is masked.
        log_every: Steps between two lines of the log.
        checkpoint_minutes: Time between two checkpoints.
        precision: "bf16" or "fp32".
        compile: Whether torch compiles the step; minutes at first, much faster after.
    """

    steps: int
    rows: int = 256
    learning_rate: float = 1e-3
    warmup: float = 0.05
    decay: float = 0.3
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 13
    log_every: int = 100
    checkpoint_minutes: float = 5.0
    precision: str = "bf16"
    compile: bool = True

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: it rises, stays, and falls (both linearly)."""
        rising = (step + 1) / max(1.0, self.warmup * self.steps)
        falling = (self.steps - step) / max(1.0, self.decay * self.steps)
        return self.learning_rate * max(0.0, min(1.0, rising, falling))


def pretrain(
    model: nn.Module,
    rows: NDArray[np.uint16],
    held_out: NDArray[np.uint16],
    plan: Plan,
    *,
    device: torch.device,
    checkpoint: Path | None = None,
    on_log: Callable[[Log], None] = lambda log: None,
) -> list[Log]:
    """Train a model on packed rows; where `checkpoint` exists, go on from it.

    Args:
        model: An objective of `sentimo.train.pretrain.objectives`.
        rows: (n, t) packed rows.
        held_out: (m, t) rows to measure on.
        plan: What to do.
        device: Where.
        checkpoint: File of the state, written every `checkpoint_minutes` and at Ctrl-C; None keeps none. A file of
            another run is refused, so name it after what is trained.
        on_log: Told every line of the log: step, loss, tokens/s and the figures of the objective.

    Returns:
        The log; its last line has the held-out figures, named ``held_out_...``.

    Raises:
        TrainingError: there are too few rows, the loss is not a number, or the checkpoint is of another run.
        Interrupted: Ctrl-C.
    """
    if len(rows) < plan.rows:
        raise TrainingError(f"{len(rows)} packed rows are fewer than the {plan.rows} of one step: give more text")
    model = model.to(device).train()
    optimiser = _optimiser(model, plan)
    step, log = _restored(checkpoint, model, optimiser, plan)
    run: Callable[[Tensor], dict[str, Tensor]] = torch.compile(model) if plan.compile else model
    # Rows that lie on disk may be more than memory holds.
    data = None if isinstance(rows, np.memmap) else torch.from_numpy(rows.astype(np.int32)).to(device)
    saved = told = time.monotonic()
    told_step = step
    with stop_signals() as stop:
        while step < plan.steps:
            drawn = _drawn(len(rows), step, plan)
            batch = torch.from_numpy(rows[drawn.numpy()].astype(np.int32)) if data is None else data[drawn.to(device)]
            figures = _update(run, model, optimiser, batch.to(device).long(), step, plan)
            step += 1
            if step % plan.log_every == 0 or step == plan.steps:
                line = {"step": float(step), **{name: value.item() for name, value in figures.items()}}
                now = time.monotonic()
                line["tokens_per_s"] = (step - told_step) * plan.rows * rows.shape[1] / (now - told)
                told, told_step = now, step
                if line["loss"] != line["loss"]:
                    raise TrainingError(f"step {step}: the loss is not a number; halve the learning rate")
                log.append(line)
                on_log(line)
            if checkpoint and (stop.is_set() or time.monotonic() - saved > 60 * plan.checkpoint_minutes):
                _save(checkpoint, model, optimiser, plan, step, log)
                saved = time.monotonic()
            if stop.is_set():
                kept = "the same call goes on from there" if checkpoint else "nothing was saved"
                raise Interrupted(f"stopped after step {step:,} of {plan.steps:,}; {kept}")
    if checkpoint:
        _save(checkpoint, model, optimiser, plan, step, log)
    measured = {f"held_out_{name}": value for name, value in measure(model, held_out, plan, device).items()}
    log.append({"step": float(step), **measured})
    on_log(log[-1])
    return log


def measure(model: nn.Module, rows: NDArray[np.uint16], plan: Plan, device: torch.device) -> Log:
    """Return the mean figures of the objective over (at most 512) rows, always with the same tokens hidden."""
    model.eval()
    sums: dict[str, list[float]] = {}
    devices = [device] if device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices), _autocast(plan, device):
        torch.manual_seed(_HELD_OUT_SEED)
        for start in range(0, min(len(rows), _HELD_OUT_ROWS), 64):
            batch = torch.from_numpy(rows[start : start + 64].astype(np.int64)).to(device)
            for name, value in model(batch).items():
                sums.setdefault(name, []).append(value.item())
    model.train()
    means = {name: float(np.mean(values)) for name, values in sums.items()}
    if "perplexity" in means:
        means["perplexity"] = float(np.exp(np.mean(np.log(sums["perplexity"]))))
    return means


def _update(
    run: Callable[[Tensor], dict[str, Tensor]],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch: Tensor,
    step: int,
    plan: Plan,
) -> dict[str, Tensor]:
    torch.manual_seed(
        plan.seed * 1_000_003 + step
    )  # what is masked depends on the step alone: a resumed run repeats it
    for group in optimiser.param_groups:
        group["lr"] = plan.rate(step)
    with _autocast(plan, batch.device):
        figures = run(batch)
    figures["loss"].backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
    optimiser.step()
    optimiser.zero_grad()
    return {name: value.detach() for name, value in figures.items()}


def _drawn(n_rows: int, step: int, plan: Plan) -> Tensor:
    """Return the rows of a step: every epoch reads all rows once, in an order of its own (a rest is left out)."""
    per_epoch = n_rows // plan.rows
    epoch, place = divmod(step, per_epoch)
    order = _order(n_rows, plan.seed + epoch)
    return order[place * plan.rows : (place + 1) * plan.rows]


_orders: dict[tuple[int, int], Tensor] = {}


def _order(n_rows: int, seed: int) -> Tensor:
    if (n_rows, seed) not in _orders:
        _orders.clear()
        _orders[n_rows, seed] = torch.randperm(n_rows, generator=torch.Generator().manual_seed(seed))
    return _orders[n_rows, seed]


def _autocast(plan: Plan, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=plan.precision == "bf16")


def _optimiser(model: nn.Module, plan: Plan) -> torch.optim.AdamW:
    parameters = list(model.parameters())
    groups = [
        {"params": [each for each in parameters if each.ndim > 1], "weight_decay": plan.weight_decay},
        {"params": [each for each in parameters if each.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=True)


def _save(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, plan: Plan, step: int, log: list[Log]
) -> None:
    new = path.with_name(path.name + ".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {"plan": vars(plan), "step": step, "log": log}
    torch.save({**state, "model": model.state_dict(), "optimiser": optimiser.state_dict()}, new)
    publish(new, path)


def _restored(
    path: Path | None, model: nn.Module, optimiser: torch.optim.Optimizer, plan: Plan
) -> tuple[int, list[Log]]:
    if path is None or not path.is_file():
        return 0, []
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    changed = [name for name, value in vars(plan).items() if state["plan"].get(name) != value]
    if set(changed) - {"log_every", "checkpoint_minutes", "compile", "precision"}:
        raise TrainingError(
            f"{path} belongs to a run with another {', '.join(sorted(changed))}. Resume with the settings it was "
            "started with, or delete it to start anew."
        )
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return state["step"], state["log"]
