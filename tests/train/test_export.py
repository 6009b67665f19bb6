from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tokenizers import Tokenizer
from torch import nn
from toy import MOODS, toy_recipe

from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId, Predictions, TaskScores
from sentimo.engine.backends.onnx import GRAPH, TOKENIZER, OnnxBackend
from sentimo.engine.backends.tokens import TokenReader
from sentimo.engine.predictor import Predictor
from sentimo.errors import TrainingError
from sentimo.train.backend import network_backend
from sentimo.train.export import check_parity, export_onnx, save_tokenizer
from sentimo.train.network import build_network

TEXTS = ["good", "the film was so bad, and the food was not good", "a lovely hotel", "word " * 70, "?"]
EMOTIONS = LabelSpace("emotions", ("anger", "joy"), "multi")
INTENSITY = LabelSpace("intensity", ("intensity",), "score", range=(0.0, 4.0))


@pytest.fixture(scope="module", params=["roberta", "gpt2", "bert, attention"])
def exported(request, spaces, tmp_path_factory):
    """A network, its base, its tasks, and the folder with its graph and tokenizer."""
    name, _, head = request.param.partition(", ")
    base = request.getfixturevalue(f"{name}_base")
    chosen = toy_recipe({"name": "mood", "head": head or "linear"}, "intensity")
    tasks = {task.name: spaces[task.name] for task in chosen.tasks}
    network = build_network(base, tasks, chosen)
    folder = tmp_path_factory.mktemp("exported")
    export_onnx(network, folder, list(tasks))
    save_tokenizer(base, folder)
    return network, base, tasks, folder


def open_graph(base, folder, max_tokens=32):
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    reader = TokenReader(tokenizer, max_tokens=max_tokens, prefix=base.prefix, suffix=base.suffix, pad_id=base.pad_id)
    return OnnxBackend(folder / GRAPH, reader, threads=1)


def test_the_graph_answers_as_the_network_does(exported):
    network, base, tasks, folder = exported
    specs = [TaskSpec(name, space) for name, space in tasks.items()]
    by_torch, by_graph = (
        Predictor(backend, specs, ModelId("any", "")).predict(TEXTS)
        for backend in (network_backend(network, base, 32), open_graph(base, folder))
    )

    measured = check_parity(by_torch, by_graph)

    assert set(measured) == {"mood", "intensity"}
    assert all(each["same_labels"] == 1.0 and each["largest_difference"] < 1e-5 for each in measured.values())


@pytest.mark.parametrize(("n_texts", "n_tokens"), [(1, 1), (1, 32), (5, 3)])
def test_the_graph_takes_any_number_of_texts_and_tokens(exported, n_texts, n_tokens):
    network, base, _, folder = exported
    ids = [[5] * n_tokens] * n_texts

    logits = open_graph(base, folder).run(ids)

    with torch.no_grad():
        expected = network(torch.tensor(ids), torch.ones(n_texts, n_tokens, dtype=torch.int64))
    assert logits["mood"].shape == (n_texts, 2)
    assert logits["mood"] == pytest.approx(expected["mood"].numpy(), abs=1e-5)


def test_heads_that_weigh_tokens_have_a_second_output(exported, request):
    network, base, _, folder = exported
    backend = open_graph(base, folder)

    if "attention" not in request.node.callspec.params["exported"]:
        assert backend.weighing == ()
        return
    assert backend.outputs == ("mood", "intensity")
    ids = [*base.prefix, 7, 8, *base.suffix]
    with torch.no_grad():
        _, weights = network.read(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.int64))
    found = backend._session.run(
        ["mood.attention"], dict(zip(("input_ids", "attention_mask"), backend._reader.pad([ids]), strict=True))
    )
    assert found[0] == pytest.approx(weights["mood"].numpy(), abs=1e-6)
    assert sum(weight for _, _, weight in backend.attention("good")["mood"]) <= 1.0 + 1e-6


def test_weights_lie_in_the_graph_itself(exported):
    _, _, _, folder = exported

    assert not (folder / f"{GRAPH}.data").exists()
    assert {each.version for each in onnx.load(folder / GRAPH).opset_import if not each.domain} == {18}


def test_the_graph_tells_nothing_of_the_machine_it_was_made_on(exported):
    _, _, _, folder = exported
    content = (folder / GRAPH).read_bytes()

    assert b"stack_trace" not in content
    assert str(Path.cwd()).encode() not in content


class Unexportable(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, input_ids, attention_mask):
        if input_ids.sum() > 3:  # a branch on values: no graph has it
            return {"mood": input_ids.float() * self.weight}
        return {"mood": attention_mask.float() * self.weight}


def test_an_encoder_that_cannot_be_exported_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(TrainingError, match="the model cannot be exported to ONNX: ") as refused:
        export_onnx(Unexportable(), tmp_path, ["mood"])

    assert "\n" not in str(refused.value)


def test_only_files_that_a_bundle_takes_are_left_of_a_tokenizer(gpt2_base, tmp_path):
    gpt2_base.tokenizer.chat_template = "{{ messages }}"
    try:
        save_tokenizer(gpt2_base, tmp_path)
    finally:
        gpt2_base.tokenizer.chat_template = None

    assert sorted(each.name for each in tmp_path.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]
    assert "eos_token" in json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))


# ---------------------------------------------------------------------------------------------- parity


def answers(scores, space=MOODS, thresholds=None):
    values = np.array(scores, dtype=np.float32)
    n = len(values)
    return Predictions(
        texts=("a",) * n,
        tasks={"mood": TaskScores(space, values, thresholds)},
        languages=("en",) * n,
        tokens=np.ones(n, np.int64),
        coverage=np.ones(n),
        models=(ModelId("any", ""),) * n,
        errors=(None,) * n,
        windows=((),) * n,
    )


def test_parity_tells_the_largest_difference_of_a_score():
    measured = check_parity(answers([[0.9, 0.1], [0.2, 0.8]]), answers([[0.9, 0.1], [0.20005, 0.79995]]))

    assert measured == {"mood": {"same_labels": 1.0, "largest_difference": pytest.approx(5e-5, rel=0.01)}}


def test_the_difference_of_a_score_task_is_a_share_of_its_range():
    # 0.0002 of a range of 4 is 0.00005
    measured = check_parity(answers([[2.0]], INTENSITY), answers([[2.0002]], INTENSITY))

    assert measured["mood"]["largest_difference"] == pytest.approx(5e-5, rel=0.01)


def test_scores_that_are_too_far_apart_are_refused():
    with pytest.raises(TrainingError, match=r"answers task 'mood' differently: 100.0000% .* by up to 0\.001 .*not"):
        check_parity(answers([[0.9, 0.1]]), answers([[0.899, 0.101]]))


def test_other_labels_are_refused():
    cut = answers([[0.30001, 0.5]], EMOTIONS, (0.3, 0.4))

    with pytest.raises(TrainingError, match="0.0000% of the labels agree"):
        check_parity(cut, answers([[0.29999, 0.5]], EMOTIONS, (0.3, 0.4)))


def test_one_row_of_a_thousand_may_get_another_label():
    sure, torn = [[0.9, 0.1]] * 999, [0.50001, 0.49999]

    assert check_parity(answers([*sure, torn]), answers([*sure, torn[::-1]]))["mood"]["same_labels"] == 0.999


def test_texts_without_an_answer_agree_when_both_have_none():
    nothing = [math.nan, math.nan]

    measured = check_parity(answers([[0.9, 0.1], nothing]), answers([[0.9, 0.1], nothing]))

    assert measured == {"mood": {"same_labels": 1.0, "largest_difference": 0.0}}


@pytest.mark.parametrize("space", [MOODS, EMOTIONS, INTENSITY])
def test_a_graph_that_gives_no_numbers_is_refused(space):
    there = [[0.9] * len(space)] * 2000
    broken = [*there[1:], [math.nan] * len(space)]

    with pytest.raises(TrainingError, match="answers task 'mood' differently"):
        check_parity(answers(there, space), answers(broken, space))


def test_every_task_is_compared():
    both = replace(
        answers([[0.9, 0.1]]),
        tasks={**answers([[0.9, 0.1]]).tasks, "emotions": answers([[0.9, 0.1]], EMOTIONS).tasks["mood"]},
    )
    other = replace(both, tasks={**both.tasks, "emotions": answers([[0.4, 0.1]], EMOTIONS).tasks["mood"]})

    with pytest.raises(TrainingError, match="task 'emotions'"):
        check_parity(both, other)
