"""Distillation: learn what a teacher answers, and how it gets there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sentimo.errors import RecipeError
from sentimo.train.adapt.build import adaptation_of
from sentimo.train.divergence import divergence
from sentimo.train.network import FusedNetwork, layers_of
from sentimo.train.objectives.step import RULED_OUT, Batch, Outcome, Surroundings, TaskLosses, Wrapper
from sentimo.train.precision import autocast
from sentimo.train.teacher import Lesson


class Distil(Wrapper):
    """Learn from labels and from a teacher, whose answers say more than a label does.

    ``(1 - weight) * L + weight * D + hidden * H + attention * A``. D is the divergence of the student's answers from
    the teacher's at a temperature (see `sentimo.train.divergence`), summed over tasks; rows without a label count too.
    Tasks that the teacher does not have are learnt from their labels alone, with the whole of L.
    H is the mean square difference of hidden states, the student's through a learnt linear map; A the squared
    difference of attention weights, summed over the tokens looked at; both are means over tokens and over the
    student's layers, layer j of m being matched to layer j * n / m of the teacher's n. Heads are matched one by one
    where there are as many, else their means are.

    Args:
        inner: The losses of the labels.
        around: The label spaces.
        lesson: What the teachers say, and how much each part counts.
        student: The network that learns.

    Raises:
        RecipeError: layers are to be matched and cannot be found, or those of one do not read the tokens alone.

    Source: Hinton et al. 2015, arXiv:1503.02531, section 2 (answers); Jiao et al. 2020, "TinyBERT", arXiv:1909.10351,
    eq. 7-8 and section 3.1 (layers; there raw attention scores, here the weights).
    """

    def __init__(self, inner: TaskLosses, around: Surroundings, lesson: Lesson, student: nn.Module) -> None:
        super().__init__(inner.shared(dict.fromkeys(lesson.wanted, 1 - lesson.settings.weight)), around)
        self._settings = lesson.settings
        self._wanted = dict(lesson.wanted)
        self._teacher = (lesson.network,)  # in a tuple: it is no part of this module, and not saved with it
        self._layers: list[tuple[nn.Module, nn.Module]] = []
        self.project: nn.Module = nn.Identity()
        if lesson.network is not None:
            self._match(lesson.network, student)

    def cost(self, inner: float) -> float:
        """Return the work of a step."""
        return inner + (1.0 if self._teacher[0] is not None else 0.0)

    def forward(self, model: nn.Module, batch: Batch) -> Outcome:
        """Return the loss of a batch."""
        settings = self._settings
        with self._listening() as heard:
            plain = self.inner(model, batch)
        spaces = self.around.spaces
        apart = {}
        for task, every in self._wanted.items():
            wanted = every[list(batch.rows)].to(batch.ids.device)
            answered = wanted.isfinite().all(dim=1)
            wanted = wanted.nan_to_num()
            if task in batch.unknown:
                wanted = wanted.masked_fill(batch.unknown[task], RULED_OUT)
            apart[task] = answered * divergence(spaces[task], plain.logits[task], wanted, settings.temperature)
        loss = plain.loss + settings.weight * self.total(batch, apart)
        return Outcome(loss + self._layer_loss(batch, heard), plain.logits)

    def _match(self, teacher: nn.Module, student: nn.Module) -> None:
        for who, each in (("student", student), ("teacher", teacher)):
            self._check(who, each)
        own, others = layers_of(student), layers_of(teacher)
        if not own or not others:
            raise RecipeError(
                "teacher: the layers of teacher or student cannot be found; set hidden and attention to 0"
            )
        if self._settings.attention:
            for each in (student, teacher):
                each.encoder.set_attn_implementation("eager")  # type: ignore[union-attr, operator]  # it gives weights
        for number, layer in enumerate(own, start=1):
            self._layers.append((layer, others[max(1, round(number * len(others) / len(own))) - 1]))
        widths = [int(each.encoder.config.hidden_size) for each in (student, teacher)]  # type: ignore[union-attr, arg-type]
        with torch.random.fork_rng():  # the same in every process, whatever each has drawn
            torch.manual_seed(0)
            self.project = nn.Linear(widths[0], widths[1])
        teacher.to(next(student.parameters()).device).eval()

    def _check(self, who: str, network: nn.Module) -> None:
        adapt = adaptation_of(network).name
        if isinstance(network, FusedNetwork) or adapt == "prompt":
            beside = f"adapt {adapt}" if adapt == "prompt" else "knowledge"
            raise RecipeError(
                f"teacher: the {who} has {beside}, which stands among its tokens: layers cannot be matched token by "
                "token. Set hidden and attention to 0."
            )
        if adapt == "prefix" and self._settings.attention:
            raise RecipeError(
                f"teacher: the {who} has adapt prefix, and attention to it has no match. Set attention to 0."
            )

    @contextmanager
    def _listening(self) -> Iterator[list[Any]]:
        """Write down what the student's layers give."""
        heard: list[Any] = []
        hooks = [_listen(layer, heard) for layer, _ in self._layers]
        try:
            yield heard
        finally:
            for each in hooks:
                each()

    def _layer_loss(self, batch: Batch, own: Sequence[Any]) -> Tensor:
        teacher = self._teacher[0]
        if teacher is None:
            return torch.zeros((), device=batch.ids.device)
        others: list[Any] = []
        stop = [_listen(layer, others) for layer in dict.fromkeys(layer for _, layer in self._layers)]
        try:
            with torch.no_grad(), autocast(batch.precision, batch.ids.device):
                teacher(batch.ids, batch.mask)
        finally:
            for each in stop:
                each()
        at = {layer: place for place, layer in enumerate(dict.fromkeys(layer for _, layer in self._layers))}
        settings, losses = self._settings, torch.zeros_like(batch.weight)
        for (_, layer), (hidden, attention) in zip(self._layers, own, strict=True):
            wanted_hidden, wanted_attention = others[at[layer]]
            if settings.hidden:
                gap = (self.project(hidden.float()) - wanted_hidden.float()).square().mean(dim=-1)
                losses = losses + settings.hidden * _mean(gap, batch.mask)
            if settings.attention:
                if attention is None or wanted_attention is None:
                    raise RecipeError("teacher: the layers give no attention weights to match; set attention to 0")
                one, other = attention.float(), wanted_attention.float()
                if one.shape != other.shape:
                    one, other = one.mean(dim=1, keepdim=True), other.mean(dim=1, keepdim=True)
                gap = (one - other).square().sum(dim=-1).mean(dim=1)
                losses = losses + settings.attention * _mean(gap, batch.mask)
        return (batch.weight * losses).sum() / len(self._layers)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the tokens (b, t) of each text."""
    return (values * mask).sum(dim=1) / mask.sum(dim=1)


def _listen(layer: nn.Module, heard: list[Any]) -> Any:
    """Append hidden states (b, t, d) and attention weights (b, heads, t, t) or None at a pass; return how to stop."""
    attention: list[Tensor] = []

    def write_attention(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, tuple):
            attention.extend(each for each in output[1:] if isinstance(each, Tensor) and each.ndim == 4)

    def write(module: nn.Module, inputs: Any, output: Any) -> None:
        heard.append((output[0] if isinstance(output, tuple) else output, attention[-1] if attention else None))
        attention.clear()

    hooks = [each.register_forward_hook(write_attention) for each in layer.modules() if each is not layer]
    hooks.append(layer.register_forward_hook(write))

    def stop() -> None:
        for each in hooks:
            each.remove()

    return stop
