import os

import pytest

from sentimo.engine.threads import n_threads, usable_cores
from sentimo.errors import InputError


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.delenv("SENTIMO_THREADS", raising=False)


def machine(root, files):
    """Make the files of /proc and /sys under a folder."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


V1 = "sys/fs/cgroup/cpu"
GROUPS_V1 = "5:memory:/box\n4:cpu,cpuacct:/box\n"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "5000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1600000 100000\n"}, 8),
        ({"proc/self/cgroup": GROUPS_V1, f"{V1}/box/cpu.cfs_quota_us": "-1", f"{V1}/box/cpu.cfs_period_us": "9"}, 8),
        ({"proc/self/cgroup": GROUPS_V1, f"{V1}/box/cpu.cfs_quota_us": "27", f"{V1}/box/cpu.cfs_period_us": "9"}, 3),
    ],
    ids=["none", "v2 open", "v2", "v2 part", "v2 little", "v2 more than there is", "v1 open", "v1"],
)
def test_the_quota_of_a_container_bounds_the_cores(tmp_path, files, cores):
    assert usable_cores(machine(tmp_path, files)) == cores


def test_the_tightest_group_on_the_way_up_counts(tmp_path):
    files = {
        "proc/self/cgroup": "0::/slice/job\n",
        "sys/fs/cgroup/slice/cpu.max": "300000 100000",
        "sys/fs/cgroup/slice/job/cpu.max": "max 100000",
    }

    assert usable_cores(machine(tmp_path, files)) == 3


def test_a_path_of_the_host_falls_back_to_the_mounted_root(tmp_path):
    files = {
        "proc/self/cgroup": "4:cpu,cpuacct:/docker/0123\n",
        f"{V1}/cpu.cfs_quota_us": "100000",
        f"{V1}/cpu.cfs_period_us": "100000",
    }

    assert usable_cores(machine(tmp_path, files)) == 1


def test_affinity_bounds_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)

    assert usable_cores(tmp_path) == 1


def test_the_number_may_be_set(monkeypatch):
    monkeypatch.setenv("SENTIMO_THREADS", "3")

    assert n_threads() == 3


@pytest.mark.parametrize("nothing", [None, "0"])
def test_unset_or_zero_is_one_per_core(monkeypatch, nothing):
    if nothing:
        monkeypatch.setenv("SENTIMO_THREADS", nothing)

    assert n_threads() == usable_cores()


@pytest.mark.parametrize("threads", ["many", "-1", ""])
def test_what_is_no_number_is_refused(monkeypatch, threads):
    monkeypatch.setenv("SENTIMO_THREADS", threads)

    with pytest.raises(InputError, match=f"SENTIMO_THREADS is '{threads}'; expected a number"):
        n_threads()
