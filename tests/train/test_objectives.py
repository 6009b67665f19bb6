from __future__ import annotations

import math

import pytest
import torch

from sentimo.core.labels import KINDS
from sentimo.errors import RecipeError
from sentimo.train.catalogue import build
from sentimo.train.objectives import DEFAULT_OBJECTIVE, OBJECTIVES
from sentimo.train.objectives.asymmetric import Asymmetric
from sentimo.train.objectives.bce import BinaryCrossEntropy
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.objectives.focal import Focal
from sentimo.train.objectives.huber import Huber
from sentimo.train.objectives.mse import MeanSquaredError
from sentimo.train.objectives.ordinal import Ordinal

N_LABELS = {"single": 3, "ordinal": 3, "multi": 3, "score": 1}
TARGETS = {
    "single": [0, 2, 1, 1],
    "ordinal": [0, 2, 1, 1],
    "multi": [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    "score": [0.0, 1.0, 0.31, 0.77],
}
CATALOGUE = [(name, kind) for name, entry in OBJECTIVES.items() for kind in entry.kinds]

# Every setting that changes the formula, for the numeric gradient.
VARIANTS = [
    ("single", CrossEntropy()),
    ("single", CrossEntropy(weight=[2.0, 1.0, 0.5], smoothing=0.2)),
    ("single", Focal()),
    ("single", Focal(gamma=0.5, weight=[2.0, 1.0, 0.5])),
    ("ordinal", Ordinal()),
    ("ordinal", Ordinal(weight=[2.0, 1.0, 0.5])),
    ("multi", BinaryCrossEntropy()),
    ("multi", BinaryCrossEntropy(weight=[3.0, 1.0, 0.5])),
    ("multi", Asymmetric()),
    ("multi", Asymmetric(gamma_negative=2.0, gamma_positive=0.0, margin=0.0)),
    ("score", MeanSquaredError()),
    ("score", Huber()),
    ("score", Huber(delta=0.5)),
]


def logits_of(*probabilities):
    """Logits whose softmax is `probabilities`, one row."""
    return torch.tensor([probabilities]).log()


def log_odds(*probabilities):
    """Logits whose sigmoids are `probabilities`, one row."""
    p = torch.tensor([probabilities])
    return (p / (1 - p)).log()


def random_logits(kind, dtype=torch.float32, scale=1.0):
    generator = torch.Generator().manual_seed(3)
    return scale * torch.randn(4, N_LABELS[kind], generator=generator, dtype=dtype)


@pytest.mark.parametrize(("name", "kind"), CATALOGUE)
def test_every_objective_gives_one_finite_loss_per_row(name, kind):
    objective = build(OBJECTIVES[name].where, name)

    losses = objective(random_logits(kind), torch.tensor(TARGETS[kind]))

    assert losses.shape == (4,)
    assert losses.isfinite().all()
    assert (losses >= 0).all()


@pytest.mark.parametrize(("name", "kind"), CATALOGUE)
def test_the_loss_of_a_row_does_not_depend_on_its_neighbours(name, kind):
    objective, logits, targets = build(OBJECTIVES[name].where, name), random_logits(kind), torch.tensor(TARGETS[kind])

    alone = torch.cat([objective(logits[row : row + 1], targets[row : row + 1]) for row in range(4)])

    assert torch.allclose(objective(logits, targets), alone)


@pytest.mark.parametrize(("name", "kind"), CATALOGUE)
def test_every_objective_and_its_gradient_stay_finite_when_the_network_is_sure(name, kind):
    objective = build(OBJECTIVES[name].where, name)
    logits = random_logits(kind, scale=100.0).requires_grad_()

    losses = objective(logits, torch.tensor(TARGETS[kind]))
    losses.sum().backward()

    assert losses.isfinite().all()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(("name", "kind"), CATALOGUE)
def test_every_objective_falls_when_its_gradient_is_followed(name, kind):
    objective, targets = build(OBJECTIVES[name].where, name), torch.tensor(TARGETS[kind])
    logits = random_logits(kind).requires_grad_()
    before = objective(logits, targets).sum()
    before.backward()

    after = objective(logits - 0.01 * logits.grad, targets).sum()

    assert after < before


@pytest.mark.parametrize(("kind", "objective"), VARIANTS, ids=lambda each: getattr(each, "_get_name", lambda: each)())
def test_the_gradient_agrees_with_the_numeric_one(kind, objective):
    targets = torch.tensor(TARGETS[kind])
    targets = targets.double() if targets.is_floating_point() else targets
    logits = random_logits(kind, torch.float64).requires_grad_()

    assert torch.autograd.gradcheck(lambda each: objective.double()(each, targets), (logits,))


def test_every_kind_of_task_has_a_default_objective_that_suits_it():
    assert set(DEFAULT_OBJECTIVE) == set(KINDS)
    assert all(kind in OBJECTIVES[name].kinds for kind, name in DEFAULT_OBJECTIVE.items())


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "ordinal", "bce"])
def test_label_weights_may_be_whole_numbers(name):
    # A recipe says `weight: [2, 1, 1]`.
    kind = OBJECTIVES[name].kinds[0]
    targets = torch.tensor(TARGETS[kind])

    whole = build(OBJECTIVES[name].where, name, weight=[2, 1, 1])(random_logits(kind), targets)

    assert torch.equal(whole, build(OBJECTIVES[name].where, name, weight=[2.0, 1.0, 1.0])(random_logits(kind), targets))


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("cross_entropy", {"smoothing": 1.0}, "smoothing 1.0"),
        ("cross_entropy", {"smoothing": -0.1}, "smoothing -0.1"),
        ("focal", {"gamma": -1.0}, "gamma -1.0"),
        ("asymmetric", {"margin": 1.0}, "margin 1.0"),
        ("asymmetric", {"gamma_negative": -1.0}, "gamma_negative -1.0"),
        ("huber", {"delta": 0.0}, "delta 0.0"),
        ("focal", {"gama": 2.0}, "Did you mean 'gamma'"),
        ("mse", {"delta": 2.0}, "Its settings: none"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name, settings, words):
    with pytest.raises(RecipeError, match=words):
        build(OBJECTIVES[name].where, f"objective {name!r}", **settings)


# Cross entropy. p = 0.7, 0.2, 0.1: -log p = 0.356675, 1.609438, 2.302585.


def test_cross_entropy_is_the_negative_logarithm_of_the_true_label():
    assert CrossEntropy()(logits_of(0.7, 0.2, 0.1), torch.tensor([0])).item() == pytest.approx(0.356675, rel=1e-5)
    assert CrossEntropy()(logits_of(0.7, 0.2, 0.1), torch.tensor([2])).item() == pytest.approx(2.302585, rel=1e-5)


def test_a_label_of_weight_two_costs_twice():
    loss = CrossEntropy(weight=[2.0, 1.0, 1.0])(logits_of(0.7, 0.2, 0.1), torch.tensor([0]))

    assert loss.item() == pytest.approx(2 * 0.356675, rel=1e-5)


def test_smoothing_gives_every_label_a_share():
    loss = CrossEntropy(smoothing=0.3)(logits_of(0.7, 0.2, 0.1), torch.tensor([0]))

    # 0.7 * 0.356675 + 0.3 / 3 * (0.356675 + 1.609438 + 2.302585)
    assert loss.item() == pytest.approx(0.676542, rel=1e-5)


def test_with_weights_and_smoothing_each_share_has_the_weight_of_its_label():
    loss = CrossEntropy(weight=[2.0, 1.0, 1.0], smoothing=0.3)(logits_of(0.7, 0.2, 0.1), torch.tensor([0]))

    # 0.7 * 2 * 0.356675 + 0.3 / 3 * (2 * 0.356675 + 1.609438 + 2.302585)
    assert loss.item() == pytest.approx(0.961882, rel=1e-5)


# Focal


def test_focal_loss_counts_a_sure_row_less():
    # p = 0.9, gamma = 2: (1 - 0.9)**2 * -ln 0.9 = 0.01 * 0.105361
    assert Focal(gamma=2.0)(logits_of(0.9, 0.1), torch.tensor([0])).item() == pytest.approx(0.00105361, rel=1e-4)
    # p = 0.1: 0.9**2 * -ln 0.1 = 0.81 * 2.302585
    assert Focal(gamma=2.0)(logits_of(0.9, 0.1), torch.tensor([1])).item() == pytest.approx(1.865094, rel=1e-5)


def test_focal_loss_with_gamma_zero_is_cross_entropy():
    logits, targets = random_logits("single"), torch.tensor(TARGETS["single"])

    assert torch.allclose(Focal(gamma=0.0)(logits, targets), CrossEntropy()(logits, targets))


def test_focal_loss_takes_label_weights():
    loss = Focal(gamma=2.0, weight=[1.0, 3.0])(logits_of(0.9, 0.1), torch.tensor([1]))

    assert loss.item() == pytest.approx(3 * 1.865094, rel=1e-5)


# Ordinal. p = 0.5, 0.3, 0.2: "at most the first" 0.5, "at most the second" 0.8.


@pytest.mark.parametrize(
    ("label", "loss"),
    [
        (0, (-math.log(0.5) - math.log(0.8)) / 2),  # yes, yes
        (1, (-math.log(0.5) - math.log(0.8)) / 2),  # no, yes
        (2, (-math.log(0.5) - math.log(0.2)) / 2),  # no, no
    ],
)
def test_ordinal_loss_asks_of_every_cut_on_which_side_the_label_lies(label, loss):
    assert Ordinal()(logits_of(0.5, 0.3, 0.2), torch.tensor([label])).item() == pytest.approx(loss, rel=1e-5)


def test_ordinal_loss_forgives_a_near_miss_more_than_a_far_one():
    near, far = logits_of(0.05, 0.05, 0.05, 0.8, 0.05), logits_of(0.8, 0.05, 0.05, 0.05, 0.05)
    truth = torch.tensor([4])

    assert Ordinal()(near, truth) < Ordinal()(far, truth)
    assert CrossEntropy()(near, truth).item() == pytest.approx(CrossEntropy()(far, truth).item())


def test_ordinal_loss_of_two_labels_is_cross_entropy():
    logits, truth = logits_of(0.3, 0.7), torch.tensor([0])

    assert Ordinal()(logits, truth).item() == pytest.approx(CrossEntropy()(logits, truth).item())


def test_ordinal_loss_takes_label_weights():
    loss = Ordinal(weight=[2.0, 1.0, 1.0])(logits_of(0.5, 0.3, 0.2), torch.tensor([0]))

    assert loss.item() == pytest.approx(-math.log(0.5) - math.log(0.8), rel=1e-5)


# Several labels. p = 0.8 of a present label: -ln 0.8 = 0.223144; p = 0.3 of an absent one: -ln 0.7 = 0.356675.


def test_binary_cross_entropy_is_the_mean_over_labels():
    loss = BinaryCrossEntropy()(log_odds(0.8, 0.3), torch.tensor([[1.0, 0.0]]))

    assert loss.item() == pytest.approx((0.223144 + 0.356675) / 2, rel=1e-5)


def test_binary_cross_entropy_weighs_present_labels_only():
    loss = BinaryCrossEntropy(weight=[3.0, 5.0])(log_odds(0.8, 0.3), torch.tensor([[1.0, 0.0]]))

    assert loss.item() == pytest.approx((3 * 0.223144 + 0.356675) / 2, rel=1e-5)


def test_asymmetric_loss_is_worked_out_by_hand():
    loss = Asymmetric(gamma_negative=4.0, gamma_positive=1.0, margin=0.05)(
        log_odds(0.8, 0.3), torch.tensor([[1.0, 0.0]])
    )

    # present: 0.2 * 0.223144; absent: q = 0.25, 0.25**4 * -ln 0.75 = 0.00390625 * 0.287682
    assert loss.item() == pytest.approx((0.0446287 + 0.00112376) / 2, rel=1e-5)


def test_asymmetric_loss_ignores_absent_labels_below_the_margin():
    assert Asymmetric(margin=0.1)(log_odds(0.09, 0.02), torch.tensor([[0.0, 0.0]])).item() == 0.0


def test_asymmetric_loss_without_focus_and_margin_is_binary_cross_entropy():
    logits, targets = random_logits("multi"), torch.tensor(TARGETS["multi"])

    plain = Asymmetric(gamma_negative=0.0, gamma_positive=0.0, margin=0.0)(logits, targets)

    assert torch.allclose(plain, BinaryCrossEntropy()(logits, targets))


# Scores. Logit 0 is the middle of the range, 0.5.


def test_mean_squared_error_is_taken_in_the_range():
    # (0.5 - 0.8)**2
    assert MeanSquaredError()(torch.zeros(1, 1), torch.tensor([0.8])).item() == pytest.approx(0.09)


def test_huber_loss_is_squared_near_the_target_and_linear_beyond_delta():
    # |e| = 0.05: 0.05**2 / 2;  |e| = 0.3: 0.1 * (0.3 - 0.05)
    losses = Huber(delta=0.1)(torch.zeros(2, 1), torch.tensor([0.55, 0.8]))

    assert losses.tolist() == pytest.approx([0.00125, 0.025])
