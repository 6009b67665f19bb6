"""Start where the labels are: output biases at the log-odds of the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentimo.core.documents import Example, Target
from sentimo.core.labels import LabelSpace
from sentimo.evaluate.calibration import multi_hot


def start_from_priors(
    network: nn.Module, spaces: Mapping[str, LabelSpace], rows: Mapping[str, Sequence[Example]]
) -> None:
    """Set the biases of a new network so that it starts by answering how frequent each label is.

    A bias moves by about the learning rate a step. One of a rare label that starts at 0 needs thousands of steps to
    get to where "hardly ever" lies, and until then drowns what its words say.

    Args:
        network: With `outputs`, as `build_network` makes it.
        spaces: Task -> label space.
        rows: Task -> training rows; a task that is absent starts at 0.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", arXiv:1708.02002, section 4.1.
    """
    for task, (layer, place) in network.outputs().items():  # type: ignore[operator]
        if layer.bias is None or task not in rows:
            continue
        targets = [each.targets[task] for each in rows[task]]
        found = prior_logits(spaces[task], targets, rows_telling(spaces[task], task, rows[task]))
        start = torch.from_numpy(found).to(layer.bias)
        with torch.no_grad():
            layer.bias[place] = start


def rows_telling(space: LabelSpace, task: str, rows: Sequence[Example]) -> NDArray[np.int64]:
    """Return (n_labels,) how many rows are of data sets that tell a label apart (`Example.among`)."""
    among = [each.among[task] for each in rows if task in each.among]
    found = np.full(len(space), len(rows) - len(among), dtype=np.int64)
    for labels in among:
        found[list(labels)] += 1
    return found


def prior_logits(
    space: LabelSpace, targets: Sequence[Target], telling: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Return (n_labels,) log-probabilities (multi-label and score: log-odds), every label counted once more.

    Args:
        space: The labels.
        targets: (n,) of the rows.
        telling: (n_labels,) see `rows_telling`; by default all n.
    """
    if space.range is not None:
        low, high = space.range
        mean = (float(np.mean(np.array(targets, dtype=np.float64))) - low) / (high - low)
        mean = min(max(mean, 0.01), 0.99)
        return np.array([np.log(mean / (1 - mean))], dtype=np.float32)
    n = len(targets) if telling is None else telling
    per_label = multi_hot(space, targets).sum(axis=0)
    if space.kind == "multi":
        return np.asarray(np.log((per_label + 1) / (n - per_label + 1)), dtype=np.float32)
    return np.asarray(np.log((per_label + 1) / (n + len(space))), dtype=np.float32)
