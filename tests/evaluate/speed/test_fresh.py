import sys

import pytest

from sentimo.errors import SentimoError
from sentimo.evaluate.speed.fresh import FreshRun, run_fresh, typical


def test_the_memory_is_that_of_the_process_not_of_the_one_that_starts_it():
    ballast = bytearray(200_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])  # touch every page

    small = run_fresh([sys.executable, "-S", "-c", "pass"])
    large = run_fresh([sys.executable, "-S", "-c", "x = b'x' * 150_000_000"])

    assert 1 < small.peak_mb < 100
    assert large.peak_mb > small.peak_mb + 120
    assert len(ballast) == 200_000_000


def test_cpu_time_is_not_the_time_it_slept():
    slept = run_fresh([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"])

    assert slept.seconds > 0.5
    assert 0 < slept.cpu_seconds < 0.4


def test_a_command_that_fails_is_an_error_with_what_it_said():
    with pytest.raises(SentimoError, match="exit code 3: no such thing"):
        run_fresh([sys.executable, "-S", "-c", "import sys; sys.stderr.write('no such thing'); sys.exit(3)"])


def test_the_typical_run_has_the_median_cpu_time():
    runs = [FreshRun(1.0, cpu, 10.0) for cpu in (0.5, 9.0, 0.4)]

    assert typical(runs).cpu_seconds == 0.5
