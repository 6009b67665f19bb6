"""The training loop: batches of like length, one step after the other, evaluate, keep the best."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NoReturn

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, broadcast_object_list, gather_object
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from sentimo.engine.batching import batches
from sentimo.errors import Interrupted, TrainingError
from sentimo.train.adapt.build import adaptation_of
from sentimo.train.averages.build import build_average
from sentimo.train.batching import epoch_batches, padded
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.objectives.step import Batch, TaskLosses, random_state, set_random_state
from sentimo.train.optim import build_optimiser, build_schedule, epochs_of
from sentimo.train.precision import choose_precision
from sentimo.train.progress import Progress
from sentimo.train.recipe import Recipe
from sentimo.train.rows import Rows
from sentimo.train.stopping import stop_signals
from sentimo.train.track.recorder import Recorder

Figures = dict[str, float]
"""Dev figures after an epoch; the key "main" is watched by default."""


@dataclass
class Position:
    """Where a run is: the next batch to learn from, and what was best so far."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    micro_tokens: int = 0
    best: float = -math.inf
    best_epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class FitResult:
    """What a run came to.

    Attributes:
        history: Per epoch: epoch, loss (mean over its rows), seconds, and the dev figures.
        best_epoch: The epoch (from 0) whose weights were kept.
        n_steps: Steps of the optimiser made.
        seconds: Time in the loop, this session only.
        samples: Texts learnt from, this session only.
        precision: "fp32" or "bf16".
    """

    history: list[dict[str, Any]]
    best_epoch: int
    n_steps: int
    seconds: float
    samples: int
    precision: str


def fit(
    network: nn.Module,
    objectives: Mapping[str, nn.Module],
    rows: Rows,
    recipe: Recipe,
    *,
    evaluate: Callable[[nn.Module], Figures] | None,
    wrap: Callable[[TaskLosses], nn.Module] = lambda inner: inner,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    recorder: Recorder | None = None,
) -> FitResult:
    """Train a network in place; at the end it holds the weights of its best epoch on dev.

    The loss of a step is the sum over its rows and their tasks of ``loss_weight * row weight * loss``, divided by the
    batch size: every label counts the same, whichever task it is for.

    Args:
        network: What learns.
        objectives: Task -> objective.
        rows: The training rows.
        recipe: How.
        evaluate: Network -> dev figures, asked after every epoch; None keeps the last weights.
        wrap: Puts an objective of a step around another; see `sentimo.train.objectives.step`.
        checkpoints: Where to save; None saves nothing.
        resume: Go on from the checkpoint. The run ends with the same weights as one never interrupted.
        progress: Shows what happens.
        recorder: Keeps the figures of steps and epochs; None keeps none.

    Raises:
        Interrupted: Ctrl-C; the checkpoint was saved.
        TrainingError: the loss is not a number, or there is not enough memory for a single text.
    """
    return _Run(network, objectives, rows, recipe, evaluate, wrap, checkpoints, progress, recorder).run(resume)


def sweep(
    network: nn.Module,
    objectives: Mapping[str, nn.Module],
    rows: Rows,
    recipe: Recipe,
    factors: Sequence[float],
    wrap: Callable[[TaskLosses], nn.Module] = lambda inner: inner,
) -> Iterator[float]:
    """Make a step for each factor of the recipe's learning rates, and yield the loss of its batch before the step.

    Ends early when the loss is no longer a number. Warm-up, epochs and early stopping do not count here.
    """
    run = _Run(network, objectives, rows, recipe, None, wrap, None, None)
    run.schedule = LambdaLR(run.optimiser.optimizer, lambda step: factors[min(step, len(factors) - 1)])
    torch.manual_seed(recipe.seed)
    run.model.train()
    passes = (
        epoch_batches(run.lengths, recipe.batch_size, recipe.seed, epoch, rows.drawn, rows.kinds)
        for epoch in range(math.ceil(len(factors) / run.per_epoch))
    )
    for batch in islice(chain.from_iterable(passes), len(factors)):
        try:
            yield run._step(batch)
        except TrainingError:
            return


def is_out_of_memory(error: Exception) -> bool:
    """Return whether torch ran out of memory, on whatever device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in message or "can't allocate memory" in message)


class _Run:
    """The state of one call of `fit`."""

    def __init__(
        self,
        network: nn.Module,
        objectives: Mapping[str, nn.Module],
        rows: Rows,
        recipe: Recipe,
        evaluate: Callable[[nn.Module], Figures] | None,
        wrap: Callable[[TaskLosses], nn.Module],
        checkpoints: Checkpoints | None,
        progress: Progress | None,
        recorder: Recorder | None = None,
    ) -> None:
        self.recipe, self.rows, self.evaluate = recipe, rows, evaluate
        self.progress = progress or Progress(None)
        self.recorder = recorder or Recorder()
        self.recorded: Mapping[str, Any] | None = None  # of the checkpoint
        # Buffers of encoders are constants. To send them anew at every pass would spoil what an earlier pass of the
        # same step, as an adversarial objective makes it, has kept for its gradient.
        self.accelerator = Accelerator(kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)])
        self.device = self.accelerator.device
        self.precision = choose_precision(recipe.precision, self.device)
        self.lengths = [len(ids) for ids in rows.ids]
        self.per_epoch = math.ceil(len(rows) / recipe.batch_size)
        self.n_steps = max(1, round(self.per_epoch * (epochs_of(recipe, len(rows)))))
        self.network = network.to(self.device)
        self.adaptation = adaptation_of(network)
        self.adaptation.begin(self.n_steps)
        self.average = build_average(recipe.average)
        if self.average:
            self.average.begin(self.n_steps)
        self.objective = wrap(TaskLosses(objectives, loss_weights(recipe))).to(self.device)
        self.beside = [each for each in self.objective.parameters() if each.requires_grad]
        optimiser = build_optimiser(self.network, recipe.optimiser)
        if self.beside:  # what an objective learns for itself, such as a map between two widths
            rate = max(group["lr"] for group in optimiser.param_groups)
            optimiser.add_param_group({"params": self.beside, "lr": rate, "weight_decay": 0.0})
        self.model, self.optimiser = self.accelerator.prepare(self.network, optimiser)
        self.schedule = build_schedule(self.optimiser.optimizer, recipe.schedule, self.n_steps)
        self.checkpoints = checkpoints if self.accelerator.is_main_process else None
        self.resume_from = checkpoints
        self.position = Position(micro_tokens=recipe.micro_tokens)
        self.best_weights: dict[str, Tensor] | None = None
        self.epoch_loss, self.epoch_rows = 0.0, 0
        self.learnt = 0

    def run(self, resume: bool) -> FitResult:
        torch.manual_seed(self.recipe.seed + self.accelerator.process_index)  # each process draws its own dropout
        if resume and self.resume_from is not None:
            self._restore(self.resume_from.load())
        self.recorder.begin(self.n_steps, self.position.step, self.recorded)
        started = time.monotonic()
        with self.progress, stop_signals() as stop:
            self.progress.plan(self.n_steps, self.position.step)
            # A run stopped after its last step still has its last epoch to judge.
            while (self.position.step < self.n_steps or self.position.batch) and not self._is_done():
                self._epoch(stop)
        self.network.load_state_dict(self.best_weights or self._shown_weights())
        done = self.position
        return FitResult(
            done.history, done.best_epoch, done.step, time.monotonic() - started, self.learnt, self.precision
        )

    def _epoch(self, stop: threading.Event) -> None:
        at = self.position
        rows, recipe = self.rows, self.recipe
        plan = epoch_batches(self.lengths, recipe.batch_size, recipe.seed, at.epoch, rows.drawn, rows.kinds)
        started = saved = time.monotonic()
        self.model.train()
        while at.batch < len(plan) and at.step < self.n_steps:
            batch = plan[at.batch]
            rate = max(group["lr"] for group in self.optimiser.optimizer.param_groups)
            loss = self._step(batch)
            self.epoch_loss += loss * len(batch)
            self.epoch_rows += len(batch)
            at.batch += 1
            at.step += 1
            self.progress.step(at.step, self.epoch_loss / self.epoch_rows)
            self.recorder.step(at.step, loss, len(batch), rate)
            due = time.monotonic() - saved >= 60 * self.recipe.checkpoint_minutes
            stopped, due = self._shared(stop.is_set(), due)
            if stopped or due:
                self._save()
                saved = time.monotonic()
            if stopped:
                self._interrupt()
        self._close_epoch(time.monotonic() - started)
        (stopped,) = self._shared(stop.is_set())
        if stopped:  # while the dev rows were judged
            self._interrupt()

    def _interrupt(self) -> NoReturn:
        kept = "the same command with --resume goes on from there" if self.resume_from else "nothing was saved"
        raise Interrupted(f"stopped after step {self.position.step} of {self.n_steps}; {kept}")

    def _close_epoch(self, seconds: float) -> None:
        at = self.position
        # Plain numbers: a checkpoint is read without trusting any type but those of Python and torch.
        with self._shown():
            figures = {name: float(each) for name, each in self.evaluate(self.network).items()} if self.evaluate else {}
        figures = self._of_main(figures)
        loss = self.epoch_loss / max(1, self.epoch_rows)
        at.history.append({"epoch": at.epoch + 1, "loss": round(loss, 6), "seconds": round(seconds, 1), **figures})
        watched = figures.get(self.recipe.early_stopping.metric, -math.inf)
        may_be_kept = self.adaptation.is_settled and (self.average is None or self.average.has_begun)
        if watched > at.best and may_be_kept:
            at.best, at.best_epoch = watched, at.epoch
            self.best_weights = self._shown_weights()
        self.progress.epoch(at.history[-1], is_best=at.best_epoch == at.epoch)
        self.recorder.epoch(at.step, at.history[-1])
        at.epoch, at.batch, self.epoch_loss, self.epoch_rows = at.epoch + 1, 0, 0.0, 0
        self._save()

    def _shown(self) -> AbstractContextManager[None]:
        """Return a context in which the network has the weights that are judged and kept."""
        return self.average.shown(self.network) if self.average else nullcontext()

    def _shown_weights(self) -> dict[str, Tensor]:
        with self._shown():
            return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def _shared(self, *wishes: bool) -> list[bool]:
        """Return for each wish whether any process has it: one that acted alone would leave others waiting for ever."""
        if self.accelerator.num_processes == 1:
            return list(wishes)
        found = self.accelerator.reduce(torch.tensor(wishes, dtype=torch.float32, device=self.device), "sum")
        return [bool(each) for each in found]

    def _of_main(self, figures: Figures) -> Figures:
        """Return the figures of the main process: all must agree on the best epoch, to the last bit."""
        if self.accelerator.num_processes == 1:
            return figures
        agreed: Figures = broadcast_object_list([figures])[0]
        return agreed

    def _is_done(self) -> bool:
        at = self.position
        if at.best_epoch < 0 or at.epoch - 1 - at.best_epoch < self.recipe.early_stopping.patience:
            return False
        self.progress.note(f"no better dev figure for {self.recipe.early_stopping.patience} epochs: stopped early")
        return True

    def _step(self, batch: Sequence[int]) -> float:
        """Learn from one batch; on out-of-memory halve what is in memory at once and do the batch again."""
        dice = random_state(self.device)
        while True:
            try:
                loss = self._accumulate(batch)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(batch, error)
                set_random_state(dice, self.device)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss became {loss} at step {self.position.step + 1}. Lower the learning rate, or use fp32."
            )
        for each in self.beside:  # processes average the gradients of the network only
            if each.grad is not None and self.accelerator.num_processes > 1:
                each.grad = self.accelerator.reduce(each.grad, "mean")
        self.accelerator.clip_grad_norm_([*self.model.parameters(), *self.beside], self.recipe.optimiser.clip_norm)
        self.optimiser.step()
        self.schedule.step()
        self.adaptation.after_step(self.position.step + 1)
        if self.average:
            self.average.after_step(self.network, self.position.step + 1)
        self.optimiser.zero_grad()
        self.learnt += len(batch)
        return loss

    def _accumulate(self, batch: Sequence[int]) -> float:
        """Add up the gradients of a batch; several processes take every n-th row each."""
        self.optimiser.zero_grad()
        world = self.accelerator.num_processes
        mine = list(batch[self.accelerator.process_index :: world])
        idle = not mine  # a short last batch: this process must still take part, with weight 0
        mine = mine or [batch[0]]
        parts = list(batches([self.lengths[row] for row in mine], self.position.micro_tokens, len(mine)))
        total = 0.0
        for number, part in enumerate(parts):
            chosen = [mine[place] for place in part]
            last = number == len(parts) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                # Processes average their gradients, so each counts its rows `world` times.
                loss = self.objective(self.model, self._batch(chosen)).loss * ((0.0 if idle else world) / len(batch))
                if last and (penalty := self.adaptation.penalty()) is not None:
                    loss = loss + penalty  # once a step
                self.accelerator.backward(loss)
            total += float(loss.detach()) / world
        if world == 1:
            return total
        return float(self.accelerator.reduce(torch.tensor(total, device=self.device), "sum"))

    def _batch(self, chosen: Sequence[int]) -> Batch:
        ids, mask = padded([self.rows.ids[row] for row in chosen], self.device)
        index = torch.tensor(chosen)

        def here(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {task: each[index].to(self.device) for task, each in parts.items()}

        rows = self.rows
        weight = rows.weight[index].to(self.device)
        parts = here(rows.targets), here(rows.has), here(rows.unknown)
        return Batch(chosen, ids, mask, weight, *parts, self.precision, epoch=self.position.epoch)

    def _halve(self, batch: Sequence[int], error: Exception) -> None:
        longest = max(self.lengths[row] for row in batch)
        if self.position.micro_tokens <= longest:
            raise TrainingError(
                f"not enough memory for a single text of {longest} tokens. Lower max_tokens, or freeze layers."
            ) from error
        self.position.micro_tokens = max(longest, self.position.micro_tokens // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.progress.note(
            f"out of memory: now {self.position.micro_tokens} tokens at once; a step still learns from "
            f"{self.recipe.batch_size} texts"
        )

    def _save(self) -> None:
        dice = gather_object([random_state(self.device)])  # of all processes, which must all come here
        if self.checkpoints is None:
            return
        self.checkpoints.save(
            {
                "position": vars(self.position),
                "epoch_loss": self.epoch_loss,
                "epoch_rows": self.epoch_rows,
                "network": self.network.state_dict(),
                "objective": self.objective.state_dict(),
                "best": self.best_weights,
                "optimiser": self.optimiser.optimizer.state_dict(),
                "schedule": {"last_epoch": self.schedule.last_epoch},
                "random": dice,
                "recorded": self.recorder.state(),
                "adaptation": self.adaptation.state(),
                "average": self.average.state() if self.average else None,
            }
        )

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.position = Position(**state["position"])
        self.epoch_loss, self.epoch_rows = state["epoch_loss"], state["epoch_rows"]
        self.network.load_state_dict(state["network"])
        self.objective.load_state_dict(state["objective"])
        self.best_weights = state["best"]
        self.optimiser.optimizer.load_state_dict(state["optimiser"])
        self.schedule.last_epoch = state["schedule"]["last_epoch"]
        for group, initial, factor in zip(
            self.optimiser.optimizer.param_groups, self.schedule.base_lrs, self.schedule.lr_lambdas, strict=True
        ):
            group["lr"] = initial * factor(self.schedule.last_epoch)
        dice = state["random"]
        if len(dice) == self.accelerator.num_processes:  # else each draws anew: of another number none can go on
            set_random_state(dice[self.accelerator.process_index], self.device)
        self.recorded = state.get("recorded")
        self.adaptation.load_state(state.get("adaptation", {}))
        if self.average:
            self.average.load_state(self.network, state["average"])


def loss_weights(recipe: Recipe) -> dict[str, float]:
    """Return task -> factor of its loss."""
    return {task.name: task.loss_weight for task in recipe.tasks}
