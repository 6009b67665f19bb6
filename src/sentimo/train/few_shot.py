"""Few labels: before the heads learn, texts of one label are drawn together and those of others apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sentimo.core.labels import LabelSpace
from sentimo.errors import DataError, Interrupted, RecipeError, TrainingError
from sentimo.train.batching import padded
from sentimo.train.planes import PlaneFitter
from sentimo.train.precision import autocast, choose_precision
from sentimo.train.priors import prior_logits
from sentimo.train.progress import Progress
from sentimo.train.recipe import FewShot, Recipe
from sentimo.train.rows import Rows
from sentimo.train.stopping import stop_signals
from sentimo.train.weighting import row_weights

_STRENGTH = 1.0  # C of the logistic regression
_AT_ONCE = 64

Pair = tuple[str, int, int, float]
"""Task, two rows, and how alike their answers are."""


def learn_from_few(
    network: nn.Module, rows: Rows, spaces: Mapping[str, LabelSpace], recipe: Recipe, progress: Progress
) -> None:
    """Tune the encoder on pairs of rows, then fit the heads on what it says; the encoder rests from there on.

    Of a pair, the cosine c between what the task's last layer sees of both texts is drawn to how alike their answers
    are: the loss is ``(c - s)**2``, s = 1 for one label and 0 for two (several labels: the share they have in common;
    ordered labels and scores: one minus the distance). From n rows come n * n pairs, so even 8 rows per label teach for
    some hundred steps. The heads are then logistic regressions (ridge for a score), which the loop may still move. Rare
    labels count in them as the `imbalance` of the task wants. Without pairs (`pairs` 0) the encoder stays as it is,
    and so does the gate of `knowledge`: heads see the words through the projection that was drawn.

    Args:
        network: Changed in place.
        rows: The training rows.
        spaces: Task -> label space.
        recipe: With `few_shot`.
        progress: Shows what happens.

    Raises:
        DataError: a task has one label only.
        RecipeError: rows of a task do not tell all its labels apart.
        Interrupted: Ctrl-C; nothing was saved, so the run starts anew.
        TrainingError: the loss is not a number.

    Source: Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts" (SetFit), arXiv:2209.11055, section 3.
    """
    if rows.unknown:
        raise RecipeError(
            f"few_shot: not all rows of task {next(iter(rows.unknown))!r} tell all its labels apart (absent_labels "
            "unknown), and heads cannot be fitted to them. Give data with all labels, or leave few_shot out."
        )
    settings = recipe.few_shot or FewShot()
    pairs = make_pairs(rows, spaces, settings.pairs, recipe.seed)
    n = int(torch.stack([*rows.has.values()]).any(dim=0).sum())  # a teacher's texts have no labels
    resting = "" if pairs else "; the encoder rests"
    progress.note(f"few_shot: {len(pairs):,} pairs of {n} rows{resting}")
    _tune(network, rows, pairs, settings, recipe)
    _fit_heads(network, rows, spaces, recipe)
    rest(network)


def rest(network: nn.Module) -> None:
    """Stop everything from learning but the last layer of each head."""
    network.requires_grad_(False)
    for layer, _ in network.outputs().values():  # type: ignore[operator]
        layer.requires_grad_(True)


def make_pairs(rows: Rows, spaces: Mapping[str, LabelSpace], per_row: int, seed: int) -> list[Pair]:
    """Return pairs of rows of each task, in random order: per row, half with a like answer and half with another.

    Where a row has no partner of one kind, it gets more of the other.
    """
    generator = np.random.default_rng(seed)
    pairs: list[Pair] = []
    for task, space in spaces.items():
        having = torch.nonzero(rows.has[task]).flatten().numpy()
        targets = rows.targets[task][having]
        for at, row in enumerate(having.tolist()):
            alike = _likeness(targets[at], targets, space).numpy()
            other = np.arange(len(having)) != at
            near, far = np.flatnonzero(other & (alike > 0.5)), np.flatnonzero(other & (alike <= 0.5))
            if not near.size and not far.size:  # a row alone
                continue
            for kind, n in ((near if near.size else far, per_row // 2), (far if far.size else near, -(-per_row // 2))):
                drawn = generator.choice(kind, n)
                pairs += [
                    (task, row, *each) for each in zip(having[drawn].tolist(), alike[drawn].tolist(), strict=True)
                ]
    return [pairs[at] for at in generator.permutation(len(pairs))]


def _likeness(target: Tensor, others: Tensor, space: LabelSpace) -> Tensor:
    """Return (n,) how alike an answer is to n others, in [0, 1]."""
    if space.kind == "multi":
        common = others @ target
        union = others.sum(1) + target.sum() - common
        return torch.where(union > 0, common / union.clamp(min=1), 1.0)  # neither has a label: alike
    if space.range is not None:
        return 1.0 - (others - target).abs()
    if space.kind == "ordinal":
        return 1.0 - (others - target).abs().float() / max(1, len(space) - 1)
    return (others == target).float()


def _tune(network: nn.Module, rows: Rows, pairs: Sequence[Pair], settings: FewShot, recipe: Recipe) -> None:
    learning = [each for each in network.parameters() if each.requires_grad]
    if not pairs or not learning:
        return
    device = learning[0].device
    precision = choose_precision(recipe.precision, device)
    rate = settings.learning_rate or recipe.optimiser.learning_rate or 1e-4
    optimiser = torch.optim.AdamW(learning, lr=rate, weight_decay=recipe.optimiser.weight_decay)
    starts = range(0, len(pairs), settings.batch_size)
    n_steps, step = settings.epochs * len(starts), 0
    torch.manual_seed(recipe.seed)
    network.train()
    with stop_signals() as stop:
        for start in (start for _ in range(settings.epochs) for start in starts):
            for group in optimiser.param_groups:  # a tenth to rise, then down to 0
                group["lr"] = rate * min((step + 1) / max(1.0, 0.1 * n_steps), (n_steps - step) / n_steps)
            with autocast(precision, device):
                loss = _loss(network, rows, pairs[start : start + settings.batch_size])
            if not loss.isfinite():
                raise TrainingError(
                    f"few_shot: the loss became {loss.item()} at step {step + 1}; lower its learning_rate"
                )
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learning, recipe.optimiser.clip_norm)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            if stop.is_set():
                raise Interrupted(f"stopped at pair step {step} of {n_steps}; nothing was saved")


def _loss(network: nn.Module, rows: Rows, pairs: Sequence[Pair]) -> Tensor:
    """Return the mean squared difference of cosine and likeness."""
    chosen = [row for _, one, other, _ in pairs for row in (one, other)]
    seen = _seen(network, rows, chosen)
    losses = []
    for task in dict.fromkeys(task for task, *_ in pairs):
        own = [number for number, pair in enumerate(pairs) if pair[0] == task]
        one, other = (seen[task][[2 * number + side for number in own]].float() for side in (0, 1))
        alike = torch.tensor([pairs[number][3] for number in own], device=one.device)
        losses.append((nn.functional.cosine_similarity(one, other) - alike) ** 2)
    return torch.cat(losses).mean()


def _fit_heads(network: nn.Module, rows: Rows, spaces: Mapping[str, LabelSpace], recipe: Recipe) -> None:
    network.eval()
    parts: dict[str, list[Tensor]] = {task: [] for task in spaces}
    with torch.no_grad():
        for start in range(0, len(rows), _AT_ONCE):
            found = _seen(network, rows, range(start, min(start + _AT_ONCE, len(rows))))
            for task, each in found.items():
                parts[task].append(each.float().cpu())
    imbalance = {task.name: task.imbalance for task in recipe.tasks}
    for task, space in spaces.items():
        has = rows.has[task].numpy()
        matrix = torch.cat(parts[task]).numpy()[has]
        targets = _as_given(rows.targets[task][rows.has[task]], space)
        weight = rows.weight.numpy()[has].astype(np.float64)
        if imbalance[task] in ("weights", "sampling"):
            weight *= row_weights(space, targets)
        try:
            planes = PlaneFitter("logistic", _STRENGTH).fit(space, matrix, targets, weight)
        except DataError as error:
            raise DataError(f"few_shot, task {task!r}: {error}") from error
        slopes, biases = planes
        if imbalance[task] == "logit-adjustment":  # the loop puts it before the logits
            biases = biases - prior_logits(space, targets)
        layer, part = network.outputs()[task]  # type: ignore[operator]
        for value, plane in ((layer.weight, slopes), (layer.bias, biases)):
            value.data[part] = torch.tensor(plane, dtype=value.dtype, device=value.device)


def _as_given(targets: Tensor, space: LabelSpace) -> list[Any]:
    if space.kind == "multi":
        return [tuple(torch.nonzero(each).flatten().tolist()) for each in targets]
    if space.range is not None:
        low, high = space.range
        return (low + (high - low) * targets).tolist()
    return targets.tolist()


def _seen(network: nn.Module, rows: Rows, chosen: Sequence[int] | range) -> dict[str, Tensor]:
    """Return task -> what the task's last layer sees of each row (b, d)."""
    ids, mask = padded([rows.ids[row] for row in chosen], next(network.parameters()).device)
    with _watched(network) as found:
        network(ids, mask)
    return {task: found[layer] for task, (layer, _) in network.outputs().items()}  # type: ignore[operator]


@contextmanager
def _watched(network: nn.Module) -> Iterator[dict[nn.Module, Tensor]]:
    """Keep what the last layers are given."""
    found: dict[nn.Module, Tensor] = {}

    def keep(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        found[layer] = given[0]

    layers = {layer for layer, _ in network.outputs().values()}  # type: ignore[operator]
    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
