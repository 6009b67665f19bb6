"""Soups: averaged weights, one model like each member, and which members are taken in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from sentimo.compress.material import Material
from sentimo.compress.network import derive_network, open_network
from sentimo.compress.soup import average, build_soup
from sentimo.core.bundle import Bundle
from sentimo.core.documents import Document
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError
from sentimo.train.marks import Marks
from sentimo.train.recipe import with_settings
from sentimo.train.renew import champion_recipe
from sentimo.train.run import train


@pytest.fixture(scope="module")
def dev(labelled, trained):
    """Task -> labelled rows that no model has learnt, for all four tasks."""
    from sentimo.data.reading import Reading
    from sentimo.evaluate.labelled import load_labelled

    spaces = {task.name: task.space for task in trained.bundle.manifest.tasks}
    files = [labelled / name for name in ("polarity.csv", "emotions.jsonl", "stars.csv", "intensity.csv")]
    read = dict(load_labelled(path, spaces, Reading()) for path in files)
    return {
        name: [replace(each, document=Document(f"{each.document.text} today")) for each in data.examples]
        for name, data in read.items()
    }


@pytest.fixture(scope="module")
def near_and_far(trained, tmp_path_factory):
    """Two models beside the trained one: one that lies near it, one whose weights are shaken until it knows nothing."""
    folder, found = tmp_path_factory.mktemp("soup"), []
    for name, much in (("near", 0.02), ("far", 5.0)):

        def shake(network, base, much=much):
            draw = torch.Generator().manual_seed(1)
            with torch.no_grad():
                for each in network.parameters():
                    each += much * each.std(correction=0) * torch.randn(each.shape, generator=draw)
            return network

        found.append(derive_network(trained.bundle, folder / name, Material({}), shake).path)
    return found


def test_an_average_is_the_mean_of_each_weight():
    first = {"a": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)}
    second = {"a": torch.tensor([2.0, 6.0]), "n": torch.tensor(4)}

    found = average([first, second])

    assert found["a"].tolist() == [1.5, 4.0]
    assert found["n"].item() == 3
    assert found["a"].dtype == torch.float32


def test_a_soup_holds_the_mean_of_the_weights_and_answers_without_torch(trained, near_and_far, dev, tmp_path):
    near, _ = near_and_far

    made = build_soup([trained.bundle.path, near], tmp_path / "soup", dev)

    one, other, soup = (open_network(Bundle.open(each))[0] for each in (trained.bundle.path, near, made.bundle.path))
    wanted = average([one.state_dict(), other.state_dict()])
    for name, weight in soup.state_dict().items():
        assert weight == pytest.approx(wanted[name], abs=1e-6), name
    predictor = Predictor.load(made.bundle.path)
    assert predictor.runtime.backend == "onnx"
    assert made.bundle.manifest.name == "soup"
    assert len(made.bundle.manifest.provenance["members"]) == 2
    record = json.loads(made.bundle.file("ensemble.json").read_text("utf-8"))
    assert record["tasks"].keys() == dev.keys()
    assert not {"report.json", "recipe.yaml"} & set(made.bundle.files)  # the first member's run is not the soup's
    assert Marks.read(made.bundle.path).learnt == Marks.read(near).learnt
    with pytest.raises(BundleError, match="was made of several models"):
        champion_recipe(made.bundle)


def test_a_greedy_soup_takes_in_what_does_not_hurt(trained, near_and_far, dev, tmp_path):
    near, far = near_and_far

    made = build_soup([far, trained.bundle.path, near], tmp_path / "soup", dev, combine="greedy-soup")

    members = made.bundle.manifest.provenance["members"]
    assert trained.bundle.digest in " ".join(members)
    assert Bundle.open(far).digest not in " ".join(members)
    whole = sum(len(each) for each in dev.values())
    assert 0.3 * whole < sum(each.n for each in made.contests.values()) < 0.7 * whole  # the other half chose


def test_models_of_other_weights_are_refused(trained, near_and_far, dev, tmp_path):
    near, _ = near_and_far

    def narrower(network, base):
        network.encoder.config.hidden_act = "relu"
        return network

    other = derive_network(trained.bundle, tmp_path / "relu", Material({}), narrower).path
    with pytest.raises(InputError, match="relu and four differ in architecture; only models of one architecture"):
        build_soup([trained.bundle.path, other], tmp_path / "soup", dev)
    with pytest.raises(InputError, match="no dev rows for task polarity, emotions, stars"):
        build_soup([trained.bundle.path, near], tmp_path / "soup", {"intensity": dev["intensity"]})
    assert not (tmp_path / "soup").exists()


def test_a_soup_of_models_with_knowledge_keeps_it_and_their_words_must_be_the_same(multi_task, dev, tmp_path):
    words = tmp_path / "words.csv"
    words.write_text("word,valence\nparcel,0.9\nmeeting,-0.9\n", "utf-8")
    recipe = multi_task.model_copy(update={"tasks": multi_task.tasks[:1], "baseline": False})
    recipe = with_settings(recipe, {"epochs": 0.5, "knowledge": "lexicon"})
    other = with_settings(recipe, {"knowledge.file": str(words)})
    runs = {"one": recipe, "two": with_settings(recipe, {"seed": 14}), "three": other}
    one, two, three = (train(each, tmp_path / name).bundle.path for name, each in runs.items())
    rows = {"polarity": dev["polarity"]}

    made = build_soup([one, two], tmp_path / "soup", rows)

    first, soup = Bundle.open(one), made.bundle
    assert soup.manifest.settings == first.manifest.settings
    assert soup.file("lexicon.json").read_bytes() == first.file("lexicon.json").read_bytes()
    wanted = average([open_network(Bundle.open(each))[0].state_dict() for each in (one, two)])
    found = open_network(soup)[0].state_dict()
    assert found["fusion.gate.weight"] == pytest.approx(wanted["fusion.gate.weight"], abs=1e-6)
    with pytest.raises(InputError, match="three and one differ in lexicon; only models"):
        build_soup([one, three], tmp_path / "broth", rows)
