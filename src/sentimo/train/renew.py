"""Renewal: a challenger learns corrections on top of the model in use, and follows it only through the gate."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from sentimo.core.bundle import TORCH_WEIGHTS, Bundle, check_target, move_bundle
from sentimo.core.documents import Example
from sentimo.data.dataset import load_dataset
from sentimo.data.split import split_examples, usual_fractions
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError
from sentimo.evaluate.promotion import Promotion, PromotionGate, judge_promotion
from sentimo.text.normalise import folded
from sentimo.train.prepare import rows_of
from sentimo.train.recipe import Recipe, TaskRecipe, load_recipe, with_settings
from sentimo.train.run import RECIPE, train
from sentimo.train.tasks import TaskData, drop_leaks

DECISIONS, PARTS = "decisions.jsonl", "parts.json"
_FEW = 20  # new rows below which none is held out, where old ones can judge
_NEW_FRACTIONS = (0.7, 0.1, 0.2)  # more is held out than usual: new rows are few, and they are what is judged


@dataclass(frozen=True)
class Renewal:
    """What a renewal came to.

    Attributes:
        promoted: Whether the challenger is now in `output`.
        promotion: Every check of the gate.
        champion: Digest of the model in use.
        challenger: Digest of the challenger.
        path: Where the challenger lies: `output` when promoted, else beside it.
        log: The file the decision was appended to.
        rows: How many rows it learnt from and was judged on.
    """

    promoted: bool
    promotion: Promotion
    champion: str
    challenger: str
    path: Path
    log: Path
    rows: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        checks = [each.to_dict() for each in self.promotion.checks]
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in vars(self).items()}
        return {**plain, "rows": dict(self.rows), "promotion": checks, "refusals": self.promotion.refusals}


def renew(
    champion: str | Path,
    new: Sequence[Path],
    output: str | Path,
    *,
    replay: Sequence[Path] = (),
    replay_rows: int | None = None,
    test: Sequence[Path] = (),
    phenomena: Sequence[Path] = (),
    task: str | None = None,
    settings: Mapping[str, Any] | None = None,
    gate: PromotionGate | None = None,
    log: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    console: Console | None = None,
) -> Renewal:
    """Train a challenger from a model's own recipe and weights, judge both, and promote it if the gate lets it pass.

    The rows: of the new ones a part is held out for dev and test (no test part where `test` is given). The champion's
    own rows, where its files are still there, are split as when it was trained: its training rows are replayed, so that
    it does not forget, its dev rows calibrate too, its test rows judge too. `replay` names other rows to replay.
    Training texts that stand in dev or test are left out. No row that judges was learnt from by either model, unless
    `test` holds rows that the champion was trained on.

    The challenger lies in ``<output>.challenger`` until it is promoted. When it is refused it stays there, and `output`
    is left as it was.

    Args:
        champion: Model folder that `sentimo train` or this made.
        new: Labelled files of corrections and new rows, with the columns of the champion's recipe.
        output: Model folder to make.
        replay: Files of old rows to learn from again; by default those of the champion's recipe.
        replay_rows: Most rows to replay, drawn at random; None replays all.
        test: Files of rows to judge by, instead of held-out new rows and the champion's own test rows.
        phenomena: Further labelled files, each of which must not get worse.
        task: The task that the files are for; needed where the model has several.
        settings: Changes of the recipe, by dotted key.
        gate: What the challenger must keep to.
        log: Where the decision is appended; by default ``decisions.jsonl`` beside `output`.
        resume: Go on with an interrupted training.
        overwrite: Replace a model in `output` when the challenger is promoted.
        console: Where notes and progress go.

    Raises:
        InputError: the task is not clear, or the rows of another task cannot be had.
        BundleError: `champion` cannot be trained on, or `output` is taken.
        DataError: rows cannot be read in the champion's labels.
    """
    folder, output = Path(champion), Path(output)
    check_target(output, overwrite=overwrite, read=[folder])
    bundle = Bundle.open(folder)
    recipe = champion_recipe(bundle)
    name = _chosen_task(recipe, task)
    place = [each.name for each in recipe.tasks].index(name)
    old = _own_rows(recipe, bundle)
    if missing := [each.name for each in recipe.tasks if each.name != name and old is None]:
        raise InputError(
            f"{folder} also answers {', '.join(missing)}, but files of its recipe are gone: "
            f"{', '.join(_gone(recipe))}. Without them it would forget; put them back."
        )
    data = _rows(recipe.tasks[place], recipe.seed, new, replay, replay_rows, test, old[name] if old else None, bundle)
    every = drop_leaks({**(old or {}), name: data})
    files = [*new, *(replay or (recipe.tasks[place].train if old else []))]
    changed = with_settings(
        # What only starts a model is done: its sizes are those in the folder, and pairs have taught it.
        recipe.model_copy(
            update={"base": str(folder), "baseline": False, "track": [], "encoder": None, "few_shot": None}
        ),
        {
            "keep_heads": True,
            f"tasks.{place}.train": [str(each) for each in files],
            **({f"tasks.{place}.test": [str(each) for each in test]} if test else {}),
            **(settings or {}),
        },
    )
    further = {str(path): _labelled(recipe.tasks[place], [path], bundle) for path in phenomena}
    challenger = output.with_name(f"{output.name}.challenger")
    about = (
        f"Renewed from model `{bundle.manifest.name}`, digest `{bundle.digest}`, with {len(data.train)} rows of {name}."
    )
    trained = train(
        changed,
        challenger,
        data=every,
        attach={PARTS: _parts(every)},
        resume=resume,
        overwrite=True,
        about=about,
        console=console,
    )
    if trained is None:
        raise InputError("a renewal is decided in one process; start it without a launcher")
    held_out = {key: each.test or each.dev for key, each in every.items()}
    promotion = judge_promotion(
        Predictor.load(folder), Predictor.load(challenger), name, held_out, others=further, gate=gate, seed=recipe.seed
    )
    result = Renewal(
        promotion.promoted,
        promotion,
        bundle.digest,
        trained.bundle.digest,
        output if promotion.promoted else challenger,
        log or output.parent / DECISIONS,
        {"train": len(every[name].train), "dev": len(every[name].dev), "test": len(held_out[name])},
    )
    _append(result, folder, [*new], gate or PromotionGate())  # first: no model may be promoted without a line
    if promotion.promoted:
        move_bundle(challenger, output, overwrite=overwrite)
    return result


def champion_recipe(bundle: Bundle) -> Recipe:
    """Return the recipe in a bundle, its paths seen from here.

    Raises:
        BundleError: it has no recipe or no torch weights to go on from.
    """
    if RECIPE not in bundle.files or not {TORCH_WEIGHTS, "model.safetensors.index.json"} & set(bundle.files):
        raise BundleError(
            f"{bundle.path} has no recipe and torch weights to go on from (backend {bundle.manifest.backend}). Renew "
            "the model that `sentimo train` made, and compress the result again."
        )
    return load_recipe(bundle.path / RECIPE)


def _chosen_task(recipe: Recipe, task: str | None) -> str:
    names = [each.name for each in recipe.tasks]
    if task is None and len(names) == 1:
        return names[0]
    if task not in names:
        found = "not given" if task is None else repr(task)
        raise InputError(
            f"task {found}: the model answers {', '.join(names)}; say with --task which one the rows are for"
        )
    return task


def _own_rows(recipe: Recipe, bundle: Bundle) -> dict[str, TaskData] | None:
    """Return the champion's rows, in the parts that they had when it was trained; None where a file is gone."""
    if _gone(recipe):
        return None
    if PARTS in bundle.files:
        parts = json.loads(bundle.file(PARTS).read_text("utf-8"))
        return {task.name: _parted(task, parts[task.name], bundle) for task in recipe.tasks}
    return rows_of(recipe)


def _parted(task: TaskRecipe, parts: Mapping[str, Sequence[str]], bundle: Bundle) -> TaskData:
    files = list(dict.fromkeys([*task.train, *task.dev, *task.test]))
    rows: dict[str, list[Example]] = {"train": [], "dev": [], "test": []}
    place = {mark: part for part in ("dev", "test") for mark in parts[part]}
    for path in files:
        for each in _labelled(task, [path], bundle):
            rows[place.get(_mark(each), "train")].append(each)
    space = {each.name: each.space for each in bundle.manifest.tasks}[task.name]
    return TaskData(space, rows["train"], rows["dev"], rows["test"])


def _parts(data: Mapping[str, TaskData]) -> str:
    """Return which texts were held out, as marks that do not tell the texts."""
    found = {
        name: {"dev": sorted(set(map(_mark, task.dev))), "test": sorted(set(map(_mark, task.test)))}
        for name, task in data.items()
    }
    return json.dumps(found) + "\n"


def _mark(example: Example) -> str:
    return hashlib.sha256(folded(example.document.text).encode()).hexdigest()[:16]


def _gone(recipe: Recipe) -> list[str]:
    files = [path for task in recipe.tasks for path in (*task.train, *task.dev, *task.test)]
    return [str(path) for path in files if not path.is_file()]


def _rows(
    task: TaskRecipe,
    seed: int,
    new: Sequence[Path],
    replay: Sequence[Path],
    replay_rows: int | None,
    test: Sequence[Path],
    old: TaskData | None,
    bundle: Bundle,
) -> TaskData:
    examples = _labelled(task, new, bundle)
    space = {each.name: each.space for each in bundle.manifest.tasks}[task.name]
    few = len(examples) < _FEW and old is not None
    fractions = (1.0, 0.0, 0.0) if few else usual_fractions(has_test=True) if test else _NEW_FRACTIONS
    learn, dev, judge = split_examples(examples, task.name, fractions=fractions, seed=seed)
    again = _labelled(task, replay, bundle) if replay else old.train if old else []
    if replay_rows is not None and replay_rows < len(again):
        again = random.Random(seed).sample(again, replay_rows)
    held_out = _labelled(task, test, bundle) if test else [*judge, *(old.test if old else [])]
    calibrate = [*dev, *(old.dev if old else [])]
    notes = [
        f"{task.name}: {len(learn)} new rows and {len(again)} replayed ones to learn from; {len(calibrate)} rows "
        f"calibrate, {len(held_out)} judge"
    ]
    if few and not test:
        notes.append(f"{task.name}: fewer than {_FEW} new rows: none is held out, old rows alone judge")
    if not again:
        notes.append(f"{task.name}: nothing is replayed: the model may forget what the new rows do not show")
    return TaskData(space, [*learn, *again], calibrate, held_out, notes)


def _labelled(task: TaskRecipe, paths: Sequence[Path], bundle: Bundle) -> list[Example]:
    space = {each.name: each.space for each in bundle.manifest.tasks}[task.name]
    found = load_dataset(paths, task.reading.with_columns(paths[0]), task=task.name, space=space)
    if not found.examples:
        raise InputError(f"{paths[0]}: no row has a text and a label for task {task.name!r}")
    return found.examples


def _append(result: Renewal, champion: Path, new: Sequence[Path], gate: PromotionGate) -> None:
    """Append the decision to the log, whole or not at all."""
    line = {
        "at": datetime.now(UTC).isoformat("T", "seconds"),
        "decision": "promoted" if result.promoted else "refused",
        "champion": {"path": str(champion), "digest": result.champion},
        "challenger": {"path": str(result.path), "digest": result.challenger},
        "new": [str(each) for each in new],
        "rows": dict(result.rows),
        "gate": vars(gate),
        "checks": [each.to_dict() for each in result.promotion.checks],
        "refusals": result.promotion.refusals,
    }
    result.log.parent.mkdir(parents=True, exist_ok=True)
    with result.log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
