"""Renewal: what the challenger learns from, who judges, and what happens on refusal."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from sentimo.core.bundle import Bundle
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError, RecipeError
from sentimo.evaluate.promotion import PromotionGate
from sentimo.text.normalise import folded
from sentimo.train import renew as renewal
from sentimo.train.encoder import open_base
from sentimo.train.learner import Learner
from sentimo.train.recipe import with_settings
from sentimo.train.renew import DECISIONS, PARTS, champion_recipe, renew
from sentimo.train.run import train
from sentimo.train.tasks import load_tasks


@pytest.fixture(scope="module")
def champion(multi_task, tmp_path_factory):
    """A model of one task that has not learnt much: one epoch at a small rate."""
    recipe = multi_task.model_copy(update={"tasks": multi_task.tasks[:1], "baseline": False})
    recipe = with_settings(recipe, {"epochs": 1, "optimiser.learning_rate": 1e-4, "optimiser.head_learning_rate": 1e-4})
    return train(recipe, tmp_path_factory.mktemp("use") / "mine").bundle


@pytest.fixture
def corrections(tmp_path):
    """40 rows in words of their own."""
    path = tmp_path / "corrections.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "polarity"])
        for at in range(40):
            said, label = (("great", "positive"), ("awful", "negative"))[at % 2]
            writer.writerow([f"the {('film', 'room', 'food', 'book')[at % 4]} was {said} on day {at}", label])
    return path


@pytest.fixture
def seen(monkeypatch):
    """Takes a copy of the champion as the challenger, and notes what it was to learn."""
    calls = []

    def fake(recipe, output, *, data, attach, **options):
        calls.append((recipe, data, attach))
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(recipe.base, output)

        class Result:
            bundle = Bundle.open(output)

        return Result

    monkeypatch.setattr(renewal, "train", fake)
    return calls


def texts(rows):
    return {folded(each.document.text) for each in rows}


# ---------------------------------------------------------------------------------------------- the whole way


def test_a_better_challenger_takes_the_place_and_the_next_renewal_knows_its_parts(champion, corrections, tmp_path):
    output = tmp_path / "next"
    settings = {"epochs": 6, "optimiser.learning_rate": 2e-3, "optimiser.head_learning_rate": 4e-3}

    result = renew(champion.path, [corrections], output, settings=settings, gate=PromotionGate(calibration_margin=0.5))

    assert result.promoted
    assert (result.path, result.champion) == (output, champion.digest)
    assert Predictor.load(output).model.digest == result.challenger != champion.digest
    assert not (tmp_path / "next.challenger").exists()
    (line,) = map(json.loads, (tmp_path / DECISIONS).read_text("utf-8").splitlines())
    assert (line["decision"], line["champion"]["digest"]) == ("promoted", champion.digest)
    assert line["challenger"] == {"path": str(output), "digest": result.challenger}
    assert line["checks"][0]["difference"]["low"] > 0
    # its own recipe would split the joined files anew; the parts it had are kept in the bundle
    bundle = Bundle.open(output)
    recipe = champion_recipe(bundle)
    assert recipe.keep_heads
    held_out = json.loads(bundle.file(PARTS).read_text("utf-8"))["polarity"]
    again = renewal._own_rows(recipe, bundle)["polarity"]
    assert {renewal._mark(each) for each in again.test} == set(held_out["test"])
    assert not texts(again.train) & texts([*again.dev, *again.test])
    assert len(again.test) == result.rows["test"]


def test_a_refused_challenger_replaces_nothing_and_is_logged(champion, corrections, tmp_path, seen):
    output = tmp_path / "next"
    shutil.copytree(champion.path, output)
    before = (output / "manifest.json").read_bytes()

    for n in (1, 2):
        result = renew(champion.path, [corrections], output, overwrite=True)  # the same model: not surely better

        assert not result.promoted
        assert (output / "manifest.json").read_bytes() == before
        assert Bundle.open(result.path).digest == champion.digest
        lines = [json.loads(line) for line in (tmp_path / DECISIONS).read_text("utf-8").splitlines()]
        assert [each["decision"] for each in lines] == ["refused"] * n
    assert lines[-1]["refusals"][0].startswith("polarity: macro_f1")


# ---------------------------------------------------------------------------------------------- the rows


def test_the_rows_that_judge_were_learnt_by_neither(champion, corrections, tmp_path, seen):
    recipe = champion_recipe(champion)
    own = load_tasks(recipe.tasks, recipe.seed)["polarity"]

    renew(champion.path, [corrections], tmp_path / "next")

    changed, data, _ = seen[-1]
    found = data["polarity"]
    assert texts(own.test) <= texts(found.test)
    assert not texts(found.test) & texts([*own.train, *found.train, *found.dev])
    assert texts(own.train) <= texts(found.train)  # replayed
    assert len(found.test) == len(own.test) + 8  # a fifth of 40 new rows
    assert (changed.base, changed.keep_heads, changed.baseline) == (str(champion.path), True, False)
    assert [path.name for path in changed.tasks[0].train] == ["corrections.csv", "polarity.csv"]


def test_rows_to_replay_and_to_judge_by_can_be_given(champion, corrections, labelled, tmp_path, seen):
    test = tmp_path / "test.csv"
    test.write_text("text,polarity\nI love it,positive\nI hate it,negative\nthe bus came at noon,neutral\n", "utf-8")

    renew(champion.path, [corrections], tmp_path / "a", replay=[labelled / "polarity.csv"], replay_rows=10, test=[test])

    _, data, _ = seen[-1]
    assert texts(data["polarity"].test) == {folded(each) for each in ("I love it", "I hate it", "the bus came at noon")}
    assert len(data["polarity"].train) <= 36 + 10
    assert (
        len(texts(data["polarity"].train) - texts(load_tasks(champion_recipe(champion).tasks, 13)["polarity"].train))
        >= 36
    )


def test_without_its_own_rows_a_model_learns_the_new_ones_and_says_so(
    champion, corrections, tmp_path, seen, monkeypatch
):
    monkeypatch.setattr(renewal, "_gone", lambda recipe: ["polarity.csv"])

    renew(champion.path, [corrections], tmp_path / "next")

    _, data, _ = seen[-1]
    assert (len(data["polarity"].train), len(data["polarity"].dev), len(data["polarity"].test)) == (28, 4, 8)
    assert any("nothing is replayed" in note for note in data["polarity"].notes)


def test_a_handful_of_corrections_is_learnt_whole(champion, tmp_path, seen):
    few = tmp_path / "few.csv"
    few.write_text("text,polarity\nnot my cup of tea,negative\nnot bad at all,positive\n", "utf-8")

    renew(champion.path, [few], tmp_path / "next")

    found = seen[-1][1]["polarity"]
    assert {folded("not my cup of tea"), folded("not bad at all")} <= texts(found.train)
    assert any("none is held out, old rows alone judge" in note for note in found.notes)


def test_other_tasks_of_a_model_keep_their_rows(trained, corrections, tmp_path, seen, monkeypatch):
    with pytest.raises(InputError, match="task not given: the model answers polarity, emotions, stars, intensity"):
        renew(trained.bundle.path, [corrections], tmp_path / "next")
    result = renew(trained.bundle.path, [corrections], tmp_path / "next", task="polarity")

    names = [each.name for each in result.promotion.checks]
    assert names == [
        "polarity: macro_f1", "polarity: ece", "emotions: macro_f1", "stars: macro_f1", "intensity: pearson",
    ]  # fmt: skip
    assert [each.passed for each in result.promotion.checks] == [False, True, True, True, True]
    monkeypatch.setattr(renewal, "_gone", lambda recipe: ["stars.csv"])
    with pytest.raises(InputError, match="also answers emotions, stars, intensity, but files .* are gone: stars.csv"):
        renew(trained.bundle.path, [corrections], tmp_path / "next", task="polarity")


# ---------------------------------------------------------------------------------------------- the weights


def test_a_learner_that_keeps_heads_starts_as_the_model(champion):
    recipe = with_settings(champion_recipe(champion), {"keep_heads": True, "base": str(champion.path)})
    data = load_tasks(recipe.tasks, recipe.seed)["polarity"]
    space = champion.manifest.tasks[0].space

    learner = Learner.build(recipe, open_base(recipe.base), {"polarity": space}, {"polarity": data.train})
    learner.network.eval()

    ours = learner.predictor(champion.manifest.tasks).predict(["I love it", "服务太差了"]).tasks["polarity"].scores
    theirs = Predictor.load(champion.path).predict(["I love it", "服务太差了"]).tasks["polarity"].scores
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_heads_of_other_labels_or_of_no_model_are_refused(champion, encoder):
    recipe = with_settings(champion_recipe(champion), {"keep_heads": True})
    data = load_tasks(recipe.tasks, recipe.seed)["polarity"]
    train, spaces = {"polarity": data.train}, {"mood": data.space}

    with pytest.raises(RecipeError, match="keep_heads: the base must be a Sentimo model"):
        Learner.build(recipe, open_base(str(encoder)), {"polarity": data.space}, train)
    renamed = with_settings(recipe, {"tasks.0.name": "mood"})
    rows = [each.__class__(each.document, {"mood": each.targets["polarity"]}) for each in data.train]
    with pytest.raises(RecipeError, match=r"answers polarity .*; the recipe has mood"):
        Learner.build(renamed, open_base(str(champion.path)), spaces, {"mood": rows})


def test_a_model_without_torch_weights_says_what_to_renew(tmp_path, corrections, trained, monkeypatch):
    files = {name: digest for name, digest in trained.bundle.files.items() if not name.endswith(".safetensors")}
    light = Bundle(trained.bundle.path, trained.bundle.manifest, trained.bundle.digest, files)

    with pytest.raises(BundleError, match="no recipe and torch weights to go on from .* compress the result again"):
        champion_recipe(light)
