"""The READMEs are programs: their commands and code run on the demo data and give the output that is shown."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sentimo

ROOT = Path(__file__).resolve().parents[1]
ENGLISH, CHINESE = (ROOT / name for name in ("README.md", "README.zh-CN.md"))

_DRAWN = re.compile(r"[\u2500-\u259f]")  # frames, rules and bars
_DIGEST = re.compile(r"\b[0-9a-f]{12,64}\b")
_NUMBER = re.compile(r"-?\d[\d.,]*(?:e-?\d+)?%?")
_UNSTABLE = re.compile(r"tokens/s|^No winner|is better than")  # what another machine may answer otherwise

pytestmark = pytest.mark.timeout(1800)  # the whole tour runs before the first test; a busy machine takes its time


def tour(readme):
    """Return (command, lines shown under it) of every ``$ `` line in the console blocks."""
    steps = []
    for block in re.findall(r"```console\n(.*?)```", readme.read_text("utf-8"), re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            else:
                steps[-1][1].append(line)
    return steps


def code(readme):
    """Return the Python of a README, without comments."""
    blocks = re.findall(r"```python\n(.*?)```", readme.read_text("utf-8"), re.S)
    return re.sub(r" *#.*", "", "\n".join(blocks))


def words(line):
    """Return a line without drawings, digests and numbers."""
    for pattern in (_DRAWN, _DIGEST, _NUMBER):
        line = pattern.sub(" ", line)
    return " ".join(line.split())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with the demo data, and the environment in which ``sentimo`` is this Sentimo."""
    folder = tmp_path_factory.mktemp("a tour")
    shutil.copytree(ROOT / "demo", folder / "demo")
    program = folder / "bin" / "sentimo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sentimo "$@"\n', "utf-8")
    program.chmod(0o755)
    settings = {"COLUMNS": "120", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    settings |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(Path(sentimo.__file__).parents[1])}
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return folder, {**os.environ, **settings, "PATH": path}


@pytest.fixture(scope="module")
def ran(place):
    """Return command -> what it gave, after the commands ran one after the other, as a reader would run them."""
    folder, environment = place
    return {
        command: subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        for command, _ in tour(ENGLISH)
    }


def test_both_readmes_show_the_same_tour():
    assert tour(CHINESE) == tour(ENGLISH)
    assert code(CHINESE) == code(ENGLISH)


def test_the_tour_shows_every_main_command():
    shown = {command.split()[1] for command, _ in tour(ENGLISH) if command.startswith("sentimo ")}

    assert shown >= {"analyze", "doctor", "recipe", "train", "evaluate", "predict", "baseline", "compare"}


@pytest.mark.parametrize(("command", "shown"), tour(ENGLISH), ids=[command for command, _ in tour(ENGLISH)])
def test_a_command_of_the_tour_gives_what_is_shown(ran, command, shown):
    done = ran[command]
    assert done.returncode == 0, done.stdout

    found = iter([words(line) for line in done.stdout.splitlines()])
    for line in shown:
        if words(line) not in ("", "...") and not _UNSTABLE.search(line):
            assert words(line) in found, f"{line!r} is not, in this order, in:\n{done.stdout}"


def test_the_python_of_the_tour_runs(ran, place):
    folder, environment = place

    done = subprocess.run(
        [sys.executable, "-"],
        input=code(ENGLISH),
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("positive ")
