from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from sentimo.compress import export as module
from sentimo.compress.export import export
from sentimo.compress.weights8 import quantize_bundle
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, InputError

TEXTS = ["I love this hotel", "服务太差了，真生气", "the meeting is on Friday"]


def read(tokenizer, text):
    ids = np.array([tokenizer.encode(text).ids], np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def test_plain_onnxruntime_gives_the_calibrated_scores_of_every_task(trained, tmp_path):
    done = export(trained.bundle.path, tmp_path / "mine.onnx", "onnx")

    session = onnxruntime.InferenceSession(str(done.path), providers=["CPUExecutionProvider"])
    found = session.get_modelmeta().custom_metadata_map
    tokenizer = Tokenizer.from_str(found["tokenizer"])
    names = [each["name"] for each in json.loads(found["sentimo"])]
    assert names == ["polarity", "emotions", "stars", "intensity"]
    expected = Predictor.load(trained.bundle.path).predict(TEXTS)
    for row, text in enumerate(TEXTS):
        scores = dict(zip(names, session.run(names, read(tokenizer, text)), strict=True))
        for task, values in scores.items():
            assert values[0] == pytest.approx(expected.tasks[task].scores[row], abs=1e-4)
    assert done.largest_difference < 1e-4
    assert done.files == ("mine.onnx",)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.onnx"]


def test_a_folder_gets_the_file_inside(trained, tmp_path):
    assert export(trained.bundle.path, tmp_path / "out", "onnx").path == tmp_path / "out" / "model.onnx"


def test_8_bit_storage_is_exported_too(trained, tmp_path):
    small = quantize_bundle(trained.bundle.path, tmp_path / "small")

    assert export(small.path, tmp_path / "small.onnx", "onnx", texts=TEXTS).largest_difference < 1e-4


def test_transformers_loads_the_folder_as_a_sequence_classification(trained, tmp_path):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    done = export(trained.bundle.path, tmp_path / "hf", "hf")

    model = AutoModelForSequenceClassification.from_pretrained(done.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(done.path)
    labels = list(model.config.id2label.values())
    assert labels[:3] == ["polarity/negative", "polarity/neutral", "polarity/positive"]
    expected = Predictor.load(trained.bundle.path).predict(TEXTS)
    for row, text in enumerate(TEXTS):
        with torch.no_grad():
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
        found = logits[:3].softmax(dim=-1).numpy()
        assert found == pytest.approx(expected.tasks["polarity"].scores[row], abs=1e-4)
        place = labels.index(next(name for name in labels if name.startswith("emotions/")))
        n = len(expected.tasks["emotions"].space)
        emotions = logits[place : place + n].sigmoid().numpy()
        assert emotions == pytest.approx(expected.tasks["emotions"].scores[row], abs=1e-4)


def test_the_lines_of_the_readme_apply_heads_that_transformers_has_not(labelled, encoder, tmp_path):
    import re

    from sentimo.train.recipe import parse_recipe
    from sentimo.train.run import train

    task = {"name": "polarity", "train": labelled / "polarity.csv", "space": "polarity-3"}
    recipe = parse_recipe(
        {"base": str(encoder), "tasks": [task], "pooling": "mean", "epochs": 1, "threads": 1, "baseline": False}
    )
    bundle = train(recipe, tmp_path / "mean").bundle

    done = export(bundle.path, tmp_path / "hf", "hf")

    lines = re.search(r"```python\n(.*?)```", (done.path / "README.md").read_text("utf-8"), re.S)[1]
    names = {"folder": str(done.path)}
    exec(lines, names)
    inputs = names["tokenizer"](TEXTS[0], return_tensors="pt")
    logits = names["logits"](inputs["input_ids"], inputs["attention_mask"])["polarity"]
    expected = Predictor.load(bundle.path).predict(TEXTS[:1]).tasks["polarity"].scores
    assert logits.softmax(dim=-1).numpy() == pytest.approx(expected, abs=1e-4)


def test_openvino_loads_its_file_and_gives_the_same_scores(trained, tmp_path):
    openvino = pytest.importorskip("openvino")

    done = export(trained.bundle.path, tmp_path / "mine.xml", "openvino")

    assert done.files == ("mine.bin", "mine.xml")
    model = openvino.Core().compile_model(done.path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    tokenizer = Tokenizer.from_file(str(trained.bundle.file("tokenizer.json")))
    expected = Predictor.load(trained.bundle.path).predict(TEXTS)
    found = model(read(tokenizer, TEXTS[1]))
    for task, scores in expected.tasks.items():
        assert found[task][0] == pytest.approx(scores.scores[1], abs=1e-4)


def test_an_export_that_answers_otherwise_is_not_kept(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TOLERANCE", -1.0)

    with pytest.raises(BundleError, match="answers differently"):
        export(trained.bundle.path, tmp_path / "mine.onnx", "onnx")

    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_replaced(trained, tmp_path):
    (tmp_path / "mine.onnx").write_text("other")

    with pytest.raises(InputError, match="is there already"):
        export(trained.bundle.path, tmp_path / "mine.onnx", "onnx")


@pytest.mark.parametrize(("form", "name"), [("onnx", "mine.onnx"), ("hf", "mine")])
def test_an_earlier_export_is_replaced_if_that_is_said(trained, tmp_path, form, name):
    first = export(trained.bundle.path, tmp_path / name, form)
    place = tmp_path / name
    (place / "config.json" if form == "hf" else place).write_text("damaged")

    again = export(trained.bundle.path, place, form, overwrite=True)

    assert again.files == first.files
    assert (place / "config.json" if form == "hf" else place).read_bytes() != b"damaged"
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_what_no_export_wrote_is_never_replaced(trained, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("dear to someone")
    (tmp_path / "bundle").mkdir()
    for name in ("manifest.json", "model.onnx", "config.json"):
        (tmp_path / "bundle" / name).write_text("a model")

    with pytest.raises(InputError, match="is no hf model; it is left as it is"):
        export(trained.bundle.path, tmp_path / "photos", "hf", overwrite=True)
    for form in ("hf", "onnx"):
        with pytest.raises(InputError, match="belongs to a model of Sentimo; it is left as it is"):
            export(trained.bundle.path, tmp_path / "bundle", form, overwrite=True)


@pytest.mark.parametrize(("form", "why"), [("hf", "holds n-grams"), ("onnx", "without a graph")])
def test_a_linear_model_has_neither_graph_nor_torch_weights(form, why, n_grams, tmp_path):
    with pytest.raises(InputError, match=why):
        export(n_grams.path, tmp_path / "out", form)


def test_a_graph_alone_cannot_become_a_transformers_model(trained, tmp_path):
    small = quantize_bundle(trained.bundle.path, tmp_path / "small")

    with pytest.raises(InputError, match="holds a graph alone"):
        export(small.path, tmp_path / "out", "hf")


def test_an_unknown_format_is_refused(trained, tmp_path):
    with pytest.raises(InputError, match="no format 'onx'.*Did you mean 'onnx'"):
        export(trained.bundle.path, tmp_path / "out", "onx")
