import io

import pytest
from rich.console import Console

from sentimo.train import progress as module
from sentimo.train.progress import Progress


@pytest.fixture
def log(monkeypatch):
    """Returns what a log holds after ten steps that take half a minute each."""

    def run(terminal):
        clock = iter(range(0, 10_000, 30))
        monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
        text = io.StringIO()
        progress = Progress(Console(file=text, force_terminal=terminal, width=120))
        progress.plan(20, 10)
        for step in range(11, 21):
            progress.step(step, 0.5)
        return text.getvalue()

    return run


def test_a_log_gets_a_line_a_minute(log):
    lines = log(False).splitlines()

    # Steps 12, 14, 16, 18 and 20 end a minute; the first of them leaves 8 steps of 30 s.
    assert lines[0] == "step 12 of 20  loss 0.5000  about 4 min left"
    assert len(lines) == 5


def test_a_terminal_has_its_bar(log):
    assert "min left" not in log(True)
