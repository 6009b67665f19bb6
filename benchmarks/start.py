"""Start-up, target T4: what a fresh process costs until `sentimo analyze` has answered one text.

    python benchmarks/start.py --pipeline MODEL     # beside the Hugging Face pipeline of a bundle with torch weights

CPU time of all threads, wall clock and peak memory of whole processes, the commands in turn, all files in the cache of
the system.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sentimo.errors import SentimoError
from sentimo.evaluate.speed.fresh import FreshRun, run_fresh

TEXT = "I love it"
PIPELINE_ROUNDS = 3  # it takes seconds


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pipeline", type=Path, metavar="MODEL", help="also start the Hugging Face pipeline of MODEL")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    os.environ["SENTIMO_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    notes: list[str] = []
    runs = measure(commands(chosen.pipeline, notes), chosen.rounds, notes)
    theirs = runs.get("Hugging Face pipeline")
    rows = [row(name, found, theirs) for name, found in runs.items()]
    how = f"median [lowest, highest] of {chosen.rounds} fresh processes, {chosen.threads} threads, files in the cache"
    if chosen.json:
        print(json.dumps({"how": how, "rows": rows, "notes": notes}))
    else:
        print("\n".join([how, *(str(each) for each in rows), *notes]))


def commands(model: Path | None, notes: list[str]) -> dict[str, list[str]]:
    """Return name -> command, from nothing to everything."""
    found = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import sentimo'": [sys.executable, "-c", "import sentimo"],
        f"sentimo analyze '{TEXT}'": [sys.executable, "-m", "sentimo", "analyze", TEXT],
    }
    if model:
        try:
            from sentimo.core.bundle import Bundle
            from sentimo.train.pipeline import HuggingFacePipeline

            found["Hugging Face pipeline"] = HuggingFacePipeline(Bundle.open(model)).fresh_command(TEXT)
        except (ImportError, SentimoError) as reason:
            notes.append(f"Hugging Face pipeline: left out. {reason}")
    return found


def measure(named: dict[str, list[str]], rounds: int, notes: list[str]) -> dict[str, list[FreshRun]]:
    """Run every command once to warm the cache of the system, then in turn; one that fails is left out."""
    runs: dict[str, list[FreshRun]] = {}
    for name, command in named.items():
        try:
            run_fresh(command)
            runs[name] = []
        except SentimoError as reason:
            notes.append(f"{name}: left out. {reason}")
    for number in range(rounds):
        for name, found in runs.items():
            if name != "Hugging Face pipeline" or number < PIPELINE_ROUNDS:
                found.append(run_fresh(named[name]))
    return runs


def row(name: str, found: list[FreshRun], theirs: list[FreshRun] | None) -> dict[str, str]:
    """Return a line of the table."""
    cpu, wall = [each.cpu_seconds for each in found], [each.seconds for each in found]
    cells = {
        "command": name,
        "CPU s": f"{median(cpu):.2f} [{min(cpu):.2f}, {max(cpu):.2f}]",
        "wall s": f"{median(wall):.2f} [{min(wall):.2f}, {max(wall):.2f}]",
        "peak MB": f"{median(each.peak_mb for each in found):.0f}",
    }
    if theirs:
        cells["pipeline takes, CPU"] = f"x{median(each.cpu_seconds for each in theirs) / median(cpu):.1f}"
    return cells


if __name__ == "__main__":
    main()
