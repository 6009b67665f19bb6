from __future__ import annotations

import copy
import time
from dataclasses import replace

import pytest
import torch
from toy import BAD, GOOD, MOODS, mood_examples, toy_recipe

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.errors import DataError, RecipeError
from sentimo.train.batching import padded
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.few_shot import _fit_heads, _seen, learn_from_few, make_pairs
from sentimo.train.learner import Learner
from sentimo.train.network import build_network
from sentimo.train.progress import Progress
from sentimo.train.recipe import parse_recipe
from sentimo.train.rows import to_rows
from sentimo.train.scratch import base_of


def few(base, n=16, head="linear", pooling="auto", **settings):
    task = {"name": "mood", "head": head}
    recipe = toy_recipe(task, pooling=pooling, few_shot={"learning_rate": 1e-2, **settings})
    rows = to_rows(mood_examples(n), {"mood": MOODS}, base, 32)
    return build_network(base, {"mood": MOODS}, recipe), rows, recipe


@pytest.fixture
def one_word_each():
    """A base without pre-training, and texts of one word of praise or blame."""
    examples = [Example(Document(word), {"mood": at}) for at, words in enumerate((BAD, GOOD)) for word in words]
    recipe = toy_recipe(base="textcnn", encoder={"width": 16, "hidden": 24, "least_count": 1})
    return base_of(recipe, [each.document.text for each in examples]), examples


def cosines(network, rows):
    """Return mean cosine within and between labels."""
    with torch.no_grad():
        seen = torch.nn.functional.normalize(_seen(network.eval(), rows, range(len(rows)))["mood"], dim=1)
    same = rows.targets["mood"].unsqueeze(1) == rows.targets["mood"]
    other = ~torch.eye(len(rows), dtype=torch.bool)
    found = seen @ seen.T
    return found[same & other].mean().item(), found[~same].mean().item()


@pytest.mark.parametrize("head", ["linear", "attention"])
def test_texts_of_one_label_come_together_and_those_of_others_part(head, one_word_each):
    base, examples = one_word_each
    settings = {"pairs": 20, "epochs": 2, "learning_rate": 1e-2}
    recipe = toy_recipe({"name": "mood", "head": head}, few_shot=settings, dropout=0.0)
    rows, network = to_rows(examples, {"mood": MOODS}, base, 32), build_network(base, {"mood": MOODS}, recipe)
    before = cosines(network, rows)

    learn_from_few(network, rows, {"mood": MOODS}, recipe, Progress(None))

    within, between = cosines(network, rows)
    assert abs(before[0] - before[1]) < 0.1
    assert within - between > 0.4
    with torch.no_grad():
        logits = network.eval()(*padded(rows.ids, torch.device("cpu")))["mood"]
    assert logits.argmax(1).tolist() == rows.targets["mood"].tolist()


def test_without_pairs_the_encoder_rests_and_the_heads_are_fitted(one_word_each):
    base, examples = one_word_each
    recipe = toy_recipe({"name": "mood"}, few_shot={"pairs": 0}, dropout=0.0)
    rows, network = to_rows(examples, {"mood": MOODS}, base, 32), build_network(base, {"mood": MOODS}, recipe)
    before = copy.deepcopy(network.encoder.state_dict())

    learn_from_few(network, rows, {"mood": MOODS}, recipe, Progress(None))

    assert all(torch.equal(value, before[name]) for name, value in network.encoder.state_dict().items())
    with torch.no_grad():
        logits = network.eval()(*padded(rows.ids, torch.device("cpu")))["mood"]
    assert logits.argmax(1).tolist() == rows.targets["mood"].tolist()


def test_one_pair_cannot_be_half_alike():
    with pytest.raises(RecipeError, match=r"few_shot: pairs is 1, .*give 0, 2 or more"):
        parse_recipe({"tasks": [{"name": "a", "train": "a.csv"}], "few_shot": {"pairs": 1}})


@pytest.mark.parametrize("name", ["roberta_base", "gpt2_base"])
def test_bases_of_every_kind_take_part(name, request):
    network, rows, recipe = few(request.getfixturevalue(name), pairs=2)
    before = [each.clone() for each in network.parameters()]

    learn_from_few(network, rows, {"mood": MOODS}, recipe, Progress(None))

    moved = [not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True)]
    assert all(moved)


def test_the_heads_are_the_logistic_regression_of_what_they_see(bert_base):
    network, rows, recipe = few(bert_base)

    _fit_heads(network, rows, {"mood": MOODS}, recipe)

    from sklearn.linear_model import LogisticRegression

    with torch.no_grad():
        seen = _seen(network, rows, range(len(rows)))["mood"]
        layer, _ = network.outputs()["mood"]
        found = layer(seen).softmax(1)[:, 1]
    targets = rows.targets["mood"]
    expected = LogisticRegression(C=1.0, solver="liblinear", max_iter=1000).fit(seen.numpy(), targets.numpy())
    assert found.numpy() == pytest.approx(expected.predict_proba(seen.numpy())[:, 1], abs=1e-4)


@pytest.mark.parametrize("imbalance", ["weights", "sampling", "logit-adjustment"])
def test_the_heads_count_rare_labels_as_the_task_wants(imbalance, bert_base):
    rows = to_rows([*mood_examples(20)[1::2], *mood_examples(4)[::2]], {"mood": MOODS}, bert_base, 32)  # 10 good, 2 bad
    made = []
    for each in ("none", imbalance):
        recipe = toy_recipe({"name": "mood", "imbalance": each}, few_shot=True)
        network = build_network(bert_base, {"mood": MOODS}, recipe)
        _fit_heads(network, rows, {"mood": MOODS}, recipe)
        with torch.no_grad():
            made.append(network.eval()(*padded(rows.ids, torch.device("cpu")))["mood"].softmax(1)[:, 0].mean().item())

    assert made[1] > made[0] + 0.1


def test_rows_that_do_not_tell_all_labels_apart_are_refused(bert_base):
    _, _, recipe = few(bert_base)
    examples = [replace(each, among={"mood": (each.targets["mood"],)}) for each in mood_examples(4)]
    rows = to_rows(examples, {"mood": MOODS}, bert_base, 32)

    with pytest.raises(RecipeError, match="few_shot: not all rows of task 'mood' tell all its labels apart"):
        learn_from_few(build_network(bert_base, {"mood": MOODS}, recipe), rows, {"mood": MOODS}, recipe, Progress(None))


def test_only_the_last_layers_learn_afterwards(bert_base):
    network, rows, recipe = few(bert_base, pairs=2)

    learn_from_few(network, rows, {"mood": MOODS}, recipe, Progress(None))

    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learning == {"encoder.classifier.weight", "encoder.classifier.bias"}


def test_pairs_are_half_alike_and_half_not(bert_base):
    _, rows, _ = few(bert_base)

    pairs = make_pairs(rows, {"mood": MOODS}, 10, seed=1)

    assert len(pairs) == 160
    assert sum(alike for *_, alike in pairs) == 80
    assert all(alike == (one % 2 == other % 2) and one != other for _, one, other, alike in pairs)
    assert pairs == make_pairs(rows, {"mood": MOODS}, 10, seed=1)
    assert pairs != make_pairs(rows, {"mood": MOODS}, 10, seed=2)


def test_pairs_of_many_rows_are_soon_drawn(bert_base):
    rows = to_rows(mood_examples(1500), {"mood": MOODS}, bert_base, 32)
    begin = time.process_time()

    pairs = make_pairs(rows, {"mood": MOODS}, 10, seed=1)

    assert time.process_time() - begin < 5  # looked up one by one they took a minute
    assert len(pairs) == 15_000


@pytest.mark.parametrize(
    ("space", "one", "other", "alike"),
    [
        (LabelSpace("e", ("a", "b", "c"), "multi"), (0, 1), (1, 2), 1 / 3),
        (LabelSpace("e", ("a", "b", "c"), "multi"), (), (), 1.0),
        (LabelSpace("stars", ("1", "2", "3", "4", "5"), "ordinal"), 0, 3, 0.25),
        (LabelSpace("value", ("value",), "score", range=(0.0, 4.0)), 1.0, 2.0, 0.75),
    ],
)
def test_answers_of_every_kind_are_more_or_less_alike(space, one, other, alike, bert_base):
    examples = [Example(Document(f"text {at}"), {"t": answer}) for at, answer in enumerate((one, other))]
    rows = to_rows(examples, {"t": space}, bert_base, 32)

    pairs = make_pairs(rows, {"t": space}, 2, seed=1)

    assert [each[3] for each in pairs] == pytest.approx([alike] * 4)


def test_several_tasks_learn_from_their_own_rows(bert_base, spaces):
    tasks = {name: spaces[name] for name in ("mood", "emotions", "intensity")}
    examples = [Example(Document(f"good {at}"), {"mood": at % 2}) for at in range(4)]
    examples += [Example(Document(f"bad {at}"), {"emotions": (at % 3,), "intensity": float(at)}) for at in range(4)]
    recipe = toy_recipe(*tasks, few_shot={"pairs": 2})
    rows = to_rows(examples, tasks, bert_base, 32)
    network = build_network(bert_base, tasks, recipe)

    learn_from_few(network, rows, tasks, recipe, Progress(None))

    pairs = make_pairs(rows, tasks, 2, seed=1)
    assert {(task, one // 4, other // 4) for task, one, other, _ in pairs} == {
        ("mood", 0, 0),
        ("emotions", 1, 1),
        ("intensity", 1, 1),
    }
    assert all(layer.weight.isfinite().all() for layer, _ in network.outputs().values())


def test_a_single_label_is_told(bert_base):
    rows = to_rows([Example(Document("good"), {"mood": 1})] * 3, {"mood": MOODS}, bert_base, 32)
    network, _, recipe = few(bert_base, pairs=2)

    with pytest.raises(DataError, match="few_shot, task 'mood': .*there is nothing to learn"):
        learn_from_few(network, rows, {"mood": MOODS}, recipe, Progress(None))


def test_rows_with_pseudo_labels_are_no_longer_few(one_word_each):
    base, examples = one_word_each
    pseudo = replace(examples[0], source="pseudo")

    few, more = (
        Learner.build(toy_recipe(few_shot=True), base, {"mood": MOODS}, {"mood": rows})
        for rows in (examples, [*examples, pseudo])
    )
    few.fit(None)
    more.fit(None)

    resting = [not any(each.requires_grad for each in learner.network.encoder.parameters()) for learner in (few, more)]
    assert resting == [True, False]


def test_a_run_over_few_rows_learns_them_and_a_resumed_one_equals_it(one_word_each, tmp_path):
    base, examples = one_word_each
    tuned = {"pairs": 20, "epochs": 2, "learning_rate": 1e-2}
    chosen, rows = toy_recipe(few_shot=tuned, epochs=2, checkpoint_minutes=0), {"mood": examples}

    def learner():
        return Learner.build(chosen, base, {"mood": MOODS}, rows)

    whole, cut, resumed = learner(), learner(), learner()
    whole.fit(rows)
    checkpoints, states = Checkpoints(tmp_path / "few.checkpoint", "few"), []
    save = checkpoints.save
    object.__setattr__(checkpoints, "save", lambda state: (states.append(copy.deepcopy(state)), save(state)))
    cut.fit(rows, checkpoints=checkpoints)
    save(states[0])  # as it lay there after the first step

    result = resumed.fit(rows, checkpoints=checkpoints, resume=True)

    mine = resumed.network.state_dict()
    assert all(torch.equal(value, mine[name]) for name, value in whole.network.state_dict().items())
    assert result.history[-1]["main"] == 1.0
    assert result.n_steps == 4


@pytest.mark.parametrize(("given", "found"), [(True, 40), ({"pairs": 6}, 6), (False, None), (None, None)])
def test_a_recipe_says_true_or_gives_settings(given, found):
    recipe = parse_recipe({"tasks": [{"name": "a", "train": "a.csv"}], "few_shot": given})

    assert (recipe.few_shot and recipe.few_shot.pairs) == found


def test_an_unknown_setting_is_told():
    with pytest.raises(RecipeError, match="unknown key 'few_shot.pair'. Did you mean 'pairs'"):
        parse_recipe({"tasks": [{"name": "a", "train": "a.csv"}], "few_shot": {"pair": 6}})
