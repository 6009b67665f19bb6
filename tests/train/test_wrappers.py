"""Wrappers work on any objective: against numbers worked out by hand, and in whole runs."""

from __future__ import annotations

import math
import signal

import pytest
import torch
from torch import nn
from toy import MOODS, Striking, Toy, toy_recipe

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.errors import Interrupted, RecipeError
from sentimo.train.batching import padded
from sentimo.train.check import check_parts
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.divergence import divergence, symmetric_divergence
from sentimo.train.learner import Learner
from sentimo.train.objectives import WRAPPERS
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.objectives.fgm import FGM
from sentimo.train.objectives.freelb import FreeLB
from sentimo.train.objectives.pgd import PGD
from sentimo.train.objectives.rdrop import RDrop
from sentimo.train.objectives.smart import SMART
from sentimo.train.objectives.step import Batch, Surroundings, TaskLosses, ask
from sentimo.train.objectives.vat import VAT

AROUND = Surroundings({"mood": MOODS}, {"mood": 1.0})
SCORE = LabelSpace("shade", ("shade",), "score", range=(0.0, 1.0))
MULTI = LabelSpace("emotions", ("anger", "joy"), "multi")
SLOW = {"learning_rate": 1e-12}


class Sum(nn.Module):
    """Two logits: 0, and the sum over tokens of 3 a + 4 b of the token's vector (a, b). Its gradient has length 5."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding.from_pretrained(torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]]), freeze=False)
        self.seen = []

    def forward(self, ids, mask):
        vectors = self.words(ids)
        self.seen.append(vectors.detach())
        z = (vectors * mask.unsqueeze(-1)).sum(dim=1) @ torch.tensor([3.0, 4.0])
        return {"mood": torch.stack([torch.zeros_like(z), z], dim=1)}


def batch_of(ids, target=1, **changes):
    """Rows of like length, all with one target; id 0 is padding."""
    ids = torch.tensor(ids)
    parts = {
        "rows": list(range(len(ids))),
        "ids": ids,
        "mask": (ids > 0).long(),
        "weight": torch.ones(len(ids)),
        "targets": {"mood": torch.full((len(ids),), target)},
        "has": {"mood": torch.ones(len(ids), dtype=torch.bool)},
    }
    return Batch(**{**parts, **changes})


def loss_at(z):
    """Cross entropy of the second label."""
    return math.log(1 + math.exp(-z))


def plain():
    return TaskLosses({"mood": CrossEntropy()}, {"mood": 1.0})


@pytest.fixture
def make(bert_base):
    return lambda **settings: Toy(bert_base, **settings)


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "toy.checkpoint", "toy")


def equal(weights, others):
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


# By hand. Tokens 1 and 2: z = 0.3 + 0.4 = 0.7, and the text is sqrt(0.1² + 0.1²) long, the unit of every move. Along
# the gradient over n tokens z falls by 5 * sqrt(n) * the length of the move.
UNIT = math.sqrt(0.02)


def test_fgm_moves_each_text_by_epsilon_against_its_label():
    found = FGM(plain(), AROUND, epsilon=0.1 / UNIT)(Sum(), batch_of([[1, 2]]))

    assert found.loss.item() == pytest.approx((loss_at(0.7) + loss_at(0.7 - 5 * math.sqrt(2) * 0.1)) / 2, rel=1e-5)
    assert found.logits["mood"].tolist()[0] == pytest.approx([0.0, 0.7])


def test_fgm_leaves_padding_where_it_is_and_treats_rows_apart():
    # One token and padding: z = 0.3, 0.1 long, moved by 5 * 0.1. The neighbour does not share its move.
    found = FGM(plain(), AROUND, epsilon=1.0)(Sum(), batch_of([[1, 0], [1, 2]]))

    first = (loss_at(0.3) + loss_at(0.3 - 5 * 0.1)) / 2
    second = (loss_at(0.7) + loss_at(0.7 - 5 * math.sqrt(2) * UNIT)) / 2
    assert found.loss.item() == pytest.approx(first + second, rel=1e-5)


def test_a_move_means_the_same_to_any_scale_of_the_embeddings():
    class Large(Sum):
        def __init__(self):
            super().__init__()
            self.words.weight.data *= 10

        def forward(self, ids, mask):
            return {task: logits / 10 for task, logits in super().forward(ids, mask).items()}

    small, large = (FGM(plain(), AROUND)(model, batch_of([[1, 2]])).loss.item() for model in (Sum(), Large()))

    assert large == pytest.approx(small, rel=1e-5)


def test_smart_moves_no_coordinate_beyond_its_share():
    model = Sum()
    SMART(plain(), AROUND, epsilon=0.5, steps=3)(model, batch_of([[1, 2]]))

    moved = [(each - model.seen[0]).abs().max().item() for each in model.seen]
    assert max(moved) == pytest.approx(0.5 * math.sqrt(0.02 / 4), rel=1e-5)


class Known(Sum):
    """The same, with two columns of what is known of a text before its tokens."""

    n_columns = 2

    def forward(self, ids, mask):
        return super().forward(ids[:, 2:], mask[:, 2:])


def test_columns_of_what_is_known_take_nothing_of_a_move():
    batch = batch_of([[7, 9, 1, 2]])
    smart, free = Known(), Known()
    SMART(plain(), AROUND, epsilon=0.5, steps=3)(smart, batch)
    FreeLB(plain(), AROUND, epsilon=0.12 / UNIT, steps=1)(free, batch)

    assert max((each - smart.seen[0]).abs().max().item() for each in smart.seen) == pytest.approx(
        0.5 * math.sqrt(0.02 / 4), rel=1e-5
    )
    start = free.seen[0] - free.words.weight.detach()[[1, 2]]
    assert start.norm().item() == pytest.approx(0.06, rel=1e-4)


@pytest.mark.parametrize("name", ["", "rdrop", "fgm", "mixup"])
@pytest.mark.parametrize("kind", [VAT, SMART])
def test_answers_are_compared_under_one_draw_of_dropout(kind, name, make):
    run = make(dropout=0.3, objective=[name] if name else [])
    ids, mask = padded(run.rows.ids[:4], torch.device("cpu"))
    rows = {"targets": {"mood": run.rows.targets["mood"][:4]}, "has": {"mood": torch.ones(4, dtype=torch.bool)}}
    within, heard = run.wrap(plain()), []

    class Heard(nn.Module):
        def forward(self, model, batch):
            heard.append(within(model, batch))
            return heard[0]

    around = kind(Heard(), AROUND, epsilon=1e-6, weight=1e3)
    found = around(run.network.train(), Batch([0, 1, 2, 3], ids, mask, torch.ones(4), **rows))

    assert found.loss.item() == pytest.approx(heard[0].loss.item(), abs=1e-3)


def test_pgd_walks_and_stops_at_epsilon():
    model = Sum()
    found = PGD(plain(), AROUND, epsilon=0.12 / UNIT, step_size=0.05 / UNIT, steps=4)(model, batch_of([[1, 2]]))

    reached = [(each - model.seen[0]).norm().item() for each in model.seen]
    assert reached == pytest.approx([0.0, 0.05, 0.1, 0.12, 0.12], abs=1e-6)
    assert found.loss.item() == pytest.approx((loss_at(0.7) + loss_at(0.7 - 5 * math.sqrt(2) * 0.12)) / 2, rel=1e-5)


def test_freelb_learns_from_every_place_of_its_walk():
    model = Sum()
    words = model.words.weight.detach()[[1, 2]]
    found = FreeLB(plain(), AROUND, epsilon=0.12 / UNIT, step_size=0.08 / UNIT, steps=3)(model, batch_of([[1, 2]]))

    z = [(each.sum(dim=1) @ torch.tensor([3.0, 4.0])).item() for each in model.seen]
    lengths = [(each - words).norm().item() for each in model.seen]
    assert len(z) == 3
    assert found.loss.item() == pytest.approx(sum(map(loss_at, z)) / 3, rel=1e-5)
    assert z[0] > z[1] > z[2]
    assert lengths[0] == pytest.approx(0.06, rel=1e-4)
    assert max(lengths) <= 0.12 + 1e-6


@pytest.mark.parametrize("kind", [VAT, SMART])
def test_answers_that_move_cost_whatever_the_label(kind):
    # Without a target there is no other loss.
    bare = batch_of([[1, 2]], has={"mood": torch.tensor([False])})

    found = kind(plain(), AROUND, epsilon=0.2)(Sum(), bare)

    assert found.loss.item() > 0


def test_vat_finds_the_direction_in_which_answers_move_most():
    # The divergence is greatest along the gradient of z, one way or the other: z = 0.7 +- 5 * sqrt(2) * 0.1.
    bare = batch_of([[1, 2]], has={"mood": torch.tensor([False])})
    wanted = torch.tensor([[0.0, 0.7]])
    ends = [
        divergence(MOODS, torch.tensor([[0.0, 0.7 + sign * math.sqrt(0.5)]]), wanted).item() for sign in (1.0, -1.0)
    ]

    torch.manual_seed(0)
    found = VAT(plain(), AROUND, epsilon=0.1 / UNIT)(Sum(), bare)

    assert min(abs(found.loss.item() - end) for end in ends) < 1e-5


def test_vat_takes_the_plain_answers_as_constants_and_smart_does_not():
    model, bare = Sum(), batch_of([[1, 1]], has={"mood": torch.tensor([False])})
    real, learnt = ask(model, bare)["mood"].detach(), []
    for kind in (VAT, SMART):
        wrapper = kind(plain(), AROUND)
        shift = torch.full((1, 2, 2), 0.1)
        given = {"mood": real.clone().requires_grad_()}
        if kind is VAT:
            wrapper._distance(model, bare, shift, type("Out", (), {"logits": given})).backward()
        else:
            wrapper._distance(model, bare, shift, given).backward()
        learnt.append(given["mood"].grad is not None)

    assert learnt == [False, True]


def test_rdrop_without_dropout_changes_nothing():
    assert RDrop(plain(), AROUND)(Sum(), batch_of([[1, 2]])).loss.item() == pytest.approx(loss_at(0.7), rel=1e-6)


def test_rdrop_adds_how_far_two_draws_are_apart():
    class Noisy(Sum):
        def forward(self, ids, mask):
            z = (0.7, 0.1)[len(self.seen)]
            self.seen.append(None)
            return {"mood": torch.tensor([[0.0, z]], requires_grad=True)}

    one, other = torch.tensor([[0.0, 0.7]]), torch.tensor([[0.0, 0.1]])

    found = RDrop(plain(), AROUND, weight=4.0)(Noisy(), batch_of([[1, 2]]))

    apart = symmetric_divergence(MOODS, one, other).item()
    assert found.loss.item() == pytest.approx((loss_at(0.7) + loss_at(0.1)) / 2 + 4.0 / 2 * apart, rel=1e-5)


@pytest.mark.parametrize(
    ("space", "found", "wanted", "expected"),
    [
        # teacher (0.25, 0.75), student (0.5, 0.5): 0.25 ln 0.5 + 0.75 ln 1.5
        (MOODS, [0.0, 0.0], [0.0, math.log(3.0)], 0.25 * math.log(0.5) + 0.75 * math.log(1.5)),
        # the same for one of two labels, 0 for the other: the mean
        (MULTI, [0.0, 1.0], [math.log(3.0), 1.0], (0.25 * math.log(0.5) + 0.75 * math.log(1.5)) / 2),
        (SCORE, [0.0], [math.log(3.0)], 0.25**2),
    ],
)
def test_divergence_by_hand(space, found, wanted, expected):
    assert divergence(space, torch.tensor([found]), torch.tensor([wanted])).tolist() == pytest.approx([expected])


def test_divergence_at_a_temperature():
    # logits halved: teacher (1, sqrt 3) / (1 + sqrt 3); times 2**2
    p = math.sqrt(3) / (1 + math.sqrt(3))
    expected = 4 * ((1 - p) * math.log(2 * (1 - p)) + p * math.log(2 * p))

    found = divergence(MOODS, torch.zeros(1, 2), torch.tensor([[0.0, math.log(3.0)]]), temperature=2.0)

    assert found.item() == pytest.approx(expected, rel=1e-5)


# In runs


COMBINATIONS = [[name] for name in WRAPPERS] + [["fgm", "rdrop"]]
MIXED = [
    ["fgm", "rdrop"],
    ["rdrop", "pgd"],
    ["vat", "freelb", "smart"],
    ["fgm", "mixup"],
    ["mixup", "rdrop"],
    ["vat", "mixup"],
]


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_an_interrupted_run_goes_on_to_the_same_weights(names, make, checkpoints):
    undisturbed = make(n_rows=20, epochs=2, objective=names).fit()
    bare = make(n_rows=20, epochs=2).fit()

    stop = Striking(5, lambda: signal.raise_signal(signal.SIGINT))  # in the first to the fifth step
    with pytest.raises(Interrupted):
        make(n_rows=20, epochs=2, objective=names).fit(stop, checkpoints=checkpoints)
    resumed = make(n_rows=20, epochs=2, objective=names).fit(checkpoints=checkpoints, resume=True)

    assert resumed.history == undisturbed.history
    assert equal(resumed.weights, undisturbed.weights)
    assert not equal(undisturbed.weights, bare.weights)


LIGHT = {"clp": {"weight": 0.1}, "mixup": {"alpha": 0.2}}  # of the others the defaults will do


@pytest.mark.parametrize("name", WRAPPERS)
def test_every_wrapper_learns_a_separable_task(name, make):
    rates = {"learning_rate": 0.01, "head_learning_rate": 0.01}

    run = make(epochs=5, pooling="mean", optimiser=rates, objective=[{"name": name, **LIGHT.get(name, {})}]).fit()

    assert run.accuracy(run.network) == {"main": 1.0}


@pytest.mark.parametrize("names", [["fgm"], ["pgd"], ["fgm", "rdrop"]], ids="+".join)
def test_the_size_of_the_micro_batches_does_not_change_the_result(names, make):
    settings = {"dropout": 0.0, "optimiser": {"name": "sgd", "learning_rate": 0.05}, "objective": names}

    whole, single = (make(micro_tokens=tokens, **settings).fit().weights for tokens in (100_000, 16))

    assert all(torch.allclose(whole[name], single[name], atol=1e-5) for name in whole)


@pytest.mark.parametrize("names", MIXED, ids="+".join)
def test_running_out_of_memory_within_a_wrapper_draws_the_step_anew(names, make):
    run = make(n_rows=16, micro_tokens=512, objective=names)
    forward, calls = run.network.forward, []

    def refuse(input_ids, attention_mask):
        calls.append(input_ids.numel())
        if input_ids.numel() > 64 and len(calls) > 1:  # the first pass has room, the second has not
            raise MemoryError
        return forward(input_ids, attention_mask)

    run.network.forward = refuse
    run.fit(evaluate=None)

    assert equal(run.weights, make(n_rows=16, micro_tokens=64, objective=names).fit(evaluate=None).weights)


@pytest.mark.parametrize("names", MIXED, ids="+".join)
def test_several_tasks_and_rows_without_targets_learn_together(names, bert_base, spaces):
    rows = [
        Example(Document("good film"), {"mood": 1, "emotions": (1,), "intensity": 4.0}),
        Example(Document("bad film"), {"mood": 0, "stars": 0}, weight=0.5),
        Example(Document("slow film of the day"), {"emotions": ()}),
        Example(Document("quite a film"), {"stars": 3}, among={"stars": (0, 3)}),
    ]
    recipe = toy_recipe(*spaces, objective=names, batch_size=4, epochs=2)
    parts = {task: [each for each in rows if task in each.targets] for task in spaces}

    learner = Learner.build(recipe, bert_base, spaces, parts)
    result = learner.fit(None)

    assert all(math.isfinite(each["loss"]) for each in result.history)
    assert all(each.isfinite().all() for each in learner.network.state_dict().values())


@pytest.mark.parametrize("names", MIXED, ids="+".join)
def test_wrappers_compute_in_bf16(names, make):
    torch.manual_seed(0)
    run = make(objective=names, dropout=0.0)
    first = [0, 1, 2, 3]
    ids, mask = padded([run.rows.ids[row] for row in first], torch.device("cpu"))
    rows = {
        "targets": {"mood": run.rows.targets["mood"][first]},
        "has": {"mood": torch.ones(4, dtype=torch.bool)},
        "weight": torch.ones(4),
    }

    found = run.wrap(plain())(run.network, Batch(first, ids, mask, precision="bf16", **rows))
    found.loss.backward()

    assert found.loss.dtype == torch.float32
    gradients = [each.grad for each in run.network.parameters() if each.grad is not None]
    assert all(each.isfinite().all() for each in gradients)
    assert any(each.abs().sum() > 0 for each in gradients)


@pytest.mark.parametrize("name", ["roberta_base", "gpt2_base"])
def test_other_bases_have_embeddings_to_move(name, request):
    settings = {"epochs": 1, "optimiser": SLOW, "dropout": 0.0}
    base = request.getfixturevalue(name)

    moved, still = (Toy(base, objective=names, **settings).fit(evaluate=None) for names in (["fgm"], []))

    assert moved.history[0]["loss"] > still.history[0]["loss"] + 1e-4


def test_a_frozen_encoder_can_be_misled_too(make):
    run = make(freeze="encoder", objective=["fgm", "vat"], epochs=2).fit()

    assert math.isfinite(run.history[-1]["loss"])


def test_the_plan_counts_the_passes(bert_base, spaces):
    recipe = toy_recipe("mood", objective=["fgm", "rdrop"])
    learner = Learner.build(recipe, bert_base, {"mood": MOODS}, {"mood": [Example(Document("good"), {"mood": 1})]})

    # R-Drop asks twice, FGM takes 2.3 times what is within
    assert learner.wrap(plain()).passes == pytest.approx(2 * 2.3)


# Settings


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        ("fgn", "objective 'fgn' is not known.*Did you mean 'fgm'"),
        ([{"name": "fgm", "epsilom": 1.0}], "objective 'fgm' has no setting 'epsilom'. Did you mean 'epsilon'"),
        ([{"name": "fgm", "epsilon": 0}], r"epsilon 0 is not in \(0, 1\]"),
        ([{"name": "fgm", "epsilon": "much"}], "objective 'fgm': epsilon is 'much'; expected a number$"),
        ([{"name": "fgm", "epsilon": "1e-2"}], "epsilon is '1e-2'; expected a number, write 0.01"),
        ([{"name": "fgm", "epsilon": math.inf}], "epsilon is inf; expected a number"),
        ([{"name": "fgm", "epsilon": True}], "epsilon is True; expected a number"),
        ([{"name": "freelb", "epsilon": 1e9}], r"expected lengths in \(0, 1\]"),
        ([{"name": "pgd", "steps": None}], "steps is None; expected a whole number"),
        ([{"name": "pgd", "steps": 0}], "steps 0"),
        ([{"name": "freelb", "steps": 1.5}], "steps 1.5"),
        ([{"name": "vat", "xi": 2}], "xi 2"),
        ([{"name": "smart", "weight": -1}], "weight -1"),
        ([{"name": "rdrop", "weight": 0}], "weight 0 is not positive"),
        ([{"name": "mixup", "alpha": 0}], "alpha 0 is not positive"),
        (["fgm", "rdrop", "fgm"], "objective: fgm is given twice"),
        ("focal", "objective 'focal' is that of a task; give it in `tasks`"),
    ],
)
def test_a_wrong_wrapper_is_refused_by_name(objective, words):
    with pytest.raises(RecipeError, match=words):
        check_parts(toy_recipe(objective=objective))


def test_a_wrapper_within_a_task_is_told_where_it_belongs():
    with pytest.raises(RecipeError, match="objective 'fgm' works around all tasks; give it beside `tasks`"):
        toy_recipe({"name": "mood", "objective": "fgm"})


def test_a_single_name_will_do():
    assert [each.name for each in toy_recipe(objective="fgm").objective] == ["fgm"]
