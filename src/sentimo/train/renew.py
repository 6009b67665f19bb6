"""Renewal: a challenger learns corrections on top of the model in use, and follows it only through the gate."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from sentimo.core.bundle import TORCH_WEIGHTS, Bundle, check_target, move_bundle
from sentimo.core.documents import Example
from sentimo.core.labels import LabelSpace
from sentimo.data.dataset import load_dataset
from sentimo.data.split import split_examples, usual_fractions
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError
from sentimo.evaluate.promotion import Promotion, PromotionGate, judge_promotion
from sentimo.text.normalise import folded
from sentimo.train.adapt import ADAPTERS
from sentimo.train.adapt.build import build_adaptation
from sentimo.train.marks import PARTS, Marks, mark
from sentimo.train.recipe import AdaptChoice, Recipe, TaskRecipe, load_recipe, with_settings
from sentimo.train.run import RECIPE, train
from sentimo.train.tasks import TaskData, drop_leaks, of_train_alone, read_files

DECISIONS = "decisions.jsonl"
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

    The rows: of the new ones a part is held out for dev and test (no test part where `test` is given); those with texts
    that the champion has learnt are all learnt. The champion's own rows, where its files are still there, stay in the
    parts that they had when it was trained, and rows added to a file since then belong to the part of that file: its
    training rows are replayed, so that it does not forget, its dev rows calibrate too, its test rows judge too. A new
    row takes the place of old ones with its text. `replay` names other rows to replay. Training texts that stand in
    dev, test or `phenomena` are left out. No labelled row that judges was learnt from by either model, unless it is in
    `test` or `phenomena` and the champion was trained on it.

    The challenger lies in ``<output>.challenger`` until it is promoted. When it is refused it stays there, and `output`
    is left as it was.

    Args:
        champion: Model folder that `sentimo train` or this made.
        new: Labelled files of corrections and new rows, with the columns of the champion's recipe.
        output: Model folder to make.
        replay: Files of old rows to learn from again; by default those of the champion's recipe.
        replay_rows: Most rows to replay, drawn at random; None replays all.
        test: Files of rows to judge by, instead of held-out new rows and the champion's own test rows.
        phenomena: Further labelled files, each of which must not get worse; their texts are not learnt.
        task: The task that the files are for; needed where the model has several.
        settings: Changes of the recipe, by dotted key.
        gate: What the challenger must keep to.
        log: Where the decision is appended; by default ``decisions.jsonl`` beside `output`.
        resume: Go on with an interrupted training.
        overwrite: Replace a model in `output` when the challenger is promoted.
        console: Where notes and progress go.

    Raises:
        InputError: the task is not clear, or the rows of another task cannot be had.
        BundleError: `champion` cannot be trained on or does not tell what it has learnt, or `output` is taken.
        DataError: rows cannot be read in the champion's labels.
    """
    folder, output = Path(champion), Path(output)
    check_target(output, overwrite=overwrite, read=[folder])
    bundle = Bundle.open(folder)
    recipe = champion_recipe(bundle)
    name = _chosen_task(recipe, task)
    place = [each.name for each in recipe.tasks].index(name)
    marks = Marks.read(folder)
    if marks is None:
        raise BundleError(
            f"{folder} was made by an earlier Sentimo and does not tell which rows it has learnt ({PARTS}), so that no "
            f"row could judge it fairly. Train it anew first: sentimo train {folder / RECIPE} -o <another folder>"
        )
    old = _own_rows(recipe, marks, bundle)
    if missing := [each.name for each in recipe.tasks if each.name != name and old is None]:
        raise InputError(
            f"{folder} also answers {', '.join(missing)}, but files of its recipe are gone: "
            f"{', '.join(_gone(recipe))}. Without them it would forget; put them back."
        )
    data = _rows(
        recipe.tasks[place], recipe.seed, new, replay, replay_rows, test, old[name] if old else None, marks, bundle
    )
    further = {str(path): _labelled(recipe.tasks[place], [path], bundle) for path in phenomena}
    every = drop_leaks(_without_texts_of(further, {**(old or {}), name: data}))
    if bare := [key for key, each in every.items() if not each.dev]:
        raise InputError(
            f"no row of {', '.join(bare)} is left to calibrate and to judge by that {folder} has not learnt; give more "
            "new rows"
        )
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
    challenger = output.with_name(f"{output.name}.challenger")
    about = (
        f"Renewed from model `{bundle.manifest.name}`, digest `{bundle.digest}`, with {len(data.train)} rows of {name}."
    )
    trained = train(
        changed,
        challenger,
        data=every,
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
        BundleError: it has no recipe or no torch weights to go on from, or is made of several models.
    """
    has_weights = {TORCH_WEIGHTS, "model.safetensors.index.json"} & set(bundle.files)
    if RECIPE not in bundle.files or not has_weights or "combine" in bundle.manifest.provenance:
        raise BundleError(f"{bundle.path} {_why_not(bundle)}")
    return load_recipe(bundle.path / RECIPE)


def _why_not(bundle: Bundle) -> str:
    """Return why a bundle cannot be renewed and what to do, to stand after its path."""
    if "combine" in bundle.manifest.provenance:
        return (
            "was made of several models: rows that judge it may be rows that one of them has learnt. Renew the members "
            "and combine the results again."
        )
    if bundle.manifest.backend == "adapter":
        return (
            "is an adapter, which holds no weights of its base to go on from, and cannot be renewed. Train it anew "
            "with old and new rows together; with `save: model` the result can be renewed."
        )
    adapt = load_recipe(bundle.path / RECIPE).adapt if RECIPE in bundle.files else None
    if adapt is not None and not build_adaptation(adapt).merges:
        able = ", ".join(each for each in ADAPTERS if build_adaptation(AdaptChoice(name=each)).merges)
        return (
            f"cannot be renewed: what adapt {adapt.name} learnt lies in its graph alone, without torch weights to go "
            f"on from. Train it anew with old and new rows together; with {able}, or without adapt, the result can be "
            "renewed."
        )
    return (
        f"has no recipe and torch weights to go on from (backend {bundle.manifest.backend}). Renew the model that "
        "`sentimo train` made, and compress the result again."
    )


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


def _own_rows(recipe: Recipe, marks: Marks, bundle: Bundle) -> dict[str, TaskData] | None:
    """Return the champion's rows, in the parts that they had when it was trained; None where a file is gone."""
    if _gone(recipe):
        return None
    return {task.name: _parted(task, marks, bundle) for task in recipe.tasks}


def _parted(task: TaskRecipe, marks: Marks, bundle: Bundle) -> TaskData:
    """Return the rows of a task; those that were not there when the champion was trained go by the file they are in."""
    dev, test = marks.dev.get(task.name, set()), marks.test.get(task.name, set())
    rows: dict[str, list[Example]] = {"train": [], "dev": [], "test": []}
    kept, n_learnt = dev | test, 0
    held_out: set[str] = set()
    space, parts, notes = read_files(task, _space(bundle, task.name))
    for part in ("dev", "test"):
        for each in parts.get(part, []):
            if mark(each) in marks.learnt:
                n_learnt += 1
            else:
                held_out.add(mark(each))
                rows[part].append(each)
    for each in parts["train"]:
        text = mark(each)
        if each.source != "gold" or text not in kept:
            rows["train"].append(each)
        elif text not in held_out:  # a copy of what stands in a file of its own was left out of training
            rows["test" if text in test else "dev"].append(each)
    if n_learnt:
        notes.append(
            f"{task.name}: {n_learnt} rows of its dev and test files left out, the model has learnt their texts"
        )
    learn = of_train_alone(rows["train"], [*rows["dev"], *rows["test"]], task.name, notes)
    return TaskData(space, learn, rows["dev"], rows["test"], notes)


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
    marks: Marks,
    bundle: Bundle,
) -> TaskData:
    examples = _labelled(task, new, bundle)
    placed = _placed(examples, task.name, marks, has_test=bool(test))
    n_fresh = sum(folded(each.document.text) not in placed for each in examples)
    few = n_fresh < _FEW and old is not None
    fractions = (1.0, 0.0, 0.0) if few else usual_fractions(has_test=True) if test else _NEW_FRACTIONS
    learn, dev, judge = split_examples(examples, task.name, fractions=fractions, seed=seed, placed=placed)
    corrected = {folded(each.document.text) for each in examples}
    again = _without(_labelled(task, replay, bundle) if replay else old.train if old else [], corrected)
    if replay_rows is not None and replay_rows < len(again):
        again = random.Random(seed).sample(again, replay_rows)
    given = _labelled(task, test, bundle) if test else []
    held_out = given or [*judge, *_without(old.test if old else [], corrected)]
    calibrate = [*dev, *_without(old.dev if old else [], corrected)]
    notes = [
        *(old.notes if old else []),
        f"{task.name}: {len(learn)} new rows and {len(again)} replayed ones to learn from; {len(calibrate)} rows "
        f"calibrate, {len(held_out)} judge",
    ]
    if n := sum(mark(each) in marks.learnt for each in examples):
        notes.append(f"{task.name}: the model has learnt the texts of {n} new rows: they are all learnt, none judges")
    if n := sum(mark(each) in marks.learnt for each in given):
        notes.append(f"{task.name}: the model has learnt {n} of the texts that judge: figures of both are too good")
    if few and not test:
        notes.append(f"{task.name}: fewer than {_FEW} new rows: none is held out, old rows alone judge")
    if not again:
        notes.append(f"{task.name}: nothing is replayed: the model may forget what the new rows do not show")
    return TaskData(_space(bundle, task.name), [*learn, *again], calibrate, held_out, notes)


def _placed(examples: Sequence[Example], task: str, marks: Marks, *, has_test: bool) -> dict[str, int]:
    """Return folded text -> part (0 train, 1 dev, 2 test) of new rows whose texts the champion knows."""
    found = {}
    parts = (marks.learnt, marks.dev.get(task, set()), set() if has_test else marks.test.get(task, set()))
    for each in examples:
        if (part := next((at for at, known in enumerate(parts) if mark(each) in known), None)) is not None:
            found[folded(each.document.text)] = part
    return found


def _without(rows: Sequence[Example], texts: Set[str]) -> list[Example]:
    return [each for each in rows if folded(each.document.text) not in texts]


def _without_texts_of(further: Mapping[str, Sequence[Example]], data: Mapping[str, TaskData]) -> dict[str, TaskData]:
    """Leave out rows to learn and to calibrate from whose texts stand in further files, and tell how many."""
    texts = {folded(each.document.text) for rows in further.values() for each in rows}
    found = {}
    for name, task in data.items():
        train, dev = _without(task.train, texts), _without(task.dev, texts)
        notes = list(task.notes)
        for part, n in (("training", len(task.train) - len(train)), ("dev", len(task.dev) - len(dev))):
            if n:
                notes.append(f"{name}: {n} {part} rows left out, their texts stand in {', '.join(further)}")
        found[name] = replace(task, train=train, dev=dev, notes=notes)
    return found


def _labelled(task: TaskRecipe, paths: Sequence[Path], bundle: Bundle) -> list[Example]:
    reading, space = task.reading.with_columns(paths[0]), _space(bundle, task.name)
    found = load_dataset(paths, reading, task=task.name, space=space)
    if not found.examples:
        raise InputError(f"{paths[0]}: no row has a text and a label for task {task.name!r}")
    return found.examples


def _space(bundle: Bundle, task: str) -> LabelSpace:
    return {each.name: each.space for each in bundle.manifest.tasks}[task]


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
