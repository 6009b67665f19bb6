"""What a step learns from: a batch, the question asked about it, and the sum of its tasks' losses.

An objective of a step is ``(model, batch) -> Outcome``. The innermost is `TaskLosses`; methods that work on any
objective are wrappers around it (`Wrapper`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Self

import torch
from torch import Tensor, nn

from sentimo.core.labels import LabelSpace
from sentimo.train.precision import autocast

if TYPE_CHECKING:
    from sentimo.train.teacher import Lesson

RULED_OUT = -1e4  # a logit without weight in any softmax or sigmoid, and without a gradient
_LEAST = 1e-12  # norm below which a gradient has no direction


@dataclass(frozen=True)
class Batch:
    """Rows that are in memory at once.

    Attributes:
        rows: (b,) their numbers among the training rows.
        ids, mask: (b, t) token ids, and 1 where they are no padding.
        weight: (b,) weight of each row.
        targets: Task -> (b, ...), see `sentimo.train.objectives`.
        has: Task -> (b,) bool, whether the row has a target.
        unknown: Task -> (b, n_labels) bool, labels to leave out.
        precision: "fp32" or "bf16".
        shift: (b, t, e) added to the word embeddings, or None. Its unit is the length of the text: that of all its
            word embeddings as one vector, so that a shift means the same to any base and any text.
        mix: Task -> place of the row (b,) that each row is mixed with, and its own share (b,) of the mixture.
        epoch: Of the run, from 0.
    """

    rows: Sequence[int]
    ids: Tensor
    mask: Tensor
    weight: Tensor
    targets: Mapping[str, Tensor]
    has: Mapping[str, Tensor]
    unknown: Mapping[str, Tensor] = field(default_factory=dict)
    precision: str = "fp32"
    shift: Tensor | None = None
    mix: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    epoch: int = 0

    def moved(self, shift: Tensor) -> Self:
        """Return the batch with its word embeddings moved by `shift` (b, t, e); padding stays where it is."""
        shift = shift * self.mask.unsqueeze(-1)
        return replace(self, shift=shift if self.shift is None else self.shift + shift)


class Outcome(NamedTuple):
    """What an objective says about a batch: the loss, summed over its rows, and task -> logits of the plain texts."""

    loss: Tensor
    logits: Mapping[str, Tensor]


class TaskLosses(nn.Module):
    """The sum over rows and their tasks of ``factor * row weight * loss``.

    Args:
        objectives: Task -> ``(logits (n, n_labels), targets) -> losses (n,)``.
        factors: Task -> factor of its loss.
    """

    passes = 1.0

    def __init__(self, objectives: Mapping[str, nn.Module], factors: Mapping[str, float]) -> None:
        super().__init__()
        self._tasks = tuple(objectives)
        self.objectives = nn.ModuleList(objectives.values())
        self._factors = dict(factors)

    def shared(self, shares: Mapping[str, float]) -> Self:
        """Return the same sum, with the losses of the tasks that `shares` names counted by their share."""
        factors = {task: shares.get(task, 1.0) * factor for task, factor in self._factors.items()}
        return type(self)(dict(zip(self._tasks, self.objectives, strict=True)), factors)

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        logits = ask(model, batch)
        loss = torch.zeros((), device=batch.ids.device)
        for task, objective in zip(self._tasks, self.objectives, strict=True):
            has = batch.has[task]
            # Tasks without a row here still touch the graph: several processes must agree on what has a gradient.
            loss = loss + 0.0 * logits[task].sum()
            if task in batch.mix and has.any():
                loss = loss + self._factors[task] * _mixed(objective, logits[task], batch, task)
            elif has.any():
                losses = objective(logits[task][has], batch.targets[task][has])
                loss = loss + self._factors[task] * (losses * batch.weight[has]).sum()
        return Outcome(loss, logits)


def _mixed(objective: nn.Module, logits: Tensor, batch: Batch, task: str) -> Tensor:
    """Return the loss of mixed logits for the targets of both rows, summed; see `sentimo.train.objectives.mixup`."""
    has, targets, weight = batch.has[task], batch.targets[task], batch.weight
    partner, share = batch.mix[task]
    found = (share.unsqueeze(1) * logits + (1 - share).unsqueeze(1) * logits[partner])[has]
    own = objective(found, targets[has]) * (share * weight)[has]
    other = objective(found, targets[partner][has]) * ((1 - share) * weight[partner])[has]
    total: Tensor = (own + other).sum()
    return total


@dataclass(frozen=True)
class Surroundings:
    """What a wrapper may need beside the objective within.

    Attributes:
        spaces: Task -> label space.
        factors: Task -> factor of its loss.
        texts: The training texts, numbered as in `Batch.rows`.
        encode: Texts -> token ids, cut as the training texts are.
        lesson: What teachers say, or None.
        network: The network that learns.
        unlabelled: The rows without a label of any task.
    """

    spaces: Mapping[str, LabelSpace]
    factors: Mapping[str, float]
    texts: Sequence[str] = ()
    encode: Callable[[Sequence[str]], list[list[int]]] = lambda texts: []
    lesson: Lesson | None = None
    network: nn.Module | None = None
    unlabelled: Sequence[int] = ()


class Wrapper(nn.Module, ABC):
    """An objective around another one.

    Args:
        inner: The objective within.
        around: The rest.
    """

    def __init__(self, inner: nn.Module, around: Surroundings) -> None:
        super().__init__()
        self.inner, self.around = inner, around

    @property
    def passes(self) -> float:
        """Work of a step, as a multiple of one pass forwards and backwards."""
        return self.cost(float(self.inner.passes))  # type: ignore[arg-type]

    @abstractmethod
    def cost(self, inner: float) -> float:
        """Return the work of a step where the objective within takes `inner`."""

    def total(self, batch: Batch, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the sum over rows and tasks of ``factor * row weight * loss``, of task -> losses (b,)."""
        sums = [self.around.factors[task] * (batch.weight * each).sum() for task, each in losses.items()]
        return torch.stack(sums).sum()


def ask(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Return task -> logits (b, n_labels) in fp32; labels to leave out have no weight in any softmax or sigmoid."""
    with _shifted(model, batch), autocast(batch.precision, batch.ids.device):
        found = model(batch.ids, batch.mask)
    logits = {task: each.float() for task, each in found.items()}
    return logits | {task: logits[task].masked_fill(out, RULED_OUT) for task, out in batch.unknown.items()}


def embeddings_of(model: nn.Module) -> nn.Module:
    """Return the layer that turns token ids into vectors (b, t, e)."""
    network = getattr(model, "module", model)  # within what several processes wrap it in
    encoder = getattr(network, "encoder", network)
    if hasattr(encoder, "get_input_embeddings"):
        found: nn.Module = encoder.get_input_embeddings()  # type: ignore[operator]
        return found
    return next(each for each in encoder.modules() if isinstance(each, nn.Embedding))


def no_shift(model: nn.Module, batch: Batch) -> Tensor:
    """Return zeros (b, t, e) to find the gradient of the word embeddings with."""
    width = int(embeddings_of(model).weight.shape[1])  # type: ignore[index]
    return torch.zeros(*batch.ids.shape, width, device=batch.ids.device, requires_grad=True)


def movable(model: nn.Module, batch: Batch) -> Tensor:
    """Return (b, t) where there are words to move: neither padding nor the columns of what is known of a text."""
    n_columns = int(getattr(getattr(model, "module", model), "n_columns", 0))
    mask = batch.mask.clone()
    mask[:, :n_columns] = 0
    return mask


def unit(rows: Tensor) -> Tensor:
    """Return rows (b, t, e) of length 1 each; rows without a direction stay 0."""
    lengths = _length(rows)
    scale: Tensor = torch.where(lengths > _LEAST, 1.0 / lengths.clamp(min=_LEAST), 0.0)
    return scale.view(-1, 1, 1) * rows


def within(rows: Tensor, radius: float) -> Tensor:
    """Return rows (b, t, e) cut to length `radius`."""
    scale: Tensor = (radius / _length(rows).clamp(min=_LEAST)).clamp(max=1.0)
    return scale.view(-1, 1, 1) * rows


def _length(rows: Tensor) -> Tensor:
    """Return the length (b,) of each of rows (b, t, e), as one vector."""
    length: Tensor = torch.linalg.vector_norm(rows.float(), dim=(1, 2))
    return length


class Dice:
    """The random state as it was: whatever is drawn after `again` is what was drawn after the start.

    So a pass over changed embeddings drops out what the pass over the plain ones did, and what differs is the change
    (Zhu et al. 2020, arXiv:1909.11764, section 3.3).
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._state = random_state(device)

    def again(self) -> None:
        """Go back to the start."""
        set_random_state(self._state, self._device)


def random_state(device: torch.device) -> list[Tensor]:
    """Return the state of the generators that dropout draws from, that of the CPU first."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if device.type == "cuda" else [])]


def set_random_state(states: Sequence[Tensor], device: torch.device) -> None:
    """Set the generators to what `random_state` gave."""
    torch.set_rng_state(states[0])
    if len(states) > 1 and device.type == "cuda":
        torch.cuda.set_rng_state_all(states[1:])


@contextmanager
def _shifted(model: nn.Module, batch: Batch) -> Iterator[None]:
    if (shift := batch.shift) is None:
        yield
        return

    def move(layer: nn.Module, inputs: object, output: Tensor) -> Tensor:
        n = output.shape[1]
        length = _length(output.detach() * batch.mask[:, -n:].unsqueeze(-1)).view(-1, 1, 1)
        return output + (length * shift[:, -n:]).to(output.dtype)

    hook = embeddings_of(model).register_forward_hook(move)
    try:
        yield
    finally:
        hook.remove()
