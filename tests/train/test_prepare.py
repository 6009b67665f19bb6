"""What `train` makes ready, everything else that trains makes ready in the same way."""

from __future__ import annotations

import json

import pytest
from toy import BAD, GOOD, THINGS, toy_recipe

from sentimo.engine.predictor import Predictor
from sentimo.train import learning_curve as curve_module
from sentimo.train.encoder import open_base
from sentimo.train.learner import Learner
from sentimo.train.learning_curve import learning_curve
from sentimo.train.lr_range import lr_range
from sentimo.train.optim import build_optimiser, default_learning_rate, usual_rate
from sentimo.train.prepare import Stock, prepare, rows_of
from sentimo.train.recipe import with_settings
from sentimo.train.search import search
from sentimo.train.transfer import transfer


def by_search(recipe, folder):
    search(with_settings(recipe, {"search": {"batch_size": [8, 16]}}), folder / "study", trials=2, prune=False)


def by_transfer(recipe, folder):
    files = [folder / "rows.csv", folder / "others.csv"]
    transfer(recipe, files, [], n_bootstrap=10)


def by_curve(recipe, folder):
    learning_curve(recipe, sizes=[8, 16], seeds=1)


def by_range(recipe, folder):
    lr_range(recipe, low=1e-5, high=1e-4, steps=10)


EVERY = pytest.mark.parametrize("way", [by_search, by_transfer, by_curve, by_range])


@pytest.fixture
def quick(encoder, tmp_path, monkeypatch):
    """A recipe over texts longer than the 64 positions of the base; some stand in train and in test."""
    monkeypatch.setattr(curve_module, "MIN_STEPS", 1)
    for name, start in (("rows", "the"), ("others", "a")):
        ends = [
            f"{word}{' and so on' * 40},{mood}"
            for word, mood in zip(BAD + GOOD, ["bad"] * 8 + ["good"] * 8, strict=True)
        ]
        lines = [f"{start} {THINGS[at % 6]} {at} was {end}" for at, end in enumerate(ends * 3)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,mood", *lines]) + "\n", "utf-8")
        (tmp_path / f"{name}-held-out.csv").write_text("\n".join(["text,mood", *lines[:8]]) + "\n", "utf-8")
    files = {"train": tmp_path / "rows.csv", "dev": tmp_path / "others-held-out.csv"}
    task = {"name": "mood", **files, "test": tmp_path / "rows-held-out.csv", "space": ["bad", "good"]}
    return toy_recipe(task, base=str(encoder), batch_size=16, max_tokens=64, epochs=0.5)


@pytest.fixture
def built(monkeypatch):
    """What every learner was built from: recipe, rows, texts without labels."""
    found, build = [], Learner.build

    def watched(recipe, base, spaces, train, unlabelled=(), teachers=None):
        found.append((recipe, train, list(unlabelled)))
        return build(recipe, base, spaces, train, unlabelled, teachers)

    monkeypatch.setattr(Learner, "build", watched)
    return found


@EVERY
def test_prompts_leave_room_for_the_longest_texts(way, quick, tmp_path, built):
    way(with_settings(quick, {"adapt": {"name": "prompt", "n_tokens": 20}}), tmp_path)

    assert {recipe.max_tokens for recipe, *_ in built} == {44}


@EVERY
def test_rows_are_written_anew_and_leaks_left_out_as_the_recipe_says(way, quick, tmp_path, built):
    changed = {"augment": {"methods": ["delete"], "check": "none"}, "drop_leaks": False}
    way(with_settings(quick, changed), tmp_path)

    assert all({each.source for each in train["mood"]} == {"gold", "augmented"} for _, train, _ in built)
    if way in (by_search, by_range):
        assert {sum(each.source == "gold" for each in train["mood"]) for _, train, _ in built} == {48}


@EVERY
def test_teachers_are_loaded_and_asked_once_and_their_texts_are_learnt(
    way, multi_task, trained, tmp_path, built, monkeypatch
):
    monkeypatch.setattr(curve_module, "MIN_STEPS", 1)
    texts = [f"the hotel was great {number}" for number in range(6)]
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n", "utf-8")
    content = multi_task.tasks[0].train[0].read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "rows.csv").write_text("".join([content[0], *content[1::2]]), "utf-8")
    (tmp_path / "others.csv").write_text("".join([content[0], *content[2::2]]), "utf-8")
    teacher = {"models": [trained.bundle.path], "text": [tmp_path / "texts.txt"]}
    recipe = multi_task.model_copy(update={"tasks": multi_task.tasks[:1], "epochs": 0.2})
    recipe = with_settings(recipe, {"teacher": json.loads(json.dumps(teacher, default=str))})
    loaded, asked, load = [], [], Predictor.load.__func__

    class Watched(Predictor):
        def predict(self, texts):
            asked.extend(texts)
            return super().predict(texts)

    monkeypatch.setattr(Predictor, "load", classmethod(lambda cls, path: loaded.append(path) or load(Watched, path)))

    way(recipe, tmp_path)

    assert len(loaded) == 1
    assert len(asked) == len(set(asked)) > 6
    assert all(unlabelled == texts for *_, unlabelled in built)


@pytest.mark.parametrize(
    "settings",
    [{}, {"adapt": "bitfit"}, {"freeze": "encoder"}, {"base": "textcnn"}, {"optimiser": {"name": "sgd"}}],
)
def test_the_usual_rate_is_what_an_optimiser_takes(settings, quick):
    recipe = with_settings(quick, {"optimiser": {"name": "adamw"}, **settings})
    prepared = prepare(recipe, rows_of(recipe))
    rate, head = prepared.recipe.optimiser.learning_rate, prepared.recipe.optimiser.head_learning_rate

    assert rate == usual_rate(recipe, prepared.base)
    network = prepared.learner().network
    plain = {group["lr"] for group in build_optimiser(network, recipe.optimiser).param_groups}
    assert plain == {group["lr"] for group in build_optimiser(network, prepared.recipe.optimiser).param_groups}
    pooler = {default_learning_rate("adamw", prepared.base.width)} if "adapt" in settings else set()
    assert plain <= {rate, head} | pooler


def test_the_range_test_of_an_encoder_from_nothing_shows_its_own_rate(quick):
    assert lr_range(with_settings(quick, {"base": "bilstm"}), low=1e-5, high=1e-4, steps=10).usual == 2e-3


def test_a_stock_opens_a_base_once(quick, monkeypatch):
    opened = []
    monkeypatch.setattr("sentimo.train.prepare.open_base", lambda name: opened.append(name) or open_base(name))
    stock, rows = Stock(), rows_of(quick)

    one, other = prepare(quick, rows, stock), prepare(quick, rows, stock)

    assert one.base.tokenizer is other.base.tokenizer
    assert opened == [quick.base]
