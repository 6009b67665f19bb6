"""Hyper-parameter search: many short runs of one recipe, judged on the same dev rows."""

from __future__ import annotations

import gc
import itertools
import json
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sentimo.errors import InputError, Interrupted, MissingExtraError, TrainingError
from sentimo.train.alone import alone
from sentimo.train.check import check_parts
from sentimo.train.optim import epochs_of, usual_rate
from sentimo.train.picture import bars
from sentimo.train.prepare import Prepared, Stock, prepare, rows_of
from sentimo.train.recipe import Recipe, SearchRange, SearchSpace, dump_recipe, relative_to, with_settings
from sentimo.train.rows import merge
from sentimo.train.search_space import check_space, default_space, suggest
from sentimo.train.semi.method import refuse_semi

if TYPE_CHECKING:
    import optuna

STUDY, BEST, IMPORTANCE, TRIALS, LOCK = "study.db", "best.yaml", "importance.svg", "trials.json", "study.lock"
_NAME = "sentimo"


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: From 0; -1 is the recipe as it is.
        settings: What was drawn, by dotted key.
        value: Dev figure of the epoch that is kept; of a pruned trial the best until it was cut; None for a failed one.
        epochs: Epochs it ran.
        state: "complete", "pruned" or "failed".
        error: Why it failed.
    """

    number: int
    settings: Mapping[str, Any]
    value: float | None
    epochs: int
    state: str
    error: str = ""


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        metric: The dev figure that was searched for.
        start: The recipe as it is.
        trials: All trials of the study, the oldest first.
        best: The best of all that were complete, `start` included.
        recipe: Its recipe.
        importance: Key -> share of the differences between trials that it explains; empty for too few trials.
    """

    metric: str
    start: TrialRecord
    trials: list[TrialRecord]
    best: TrialRecord
    recipe: Recipe
    importance: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "metric": self.metric,
            "start": vars(self.start),
            "trials": [vars(each) for each in self.trials],
            "best": vars(self.best),
            "importance": dict(self.importance),
            "recipe": self.recipe.model_dump(mode="json"),
        }


def search(
    recipe: Recipe,
    folder: str | Path,
    *,
    trials: int = 20,
    resume: bool = False,
    prune: bool = True,
    tell: Callable[[str], None] = lambda sentence: None,
) -> SearchResult:
    """Search for better settings of a recipe.

    Every trial trains on the training rows and is judged on the dev rows by the figure that early stopping watches;
    test rows are never looked at. The first run is the recipe as it is, so the best is never worse than it. Trials are
    drawn by a tree-structured Parzen estimator; one that lies below the median of the earlier ones at an epoch is cut.
    A trial that fails is recorded and the search goes on.

    Args:
        recipe: The recipe; its `search` block is the space, else `default_space`.
        folder: Where ``study.db`` (SQLite), ``trials.json``, ``best.yaml`` and ``importance.svg`` go.
        trials: Trials in all, those of an earlier session included.
        resume: Go on with the study that is there.
        prune: Cut trials that look poor.
        tell: Shows a sentence.

    Raises:
        InputError: `folder` holds a study and `resume` is not given, or the other way round, or it is of other data,
            recipe or space, or another search works there.
        RecipeError: the space does not suit the recipe.
        MissingExtraError: Optuna is not installed.
        TrainingError: no trial came to its end.
        Interrupted: Ctrl-C; the trial in progress is drawn again by `resume`.

    Source: Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization" (TPE); Akiba et al. 2019, "Optuna",
        arXiv:1907.10902; median rule: Golovin et al. 2017, "Google Vizier", section 3.2.2.
    """
    return _Search(recipe, Path(folder), resume, prune, tell).run(trials)


class _Search:
    """One session of a search."""

    def __init__(self, recipe: Recipe, folder: Path, resume: bool, prune: bool, tell: Callable[[str], None]) -> None:
        self.optuna = _optuna()
        if recipe.threads:
            torch.set_num_threads(recipe.threads)
        self.folder, self.prune, self.tell = folder, prune, tell
        refuse_semi(recipe, "a search")
        self.recipe = recipe.model_copy(update={"search": {}, "track": []})
        check_parts(self.recipe)
        check_space(self.recipe, recipe.search)
        self.data, self.stock = rows_of(recipe), Stock()
        self.prepared = self._prepare(self.recipe)
        rate = recipe.optimiser.learning_rate or usual_rate(recipe, self.prepared.base)
        n_rows = len(merge(self.prepared.material.train)) + len(self.prepared.material.unlabelled)
        self.space: SearchSpace = dict(recipe.search) or default_space(rate, epochs_of(recipe, n_rows))
        self.resume = resume

    def run(self, n_trials: int) -> SearchResult:
        path = self.folder / STUDY
        if self.resume and not path.is_file():
            raise InputError(f"nothing to resume: no study in {self.folder}. Start without --resume.")
        self.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder / LOCK, f"another search works in {self.folder}"):
            if not self.resume and path.exists():
                raise InputError(f"{path} holds a study. Go on with --resume, or choose another folder.")
            self.study = self._study(path)
            return self._run(n_trials)

    def _run(self, n_trials: int) -> SearchResult:
        self.prepared.ask_teachers()
        start = self._start()
        for number in range(len(self._finished()), n_trials):
            # A sampler of its own for every trial: a search that was stopped draws what an undisturbed one draws.
            self.study.sampler = self.optuna.samplers.TPESampler(seed=(self.recipe.seed * 100_003 + number) % 2**32)
            self._trial(self.study.ask(), number, n_trials)
            self._write(start, is_last=False)
        return self._write(start, is_last=True)

    # ------------------------------------------------------------------------------------------ the study

    def _study(self, path: Path) -> optuna.Study:
        with _quiet():
            study = self.optuna.create_study(
                storage=f"sqlite:///{path.resolve()}",
                study_name=_NAME,
                direction="maximize",
                load_if_exists=True,
                pruner=self.optuna.pruners.MedianPruner(n_startup_trials=4)
                if self.prune
                else self.optuna.pruners.NopPruner(),
            )
        same = {
            "data": self.prepared.material.digest,
            "recipe": dump_recipe(relative_to(self.recipe, self.folder.resolve())),
        }
        same["space"] = json.dumps({key: _plain(each) for key, each in self.space.items()}, sort_keys=True)
        for what, value in same.items():
            if study.user_attrs.get(what, value) != value:
                raise InputError(
                    f"{path} is a study of another {what}. Resume it with what it was started with, or choose another "
                    "folder."
                )
            study.set_user_attr(what, value)
        for each in study.get_trials(deepcopy=False, states=(self.optuna.trial.TrialState.RUNNING,)):
            # Nobody else is here, so it was killed: not counted, drawn again.
            study.tell(each.number, state=self.optuna.trial.TrialState.FAIL)
        return study

    def _finished(self) -> list[optuna.trial.FrozenTrial]:
        """Return the trials that count: not those that were stopped from outside."""
        return [
            each
            for each in self.study.get_trials(deepcopy=False)
            if each.state.is_finished() and (each.state.name != "FAIL" or "error" in each.user_attrs)
        ]

    def _start(self) -> TrialRecord:
        """Run the recipe as it is, once in the life of a study."""
        known = self.study.user_attrs.get("start")
        if known is None:
            self.tell("the recipe as it is")
            value, epochs = self._train(self.recipe, lambda epoch, figure: None)
            known = {"value": value, "epochs": epochs}
            self.study.set_user_attr("start", known)
            self.tell(f"the recipe as it is: {value:.4f}")
        return TrialRecord(-1, {}, known["value"], known["epochs"], "complete")

    # ------------------------------------------------------------------------------------------ one trial

    def _trial(self, trial: optuna.Trial, number: int, n_trials: int) -> None:
        state = self.optuna.trial.TrialState
        settings = suggest(trial, self.space)
        trial.set_user_attr("settings", settings)
        shown = ", ".join(f"{key}={_shown(value)}" for key, value in settings.items())
        self.tell(f"trial {number + 1} of {n_trials}: {shown}")

        def watch(epoch: int, figure: float) -> None:
            trial.report(figure, epoch)
            if self.prune and trial.should_prune():
                raise self.optuna.TrialPruned

        try:
            value, epochs = self._train(with_settings(self.recipe, settings), watch)
        except self.optuna.TrialPruned:
            self.study.tell(trial, state=state.PRUNED)
            self.tell(f"trial {number + 1}: cut, below the median of the earlier ones")
        except (Interrupted, KeyboardInterrupt):
            self.study.tell(trial, state=state.FAIL)
            raise Interrupted(f"stopped in trial {number + 1} of {n_trials}; --resume goes on from there") from None
        except Exception as error:  # one combination that does not work must not cost the others
            trial.set_user_attr("error", f"{type(error).__name__}: {error}")
            self.study.tell(trial, state=state.FAIL)
            self.tell(f"trial {number + 1}: failed: {type(error).__name__}: {error}")
        else:
            trial.set_user_attr("epochs", epochs)
            self.study.tell(trial, value)
            self.tell(f"trial {number + 1}: {value:.4f} after {epochs} epochs")
        gc.collect()  # networks hold themselves in cycles; without it the memory of several trials adds up

    def _train(self, recipe: Recipe, watch: Callable[[int, float], None]) -> tuple[float, int]:
        """Return the dev figure of the epoch that training keeps, and the number of epochs."""
        metric = recipe.early_stopping.metric
        prepared = self._prepare(recipe)
        epochs = itertools.count(1)

        def on_epoch(figures: Mapping[str, float]) -> None:
            watch(next(epochs), figures[metric])

        fitted = prepared.learner().fit(prepared.material.dev, on_epoch=on_epoch)
        return fitted.history[fitted.best_epoch][metric], len(fitted.history)

    def _prepare(self, recipe: Recipe) -> Prepared:
        return prepare(recipe, self.data, self.stock)

    # ------------------------------------------------------------------------------------------ the result

    def _write(self, start: TrialRecord, *, is_last: bool) -> SearchResult:
        records = [self._record(each, number) for number, each in enumerate(self._finished())]
        complete = [start, *(each for each in records if each.state == "complete")]
        if records and all(each.state == "failed" for each in records) and len(records) >= 5:
            raise TrainingError(f"the first {len(records)} trials failed, the last one with: {records[-1].error}")
        best = max(complete, key=lambda each: -math.inf if each.value is None else each.value)
        recipe = with_settings(self.recipe, best.settings)
        importance = self._importance([each.value for each in complete[1:]]) if is_last else {}
        result = SearchResult(self.recipe.early_stopping.metric, start, records, best, recipe, importance)
        (self.folder / BEST).write_text(dump_recipe(relative_to(recipe, self.folder.resolve())), "utf-8")
        (self.folder / TRIALS).write_text(json.dumps(result.to_dict(), ensure_ascii=False, indent=1) + "\n", "utf-8")
        if result.importance:
            (self.folder / IMPORTANCE).write_text(bars(f"What {result.metric} depends on", result.importance), "utf-8")
        return result

    def _record(self, trial: optuna.trial.FrozenTrial, number: int) -> TrialRecord:
        state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed")
        seen = trial.intermediate_values
        value = {"complete": trial.value, "pruned": max(seen.values(), default=None)}.get(state)
        attributes = trial.user_attrs
        epochs = attributes.get("epochs", len(seen))
        return TrialRecord(number, attributes["settings"], value, epochs, state, attributes.get("error", ""))

    def _importance(self, values: Sequence[float | None]) -> dict[str, float]:
        if len(values) < 4 or len(set(values)) == 1:  # they say nothing
            return {}
        with _quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of few different values
            found = self.optuna.importance.get_param_importances(self.study)
        return dict(sorted(found.items(), key=lambda each: -each[1]))


def _plain(bounds: SearchRange | list[Any]) -> Any:
    return bounds.model_dump() if isinstance(bounds, SearchRange) else bounds


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"hyper-parameter search ({error.name})", "search") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep notes of the migration tool of the database to itself."""
    logger = logging.getLogger("alembic")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
