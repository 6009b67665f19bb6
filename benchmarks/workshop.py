"""Training methods against plain fine-tuning: the same rows, base, epochs and seeds, one change of the recipe each.

    python benchmarks/workshop.py adapt                       # one family, English and Chinese, seeds 1 to 3
    python benchmarks/workshop.py adversarial --sets en --only fgm,freelb --jobs 4

A run that is stored under runs/workshop is not made again as long as its recipe is the same. Figures are means over
the seeds; an interval is that of Student's t over them: it says how much another seed changes the figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml
from scipy.stats import t as student

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sentimo.evaluate.speed.machine import describe_machine

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))
RUNS = ROOT / "runs" / "workshop"
N_TRAIN, N_HELD_OUT, EPOCHS = 4_000, 1_000, 3

Changes = dict[str, Any]
"""Recipe key -> value that differs from plain fine-tuning."""


@dataclass(frozen=True)
class Setting:
    """Data and base of one language."""

    folder: str
    base: str
    changes_of_attack: str


SETS = {
    "en": Setting("en/emotion-6", "minilm", "typos,swaps,drops"),
    "zh": Setting("zh/smp2020-ewect-usual", "zh-small", "homophones,swaps,drops"),
}

ADAPTERS = ("lora", "adalora", "ia3", "bitfit", "bottleneck", "prefix", "prompt")
WRAPPERS = ("fgm", "pgd", "freelb", "vat", "smart", "rdrop")
FAMILIES: dict[str, dict[str, Changes]] = {
    "adapt": {name: {"adapt": name} for name in ADAPTERS} | {"heads only": {"freeze": "encoder"}},
    "adversarial": {name: {"objective": name} for name in WRAPPERS}
    | {"fgm and rdrop": {"objective": ["fgm", "rdrop"]}},
}
ATTACKED = ("adversarial",)
"""Families whose models are attacked as well."""


@dataclass(frozen=True)
class Job:
    """One training run."""

    language: str
    method: str
    changes: Changes
    seed: int
    attacked: bool

    @property
    def folder(self) -> Path:
        """Where the model lies."""
        return RUNS / self.language / f"{self.method.replace(' ', '-')}-{self.seed}"

    @property
    def recipe(self) -> dict[str, Any]:
        """The whole recipe."""
        parts = {part: str(RUNS / self.language / f"{part}.parquet") for part in ("train", "dev", "test")}
        plain = {
            "name": self.method,
            "base": SETS[self.language].base,
            "tasks": [{"name": "emotions", **parts}],
            "epochs": EPOCHS,
            "seed": self.seed,
            "baseline": False,
        }
        return plain | self.changes

    def run(self, threads: int) -> dict[str, Any]:
        """Train, judge and return the figures; from the record where there is one of this recipe."""
        record = self.folder.with_suffix(".json")
        known = json.loads(record.read_text("utf-8")) if record.is_file() else {}
        found = known if known.get("recipe") == self.recipe else {}
        if not found:
            found = {"recipe": self.recipe, **self._train(threads)}
        if self.attacked and "robust" not in found:
            found["robust"] = self._attack(threads)
        record.write_text(json.dumps(found), "utf-8")
        return found

    def _train(self, threads: int) -> dict[str, Any]:
        file = self.folder.with_suffix(".yaml")
        file.write_text(yaml.safe_dump(self.recipe, sort_keys=False), "utf-8")
        options = ["train", str(file), "-o", str(self.folder), "--overwrite", "--json"]
        result, peak = _sentimo(options, threads)
        report = json.loads((self.folder / "report.json").read_text("utf-8"))
        return {
            "macro_f1": result["test"]["tasks"]["emotions"]["figures"]["macro_f1"]["value"],
            "accuracy": result["test"]["tasks"]["emotions"]["figures"]["accuracy"]["value"],
            "seconds": sum(each["seconds"] for each in report["epochs"]),
            "share": report.get("adapt", {}).get("share"),
            "gigabytes": peak,
        }

    def _attack(self, threads: int) -> float:
        changes = SETS[self.language].changes_of_attack
        test = self.recipe["tasks"][0]["test"]
        options = ["evaluate", str(self.folder), test, "--attack", changes, "--attack-rows", "300", "--json"]
        result, _ = _sentimo([*options, "--n-bootstrap", "0"], threads)
        robust: float = result["attack"]["robust"]["value"]
        return robust


def _sentimo(options: Sequence[str], threads: int) -> tuple[dict[str, Any], float]:
    """Run a command and return what it printed and its peak memory in GB."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(
        [sys.executable, "-m", "sentimo", *options], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"sentimo {' '.join(options)} ended with {process.returncode}")
    return json.loads(printed.splitlines()[-1]), usage.ru_maxrss / 2**20


def prepare(language: str) -> None:
    """Write the rows that all runs of a language share."""
    folder = RUNS / language
    folder.mkdir(parents=True, exist_ok=True)
    for part, n in (("train", N_TRAIN), ("dev", N_HELD_OUT), ("test", 2 * N_HELD_OUT)):
        table = pq.read_table(DATA / SETS[language].folder / f"{part}.parquet", columns=["text", "label"])
        chosen = np.sort(np.random.default_rng(13).permutation(len(table))[:n])
        pq.write_table(table.take(chosen), folder / f"{part}.parquet")


def interval(values: Sequence[float]) -> str:
    """Return mean and 95 % interval over the seeds."""
    if len(values) < 2:
        return f"{values[0]:.4f}"
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):.4f} ± {half:.4f}"


def row(name: str, runs: Sequence[Mapping[str, Any]], plain: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return a line of the table: figures, and differences to plain fine-tuning with the same seeds."""
    own, theirs = ([each["macro_f1"] for each in some] for some in (runs, plain))
    found = {"method": name, "macro F1": interval(own), "accuracy": interval([each["accuracy"] for each in runs])}
    if runs is not plain:
        found["points to plain"] = _points([a - b for a, b in zip(own, theirs, strict=True)])
    if all("robust" in each for each in (*runs, *plain)):
        found["accuracy under attack"] = interval([each["robust"] for each in runs])
        if runs is not plain:
            gained = [a["robust"] - b["robust"] for a, b in zip(runs, plain, strict=True)]
            found["points under attack"] = _points(gained)
    if runs[0]["share"] is not None:
        found["weights that learn"] = f"{runs[0]['share']:.2%}"
    took = np.mean([a["seconds"] / b["seconds"] for a, b in zip(runs, plain, strict=True)])
    found["time"] = f"x{took:.2f}"
    found["peak memory"] = f"{np.mean([each['gigabytes'] for each in runs]):.2f} GB"
    return found


def _points(differences: Sequence[float]) -> str:
    return interval([100 * each for each in differences]).replace("0 ± ", " ± ") if differences else ""


def main() -> None:
    """Run a family and print its table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("family", choices=FAMILIES)
    options.add_argument("--sets", default="en,zh")
    options.add_argument("--only", help="methods, commas between; default: all of the family")
    options.add_argument("--seeds", type=int, default=3, help="seeds from 1 on")
    options.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    options.add_argument("--threads", type=int, default=1, help="of each run")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    methods = FAMILIES[chosen.family]
    if chosen.only:
        methods = {name: methods[name] for name in chosen.only.split(",")}
    attacked = chosen.family in ATTACKED
    languages = chosen.sets.split(",")
    for language in languages:
        prepare(language)
    seeds = range(1, chosen.seeds + 1)
    jobs = [
        Job(language, method, changes, seed, attacked)
        for language in languages
        for seed in seeds
        for method, changes in {"plain": {}, **methods}.items()
    ]
    with ThreadPoolExecutor(chosen.jobs) as pool:
        done = list(pool.map(lambda job: job.run(chosen.threads), jobs))
    runs = {(job.language, job.method, job.seed): found for job, found in zip(jobs, done, strict=True)}
    rows = []
    for language in languages:
        plain = [runs[language, "plain", seed] for seed in seeds]
        for method in ("plain", *methods):
            own = plain if method == "plain" else [runs[language, method, seed] for seed in seeds]
            rows.append({"set": SETS[language].folder, **row(method, own, plain)})
    how = (
        f"{N_TRAIN:,} training rows, {EPOCHS} epochs, {2 * N_HELD_OUT:,} test rows; bases "
        f"{', '.join(f'{SETS[each].base} ({each})' for each in languages)}; seeds 1 to {chosen.seeds}: mean ± half of "
        "the 95 % interval; points are hundredths, paired by seed; time is that of the epochs against plain"
    )
    if chosen.json:
        print(json.dumps({"how": how, "rows": rows, "notes": [], "machine": describe_machine()}))
    else:
        print("\n".join([how, *map(str, rows)]))


if __name__ == "__main__":
    main()
