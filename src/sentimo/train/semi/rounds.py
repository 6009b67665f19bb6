"""Rounds of self-training before the model that is kept: train, calibrate, label texts, again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from sentimo.core.documents import Document, Example
from sentimo.train.calibrate import fit_specs
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.learner import Learner, Parts
from sentimo.train.progress import Progress
from sentimo.train.semi.method import SemiMethod
from sentimo.train.semi.pseudo import Pseudo, PseudoLabel


class Labelled(NamedTuple):
    """Training rows with the texts that a model labelled.

    Attributes:
        parts: Task -> rows.
        figure: Dev figure, of those that choose the best epoch, of the model that labelled last; None without rounds.
    """

    parts: Parts
    figure: float | None = None


def with_pseudo_labels(
    method: SemiMethod,
    texts: Sequence[str],
    train: Parts,
    dev: Parts,
    build: Callable[[Parts], Learner],
    checkpoints: Checkpoints,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Labelled:
    """Return the training rows with the texts that the last of several models labelled; without rounds, as they are.

    Args:
        method: How.
        texts: The texts.
        train: Task -> labelled rows.
        dev: Task -> rows that choose and calibrate the model of each round.
        build: Puts a learner together from training rows.
        checkpoints: Of the run; each round keeps one of its own in it, when it is done the labels that it gave.
        resume: Go on from those.
        progress: Shows what happens.
        tell: Told what each round did.

    Raises:
        Interrupted: Ctrl-C; `resume` goes on.
    """
    found = Labelled(train)
    for number in range(1, method.rounds + 1):
        assert isinstance(method, Pseudo)
        place = checkpoints.of_round(number)
        begun = resume and place.exists()
        done = place.load() if begun else {}
        if "labels" not in done:
            learner = build(found.parts)
            if progress:
                progress.note(f"semi {method.name}, round {number} of {method.rounds}: {learner.plan()}")
            fitted = learner.fit(dev, checkpoints=place, resume=begun, progress=progress)
            metric = learner.recipe.early_stopping.metric
            figure = fitted.history[fitted.best_epoch][metric]
            done = {**_labels(method, learner, texts, dev), "figure": figure}
            done["notes"].insert(0, f"the model that labels has {metric} {figure:.4f} on dev")
            if PartialState().num_processes > 1:  # scores may differ in the last bit
                done = broadcast_object_list([done])[0]
            if PartialState().is_main_process:
                place.save(done)
        for note in done["notes"]:
            tell(f"semi {method.name}, round {number}: {note}")
        parts = {
            task: [*rows, *_rows(done["labels"].get(task, []), task, texts, method)] for task, rows in train.items()
        }
        found = Labelled(parts, done["figure"])
    return found


def _labels(method: Pseudo, learner: Learner, texts: Sequence[str], dev: Parts) -> dict[str, Any]:
    """Return task -> labels as plain lists, and what there is to tell."""
    answers = learner.ask(dev)
    specs = fit_specs(answers)
    predicted = learner.predictor(specs).predict(texts).tasks
    labels: dict[str, list[list[Any]]] = {}
    notes = []
    for spec in specs:
        space, answered = spec.space, answers[spec.name]
        if space.kind == "score":
            notes.append(f"{spec.name} is a score and gets no labels")
            continue
        scores = predicted[spec.name].scores
        found, told = method.label(space, scores, answered.scores(spec.temperature), answered.targets)
        labels[spec.name] = [list(each) for each in found]
        notes.append(f"{spec.name}: {told}")
    return {"labels": labels, "notes": notes}


def _rows(labels: Sequence[Sequence[Any]], task: str, texts: Sequence[str], method: Pseudo) -> list[Example]:
    found = []
    for label in (PseudoLabel(*each) for each in labels):
        among: Mapping[str, tuple[int, ...]] = {} if label.among is None else {task: tuple(label.among)}
        found.append(Example(Document(texts[label.row]), {task: label.target}, method.weight, "pseudo", among))
    return found
