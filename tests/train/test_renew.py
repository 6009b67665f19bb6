"""Renewal: what the challenger learns from, who judges, and what happens on refusal."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import pytest
import torch

from sentimo.core.bundle import Bundle
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError, RecipeError
from sentimo.evaluate.promotion import PromotionGate
from sentimo.text.normalise import folded
from sentimo.train import renew as renewal
from sentimo.train.adapt.build import learning_share
from sentimo.train.encoder import open_base
from sentimo.train.learner import Learner
from sentimo.train.marks import PARTS, Marks, mark
from sentimo.train.network import load_network
from sentimo.train.recipe import dump_recipe, with_settings
from sentimo.train.renew import DECISIONS, champion_recipe, renew
from sentimo.train.run import train
from sentimo.train.tasks import TaskData, load_tasks


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

    def fake(recipe, output, *, data, **options):
        calls.append((recipe, data))
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
    marks = Marks.read(output)
    again = renewal._own_rows(recipe, marks, bundle)["polarity"]
    assert {mark(each) for each in again.test} == marks.test["polarity"]
    assert not texts(again.train) & texts([*again.dev, *again.test])
    assert len(again.test) == result.rows["test"]
    assert Marks.read(champion.path).learnt < marks.learnt  # what the model before it had learnt counts too
    assert not {mark(each) for each in [*again.dev, *again.test]} & marks.learnt


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

    changed, data = seen[-1]
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

    _, data = seen[-1]
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

    _, data = seen[-1]
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


@pytest.fixture
def changing(champion, labelled, tmp_path, monkeypatch):
    """Copies of the champion's file that may be written to: the recipe in use names this one."""
    path = tmp_path / "polarity.csv"
    shutil.copyfile(labelled / "polarity.csv", path)
    recipe = champion_recipe(champion)

    def use(**files):
        tasks = [recipe.tasks[0].model_copy(update={"train": [path], **files})]
        monkeypatch.setattr(renewal, "champion_recipe", lambda bundle: recipe.model_copy(update={"tasks": tasks}))
        return path

    return use


def learnt_and_held_out(champion):
    """Rows of the champion's file: what it learnt, what it was calibrated on, what judged it."""
    recipe = champion_recipe(champion)
    own = load_tasks(recipe.tasks, recipe.seed)["polarity"]
    return own.train, own.dev, own.test


def append(path, rows):
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_rows_added_to_the_files_make_no_learnt_row_judge(champion, corrections, changing, tmp_path, seen):
    path = changing()
    append(path, [[f"the {word} came at {hour}", "neutral"] for word in ("bus", "train") for hour in range(15)])

    renew(champion.path, [corrections], tmp_path / "next")

    learnt, dev, test = learnt_and_held_out(champion)
    found = seen[-1][1]["polarity"]
    assert not texts([*found.dev, *found.test]) & texts(learnt)
    assert texts(test) <= texts(found.test)
    assert texts(dev) <= texts(found.dev)
    assert folded("the bus came at 3") in texts(found.train)


def test_rows_moved_to_a_test_file_judge_only_if_they_were_not_learnt(champion, corrections, changing, tmp_path, seen):
    learnt, *_ = learnt_and_held_out(champion)
    moved = [learnt[0].document.text, "the boat came at noon", "the boat came at ten"]
    file = tmp_path / "test.csv"
    file.write_text("text,polarity\n", "utf-8")
    append(file, [[text, "neutral"] for text in moved])
    path = changing(test=[file])
    append(path, [[moved[1], "neutral"]])  # a copy in the training file

    renew(champion.path, [corrections], tmp_path / "next")

    found = seen[-1][1]["polarity"]
    assert {folded(each) for each in moved[1:]} <= texts(found.test)
    assert not texts(found.test) & texts([*learnt, *found.train])
    assert any("1 rows of its dev and test files left out, the model has learnt" in note for note in found.notes)


def test_replayed_rows_keep_the_labels_that_their_file_tells_apart(champion, changing, labelled, tmp_path):
    other = tmp_path / "two-labels.csv"
    other.write_text("text,polarity\n", "utf-8")
    append(
        other,
        [
            [f"the tea was {said} at {at}", label]
            for at in range(3)
            for said, label in (("hot", "positive"), ("cold", "negative"))
        ],
    )
    changing(train=[labelled / "polarity.csv", other], absent_labels="unknown")
    recipe = renewal.champion_recipe(champion)

    found = renewal._own_rows(recipe, Marks.read(champion.path), champion)["polarity"]

    among = [each.among for each in found.train if "tea" in each.document.text]
    assert among == [{"polarity": (0, 2)}] * 6


def test_corrections_of_learnt_rows_are_learnt_and_replace_them(champion, corrections, tmp_path, seen):
    learnt, _, test = learnt_and_held_out(champion)
    append(corrections, [[each.document.text.upper(), "neutral"] for each in [*learnt[:30], test[0]]])

    renew(champion.path, [corrections], tmp_path / "next")

    found = seen[-1][1]["polarity"]
    assert not texts(found.test) & texts(learnt)
    changed = texts(learnt[:30])
    labels = {each.targets["polarity"] for each in found.train if folded(each.document.text) in changed}
    assert labels == {champion.manifest.tasks[0].space.labels.index("neutral")}
    (judges,) = [each for each in found.test if folded(each.document.text) == folded(test[0].document.text)]
    assert judges.document.text == test[0].document.text.upper()
    assert any("has learnt the texts of 30 new rows" in note for note in found.notes)


def test_learnt_texts_are_known_without_the_files(champion, corrections, tmp_path, seen, monkeypatch):
    learnt, *_ = learnt_and_held_out(champion)
    append(corrections, [[each.document.text, "neutral"] for each in learnt[:30]])
    monkeypatch.setattr(renewal, "_gone", lambda recipe: ["polarity.csv"])

    renew(champion.path, [corrections], tmp_path / "next")

    found = seen[-1][1]["polarity"]
    assert texts(learnt[:30]) <= texts(found.train)
    assert not texts([*found.dev, *found.test]) & texts(learnt)


def test_texts_of_phenomena_are_not_learnt_and_counted(champion, corrections, tmp_path, seen):
    learnt, *_ = learnt_and_held_out(champion)
    file = tmp_path / "negation.csv"
    file.write_text("text,polarity\n", "utf-8")
    mine = [*(each.document.text for each in learnt[:3]), *(f"the film was great on day {day}" for day in (0, 8, 16))]
    append(file, [[text, "positive"] for text in mine])
    at_large = {folded(text) for text in mine}

    renew(champion.path, [corrections], tmp_path / "next", phenomena=[file], test=[corrections])

    found = seen[-1][1]["polarity"]
    assert not at_large & texts([*found.train, *found.dev])
    told = [note for note in found.notes if f"their texts stand in {file}" in note]
    assert told
    assert int(told[0].split()[1]) >= 3


def test_a_model_that_does_not_tell_what_it_learnt_is_refused(champion, corrections, tmp_path, monkeypatch):
    monkeypatch.setattr(Marks, "read", lambda folder: None)

    with pytest.raises(BundleError, match=r"does not tell which rows it has learnt \(parts.json\).* Train it anew"):
        renew(champion.path, [corrections], tmp_path / "next")


def test_marks_are_of_what_was_learnt_and_held_out_and_tell_no_text(champion):
    learnt, dev, test = learnt_and_held_out(champion)
    marks = Marks.read(champion.path)

    assert marks.learnt == set(map(mark, learnt))
    assert marks.dev["polarity"] == set(map(mark, dev))
    assert marks.test["polarity"] == set(map(mark, test))
    content = champion.file(PARTS).read_text("utf-8")
    assert all(each.document.text not in content for each in (*learnt, *dev, *test))


def test_held_out_rows_that_the_base_had_learnt_are_not_marked(champion):
    learnt, dev, _ = learnt_and_held_out(champion)
    data = TaskData(champion.manifest.tasks[0].space, dev, learnt[:2], [*learnt[2:4]])

    marks = Marks.of({"polarity": data}, str(champion.path))

    assert marks.learnt == set(map(mark, [*learnt, *dev]))
    assert not marks.dev["polarity"] | marks.test["polarity"]


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


@pytest.mark.slow  # three whole runs
def test_a_lora_model_is_renewed_twice_and_few_weights_learn_each_time(champion, corrections, tmp_path):
    recipe = with_settings(champion_recipe(champion), {"adapt": "lora", "optimiser.learning_rate": 2e-3})
    bundle = train(recipe, tmp_path / "lora").bundle
    gate = PromotionGate(margin=1.0, calibration_margin=1.0, others_margin=1.0)

    for name in ("next", "after"):
        result = renew(bundle.path, [corrections], tmp_path / name, gate=gate)

        assert result.promoted
        bundle = Bundle.open(result.path)
        assert {"model.safetensors", "config.json"} <= set(bundle.files)
        adapted = json.loads(bundle.file("report.json").read_text("utf-8"))["adapt"]
        assert adapted["method"] == "lora"
        assert adapted["share"] < 0.5
        load_network(open_base(str(bundle.path)), {"polarity": bundle.manifest.tasks[0].space})


@pytest.mark.parametrize("head", ["linear", "attention"])
def test_a_learner_that_keeps_heads_has_the_dropout_and_the_adaptation_of_the_recipe(champion, head, tmp_path):
    recipe = champion_recipe(champion)
    space, base = champion.manifest.tasks[0].space, champion.path
    data = load_tasks(recipe.tasks, recipe.seed)["polarity"]
    if head == "attention":
        recipe = with_settings(recipe, {"tasks.0.head": head, "pooling": "mean", "epochs": 0.1})
        base = train(recipe, tmp_path / "attending").bundle.path
    changed = with_settings(recipe, {"keep_heads": True, "base": str(base), "dropout": 0.37, "adapt": "lora"})

    network = Learner.build(changed, open_base(str(base)), {"polarity": space}, {"polarity": data.train}).network

    names = [name for name, each in network.named_modules() if isinstance(each, torch.nn.Dropout) and each.p != 0.37]
    assert not [name for name in names if "lora_dropout" not in name]
    assert 0 < learning_share(network)["share"] < 0.5


@pytest.mark.parametrize("name", ["prefix", "prompt", "bottleneck"])
def test_what_lies_in_the_graph_alone_cannot_be_renewed_and_it_is_said_why(name, champion, tmp_path):
    files = {each: digest for each, digest in champion.files.items() if not each.endswith(".safetensors")}
    (tmp_path / "recipe.yaml").write_text(dump_recipe(with_settings(champion_recipe(champion), {"adapt": name})))
    light = Bundle(tmp_path, champion.manifest, champion.digest, files)

    with pytest.raises(
        BundleError, match=f"adapt {name} learnt lies in its graph .* with lora, adalora, ia3, bitfit, or"
    ):
        champion_recipe(light)


def test_adapters_and_models_made_of_several_cannot_be_renewed_and_it_is_said_why(champion):
    manifest = champion.manifest
    adapter = Bundle(champion.path, replace(manifest, backend="adapter"), "", {})
    soup = replace(manifest, provenance={**manifest.provenance, "combine": "soup"})

    with pytest.raises(BundleError, match="is an adapter, .* cannot be renewed. Train it anew .* `save: model`"):
        champion_recipe(adapter)
    with pytest.raises(BundleError, match="was made of several models: .* Renew the members"):
        champion_recipe(Bundle(champion.path, soup, "", champion.files))
