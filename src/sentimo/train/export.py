"""From torch to ONNX: one graph with encoder and heads, proven to answer as the network did."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor, nn

from sentimo.core.bundle import SAFE_ENDINGS
from sentimo.core.predictions import Predictions
from sentimo.engine.backends.onnx import ATTENTION, GRAPH
from sentimo.engine.knowledge import N_COLUMNS
from sentimo.errors import TrainingError
from sentimo.train.encoder import Base
from sentimo.train.network import FusedNetwork, HeadedNetwork

OPSET = 18
_EXTERNAL_FROM = 1_900_000_000  # bytes of weights; one protobuf file holds 2 GiB at most

SAME_LABELS, SAME_SCORES = 0.999, 1e-4
"""Share of rows whose labels must agree, and the largest difference of a score, before a graph is kept."""


class _Listed(nn.Module):
    """The network with its outputs as a tuple: logits per task, then attention weights of the heads that have them."""

    def __init__(self, network: nn.Module, tasks: Sequence[str]) -> None:
        super().__init__()
        self.network, self.tasks = network, tuple(tasks)
        self.weighing = network.weighing if isinstance(network, HeadedNetwork) else ()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        if not self.weighing:
            logits = self.network(input_ids, attention_mask)
            return tuple(logits[task] for task in self.tasks)
        logits, weights = self.network.read(input_ids, attention_mask)  # type: ignore[operator]
        return (*(logits[task] for task in self.tasks), *(weights[task] for task in self.weighing))


def export_onnx(network: nn.Module, folder: Path, tasks: Sequence[str]) -> None:
    """Write ``model.onnx``: inputs ``input_ids`` and ``attention_mask`` (b, t) int64, one output of logits per task.

    A head that weighs tokens has a second output, ``<task>.attention`` (b, t). Weights of 1.9 GB and
    more lie beside the graph in ``model.onnx.data``.

    Raises:
        TrainingError: this encoder cannot be exported.
    """
    listed = _Listed(network.cpu().eval(), tasks)
    n_bytes = sum(each.numel() * each.element_size() for each in network.parameters())
    n = 7 + (N_COLUMNS if isinstance(network, FusedNetwork) else 0)
    ids = torch.ones(2, n, dtype=torch.int64)
    mask = torch.tensor([[1] * n, [1] * (n - 2) + [0] * 2])
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                listed,
                (ids, mask),
                input_names=["input_ids", "attention_mask"],
                output_names=[*tasks, *(task + ATTENTION for task in listed.weighing)],
                dynamic_shapes=(dynamic, dynamic),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
            assert program is not None  # None is for the old exporter
            ClearMetadataAndDocStringPass()(program.model)  # source lines with paths of this machine, at every node
            program.save(folder / GRAPH, external_data=n_bytes >= _EXTERNAL_FROM)
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(f"the model cannot be exported to ONNX: {reason}") from error


def save_tokenizer(base: Base, folder: Path) -> None:
    """Write the tokenizer in the Hugging Face layout, without files of kinds that a bundle refuses."""
    base.tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        if path.suffix not in SAFE_ENDINGS:
            path.unlink()


def check_parity(expected: Predictions, found: Predictions) -> dict[str, dict[str, float]]:
    """Compare the answers of the graph with those of the network.

    Args:
        expected: The network's answers.
        found: The graph's, to the same texts.

    Returns:
        Task -> share of rows with the same answer, and the largest difference of a score (of the range, for a score).

    Raises:
        TrainingError: fewer than 99.9 % of the labels agree, or a score is more than 1e-4 apart.
    """
    measured = {}
    for task, scores in expected.tasks.items():
        other = found.tasks[task]
        low, high = scores.space.range or (0.0, 1.0)
        gaps = np.abs(scores.scores - other.scores)[np.isfinite(scores.scores)]  # not finite: a text without answer
        gap = gaps.max(initial=0.0) / (high - low)
        pairs = list(zip(scores.decide(), other.decide(), strict=True))
        same = 1.0 if scores.space.kind == "score" else sum(a == b for a, b in pairs) / max(1, len(pairs))
        measured[task] = {"same_labels": round(same, 6), "largest_difference": float(f"{gap:.3g}")}
        if same < SAME_LABELS or not gap <= SAME_SCORES:  # a gap that is not a number is too large
            raise TrainingError(
                f"the exported graph answers task {task!r} differently: {same:.4%} of the labels agree (needed: "
                f"{SAME_LABELS:.1%}), scores differ by up to {gap:.2g} (allowed: {SAME_SCORES:g}). The model was not "
                "saved."
            )
    return measured


@contextmanager
def _quiet() -> Any:
    """Keep the exporter from printing its own log."""
    names = ("torch.onnx", "onnxscript", "onnx_ir")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
