"""How many threads to use: the cores this process may use, which in a container are fewer than the machine has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from sentimo.errors import InputError

VARIABLE = "SENTIMO_THREADS"


def n_threads() -> int:
    """Return what SENTIMO_THREADS says; unset or 0 means one per usable core.

    Raises:
        InputError: it is no number.
    """
    given = os.environ.get(VARIABLE, "0")
    if not given.isdecimal():
        raise InputError(f"{VARIABLE} is {given!r}; expected a number of threads, 0 for one per core")
    return int(given) or usable_cores()


def limit_tokenizers() -> None:
    """Let the library tokenizers use as many threads, here and in processes started from here; call it before its use.

    It reads RAYON_NUM_THREADS once, then; what stands there already counts.

    Raises:
        InputError: see `n_threads`.
    """
    os.environ.setdefault("RAYON_NUM_THREADS", str(n_threads()))


def usable_cores(root: Path = Path("/")) -> int:
    """Return the cores that affinity (taskset, cpuset) and the CPU quota (cgroups, v1 and v2) leave, at least 1.

    A part of a core counts as one: two threads on a quota of 1.5 cores are stopped at times, one leaves half unused.

    Args:
        root: Where /proc and /sys are found.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [math.ceil(cores) for cores in _quotas(root)]
    return max(1, min(allowed, *quotas)) if quotas else allowed


def _quotas(root: Path) -> Iterator[float]:
    """Yield every CPU quota on this process, in cores: any group on the way up may set one."""
    for controllers, path in _groups(root):
        if "cpu" not in controllers and controllers != [""]:
            continue
        tree = root / "sys/fs/cgroup" / ("" if controllers == [""] else "cpu")
        # Inside a container the path may be that of the host, whose groups are not mounted here: the root is.
        for group in (tree / path.lstrip("/"), *(tree / path.lstrip("/")).parents):
            if not group.is_relative_to(tree):
                break
            quota, period = _limits(group)
            if quota > 0 and period > 0:
                yield quota / period


def _groups(root: Path) -> Iterator[tuple[list[str], str]]:
    """Yield (controllers, path) of the groups that this process is in; version 2 has one, without controllers."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        yield controllers.split(","), path


def _limits(group: Path) -> tuple[int, int]:
    """Return quota and period of a group in microseconds; (0, 0) where it sets none."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = [word for name in names for word in (group / name).read_text("utf-8").split()]
            return int(words[0]), int(words[1])
        except (OSError, ValueError, IndexError):  # "max 100000": no limit
            continue
    return 0, 0
