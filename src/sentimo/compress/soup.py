"""Model soups: the weights of several trained models averaged into one, which costs what one member costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sentimo.compress.derive import derive, open_draft, plain_manifest
from sentimo.compress.network import open_network
from sentimo.core.bundle import HEADS_CONFIG, LEXICON, TORCH_WEIGHTS, Bundle, check_target
from sentimo.core.documents import Example
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.cascade import SETTING as CASCADE
from sentimo.engine.knowledge import KNOWLEDGE, RULES
from sentimo.engine.networks import NETWORKS
from sentimo.engine.predictor import Predictor
from sentimo.errors import InputError
from sentimo.text.normalise import folded
from sentimo.train.backend import network_backend
from sentimo.train.calibrate import ask, dev_figures
from sentimo.train.encoder import Base
from sentimo.train.ensemble import (
    CARD,
    RECORD,
    Ensemble,
    ask_members,
    check_differ,
    contest_card,
    crossfitted,
    digest_of,
    fit_task,
    member_names,
)
from sentimo.train.export import check_parity, export_onnx
from sentimo.train.folds import text_folds
from sentimo.train.judged import Contest, contest
from sentimo.train.marks import PARTS, Marks, without_learnt

SOUPS = ("soup", "greedy-soup")

Weights = Mapping[str, Tensor]
Rows = Mapping[str, Sequence[Example]]

_FREE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "id2label", "label2id", "problem_type")
# Files about the first member's own run. Its recipe names rows that judge; other members may have learnt them.
_LEFT_BEHIND = ("report.json", "metrics.jsonl", "recipe.yaml", PARTS, RECORD)


@dataclass(frozen=True)
class _Member:
    name: str
    bundle: Bundle
    weights: Weights


def build_soup(
    models: Sequence[str | Path],
    output: str | Path,
    dev: Rows,
    *,
    combine: str = "soup",
    seed: int = 13,
    overwrite: bool = False,
    show: Callable[[str], None] = lambda sentence: None,
) -> Ensemble:
    """Average the weights of models that were fine-tuned from one base, calibrate the result, and judge it.

    "soup" averages all. "greedy-soup" begins with the best model and takes in one after another, best first, where the
    average does not fall behind on the dev rows (main figure, mean over the tasks). Half of the dev rows choose then,
    and only the other half judges.

    Args:
        models: Model folders, two or more, with torch weights of one architecture over one tokenizer.
        output: Folder to make; one model like each of them, with a graph of its own.
        dev: Task -> labelled rows, for every task; those that a member was trained on are left out.
        combine: "soup" or "greedy-soup".
        seed, overwrite, show: See `build_ensemble`.

    Raises:
        InputError: the models have no weights that could be averaged, or a task has no dev rows.
        DataError: members were trained on all rows of a task.
        BundleError: a member cannot be opened, or `output` is taken.

    Source: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy
        without increasing inference time", arXiv:2203.05482, section 2 and recipe 1.
    """
    if combine not in SOUPS:
        raise InputError(f"combine {combine!r} is no soup; choose {' or '.join(SOUPS)}")
    output = Path(output)
    check_target(output, overwrite=overwrite, read=models)
    names = member_names(models)
    bundles = [Bundle.open(each) for each in models]
    check_differ(models, [each.digest for each in bundles])
    _check_alike(names, bundles)
    if missing := [task.name for task in bundles[0].manifest.tasks if task.name not in dev]:
        raise InputError(f"no dev rows for task {', '.join(missing)}; a soup is calibrated anew in every task")
    dev, learnt = without_learnt(dev, models)
    network, base = open_network(bundles[0])
    members = []
    for name, each in zip(names, bundles, strict=True):
        show(f"reading the weights of {name}")
        members.append(_Member(name, each, _weights(network, open_network(each)[0], name)))
    choosing: Rows
    judging: Rows
    choosing, judging = _halves(dev, seed) if combine == "greedy-soup" else ({}, dev)
    chosen = _greedy(members, network, base, choosing, show) if combine == "greedy-soup" else members
    _pour(network, chosen)
    told = f"Averaged: {', '.join(each.name for each in chosen)}; one model, as fast as each"
    if len(chosen) == 1:
        told = f"No average was as good as {chosen[0].name} alone on the rows that chose: this is that model"
    notes = [told, *learnt, *_caution(bundles)]
    opened = [Predictor.load(each.path) for each in bundles]
    soup = _uncalibrated(bundles[0], network, base)
    tasks = {task.name: task.space for task in bundles[0].manifest.tasks}
    material = ask_members([*names, output.name], [*opened, soup], tasks, judging, show)
    contests = {}
    for name, said in material.items():
        fitted = [crossfitted(said.alone(place), "mean", seed) for place in range(len(names) + 1)]
        contests[name] = contest(names, fitted[:-1], fitted[-1], seed=seed)
    every = ask_members([output.name], [soup], tasks, dev)
    specs = tuple(fit_task(every[name], "mean", seed)[1] for name in tasks)
    show("exporting and comparing with the network")
    made = _provenance(combine, chosen, dev, seed)
    bundle = _write(
        network,
        base,
        bundles[0],
        specs,
        contests,
        notes,
        output,
        made,
        _texts(dev),
        _learnt(chosen),
        overwrite=overwrite,
    )
    return Ensemble(bundle, combine, contests, tuple(notes))


def average(weights: Sequence[Weights]) -> dict[str, Tensor]:
    """Return the mean of each weight, summed in float64; counters and other whole numbers are those of the first."""
    found = {}
    for name, first in weights[0].items():
        if first.is_floating_point():
            total = sum((each[name].double() for each in weights), torch.zeros_like(first, dtype=torch.float64))
            found[name] = (total / len(weights)).to(first.dtype)
        else:
            found[name] = first
    return found


def _check_alike(names: Sequence[str], bundles: Sequence[Bundle]) -> None:
    """Raise InputError unless the weights of all bundles mean the same: same tasks, tokens and architecture."""
    for name, each in zip(names, bundles, strict=True):
        if TORCH_WEIGHTS not in each.files:
            raise InputError(
                f"{name} ({each.manifest.backend}) holds no torch weights ({TORCH_WEIGHTS}) to average; a soup is made "
                "of models as `sentimo train` saves them. Combine answers instead: --combine weighted"
            )
    wanted = _shape(bundles[0])
    for name, each in zip(names[1:], bundles[1:], strict=True):
        found = _shape(each)
        if other := [what for what, value in wanted.items() if found[what] != value]:
            raise InputError(
                f"{name} and {names[0]} differ in {', '.join(other)}; only models of one architecture, over the same "
                "tokens and labels, have weights that can be averaged. Combine answers instead: --combine weighted"
            )


def _shape(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    config = json.loads(bundle.file("config.json").read_text("utf-8"))
    heads = json.loads(bundle.file(HEADS_CONFIG).read_text("utf-8")) if HEADS_CONFIG in bundle.files else None
    vocabulary = json.loads(bundle.file("tokenizer.json").read_text("utf-8"))
    return {
        "tasks": [(task.name, task.space.labels, task.space.kind, task.space.range) for task in manifest.tasks],
        "architecture": {name: value for name, value in config.items() if name not in _FREE and "drop" not in name},
        "heads": _without_dropout(heads),
        "tokens": [vocabulary.get("model"), *(manifest.settings.get(each) for each in ("prefix", "suffix", "pad_id"))],
        "max_tokens": manifest.max_tokens,
        "lexicon": [
            json.loads(bundle.file(LEXICON).read_text("utf-8")) if LEXICON in bundle.files else None,
            *(manifest.settings.get(each) for each in (RULES, KNOWLEDGE)),
        ],
    }


def _without_dropout(heads: Any) -> Any:
    if heads is None:
        return None
    return {task: {key: value for key, value in each.items() if key != "dropout"} for task, each in heads.items()}


def _weights(network: nn.Module, other: nn.Module, name: str) -> Weights:
    wanted, found = network.state_dict(), other.state_dict()
    if {key: value.shape for key, value in wanted.items()} != {key: value.shape for key, value in found.items()}:
        raise InputError(f"{name} has weights of other names or shapes than the first model; they cannot be averaged")
    return {key: value.clone() for key, value in found.items()}


def _pour(network: nn.Module, members: Sequence[_Member]) -> None:
    network.load_state_dict(average([each.weights for each in members]))
    network.eval()


def _greedy(
    members: Sequence[_Member], network: nn.Module, base: Base, rows: Rows, show: Callable[[str], None]
) -> list[_Member]:
    """Return the members of the greedy soup, in the order they were taken in."""

    def figure(some: Sequence[_Member]) -> float:
        _pour(network, some)
        return dev_figures(ask(_uncalibrated(some[0].bundle, network, base), rows), "main")["main"]

    alone = {each.name: figure([each]) for each in members}
    first, *others = sorted(members, key=lambda each: -alone[each.name])
    chosen, best = [first], alone[first.name]
    for each in others:
        found = figure([*chosen, each])
        show(f"with {each.name}: {found:.4f}, before {best:.4f}")
        if found >= best:
            chosen, best = [*chosen, each], found
    return chosen


def _uncalibrated(bundle: Bundle, network: nn.Module, base: Base) -> Predictor:
    specs = [TaskSpec(task.name, task.space) for task in bundle.manifest.tasks]
    return Predictor(network_backend(network, base, bundle.manifest.max_tokens), specs, ModelId("soup", ""))


def _halves(dev: Rows, seed: int) -> tuple[dict[str, list[Example]], dict[str, list[Example]]]:
    """Split the rows in two that share no text, in the same way for all tasks."""
    keys = sorted({folded(each.document.text) for rows in dev.values() for each in rows})
    first = {keys[place] for place in text_folds(keys, 2, seed)[0]}
    halves: tuple[dict[str, list[Example]], dict[str, list[Example]]] = ({}, {})
    for task, rows in dev.items():
        for each in rows:
            halves[folded(each.document.text) not in first].setdefault(task, []).append(each)
    if any(len(half) < len(dev) for half in halves):
        raise InputError("the dev rows are too few to choose with one half and to judge by the other; give more")
    return halves


def _texts(dev: Rows) -> list[str]:
    return list(dict.fromkeys(each.document.text for rows in dev.values() for each in rows))


def _caution(bundles: Sequence[Bundle]) -> list[str]:
    bases = {str(each.manifest.provenance.get("base")) for each in bundles}
    if len(bases) > 1 or bases & set(NETWORKS):
        return [
            f"The members started from {', '.join(sorted(bases))}: averages help where models were fine-tuned from the "
            "same weights; others lie too far apart"
        ]
    return []


def _learnt(members: Sequence[_Member]) -> Marks | None:
    """Return the marks of what any member has learnt, None where one does not tell."""
    found = [Marks.read(each.bundle.path) for each in members]
    told = [each.learnt for each in found if each is not None]
    return Marks(set().union(*told)) if len(told) == len(found) else None


def _provenance(combine: str, chosen: Sequence[_Member], dev: Rows, seed: int) -> dict[str, Any]:
    return {
        "combine": combine,
        "members": [f"{each.bundle.manifest.name} {each.bundle.digest}" for each in chosen],
        "rows": {name: len(rows) for name, rows in dev.items()},
        "data": digest_of(dev),
        "seed": seed,
    }


def _write(
    network: nn.Module,
    base: Base,
    source: Bundle,
    specs: tuple[TaskSpec, ...],
    contests: Mapping[str, Contest],
    notes: Sequence[str],
    output: Path,
    made: Mapping[str, Any],
    texts: Sequence[str],
    marks: Marks | None,
    *,
    overwrite: bool,
) -> Bundle:
    def change(folder: Path) -> Manifest:
        old = plain_manifest(source)
        provenance = {**({"base": old.provenance["base"]} if "base" in old.provenance else {}), **made}
        settings = {name: value for name, value in old.settings.items() if name != CASCADE}  # its bounds: one member's
        manifest = replace(old, name=output.name, tasks=specs, settings=settings, provenance=provenance)
        for name in _LEFT_BEHIND:
            (folder / name).unlink(missing_ok=True)
        if marks is not None:
            (folder / PARTS).write_text(marks.to_json(), "utf-8")
        network.save(folder)  # type: ignore[operator]
        export_onnx(network, folder, [task.name for task in specs])
        by_network = Predictor(network_backend(network, base, manifest.max_tokens), specs, ModelId(output.name, ""))
        some = list(texts[:200])
        check_parity(by_network.predict(some), open_draft(folder, manifest).predict(some))
        record = {"tasks": {name: each.to_dict() for name, each in contests.items()}, "notes": list(notes)}
        (folder / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
        about = f"One model whose weights are the average of {len(made['members'])} ({made['combine']})"
        (folder / CARD).write_text(contest_card(manifest, about, contests, notes), "utf-8")
        return manifest

    return derive(source, output, change, keep_torch_weights=True, overwrite=overwrite)
