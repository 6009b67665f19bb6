import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError
from sentimo.train import pipeline
from sentimo.train.network import load_network as load
from sentimo.train.pipeline import HuggingFacePipeline
from sentimo.train.recipe import parse_recipe
from sentimo.train.run import train

TEXTS = ["I love this hotel", "awful service, the staff were rude and slow", "这家酒店真好"]


@pytest.fixture(scope="module")
def single(labelled, encoder, tmp_path_factory):
    """Return a folder -> bundle of one task, by kind of head."""
    folder, made = tmp_path_factory.mktemp("single"), {}
    for pooling in ("native", "mean"):
        recipe = parse_recipe(
            {
                "base": str(encoder),
                "tasks": [{"name": "polarity", "train": labelled / "polarity.csv", "space": "polarity-3"}],
                "pooling": pooling,
                "epochs": 1,
                "precision": "fp32",
                "baseline": False,
                "threads": 1,
            }
        )
        made[pooling] = train(recipe, folder / pooling).bundle
    return made


@pytest.mark.parametrize("pooling", ["native", "mean"])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_it_gives_the_labels_of_the_bundle(single, pooling, batch_size):
    answers = HuggingFacePipeline(single[pooling]).answer(TEXTS, batch_size)

    scores = Predictor.load(single[pooling].path).predict(TEXTS).tasks["polarity"]
    expected = [scores.space.labels[place] for place in scores.scores.argmax(axis=1)]
    assert [each["label"].removeprefix("polarity/") for each in answers] == expected


def test_its_scores_are_those_of_the_network_before_calibration(single):
    bundle = single["mean"]
    temperature = bundle.manifest.tasks[0].temperature
    (answer,) = HuggingFacePipeline(bundle).answer(TEXTS[:1])

    scores = Predictor.load(bundle.path).predict(TEXTS[:1]).tasks["polarity"].scores[0].astype(np.float64)
    # softmax(logits / T) ** T is proportional to softmax(logits)
    raw = scores**temperature / (scores**temperature).sum()
    assert answer["score"] == pytest.approx(raw.max(), abs=1e-3)


def test_all_tasks_are_in_one_row_of_logits(trained):
    (answer,) = HuggingFacePipeline(trained.bundle).answer(TEXTS[:1])

    assert answer["label"].split("/")[0] in {task.name for task in trained.bundle.manifest.tasks}


def test_the_encoder_keeps_the_fast_attention_of_transformers(single):
    pipeline = HuggingFacePipeline(single["mean"])

    assert pipeline._pipeline.model.network.encoder.config._attn_implementation == "sdpa"


def test_a_bundle_without_torch_weights_gets_the_same_network_with_random_ones(trained):
    files = {name: digest for name, digest in trained.bundle.files.items() if not name.endswith(".safetensors")}
    small = replace(trained.bundle, files=files)
    whole, random = HuggingFacePipeline(trained.bundle), HuggingFacePipeline(small)

    assert (whole.has_weights, random.has_weights) == (True, False)
    assert n_weights(whole) == n_weights(random)
    assert len(random.answer(TEXTS)) == len(TEXTS)


def test_it_opens_the_network_as_training_does(trained, monkeypatch):
    opened = []
    monkeypatch.setattr(pipeline, "load_network", lambda base, spaces: opened.append(spaces) or load(base, spaces))

    HuggingFacePipeline(trained.bundle)

    assert [list(spaces) for spaces in opened] == [[task.name for task in trained.bundle.manifest.tasks]]


def n_weights(pipeline):
    return sum(each.numel() for each in pipeline._pipeline.model.parameters())


def test_a_model_that_is_no_network_is_refused(trained):
    with pytest.raises(BundleError, match=r"no config\.json"):
        HuggingFacePipeline(replace(trained.bundle, files={"vocabulary.txt": "0" * 64}))


def test_its_fresh_process_answers(single):
    command = HuggingFacePipeline(single["native"]).fresh_command("I love it")

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_it_needs_no_package_of_the_command_line(single):
    # a bare machine with torch and transformers can run the benchmark
    blocked = ["typer", "rich", "pydantic", "pyarrow"]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "from sentimo.core.bundle import Bundle\n"
        "from sentimo.train.pipeline import HuggingFacePipeline\n"
        "import json, sentimo.evaluate.speed.bench, sentimo.evaluate.bootstrap\n"
        "print(json.dumps(HuggingFacePipeline(Bundle.open(sys.argv[1])).answer(['I love it'])))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(single["mean"].path)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])[0]["score"] > 0


def test_it_runs_in_fp32(single):
    assert {each.dtype for each in HuggingFacePipeline(single["mean"])._pipeline.model.parameters()} == {torch.float32}
