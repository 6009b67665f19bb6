"""Training methods against plain fine-tuning: the same rows, base, epochs and seeds, one change of the recipe each.

    python benchmarks/workshop.py adapt                       # one family, its own set, seeds 1 to 3
    python benchmarks/workshop.py adapt --sets smp2020        # on another set
    python benchmarks/workshop.py adversarial --rows 1000 --only fgm,freelb --jobs 4

A run that is stored under runs/workshop is not made again as long as its recipe is the same: delete that folder when
the processor is another, or when the code has changed what a recipe means. Figures are means over the seeds; an
interval is that of Student's t over them: it says how much another seed changes the figure.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from scipy.stats import t as student

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from families import FAMILIES, SETS, Changes, Family

from sentimo.evaluate.speed.machine import describe_machine
from sentimo.train.optim import usual_epochs

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))
RUNS = ROOT / "runs" / "workshop"
HELD_OUT = {"dev": 1_000, "test": 2_000}


@dataclass(frozen=True)
class Job:
    """One training run."""

    name: str
    family: Family
    set: str
    method: str
    changes: Changes
    seed: int

    @property
    def place(self) -> Path:
        """Folder of the rows, and of all models that learn from them."""
        if self.family.per_label:
            return RUNS / self.set / f"{self.name}-{self.family.per_label}-each-{self.seed}"
        own = f"-{self.name}" if self.family.plain or self.family.rest else ""
        return RUNS / self.set / f"{self.family.rows}{own}"

    @property
    def folder(self) -> Path:
        """Where the model lies."""
        return self.place / f"{self.method.replace(' ', '-')}-{self.seed}"

    @property
    def recipe(self) -> dict[str, Any]:
        """The whole recipe, its paths seen from `place`; of an ensemble, how to make it."""
        if "combine" in self.changes:
            return self.changes
        parts = {part: f"{part}.parquet" for part in ("train", "dev", "test")}
        recipe = {
            "name": self.method,
            "base": SETS[self.set].base,
            "tasks": [{"name": "labels", **parts, **self.changes.get("task", {})}],
            "epochs": epochs_of(self.family),
            "seed": self.seed,
            "baseline": False,
            **self.family.plain,
            **{key: value for key, value in self.changes.items() if key != "task"},
        }
        names = {"plain": f"plain-{self.seed}", "rest": "rest.txt", "domain": "./domain"}
        return json.loads(re.sub(r"\{(plain|rest|domain)\}", lambda found: names[found[1]], json.dumps(recipe)))

    @property
    def of(self) -> list[dict[str, Any]]:
        """Recipes of the plain models that it is made from: members of an ensemble, or a teacher."""
        taught = [self.seed] if "{plain}" in json.dumps(self.changes) else []
        seeds = self.changes.get("members", taught)
        return [replace(self, method="plain", changes={}, seed=seed).recipe for seed in seeds]

    def prepare(self, threads: int) -> None:
        """Write the rows, and the base that has read the others, where they are not there yet."""
        self.place.mkdir(parents=True, exist_ok=True)
        source = DATA / SETS[self.set].folder
        if not (self.place / "rest.txt").is_file():
            for part, n in HELD_OUT.items():
                table = pq.read_table(source / f"{part}.parquet", columns=["text", "label"])
                few = part == "dev" and self.family.per_label is not None  # who has few labels has few dev rows, too
                chosen = self._chosen(table) if few else _draw(len(table), n, 13)
                pq.write_table(table.take(chosen), self.place / f"{part}.parquet")
            table = pq.read_table(source / "train.parquet", columns=["text", "label"])
            chosen = self._chosen(table)
            pq.write_table(table.take(chosen), self.place / "train.parquet")
            left = np.setdiff1d(np.arange(len(table)), chosen)
            left = left[_draw(len(left), self.family.rest or len(left), 13)]
            texts = (" ".join(text.split()) for text in table.take(left)["text"].to_pylist())
            (self.place / "rest.txt").write_text("\n".join(texts) + "\n", "utf-8")
        if "{domain}" in json.dumps(self.changes) and not (self.place / "domain").is_dir():
            options = ["--text", str(self.place / "rest.txt"), "-o", str(self.place / "domain"), "--epochs", "6"]
            if (self.place / "domain.checkpoint").is_dir():
                options.append("--resume")
            told, _ = _sentimo(["pretrain", "--base", SETS[self.set].base, *options, "--json"], threads)
            (self.place / "domain.json").write_text(json.dumps(told), "utf-8")

    def _chosen(self, table: pa.Table) -> np.ndarray:
        if self.family.per_label is None:
            return _draw(len(table), self.family.rows, 13)
        labels = np.array(table["label"].to_pylist())
        rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        return np.sort(np.concatenate([each[_draw(len(each), self.family.per_label, self.seed)] for each in rows]))

    def run(self, threads: int) -> dict[str, Any]:
        """Train, judge and return the figures; from the record where there is one of this recipe."""
        record = self.folder.with_suffix(".json")
        known = json.loads(record.read_text("utf-8")) if record.is_file() else {}
        make = self._combine if "combine" in self.changes else self._train
        same = known.get("recipe") == self.recipe and known.get("of", []) == self.of
        found = known if same else {"recipe": self.recipe, "of": self.of, **make(threads)}
        if self.family.attacked and "robust" not in found:
            found["robust"] = self._attack(threads)
        record.write_text(json.dumps(found), "utf-8")
        return found

    def _train(self, threads: int) -> dict[str, Any]:
        file = self.folder.with_suffix(".yaml")
        file.write_text(yaml.safe_dump(self.recipe, sort_keys=False), "utf-8")
        shutil.rmtree(f"{self.folder}.checkpoint", ignore_errors=True)  # resuming would hide the time spent
        result, used = _sentimo(["train", str(file), "-o", str(self.folder), "--overwrite", "--json"], threads)
        report = json.loads((self.folder / "report.json").read_text("utf-8"))
        return {
            **_figures(result["test"]),
            "share": report.get("adapt", {}).get("share"),
            "notes": report["notes"],
            **used,
        }

    def _combine(self, threads: int) -> dict[str, Any]:
        members = [self.place / f"plain-{seed}" for seed in self.changes["members"]]
        options = ["--combine", self.changes["combine"], "--dev", str(self.place / "dev.parquet"), "--overwrite"]
        _, used = _sentimo(["ensemble", *map(str, members), "-o", str(self.folder), *options, "--json"], threads)
        test = str(self.place / "test.parquet")
        result, _ = _sentimo(["evaluate", str(self.folder), test, "--n-bootstrap", "0", "--json"], threads)
        taught = [json.loads(each.with_suffix(".json").read_text("utf-8"))["cpu_seconds"] for each in members]
        used["cpu_seconds"] += sum(taught)
        return {**_figures(result), "share": None, "notes": [], **used}

    def _attack(self, threads: int) -> float:
        changes, test = SETS[self.set].attack, str(self.place / "test.parquet")
        options = ["evaluate", str(self.folder), test, "--attack", changes, "--attack-rows", "300", "--json"]
        result, _ = _sentimo([*options, "--n-bootstrap", "0"], threads)
        robust: float = result["attack"]["robust"]["value"]
        return robust


def epochs_of(family: Family) -> float:
    """Return the epochs of plain fine-tuning: those that the rows get by default, where the family names none."""
    found: float = family.plain.get("epochs") or usual_epochs(family.rows, 32)
    return found


def _figures(result: Mapping[str, Any]) -> dict[str, Any]:
    own = result["tasks"]["labels"]
    return {
        **{name: own["figures"][name]["value"] for name in ("macro_f1", "accuracy")},
        "recall": {each["label"]: each["recall"]["value"] for each in own["per_label"]},
        "support": {each["label"]: each["support"] for each in own["per_label"]},
    }


def _draw(n: int, wanted: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).permutation(n)[:wanted])


def _sentimo(options: Sequence[str], threads: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Run a command and return what it printed, and its CPU seconds and peak memory in GB."""
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
    used = {"cpu_seconds": usage.ru_utime + usage.ru_stime, "gigabytes": usage.ru_maxrss / 2**20}
    return json.loads(printed.splitlines()[-1]), used


def interval(values: Sequence[float], digits: int = 4) -> str:
    """Return mean and half of the 95 % interval over the seeds."""
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) < 2:
        return mean
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{mean} ± {half:.{digits}f}"


def line(
    method: str, runs: Sequence[Mapping[str, Any]], plain: Sequence[Mapping[str, Any]], attacked: bool = False
) -> dict[str, str]:
    """Return a line of the table: figures, and differences to plain fine-tuning with the same seeds."""
    found = {
        "method": method,
        "macro F1": interval([each["macro_f1"] for each in runs]),
        "accuracy": interval([each["accuracy"] for each in runs]),
    }
    pairs = list(zip(runs, plain, strict=True))
    if runs is not plain:
        found["points of F1"] = interval([100 * (a["macro_f1"] - b["macro_f1"]) for a, b in pairs], 2)
    rarest = min(runs[0]["support"], key=runs[0]["support"].get)
    found[f"recall of the rarest ({rarest})"] = interval([each["recall"][rarest] for each in runs])
    if attacked:
        found["accuracy under attack"] = interval([each["robust"] for each in runs])
        if runs is not plain:
            found["points under attack"] = interval([100 * (a["robust"] - b["robust"]) for a, b in pairs], 2)
    if runs[0]["share"] is not None:
        found["weights that learn"] = f"{runs[0]['share']:.2%}"
    speeds = [each for run in runs for note in run["notes"] for each in re.findall(r"([\d.]+) times as fast", note)]
    if speeds:
        found["speed of the teacher"] = f"x{np.mean([float(each) for each in speeds]):.1f}"
    found["CPU time"] = f"x{np.mean([a['cpu_seconds'] / b['cpu_seconds'] for a, b in pairs]):.2f}"
    found["peak memory"] = f"{np.mean([each['gigabytes'] for each in runs]):.2f} GB"
    return found


def described(family: Family, methods: Mapping[str, Changes], sets: Sequence[str], n_seeds: int) -> str:
    """Return what a table shows, in words."""
    rows = (
        f"{family.per_label} rows of each label to learn from and as many to choose the epoch by"
        if family.per_label
        else f"{family.rows:,} labelled rows"
    )
    bases = dict.fromkeys(family.plain.get("base", SETS[each].base) for each in sets)
    epochs = epochs_of(family)
    others: dict[str, list[str]] = {}
    for name, changes in methods.items():
        base = [changes["base"]] if changes.get("base") not in (None, "{domain}") else []
        if base or "epochs" in changes:
            others.setdefault(", ".join((*base, f"{changes.get('epochs', epochs):g} epochs")), []).append(name)
    own = "".join(f"; {' and '.join(names)}: {what}" for what, names in others.items())
    if "{rest}" in json.dumps(methods):
        own += f"; texts without labels: {f'{family.rest:,} of the' if family.rest else 'all'} other training rows"
    return (
        f"{rows}, up to {HELD_OUT['test']:,} test rows; {' and '.join(bases)}, {epochs:g} epochs{own}; "
        f"seeds 1 to {n_seeds}: mean ± half of the 95 % interval; points are hundredths, paired by seed; CPU time "
        "is that of the whole run against plain, with judging, export and all members of an ensemble, but without a "
        "teacher's training and without what a base read before"
    )


def main() -> None:
    """Run a family and print its table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("family", choices=FAMILIES)
    options.add_argument("--sets", help=f"of {', '.join(SETS)}, commas between; default: that of the family")
    options.add_argument("--only", help="methods, commas between; default: all of the family")
    options.add_argument("--rows", type=int, help="labelled rows to learn from; default: those of the family")
    options.add_argument("--seeds", type=int, help="seeds from 1 on; default: as many as the family has, 3 mostly")
    options.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    options.add_argument("--threads", type=int, default=1, help="of each run")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    family = FAMILIES[chosen.family]
    if chosen.rows and family.per_label:
        options.error(f"{chosen.family} learns from {family.per_label} rows of each label; leave --rows out")
    family = replace(family, rows=chosen.rows or family.rows)
    methods = {name: family.methods[name] for name in chosen.only.split(",")} if chosen.only else family.methods
    sets = chosen.sets.split(",") if chosen.sets else [family.set]
    n_seeds = chosen.seeds or family.seeds
    seeds = range(1, n_seeds + 1)
    of_members = range(1, n_seeds * family.members + 1)

    def job_of(name: str, method: str, changes: Changes, seed: int) -> Job:
        if "combine" in changes:
            changes = {**changes, "members": list(of_members[seed - 1 :: n_seeds])}
        return Job(chosen.family, family, name, method, changes, seed)

    plain = [job_of(name, "plain", {}, seed) for name in sets for seed in of_members]
    others = [job_of(name, *method, seed) for name in sets for method in methods.items() for seed in seeds]
    others.sort(key=lambda job: job.seed)  # the first seed of all is there first
    for each in (*plain, *others):
        each.prepare(chosen.threads)
    with ThreadPoolExecutor(chosen.jobs) as pool:  # plain ones first: they may be teachers
        found = [run for jobs in (plain, others) for run in pool.map(lambda job: job.run(chosen.threads), jobs)]
    done = list(zip([*plain, *others], found, strict=True))
    table, notes = [], []
    for name in sets:
        own = {
            method: [run for job, run in done if (job.set, job.method) == (name, method) and job.seed in seeds]
            for method in ("plain", *methods)
        }
        table += [
            {"set": SETS[name].folder, **line(method, runs, own["plain"], family.attacked)}
            for method, runs in own.items()
        ]
        domain = next(job for job in plain if job.set == name).place / "domain.json"
        if domain.is_file():
            told = json.loads(domain.read_text("utf-8"))
            before, after = (told[when]["perplexity"] for when in ("before", "after"))
            notes.append(
                f"Perplexity of hidden tokens of held-out texts of {SETS[name].folder}: {before:.1f} before "
                f"pre-training on the others, with a head that was fitted, {after:.1f} after {told['steps']} steps."
            )
    how = described(family, methods, sets, n_seeds)
    if chosen.json:
        print(json.dumps({"how": how, "rows": table, "notes": notes, "machine": describe_machine()}))
    else:
        print("\n".join([how, *map(str, table), *notes]))


if __name__ == "__main__":
    main()
