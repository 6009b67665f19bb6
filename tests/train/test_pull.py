"""Models of others become ours: same answers, labels in our order, nothing unsafe read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from mirror import mirror_of
from transformers import BertConfig, BertForSequenceClassification

from sentimo.core.bundle import Bundle
from sentimo.core.labels import EKMAN_7, POLARITY_3, SENTIMENT_5
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError
from sentimo.train.encoder import open_base, quiet_transformers
from sentimo.train.pull import pull

TEXTS = ["i love this film", "the room was dirty and the staff rude", "the film starts at night"]


@pytest.fixture
def classifier(bert, tmp_path):
    """Makes a folder as transformers saves a classifier; its head is drawn, so that it has opinions."""

    def make(names, **settings):
        folder = tmp_path / "theirs"
        config = BertConfig.from_pretrained(bert, id2label=dict(enumerate(names)), num_labels=len(names), **settings)
        torch.manual_seed(3)
        with quiet_transformers():
            model = BertForSequenceClassification(config)
            torch.nn.init.normal_(model.classifier.weight, std=2.0)
            model.save_pretrained(folder)
            open_base(str(bert)).tokenizer.save_pretrained(folder)
        return folder

    return make


def logits(folder, texts):
    """What transformers itself says."""
    base = open_base(str(folder))
    with quiet_transformers():
        model = BertForSequenceClassification.from_pretrained(folder).eval()
    rows = [base.encode([text], 64)[0] for text in texts]
    with torch.no_grad():
        return torch.stack([model(torch.tensor([row])).logits[0] for row in rows])


def test_a_classifier_answers_as_in_transformers_with_its_labels_in_our_order(classifier, tmp_path):
    folder = classifier(["Positive", "NEG", "neutral"])

    done = pull(str(folder), tmp_path / "ours")

    assert (done.kind, done.spaces) == ("model", {"polarity": POLARITY_3})
    expected = logits(folder, TEXTS).softmax(dim=1)[:, [1, 2, 0]].numpy()
    found = Predictor.load(tmp_path / "ours").predict(TEXTS).tasks["polarity"].scores
    assert found == pytest.approx(expected, abs=1e-4)
    assert np.ptp(found) > 0.1
    assert "not calibrated" in done.notes[0]


def test_several_labels_may_hold(classifier, tmp_path):
    folder = classifier(["joy", "fear", "hope"], problem_type="multi_label_classification")

    done = pull(str(folder), tmp_path / "ours", task="moods")

    assert done.spaces["moods"].kind == "multi"
    assert done.spaces["moods"].labels == ("joy", "fear", "hope")
    found = Predictor.load(tmp_path / "ours").predict(TEXTS).tasks["moods"].scores
    assert found == pytest.approx(logits(folder, TEXTS).sigmoid().numpy(), abs=1e-4)


@pytest.mark.parametrize(
    ("names", "space", "task"),
    [
        (["1 star", "2 stars", "3 stars", "4 stars", "5 stars"], SENTIMENT_5, "polarity"),
        (["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"], EKMAN_7, "emotions"),
    ],
    ids=["stars", "emotions"],
)
def test_known_labels_become_known_spaces(names, space, task, classifier, tmp_path):
    assert pull(str(classifier(names)), tmp_path / "ours").spaces == {task: space}


def test_outputs_without_names_are_named_by_the_caller(classifier, tmp_path):
    folder = classifier(["LABEL_0", "LABEL_1"])
    with pytest.raises(InputError, match="does not name its 2 outputs"):
        pull(str(folder), tmp_path / "ours")
    with pytest.raises(InputError, match="3 names; .* has 2 outputs"):
        pull(str(folder), tmp_path / "ours", labels=["a", "b", "c"])

    assert pull(str(folder), tmp_path / "ours", labels=["spam", "ham"]).spaces["label"].labels == ("spam", "ham")


def test_a_classifier_of_one_number_is_refused(classifier, tmp_path):
    with pytest.raises(InputError, match="gives a number"):
        pull(str(classifier(["LABEL_0"])), tmp_path / "ours")


def test_any_other_encoder_becomes_a_base(bert, tmp_path):
    done = pull(str(bert), tmp_path / "base")

    assert (done.kind, done.spaces) == ("base", {})
    assert open_base(str(tmp_path / "base")).width == open_base(str(bert)).width


def test_a_base_takes_the_place_of_a_base_or_a_model_as_a_whole(bert, trained, tmp_path):
    shutil.copytree(trained.bundle.path, tmp_path / "mine")
    with pytest.raises(BundleError, match="--overwrite"):
        pull(str(bert), tmp_path / "mine")

    for _ in range(2):
        pull(str(bert), tmp_path / "mine", overwrite=True)

        assert not (tmp_path / "mine" / "manifest.json").exists()
        assert open_base(str(tmp_path / "mine")).width == open_base(str(bert)).width
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(BundleError, match="is read here"):
        pull(str(tmp_path / "mine"), tmp_path / "mine", overwrite=True)


def test_a_sentimo_model_is_copied_and_proven(trained, tmp_path):
    done = pull(str(trained.bundle.path), tmp_path / "copy")

    assert list(done.spaces) == [task.name for task in trained.bundle.manifest.tasks]
    assert Bundle.open(tmp_path / "copy").digest == trained.bundle.digest


@pytest.mark.parametrize("source", ["./none", "no such/folder/here"])
def test_a_folder_that_is_not_there_is_no_hub_id(source, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        pull(source, tmp_path / "ours")


def test_weights_that_could_run_code_are_not_read(classifier, tmp_path):
    folder = classifier(["negative", "positive"])
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(InputError, match="no weights in safetensors"):
        pull(str(folder), tmp_path / "ours")


def test_what_is_there_is_kept(classifier, tmp_path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "thesis.txt").write_text("years of work")

    with pytest.raises(BundleError, match="not a model folder"):
        pull(str(classifier(["negative", "positive"])), tmp_path / "ours")
    with pytest.raises(BundleError, match="not a model folder"):
        pull(str(classifier(["negative", "positive"])), tmp_path / "ours", overwrite=True)


@pytest.mark.parametrize(("name", "option"), [("en", "--model"), ("zh-small", "--base"), ("minilm", "--base")])
def test_a_model_that_sentimo_knows_by_its_name_is_not_fetched(name, option, tmp_path):
    with pytest.raises(InputError, match=f"needs no fetching.*{option} {name}"):
        pull(name, tmp_path / "ours")


@pytest.mark.slow
def test_a_hub_id_is_fetched_from_the_mirror(classifier, tmp_path):
    with mirror_of(classifier(["negative", "positive"])) as (address, asked):
        found = sentimo_pull("tiny/bert", tmp_path, address, "--revision", "v1")
        lost = sentimo_pull("tiny/other", tmp_path, address)

    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["tasks"] == {"polarity": ["negative", "positive"]}
    assert any(path.startswith("/api/models/tiny/bert/revision/v1") for path in asked)
    assert lost.returncode == 1
    assert "tiny/other cannot be fetched" in lost.stderr
    assert "Traceback" not in lost.stderr


def sentimo_pull(name, folder, address, *options):
    command = [sys.executable, "-m", "sentimo", "models", "pull", name, "-o", str(folder / name.replace("/", "-"))]
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "0"}
    return subprocess.run([*command, "--json", *options], capture_output=True, text=True, env=environment, check=False)
