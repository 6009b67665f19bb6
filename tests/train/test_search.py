"""Hyper-parameter search: the space, the study, what fails, what is cut, what is written."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import sys

import pytest
from toy import toy_recipe

from sentimo.errors import InputError, Interrupted, MissingExtraError, RecipeError, TrainingError
from sentimo.train import learner
from sentimo.train.recipe import load_recipe, parse_recipe, with_settings
from sentimo.train.search import BEST, IMPORTANCE, LOCK, STUDY, TRIALS, _Search, search
from sentimo.train.search_space import check_space, default_space


@pytest.fixture
def quick(multi_task):
    """A recipe of one task and one epoch on the tiny encoder."""
    return multi_task.model_copy(update={"tasks": multi_task.tasks[:1], "epochs": 1.0})


def with_space(recipe, **space):
    data = recipe.model_dump(mode="json")
    return parse_recipe({**data, "search": {key.replace("__", "."): value for key, value in space.items()}})


@pytest.fixture
def figures(monkeypatch):
    """Replaces training by a function of the recipe: one dev figure per epoch. Notes the recipes it was given."""

    def use(figure, n_epochs=3):
        asked = []

        def train(self, recipe, watch):
            asked.append(recipe)
            seen = []
            for epoch in range(1, n_epochs + 1):
                seen.append(figure(recipe, epoch))
                watch(epoch, seen[-1])
            return max(seen), len(seen)

        monkeypatch.setattr(_Search, "_train", train)
        return asked

    return use


def peak(recipe, epoch):
    """Highest at a learning rate of 1e-3, rising by epoch; the batch size does not matter."""
    return 1.0 - abs(math.log10(recipe.optimiser.learning_rate) + 3) / 4 - 0.1 / epoch


# ---------------------------------------------------------------------------------------------- the space


def test_the_default_space_goes_through_the_rate():
    space = default_space(1e-4)

    rate = space["optimiser.learning_rate"]
    assert (rate.low, rate.high, rate.log) == (pytest.approx(2e-5), pytest.approx(5e-4), True)
    assert set(space) >= {"epochs", "batch_size", "dropout"}
    check_space(toy_recipe(), space)
    assert (space["epochs"].high, default_space(1e-4, epochs=20)["epochs"].high) == (5, 30)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"optimiser.learning_rat": [1, 2]}, "unknown key 'optimiser.learning_rat'. Did you mean 'learning_rate'"),
        ({"batch_size": {"low": 8, "high": 64}}, "search, batch_size = 25.8.*valid integer"),
        ({"dropout": [0.1, 1.5]}, "search, dropout = 1.5: .*less than 1"),
        ({"tasks.0.text": ["a", "b"]}, "tasks.0.text changes which rows there are"),
        ({"seed": [1, 2]}, "seed changes which rows there are"),
        ({"early_stopping.metric": ["main", "mood.accuracy"]}, "metric changes which rows there are or what they"),
    ],
)
def test_a_space_that_does_not_suit_the_recipe_is_refused(space, message):
    recipe = toy_recipe(search=space)

    with pytest.raises(RecipeError, match=message):
        check_space(recipe, recipe.search)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"low": 2, "high": 1}, "search.dropout.*low 2 must lie below high 1"),
        ({"low": 0, "high": 1, "log": True}, "low 0 must be above 0"),
        ([0.1], "a list to search in needs two values or more"),
        (0.1, "expected a list of values, or low and high"),
    ],
)
def test_wrong_bounds_are_refused_with_the_recipe(bounds, message):
    with pytest.raises(RecipeError, match=message):
        toy_recipe(search={"dropout": bounds})


# ---------------------------------------------------------------------------------------------- the whole way


def test_a_search_trains_judges_and_writes_the_best_recipe(quick, tmp_path):
    recipe = with_space(quick, optimiser__learning_rate=[1e-7, 2e-3], tasks__0__objective=["cross_entropy", "focal"])
    told = []

    result = search(recipe, tmp_path / "study", trials=2, tell=told.append)

    assert [each.state for each in result.trials] == ["complete"] * 2
    assert result.best.value == max(each.value for each in [result.start, *result.trials])
    best = load_recipe(tmp_path / "study" / BEST)
    for key, value in result.best.settings.items():
        *path, last = key.split(".")
        part = best
        for step in path:
            part = part[int(step)] if step.isdigit() else getattr(part, step)
        found = getattr(part, last)
        assert getattr(found, "name", found) == value
    assert best.tasks[0].train[0].resolve() == quick.tasks[0].train[0].resolve()
    assert (best.search, best.epochs) == ({}, 1.0)
    assert json.loads((tmp_path / "study" / TRIALS).read_text("utf-8"))["best"]["value"] == result.best.value
    assert told[1].startswith("the recipe as it is: 0.")


def test_a_trial_learns_from_the_rows_that_its_augmentation_adds(quick, tmp_path):
    recipe = with_space(
        quick,
        augment=[{"methods": ["synonym"], "check": "none"}, {"check": "none", "methods": ["synonym"], "copies": 3}],
    )

    searching = _Search(recipe, tmp_path, resume=False, prune=False, tell=print)
    plain, once, thrice = (
        len(searching._prepare(recipe.model_copy(update={"augment": augment})).material.train["polarity"])
        for augment in (None, *(with_settings(recipe, {"augment": each}).augment for each in recipe.search["augment"]))
    )

    assert plain < once < thrice


@pytest.mark.parametrize("base", ["bilstm", "textcnn"])
def test_an_encoder_from_nothing_is_searched_around_its_own_rate(quick, base, figures, tmp_path):
    figures(lambda recipe, epoch: 0.5)
    settings = {"base": base, "optimiser": {"name": "adamw"}}

    searching = _Search(parse_recipe({**quick.model_dump(mode="json"), **settings}), tmp_path, False, False, print)

    rate = searching.space["optimiser.learning_rate"]
    assert (rate.low, rate.high) == (pytest.approx(2e-3 / 5), pytest.approx(2e-3 * 5))
    assert searching.run(2).best.value > 0


def test_what_is_done_about_rare_labels_may_be_searched(quick):
    recipe = with_space(quick, tasks__0__imbalance=["none", "weights", "sampling", "focal"])

    check_space(recipe, recipe.search)


@pytest.mark.parametrize("seed", [123_456, 2**32 - 1])
def test_any_seed_of_a_recipe_seeds_the_sampler(seed, quick, figures, tmp_path):
    figures(lambda recipe, epoch: 0.5)
    recipe = with_space(quick.model_copy(update={"seed": seed}), batch_size=[16, 32])

    assert len(search(recipe, tmp_path, trials=2).trials) == 2


def test_only_an_epoch_that_is_kept_counts(quick, monkeypatch, tmp_path):
    # an average that has not begun is no model yet
    shown = iter([0.9, 0.2])
    monkeypatch.setattr(learner, "dev_figures", lambda answers, metric: {"main": next(shown)})
    settings = {"epochs": 2, "average": {"name": "swa", "start": 0.75, "every": 1}}
    recipe = parse_recipe({**quick.model_dump(mode="json"), **settings})

    searching = _Search(recipe, tmp_path, resume=False, prune=False, tell=print)

    assert searching._train(recipe, lambda epoch, figure: None) == (0.2, 2)


# ---------------------------------------------------------------------------------------------- the study


def test_two_searches_do_not_work_in_one_study(quick, figures, tmp_path):
    recipe = with_space(quick, batch_size=[16, 32])
    errors = []

    def second(recipe_of_trial, epoch):
        with pytest.raises(InputError) as error:
            search(recipe, tmp_path, trials=2, resume=True)
        errors.append(str(error.value))
        return 0.5

    figures(second, n_epochs=1)
    result = search(recipe, tmp_path, trials=2)

    assert [each.state for each in result.trials] == ["complete"] * 2
    assert len(errors) == 3
    assert errors[0].startswith(f"another search works in {tmp_path} (process {os.getpid()}), it holds")


def test_the_lock_of_a_dead_process_is_no_obstacle(quick, figures, tmp_path):
    hold = (
        "import sys; from pathlib import Path; from sentimo.train.alone import alone; a = alone(Path(sys.argv[1]), '')"
    )
    die = f"{hold}; a.__enter__(); import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", die, str(tmp_path / LOCK)], env=environment, check=False)
    assert (tmp_path / LOCK).read_text().strip().isdigit()
    figures(peak)

    assert len(search(with_space(quick, batch_size=[16, 32]), tmp_path, trials=1).trials) == 1


@pytest.mark.slow
def test_the_search_finds_the_peak_and_what_it_depends_on(quick, figures, tmp_path):
    figures(peak)
    recipe = with_space(
        quick, optimiser__learning_rate={"low": 1e-6, "high": 1e-2, "log": True}, batch_size=[8, 16, 32]
    )

    result = search(recipe, tmp_path, trials=16, prune=False)

    assert abs(math.log10(result.recipe.optimiser.learning_rate) + 3) < 0.6
    assert list(result.importance) == ["optimiser.learning_rate", "batch_size"]
    assert result.importance["optimiser.learning_rate"] > 0.7
    picture = (tmp_path / IMPORTANCE).read_text("utf-8")
    assert picture.startswith("<svg")
    assert picture.index("optimiser.learning_rate") < picture.index("batch_size")


def test_the_best_is_never_worse_than_the_recipe_as_it_is(quick, figures, tmp_path):
    figures(lambda recipe, epoch: float(recipe.batch_size == 8))

    result = search(with_space(quick, batch_size=[16, 32]), tmp_path, trials=3)

    assert (result.best, result.best.number, result.recipe.batch_size) == (result.start, -1, 8)


def test_a_stopped_search_that_is_resumed_draws_what_an_undisturbed_one_draws(quick, figures, tmp_path):
    recipe = with_space(quick, optimiser__learning_rate={"low": 1e-6, "high": 1e-2, "log": True})
    figures(peak)
    whole = search(recipe, tmp_path / "whole", trials=8)

    search(recipe, tmp_path / "parts", trials=3)
    calls = []

    def stop(recipe, epoch):
        calls.append(epoch)
        if len(calls) == 5:
            raise Interrupted("stopped after step 3 of 9; nothing was saved")
        return peak(recipe, epoch)

    figures(stop)
    with pytest.raises(Interrupted, match="stopped in trial [56] of 8; --resume goes on from there"):
        search(recipe, tmp_path / "parts", trials=8, resume=True)
    figures(peak)
    parts = search(recipe, tmp_path / "parts", trials=8, resume=True)

    assert [each.settings for each in parts.trials] == [each.settings for each in whole.trials]
    assert (parts.best, parts.start) == (whole.best, whole.start)


def test_a_failed_trial_is_recorded_and_the_search_goes_on(quick, figures, tmp_path):
    def fails_at_32(recipe, epoch):
        if recipe.batch_size == 32:
            raise TrainingError("the loss became nan at step 1")
        return 0.5

    figures(fails_at_32)
    result = search(with_space(quick, batch_size=[16, 32]), tmp_path, trials=4)

    states = {each.settings["batch_size"]: (each.state, each.error) for each in result.trials}
    assert states == {16: ("complete", ""), 32: ("failed", "TrainingError: the loss became nan at step 1")}


def test_a_search_in_which_nothing_works_says_so(quick, figures, tmp_path):
    def fails(recipe, epoch):
        if recipe.batch_size != 8:
            raise ValueError("no good")
        return 0.5

    figures(fails)
    with pytest.raises(TrainingError, match="the first 5 trials failed, the last one with: ValueError: no good"):
        search(with_space(quick, batch_size=[16, 32]), tmp_path, trials=9)


@pytest.mark.slow
def test_trials_below_the_median_are_cut_at_an_epoch(quick, figures, tmp_path):
    asked = figures(peak)
    recipe = with_space(quick, optimiser__learning_rate={"low": 1e-6, "high": 1e-2, "log": True})

    result = search(recipe, tmp_path / "cut", trials=9)
    whole = search(recipe, tmp_path / "whole", trials=6, prune=False)

    cut = [each for each in result.trials if each.state == "pruned"]
    assert cut
    assert all(each.epochs < 3 for each in cut)
    assert all(each.value <= result.best.value for each in cut)
    assert {each.state for each in whole.trials} == {"complete"}
    assert len(asked) == 10 + 7


def test_settings_that_are_mappings_survive_the_study(quick, figures, tmp_path):
    asked = figures(lambda recipe, epoch: 0.5)
    choices = [{"name": "focal", "gamma": 1.0}, {"name": "focal", "gamma": 3.0}]

    result = search(with_space(quick, tasks__0__objective=choices), tmp_path, trials=4)

    assert all(each.settings["tasks.0.objective"] in choices for each in result.trials)
    assert {recipe.tasks[0].objective.model_extra["gamma"] for recipe in asked[1:]} <= {1.0, 3.0}


def test_a_study_is_a_database_that_other_tools_read(quick, figures, tmp_path):
    figures(peak)
    search(with_space(quick, batch_size=[16, 32]), tmp_path, trials=3)

    with sqlite3.connect(tmp_path / STUDY) as database:
        (n,) = database.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()
    database.close()
    assert n == 3


def test_a_study_of_something_else_is_refused(quick, figures, tmp_path):
    figures(peak)
    recipe = with_space(quick, batch_size=[16, 32])
    with pytest.raises(InputError, match="nothing to resume: no study in"):
        search(recipe, tmp_path, resume=True)
    search(recipe, tmp_path, trials=1)

    with pytest.raises(InputError, match="holds a study. Go on with --resume"):
        search(recipe, tmp_path)
    with pytest.raises(InputError, match="is a study of another space"):
        search(with_space(quick, batch_size=[16, 64]), tmp_path, resume=True)
    with pytest.raises(InputError, match="is a study of another recipe"):
        search(recipe.model_copy(update={"epochs": 2.0}), tmp_path, resume=True)


def test_the_package_that_is_missing_is_named(quick, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(MissingExtraError, match=r"hyper-parameter search \(optuna\).*sentimo\[search\]"):
        search(quick, tmp_path)
