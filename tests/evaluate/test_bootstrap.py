import numpy as np
import pytest

from sentimo.evaluate.bootstrap import Figure, bootstrap, figure, resamples


def mean_of(values):
    column = np.array(values, dtype=float)
    return lambda weights: {"mean": weights @ column / weights.sum(axis=1)}


def test_each_resample_draws_as_many_rows_as_there_are():
    blocks = list(resamples(n_rows=7, n_bootstrap=50, seed=1))

    assert sum(len(block) for block in blocks) == 50
    assert all((block.sum(axis=1) == 7).all() for block in blocks)


def test_large_samples_come_in_blocks_of_bounded_size():
    blocks = list(resamples(n_rows=3_000_000, n_bootstrap=2, seed=1))

    assert [len(block) for block in blocks] == [1, 1]


def test_the_interval_of_a_mean_is_near_the_textbook_one():
    # 500 rows, half 1: standard error sqrt(0.25 / 500) = 0.02236, so 0.5 -+ 1.96 * 0.02236 = [0.456, 0.544]
    values = bootstrap(mean_of([0, 1] * 250), 500, n_bootstrap=2000, seed=13)["mean"]

    found = figure(values)

    assert found.value == 0.5
    assert found.low == pytest.approx(0.456, abs=0.004)
    assert found.high == pytest.approx(0.544, abs=0.004)


def test_the_same_seed_gives_the_same_interval():
    first, again, other = (bootstrap(mean_of(range(50)), 50, 100, seed)["mean"] for seed in (3, 3, 4))

    assert (first == again).all()
    assert (first[1:] != other[1:]).any()


def test_no_resamples_give_a_value_without_an_interval():
    assert figure(bootstrap(mean_of([1, 2, 3]), 3, 0, 13)["mean"]) == Figure(2.0, None, None)


def test_resamples_where_the_value_is_undefined_are_left_out():
    assert figure(np.array([0.5, 0.5, np.nan, 0.5])) == Figure(0.5, 0.5, 0.5)


def test_a_value_undefined_on_the_sample_has_no_figure():
    assert figure(np.array([np.nan, 0.5, 0.5])) is None


def test_an_interval_is_widened_to_hold_its_value():
    assert figure(np.array([0.1, 0.2, 0.2, 0.2])) == Figure(0.1, 0.1, 0.2)


def test_a_figure_survives_json():
    assert Figure.from_dict(Figure(0.5, 0.4, 0.6).to_dict()) == Figure(0.5, 0.4, 0.6)
    assert str(Figure(0.5, 0.4, 0.6)) == "0.5000 [0.4000, 0.6000]"
    assert str(Figure(0.5)) == "0.5000"
