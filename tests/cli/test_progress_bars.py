import io

import pytest
from rich.console import Console

from sentimo.cli import progress as module
from sentimo.cli.progress import FileProgress, rate
from sentimo.engine.files import Progress
from sentimo.engine.work import Work


def progress(**changes):
    # 2,000 of 8,000 rows, 1,000 of them now, in 10 s: 100 rows a second, 6,000 rows or 60 s to go
    return Progress(**{"n_read": 2000, "share": 0.25, "n_now": 1000, "seconds": 10.0, **changes})


def test_rates_count_what_this_call_did():
    assert rate(progress()) == "2,000 rows  100 texts/s"
    assert rate(progress(work=Work(n_tokens=25_000))) == "2,000 rows  100 texts/s  2,500 tokens/s"
    assert rate(progress(n_now=0)) == "2,000 rows"


@pytest.mark.parametrize(
    ("changes", "left"),
    [({}, "  about 60 s left"), ({"n_now": 100}, "  about 10 min left"), ({"share": 0.0}, ""), ({"n_now": 0}, "")],
)
def test_the_time_left_is_that_of_the_rows_left_at_this_rate(changes, left):
    assert module._left(progress(**changes)) == left


def test_a_log_gets_a_line_a_minute(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    written = io.StringIO()
    with FileProgress(Console(file=written, width=200)) as shown:
        for clock[0] in (1.0, 59.0, 60.0, 61.0, 119.0, 120.0):
            shown.show(progress())

    assert written.getvalue() == "25%  2,000 rows  100 texts/s  about 60 s left\n" * 2


def test_a_terminal_gets_a_bar():
    written = io.StringIO()
    with FileProgress(Console(file=written, width=200, force_terminal=True, color_system=None)) as shown:
        shown.show(progress())

    assert " 25% " in written.getvalue()
    assert "100 texts/s" in written.getvalue()
