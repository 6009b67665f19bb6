"""Teach a changed network the answers of the original, on texts without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from sentimo.compress.material import Material
from sentimo.compress.network import open_network
from sentimo.core.bundle import Bundle
from sentimo.core.labels import LabelSpace
from sentimo.engine.batching import batches
from sentimo.errors import TrainingError
from sentimo.train.batching import epoch_batches, padded
from sentimo.train.divergence import divergence
from sentimo.train.encoder import Base
from sentimo.train.optim import default_learning_rate

BATCH_SIZE = 32

_WARM_UP, _CLIP_NORM = 0.06, 1.0


def distil(
    student: nn.Module,
    teacher: nn.Module,
    base: Base,
    spaces: Mapping[str, LabelSpace],
    texts: Sequence[str],
    *,
    max_tokens: int,
    seed: int,
    pace: float = 1.0,
    show: Callable[[int, int], None] = lambda done, steps: None,
) -> None:
    """Train the student for one epoch to give the teacher's logits, in place.

    The loss is the sum over the tasks of `distance`. AdamW at the default rate of fine-tuning times `pace`, warmed up
    over 6 % of the steps, then linear to 0; no dropout, since what is to be matched is one function, not a noisy label.

    Args:
        student: What learns.
        teacher: What is asked, in evaluation mode; its weights stay.
        base: Tokenizer of both.
        spaces: Task -> label space.
        texts: Texts to learn from.
        max_tokens: Texts are cut to it.
        seed: Of the order.
        pace: Factor of the learning rate: 1 after a cut, less where the student is close to the teacher already.
        show: Told the steps done and all steps.

    Source: Hinton et al. 2015, arXiv:1503.02531, at temperature 1.
    """
    torch.manual_seed(seed)
    ids = base.encode(texts, max_tokens)
    wanted = _asked(teacher, ids)
    plan = epoch_batches([len(row) for row in ids], BATCH_SIZE, seed, 0)
    rate = pace * default_learning_rate("adamw", base.width)
    optimiser = torch.optim.AdamW((each for each in student.parameters() if each.requires_grad), lr=rate)
    warmup = max(1, round(_WARM_UP * len(plan)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warmup, (len(plan) - step) / max(1, len(plan) - warmup), 1.0)
    )
    student.eval()
    for step, batch in enumerate(plan):
        logits = student(*padded([ids[row] for row in batch], torch.device("cpu")))
        loss = sum((distance(spaces[task], logits[task], wanted[task][batch]) for task in spaces), torch.zeros(()))
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss became {loss.item()} at step {step + 1} of distillation")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(student.parameters(), _CLIP_NORM)
        optimiser.step()
        schedule.step()
        show(step + 1, len(plan))


def distil_for(student: nn.Module, source: Bundle, base: Base, material: Material, *, pace: float = 1.0) -> None:
    """Teach a changed network the answers of the bundle it was made from, on training texts drawn from the material."""
    teacher, _ = open_network(source)
    manifest = source.manifest
    spaces = {task.name: task.space for task in manifest.tasks}
    order = torch.randperm(len(material.train), generator=torch.Generator().manual_seed(material.seed)).tolist()
    distil(
        student,
        teacher,
        base,
        spaces,
        [material.train[at] for at in order[: material.most_train]],
        max_tokens=manifest.max_tokens,
        seed=material.seed,
        pace=pace,
        show=material.step,
    )


def distance(space: LabelSpace, found: Tensor, wanted: Tensor) -> Tensor:
    """Return how far a student's logits are from the teacher's, averaged over rows; 0 where they give the same scores.

    Single and ordinal: KL divergence of the softmax. Multi: KL divergence of the sigmoid of each label, summed. Score:
    squared difference of the sigmoids.

    Shape:
        found, wanted (b, n_labels). Result: scalar.
    """
    labels = len(space) if space.kind == "multi" else 1
    return divergence(space, found, wanted).mean() * labels


@torch.no_grad()
def _asked(teacher: nn.Module, ids: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    """Return task -> logits (n_texts, n_labels) of the teacher."""
    found: dict[str, Tensor] = {}
    for batch in batches([len(row) for row in ids], 2048, 64):
        for task, logits in teacher(*padded([ids[row] for row in batch], torch.device("cpu"))).items():
            found.setdefault(task, torch.empty(len(ids), logits.shape[1]))[batch] = logits
    return found
