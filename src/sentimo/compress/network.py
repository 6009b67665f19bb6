"""Bundles whose torch network is opened, changed and exported anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from sentimo.compress.derive import derive, open_draft, plain_manifest
from sentimo.compress.material import Material, NotPossible
from sentimo.core.bundle import TORCH_WEIGHTS, Bundle
from sentimo.core.manifest import Manifest
from sentimo.core.predictions import ModelId
from sentimo.engine.knowledge import knowledge_of
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.report import evaluate
from sentimo.train.backend import network_backend
from sentimo.train.encoder import Base, open_base
from sentimo.train.export import check_parity, export_onnx
from sentimo.train.network import load_network

Edit = Callable[[nn.Module, Base], nn.Module]
"""(network, its base) -> the network to export; may change the one given."""


def open_network(bundle: Bundle) -> tuple[nn.Module, Base]:
    """Return the torch network of a bundle, in evaluation mode, and its base.

    Raises:
        NotPossible: the bundle holds no torch weights.
    """
    if TORCH_WEIGHTS not in bundle.files:
        raise NotPossible(
            f"the bundle has no torch weights ({TORCH_WEIGHTS}); start from the model that training saved"
        )
    base = replace(open_base(str(bundle.path)), knowledge=knowledge_of(bundle))
    return load_network(base, {task.name: task.space for task in bundle.manifest.tasks}), base


def derive_network(source: Bundle, target: Path, material: Material, edit: Edit, *, loadable: bool = True) -> Bundle:
    """Write the bundle of a changed network, its graph proven to answer as the network does.

    Args:
        source: The bundle.
        target: Folder to make.
        material: Its texts are those the proof is made on.
        edit: Changes the network.
        loadable: Whether transformers can load the changed network; its torch weights are left out otherwise.
    """
    torch.manual_seed(material.seed)
    network, base = open_network(source)
    network = edit(network, base).eval()

    def change(folder: Path) -> Manifest:
        manifest = plain_manifest(source)
        if loadable:
            network.save(folder)  # type: ignore[operator]
        export_onnx(network, folder, [task.name for task in manifest.tasks])
        texts = material.texts[:200] or list(source.probes().texts)
        check_parity(predictor_of(network, base, source).predict(texts), open_draft(folder, manifest).predict(texts))
        return manifest

    return derive(source, target, change, keep_torch_weights=loadable)


def predictor_of(network: nn.Module, base: Base, source: Bundle) -> Predictor:
    """Return a predictor over a network in torch, with the calibration of the bundle it came from."""
    manifest = source.manifest
    return Predictor(network_backend(network, base, manifest.max_tokens), manifest.tasks, ModelId(manifest.name, ""))


def main_figure(network: nn.Module, base: Base, source: Bundle, material: Material) -> float:
    """Return the mean over the tasks of the main figure on the labelled rows."""
    report = evaluate(predictor_of(network, base, source), material.rows, n_bootstrap=0)
    return sum(each.figures[each.main].value for each in report.tasks.values()) / len(report.tasks)


def most_tolerated(
    amounts: list[int],
    cut: Callable[[int], nn.Module],
    base: Base,
    source: Bundle,
    material: Material,
) -> int:
    """Return the largest amount whose network keeps the main figure within `material.max_drop` points; 0 if none does.

    Args:
        amounts: What may be taken away, from little to much; the first that costs too much ends the search.
        cut: Amount -> the network without it, a copy.
        base, source, material: As above.
    """
    network, _ = open_network(source)
    least = main_figure(network, base, source, material) - material.max_drop / 100
    tolerated = 0
    for amount in amounts:
        if main_figure(cut(amount), base, source, material) < least:
            break
        tolerated = amount
    return tolerated
