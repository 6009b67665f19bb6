"""Start-up: time of `import sentimo`, and time and memory of `sentimo analyze "I love it"` until it has answered."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

ROUNDS = 7
IMPORT = [sys.executable, "-c", "import sentimo"]
NOTHING = [sys.executable, "-c", "pass"]
ANALYZE = [sys.executable, "-m", "sentimo", "analyze", "I love it"]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    as_json = options.parse_args().json
    subprocess.run(ANALYZE, check=True, stdout=subprocess.DEVNULL)  # files into the cache of the system
    nothing, imported, answered = (seconds(command) for command in (NOTHING, IMPORT, ANALYZE))
    result = {
        "python -c pass": f"{nothing:.3f} s",
        "python -c 'import sentimo'": f"{imported:.3f} s",
        "sentimo analyze 'I love it'": f"{answered:.2f} s, peak RSS {peak_mb():.0f} MB",
        "how": f"median of {ROUNDS} fresh processes, wall clock, files in the system's cache",
    }
    print(json.dumps(result) if as_json else "\n".join(f"{name}: {value}" for name, value in result.items()))


def seconds(command: list[str]) -> float:
    """Return the median wall-clock time of a command."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return sorted(times)[ROUNDS // 2]


def peak_mb() -> float:
    """Return the largest resident set of the children so far; `analyze` is by far the largest."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    main()
