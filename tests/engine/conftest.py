"""A tiny ONNX bundle, made in milliseconds, and a predictor without weights."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from sentimo.core.bundle import PROBE_TEXTS, Probes, write_bundle
from sentimo.core.labels import INTENSITY, POLARITY_3, LabelSpace
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends.fake import FakeBackend
from sentimo.engine.backends.onnx import OnnxBackend
from sentimo.engine.backends.tokens import TokenReader
from sentimo.engine.predictor import Predictor

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "awful", "food", "staff", "the", "."]
TOPICS = LabelSpace("topics", ("food", "staff"), "multi")
TASKS = (TaskSpec("polarity", POLARITY_3), TaskSpec("intensity", INTENSITY), TaskSpec("topics", TOPICS))
MAX_TOKENS = 66
SETTINGS = {"prefix": [2], "suffix": [3], "pad_id": 0}

# What each word says: logits are the sum over the words of a window and the bias.
WORDS = {
    "polarity": {"good": [0, 0, 4], "awful": [4, 0, 0]},
    "intensity": {"good": [2], "awful": [2]},
    "topics": {"food": [4, 0], "staff": [0, 4]},
}
BIAS = {"polarity": [0, 2, 0], "intensity": [-1], "topics": [-2, -2]}


def make_tokenizer():
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def make_graph(tasks=tuple(WORDS), attention=()):
    """Return a graph; tasks in `attention` also tell weights, equal for all tokens of a row."""
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_3d"]),
        helper.make_node("ReduceSum", ["mask", "second"], ["lengths"]),
        helper.make_node("Div", ["mask", "lengths"], ["equal"]),
    ]
    arrays = {"last": np.array([-1]), "second": np.array([1])}
    outputs = []
    for task in tasks:
        silent = [0] * len(BIAS[task])
        arrays[f"{task}.words"] = np.array([WORDS[task].get(word, silent) for word in VOCABULARY], np.float32)
        arrays[f"{task}.bias"] = np.array(BIAS[task], np.float32)
        nodes += [
            helper.make_node("Gather", [f"{task}.words", "input_ids"], [f"{task}.each"]),
            helper.make_node("Mul", [f"{task}.each", "mask_3d"], [f"{task}.seen"]),
            helper.make_node("ReduceSum", [f"{task}.seen", "second"], [f"{task}.sum"], keepdims=0),
            helper.make_node("Add", [f"{task}.sum", f"{task}.bias"], [task]),
        ]
        outputs.append(helper.make_tensor_value_info(task, TensorProto.FLOAT, ["b", len(BIAS[task])]))
    for task in attention:
        nodes.append(helper.make_node("Identity", ["equal"], [f"{task}.attention"]))
        outputs.append(helper.make_tensor_value_info(f"{task}.attention", TensorProto.FLOAT, ["b", "t"]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"]) for name in ("input_ids", "attention_mask")
    ]
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])


@pytest.fixture(scope="session")
def write_tiny(tmp_path_factory):
    """Writes the tiny model as a bundle: ``write(target, tamper=..., attention=..., max_tokens=..., ...)``."""
    probes = None

    def write(target, *, tamper=lambda folder: None, attention=(), **changes):
        nonlocal probes
        if probes is None:
            graph = tmp_path_factory.mktemp("graph") / "model.onnx"
            onnx.save(make_graph(), graph)
            reader = TokenReader(make_tokenizer(), max_tokens=MAX_TOKENS, **SETTINGS)
            answers = Predictor(OnnxBackend(graph, reader), TASKS, ModelId("tiny", "")).predict(PROBE_TEXTS)
            probes = Probes(PROBE_TEXTS, {task: each.scores for task, each in answers.tasks.items()})

        def fill(folder):
            onnx.save(make_graph(attention=attention), folder / "model.onnx")
            make_tokenizer().save(str(folder / "tokenizer.json"))
            tamper(folder)

        usual = {"tasks": TASKS, "max_tokens": MAX_TOKENS, "settings": SETTINGS}
        return write_bundle(target, Manifest("tiny", "onnx", ("en",), **{**usual, **changes}), fill, probes)

    return write


@pytest.fixture(scope="session")
def tiny_bundle(write_tiny, tmp_path_factory):
    """A bundle of the tiny model, proven by a fresh process. A window holds 64 tokens and two special ones."""
    return write_tiny(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def tiny_predictor(tiny_bundle):
    return Predictor.load(tiny_bundle.path)


@pytest.fixture(scope="session")
def fake_predictor():
    """Builds a predictor that knows the words "good" and "awful"; anything else is neutral."""

    def polarity(words):
        return {"polarity": [4.0 * words.count("awful"), 2.0, 4.0 * words.count("good")]}

    def make(max_tokens=128, max_windows=None, name="fake", answer=polarity, tasks=TASKS[:1], **settings):
        return Predictor(FakeBackend(answer, max_tokens, max_windows), tasks, ModelId(name, name * 2), **settings)

    return make
