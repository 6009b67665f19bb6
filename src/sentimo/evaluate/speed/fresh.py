"""A process from nothing: what a command costs until it has answered and ended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sentimo.errors import SentimoError

# The peak memory of a child is never reported below that of the process that started it, so a small one starts it.
_LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
said = child.stderr.read()
_, status, used = os.wait4(child.pid, 0)
code, unit = os.waitstatus_to_exitcode(status), 1 if sys.platform == "darwin" else 1024
print(json.dumps([code, said.decode("utf-8", "replace")[-300:], time.perf_counter() - started,
                  used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6]))
"""


@dataclass(frozen=True)
class FreshRun:
    """What one process cost from its start to its end.

    Attributes:
        seconds: Wall clock.
        cpu_seconds: CPU time, all threads, user and system.
        peak_mb: Largest resident memory, in MB of 10**6 bytes.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float

    def to_dict(self) -> dict[str, float]:
        """Return a plain dictionary for JSON."""
        return asdict(self)


def run_fresh(command: Sequence[str]) -> FreshRun:
    """Run a command to its end, its output thrown away.

    Raises:
        SentimoError: it failed, or this system does not tell what a process used (Windows).
    """
    if sys.platform == "win32":
        raise SentimoError("what a fresh process used cannot be asked on Windows")
    done = subprocess.run([sys.executable, "-S", "-c", _LAUNCHER, *command], capture_output=True, text=True, check=True)
    code, said, *figures = json.loads(done.stdout)
    if code != 0:
        raise SentimoError(f"{' '.join(command[:5])} ended with exit code {code}: {said.strip()}")
    return FreshRun(*figures)


def typical(runs: Sequence[FreshRun]) -> FreshRun:
    """Return the run with the median CPU time."""
    return sorted(runs, key=lambda each: each.cpu_seconds)[len(runs) // 2]
