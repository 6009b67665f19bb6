import pytest

from sentimo.engine.work import Work


def test_the_work_between_two_readings_is_their_difference():
    assert Work(5, 50, 60, 4, 3, 2) - Work(1, 10, 20, 2, 2, 2) == Work(4, 40, 40, 2, 1, 0)


def test_work_adds_up():
    assert sum([Work(n_texts=1), Work(n_texts=2, n_rerun=1)], Work()) == Work(n_texts=3, n_rerun=1)


@pytest.mark.parametrize(("work", "padding"), [(Work(), 0.0), (Work(n_tokens=30, n_slots=40), 0.25)])
def test_padding_is_the_share_of_slots_without_a_token(work, padding):
    assert work.padding == padding
