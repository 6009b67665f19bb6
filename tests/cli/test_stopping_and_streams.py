"""The program as the system treats it: signals that come twice, streams that are not there."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from sentimo.core.signals import ONE_PRESS

PROGRAM = [sys.executable, "-m", "sentimo"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and closed streams of POSIX")


@pytest.fixture
def rows(tmp_path):
    """A file that takes a while."""
    path = tmp_path / "rows.csv"
    path.write_text("text\n" + "".join(f"the food was good and room {n} was not\n" for n in range(60_000)), "utf-8")
    return path


@pytest.mark.parametrize("gap", [0.001, 0.1])
def test_two_signals_at_once_are_one_ctrl_c(rows, tmp_path, gap):
    with subprocess.Popen(
        [*PROGRAM, "predict", str(rows), "-o", str(tmp_path / "out.csv"), "--text", "text"],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where pytest runs in the background
    ) as process:
        while not (tmp_path / "out.csv.unfinished").exists():
            time.sleep(0.02)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        time.sleep(gap)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert "the same command with --resume goes on from there" in told
    assert "Traceback" not in told


def test_ctrl_c_while_the_program_is_loaded_leaves_no_traceback():
    interrupted = """
import builtins
import sentimo.__main__ as program

load = builtins.__import__

def stop_at(name, *given):
    if name == "sentimo.cli":
        raise KeyboardInterrupt
    return load(name, *given)

builtins.__import__ = stop_at
program.run()
"""
    result = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (130, "")


@pytest.mark.parametrize(
    ("redirection", "code", "told"),
    [
        ("<&-", 2, "no text"),
        (">&-", 1, "stdout is closed"),
    ],
)
def test_closed_streams_are_told(redirection, code, told):
    arguments = ["analyze", "fine"] if ">" in redirection else ["analyze"]
    line = f"{shlex.join([*PROGRAM, *arguments])} {redirection}"
    result = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)

    assert (result.returncode, "Traceback" in result.stderr) == (code, False)
    assert told in result.stderr


def test_one_press_is_shorter_than_two():
    assert 0.2 < ONE_PRESS < 3
