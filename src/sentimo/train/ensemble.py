"""Ensembles from trained models: combined and calibrated on dev rows, judged beside their members, one bundle."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import MANIFEST, PROBE_TEXTS, Bundle, Probes, check_target, write_bundle
from sentimo.core.documents import Example, Target
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.data.bases import SHORT_NAMES
from sentimo.engine.backends.ensemble import EnsembleBackend
from sentimo.engine.base_weights import find_base
from sentimo.engine.calibration import calibrated, logits_of
from sentimo.engine.ensemble import (
    METHODS,
    SETTING,
    Combination,
    label_order,
    member_cuts,
    member_scores,
    shared_tasks,
)
from sentimo.engine.predictor import Predictor
from sentimo.errors import InputError, did_you_mean
from sentimo.text.normalise import folded
from sentimo.train.calibrate import Answers, fit_specs
from sentimo.train.combine import fit_combination
from sentimo.train.folds import text_folds
from sentimo.train.judged import Contest, Judged, contest, seconds_of
from sentimo.train.marks import MEMBERS, without_learnt

N_FOLDS = 5
CARD, RECORD = "README.md", "ensemble.json"

Rows = Mapping[str, Sequence[Example]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ensemble:
    """What was made, and what it is worth.

    Attributes:
        bundle: Where it lies.
        combine: How the members are combined.
        contests: Task -> members and ensemble on its dev rows; tasks without dev rows are missing.
        notes: What else should be known, in sentences.
    """

    bundle: Bundle
    combine: str
    contests: Mapping[str, Contest]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "combine": self.combine,
            "digest": self.bundle.digest,
            "tasks": {name: each.to_dict() for name, each in self.contests.items()},
            "notes": list(self.notes),
        }


class Material(NamedTuple):
    """What members say of the labelled rows of a task.

    Attributes:
        name, space: The task.
        scores: (n_members, n, n_labels), of the rows that at least one member answered.
        cuts: (n_members, n_labels), see `member_cuts`.
        targets: (n,) the truth.
        keys: (n,) folded texts; rows with one key are never on both sides of a split.
    """

    name: str
    space: LabelSpace
    scores: Floats
    cuts: Floats
    targets: list[Target]
    keys: list[str]

    def take(self, rows: Sequence[int]) -> Material:
        """Return some of the rows."""
        targets, keys = [self.targets[row] for row in rows], [self.keys[row] for row in rows]
        return self._replace(scores=self.scores[:, list(rows)], targets=targets, keys=keys)

    def alone(self, member: int) -> Material:
        """Return what one member says."""
        return self._replace(scores=self.scores[[member]], cuts=self.cuts[[member]])


def build_ensemble(
    models: Sequence[str | Path],
    output: str | Path,
    dev: Rows,
    *,
    combine: str = "weighted",
    seed: int = 13,
    rounds: int = 5,
    overwrite: bool = False,
    show: Callable[[str], None] = lambda sentence: None,
) -> Ensemble:
    """Combine trained models into one bundle, calibrated on labelled rows, and judge it beside its members.

    What is learnt - weights, stack, temperature, thresholds - is learnt on all rows for the bundle. The figures are
    those of rows that taught nothing: the rows are dealt into five folds, and each is answered by what was learnt on
    the other four. Members stand on equal ground: their temperatures and thresholds are fitted anew in the same way.

    Args:
        models: Model folders, two or more, of any backend.
        output: Folder to make.
        dev: Task -> labelled rows; those that a member was trained on, as far as its folder tells, are left out.
            Members are combined by mean, without calibration, in a task that has none.
        combine: "mean", "weighted", "vote" or "stack", see `Combination`.
        seed: Of the folds and of the bootstrap.
        rounds: Rounds of timing.
        overwrite: Replace a model that is already there.
        show: Told what is done next.

    Raises:
        InputError: too few models, no such method, or members that do not share their labels.
        DataError: members were trained on all rows of a task.
        BundleError: a member cannot be opened, or `output` is taken.
    """
    if combine not in METHODS:
        raise InputError(f"combine {combine!r} is not known.{did_you_mean(combine, METHODS, _choose(METHODS))}")
    output = Path(output)
    check_target(output, overwrite=overwrite, read=models)
    dev, learnt = without_learnt(dev, models)
    for name, rows in dev.items():
        if len({str(each.targets[name]) for each in rows}) < 2:
            raise InputError(f"--dev: all rows of task {name!r} have the same label; two different ones are needed")
    members = open_members(models)
    names = member_names(models)
    tasks = shared_tasks([(name, each.tasks) for name, each in zip(names, members, strict=True)])
    notes = [*learnt, *_left_out(names, members, tasks)]
    material = ask_members(names, members, tasks, {name: rows for name, rows in dev.items() if name in tasks}, show)
    combinations, specs = {}, []
    contests: dict[str, Contest] = {}
    texts = list(dict.fromkeys(each.document.text for rows in dev.values() for each in rows))
    for name, space in tasks.items():
        if name not in material:
            notes.append(f"{name} has no dev rows: its members are combined by mean, and nothing is calibrated")
            combinations[name] = Combination("mean")
            specs.append(TaskSpec(name, space, thresholds=_mean_cuts(space, members, name)))
            continue
        show(f"{name}: combining on {len(material[name].targets)} rows")
        combinations[name], spec = fit_task(material[name], combine, seed)
        specs.append(spec)
        contests[name] = judge(material[name], names, combine, seed)
    backend = EnsembleBackend(members, specs, combinations)
    ensemble = Predictor(backend, specs, ModelId(output.name, ""))
    show("timing members and ensemble")
    seconds = seconds_of([*members, ensemble], texts, rounds=rounds) if texts else []
    contests = {name: replace(each, seconds=tuple(seconds)) for name, each in contests.items()}
    show("writing the bundle and asking it in a fresh process")
    manifest = _manifest(output, members, specs, combinations, combine, seed, dev)
    bundle = _write(members, ensemble, manifest, contests, notes, output, overwrite=overwrite)
    return Ensemble(bundle, combine, contests, tuple(notes))


def open_members(models: Sequence[str | Path]) -> list[Predictor]:
    """Open two or more different models.

    Raises:
        InputError: there is one, or one twice.
        BundleError: one cannot be opened.
    """
    members = [Predictor.load(each) for each in models]
    check_differ(models, [each.model.digest for each in members])
    return members


def check_differ(models: Sequence[str | Path], digests: Sequence[str]) -> None:
    """Raise InputError unless there are two models or more, each once."""
    if len(models) < 2:
        raise InputError("an ensemble needs two models or more")
    seen: dict[str, str | Path] = {}
    for path, digest in zip(models, digests, strict=True):
        if digest in seen:
            raise InputError(f"{path} is the same model as {seen[digest]}; an ensemble gains from models that differ")
        seen[digest] = path


def member_names(models: Sequence[str | Path]) -> list[str]:
    """Return what members are called in tables: the names of their folders where those differ, else their paths."""
    short = [Path(each).resolve().name for each in models]
    return short if len(set(short)) == len(short) else [str(each) for each in models]


def ask_members(
    names: Sequence[str],
    members: Sequence[Predictor],
    tasks: Mapping[str, LabelSpace],
    dev: Rows,
    show: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Material]:
    """Ask every member once for the texts of all rows, and return task -> what they say of its rows."""
    texts = list(dict.fromkeys(each.document.text for rows in dev.values() for each in rows))
    answers = []
    for name, each in zip(names, members, strict=True):
        show(f"asking {name}")
        answers.append(each.predict(texts))
    place = {text: row for row, text in enumerate(texts)}
    found = {}
    for task, rows in dev.items():
        specs = [next(spec for spec in each.tasks if spec.name == task) for each in members]
        orders = [
            label_order(names[0], tasks[task], name, spec.space, task) for name, spec in zip(names, specs, strict=True)
        ]
        scores = member_scores(answers, task, orders)[:, [place[each.document.text] for each in rows]]
        kept = np.flatnonzero(np.isfinite(scores).all(axis=(0, 2))).tolist()
        if len({folded(rows[row].document.text) for row in kept}) < N_FOLDS:
            raise InputError(
                f"task {task!r}: {len(kept)} dev rows that can be answered are too few to learn from some and judge by "
                f"others; give {N_FOLDS} or more, better some hundreds"
            )
        targets = [rows[row].targets[task] for row in kept]
        keys = [folded(rows[row].document.text) for row in kept]
        found[task] = Material(task, tasks[task], scores[:, kept], member_cuts(specs, orders), targets, keys)
    return found


def fit_task(material: Material, method: str, seed: int) -> tuple[Combination, TaskSpec]:
    """Learn how to combine the members of a task, and calibrate the result.

    A stack fits the rows that taught it a little too well, and a temperature fitted on the same rows would be too sure:
    what it is fitted on was combined fold by fold, by what the other folds taught. Weights, a number per member, have
    no room for that; folds with weights of their own would only blur thresholds.
    """
    name, space, scores, cuts, targets, _ = material
    combination = fit_combination(method, space, scores, targets)
    combined = combination(space, scores, cuts)
    if method == "stack":
        for inside, outside in _folds(material, seed):
            learnt = fit_combination(method, space, *_rows(material, outside))
            combined[inside] = learnt(space, scores[:, inside], cuts)
    (spec,) = fit_specs({name: Answers(space, _values(space, combined), targets)})
    return combination, spec


def crossfitted(material: Material, method: str, seed: int) -> Judged:
    """Return the calibrated scores of all rows, each given by what the rows of the other folds taught."""
    _, space, scores, cuts, targets, _ = material
    found, from_which = np.empty(scores.shape[1:]), np.full(scores.shape[1:], 0.5)
    for inside, outside in _folds(material, seed):
        combination, spec = fit_task(material.take(outside), method, seed + 1)
        combined = combination(space, scores[:, inside], cuts)
        values = _values(space, combined)
        found[inside] = values if space.kind == "score" else calibrated(space, values, spec.temperature)
        if spec.thresholds is not None:
            from_which[inside] = spec.thresholds
    return Judged(space, found, from_which, targets)


def judge(material: Material, names: Sequence[str], method: str, seed: int) -> Contest:
    """Judge the members and the ensemble on the same rows."""
    alone = [crossfitted(material.alone(member), "mean", seed) for member in range(len(names))]
    return contest(names, alone, crossfitted(material, method, seed), seed=seed)


def _folds(material: Material, seed: int) -> list[tuple[list[int], list[int]]]:
    """Return the rows in and outside of each fold."""
    folds = text_folds(material.keys, N_FOLDS, seed)
    parts = [(rows, sorted(set(range(len(material.keys))) - set(rows))) for rows in folds]
    return [(inside, outside) for inside, outside in parts if outside]


def _rows(material: Material, rows: Sequence[int]) -> tuple[Floats, list[Target]]:
    taken = material.take(rows)
    return taken.scores, taken.targets


def _values(space: LabelSpace, scores: Floats) -> Floats:
    """Return what `Answers` takes: logits, or the value of a score."""
    return scores if space.kind == "score" else logits_of(space, scores)


def _mean_cuts(space: LabelSpace, members: Sequence[Predictor], task: str) -> tuple[float, ...] | None:
    if space.kind != "multi":
        return None
    specs = [next(spec for spec in each.tasks if spec.name == task) for each in members]
    orders = [label_order("the first", space, "another", each.space, task) for each in specs]
    return tuple(member_cuts(specs, orders).mean(axis=0).tolist())


def _left_out(names: Sequence[str], members: Sequence[Predictor], tasks: Mapping[str, LabelSpace]) -> list[str]:
    found = [(name, sorted(set(each.spaces) - set(tasks))) for name, each in zip(names, members, strict=True)]
    return [f"{', '.join(more)} of {name} is left out: not every member has it" for name, more in found if more]


def _manifest(
    output: Path,
    members: Sequence[Predictor],
    specs: Sequence[TaskSpec],
    combinations: Mapping[str, Combination],
    combine: str,
    seed: int,
    dev: Rows,
) -> Manifest:
    bundles = [_bundle(each) for each in members]
    about = [
        {
            "folder": f"{MEMBERS}/{place}",
            "name": each.manifest.name,
            "digest": each.digest,
            **({"base": base} if (base := _base_of(each, output)) else {}),
        }
        for place, each in enumerate(bundles, 1)
    ]
    languages = [name for name in bundles[0].manifest.languages if all(name in x.manifest.languages for x in bundles)]
    return Manifest(
        name=os.fsencode(output.name).decode("utf-8", "replace"),
        backend="ensemble",
        languages=tuple(languages),
        tasks=tuple(specs),
        max_tokens=min(each.manifest.max_tokens for each in bundles),
        settings={SETTING: {"members": about, "tasks": {name: each.to_dict() for name, each in combinations.items()}}},
        provenance={
            "combine": combine,
            "members": [f"{each.manifest.name} {each.digest}" for each in bundles],
            "rows": {name: len(rows) for name, rows in dev.items()},
            "data": digest_of(dev),
            "seed": seed,
        },
    )


def _base_of(bundle: Bundle, output: Path) -> str | None:
    """Return where the base of an adapter lies, seen from the ensemble; None where it is found by its name."""
    if bundle.manifest.backend != "adapter":
        return None
    about = json.loads(bundle.file("base.json").read_text("utf-8"))
    if about["name"] in SHORT_NAMES:
        return None
    folder = find_base(about["name"], about["digest"], bundle.path)
    return os.path.relpath(folder.resolve(), output.resolve())


def _write(
    members: Sequence[Predictor],
    ensemble: Predictor,
    manifest: Manifest,
    contests: Mapping[str, Contest],
    notes: Sequence[str],
    output: Path,
    *,
    overwrite: bool,
) -> Bundle:
    def fill(folder: Path) -> None:
        for place, member in enumerate(members, 1):
            _copy(_bundle(member), folder / MEMBERS / str(place))
        record = {"tasks": {name: each.to_dict() for name, each in contests.items()}, "notes": list(notes)}
        (folder / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
        about = f"A Sentimo bundle of {len(members)} models, combined by {manifest.provenance['combine']}"
        (folder / CARD).write_text(contest_card(manifest, about, contests, notes), "utf-8")

    answers = ensemble.predict(PROBE_TEXTS)
    probes = Probes(PROBE_TEXTS, {task: each.scores for task, each in answers.tasks.items()})
    return write_bundle(output, manifest, fill, probes, overwrite=overwrite)


def _copy(bundle: Bundle, folder: Path) -> None:
    """Copy a whole bundle, byte by byte: it keeps its digest, and can be taken out again."""
    for name in (*bundle.files, MANIFEST):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path / name, folder / name)


def contest_card(manifest: Manifest, about: str, contests: Mapping[str, Contest], notes: Sequence[str]) -> str:
    """Return the card of a model made from several, as Markdown.

    Args:
        manifest: What it is.
        about: What it is made of, in words.
        contests: Task -> members and whole on dev rows.
        notes: What else should be known, in sentences.
    """
    lines = [
        f"# {manifest.name}",
        "",
        f"{about}; open it with",
        '`Analyzer.load("<this folder>")` or `sentimo analyze --model <this folder> "text"`.',
        "",
        "## Figures",
        "",
        f"Each dev row was answered by what the other folds of {N_FOLDS} taught; 95 % bootstrap intervals.",
        "",
        *(line for name, each in contests.items() for line in each.markdown(name)),
        "## How it was made",
        "",
        *(f"- {name}: {value}" for name, value in manifest.provenance.items()),
        *(f"- {note}" for note in notes),
        f"- every figure: `{RECORD}`",
    ]
    return "\n".join(lines) + "\n"


def _bundle(member: Predictor) -> Bundle:
    assert member.bundle is not None  # load() sets it
    return member.bundle


def digest_of(dev: Rows) -> str:
    """Return the SHA-256 of labelled rows."""
    digest = hashlib.sha256()
    for name, rows in dev.items():
        for each in rows:
            digest.update(json.dumps([name, each.document.text, each.targets[name]]).encode())
    return digest.hexdigest()


def _choose(names: Sequence[str]) -> str:
    return f" Choose one of {', '.join(names)}."
