import time

import pytest

from sentimo.evaluate.speed.rounds import (
    Contender,
    Lap,
    Spread,
    lap,
    latency,
    one_by_one,
    percentile,
    spread_out,
    times_faster,
)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.5, 30),  # rank ceil(0.5 * 5) = 3
        (0.95, 50),  # rank ceil(4.75) = 5
        (0.2, 10),  # rank 1 exactly: 10 is not exceeded by one of five
        (0.21, 20),  # rank ceil(1.05) = 2
        (1.0, 50),
    ],
)
def test_a_percentile_is_the_value_of_nearest_rank(share, expected):
    assert percentile([50, 10, 40, 20, 30], share) == expected


def test_the_99th_percentile_of_a_hundred_is_the_second_largest():
    assert percentile(list(range(1, 101)), 0.99) == 99


def test_latency_is_in_milliseconds_of_wall_clock_and_cpu():
    laps = [Lap(1, 0, seconds / 1000, 2 * seconds / 1000) for seconds in (1, 2, 3, 4)]

    # of four values: p50 is the second, p95 and p99 the fourth
    expected = {"p50": 2.0, "p95": 4.0, "p99": 4.0}
    assert latency(laps) == {
        "wall_ms": pytest.approx(expected),
        "cpu_ms": pytest.approx({name: 2 * value for name, value in expected.items()}),
        "n_texts": 4,
    }


def test_one_is_faster_by_its_tokens_per_second_round_by_round():
    ours = [Lap(10, 100, 1.0, 1.0), Lap(10, 100, 2.0, 2.0), Lap(10, 100, 0.5, 0.5)]  # 100, 50, 200 tokens/s
    theirs = [Lap(5, 50, 2.0, 2.0), Lap(5, 50, 2.0, 2.0), Lap(5, 50, 2.0, 2.0)]  # 25

    assert times_faster(ours, theirs) == Spread(4.0, 2.0, 8.0)


def test_a_round_that_was_broken_off_is_not_compared():
    assert times_faster([Lap(1, 8, 1.0, 1.0), Lap(1, 8, 9.0, 9.0)], [Lap(1, 4, 1.0, 1.0)]) == Spread(2.0, 2.0, 2.0)


def test_a_lap_counts_the_time_of_the_answer():
    found = lap(Contender("sleeps", lambda texts: time.sleep(0.05), ["a", "b"], 7))

    assert (found.n_texts, found.n_tokens) == (2, 7)
    assert found.seconds >= 0.05
    assert found.cpu_seconds < 0.05  # it slept


def test_single_texts_are_asked_in_turn():
    asked = []
    contenders = [
        Contender(name, lambda texts, name=name: asked.append((name, *texts)), ["x", "y"], 0) for name in ("a", "b")
    ]

    laps = one_by_one(contenders, 3, seconds=60)

    assert asked == [("a", "x"), ("b", "x"), ("a", "y"), ("b", "y"), ("a", "x"), ("b", "x")]
    assert {name: len(found) for name, found in laps.items()} == {"a": 3, "b": 3}


def test_single_texts_stop_when_the_time_is_up():
    slow = Contender("slow", lambda texts: time.sleep(0.02), ["x"], 0)

    assert len(one_by_one([slow], 1000, seconds=0.05)["slow"]) < 10


def test_a_sample_has_the_lengths_of_all_and_keeps_their_order():
    texts = ["x" * length for length in (8, 1, 7, 2, 6, 3, 5, 4)]

    # sorted by length and cut into four pairs, the second of each: 2, 4, 6, 8
    assert [len(text) for text in spread_out(texts, 4)] == [8, 2, 6, 4]


def test_a_sample_larger_than_all_is_all():
    assert spread_out(["b", "a"], 5) == ["b", "a"]
