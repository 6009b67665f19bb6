"""Run the experiments behind docs/results.md and write that page.

    python benchmarks/results.py emotion-6 sst2    # run some of them, then write the page
    python benchmarks/results.py                   # run all (hours on two cores)
    python benchmarks/results.py --page            # only write the page from the stored records
    python benchmarks/results.py --given latency-amx=printed.json    # what --json printed on another machine
    python benchmarks/results.py --given compress-amx=compress.json --machine printed.json    # and what says which

Those of inference read runs/default-en, which `python recipes/default_en.py` makes. Each run leaves one record,
docs/results/<name>.json: the command, the commit, the machine, the recipe and the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sentimo.evaluate.speed.machine import describe_machine

sys.path.insert(0, str(Path(__file__).resolve().parent))

from families import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))
RECORDS, PAGE = ROOT / "docs" / "results", ROOT / "docs" / "results.md"
PACKAGES = ("torch", "transformers", "onnxruntime", "scikit-learn", "numpy")


@dataclass(frozen=True)
class Experiment:
    """One section of the page: what is run, and what it shows.

    Attributes:
        elsewhere: It is for another kind of processor; run it by its name there.
        note: What the command does not say.
    """

    title: str
    command: tuple[str, ...]
    recipe: str | None = None
    elsewhere: bool = False
    note: str = ""


def _train(name: str, title: str) -> Experiment:
    recipe = f"benchmarks/recipes/{name}.yaml"
    return Experiment(
        title, ("sentimo", "train", recipe, "-o", f"runs/results/{name}", "--overwrite", "--json"), recipe
    )


def _n_grams(texts: str, folder: str, method: str) -> Experiment:
    train, dev, test = (
        os.path.relpath(DATA / "zh" / folder / f"{part}.parquet", ROOT) for part in ("train", "dev", "test")
    )
    command = ("sentimo", "baseline", train, "--dev", dev, "--test", test, "--method", method, "--json")
    return Experiment(f"{texts}, n-gram baseline ({method})", command)


def _inference(title: str, what: str, model: str, texts: str, *options: str, elsewhere: bool = False) -> Experiment:
    file = os.path.relpath(DATA / "en" / texts / "test.parquet", ROOT)
    command = ("python", "benchmarks/inference.py", what, f"runs/{model}", file, *options, "--json")
    return Experiment(title, command, elsewhere=elsewhere)


def _files(title: str, *options: str) -> Experiment:
    return Experiment(title, ("python", "benchmarks/files.py", *options, "--json"))


def _workshop(name: str, *, chinese: bool = False, only: str | None = None, note: str = "") -> Experiment:
    family = FAMILIES[name]
    small = not family.per_label and (chinese or name == "adversarial") and family.rows > 1_000
    options = ("--sets", str(family.zh)) if chinese else ()
    options += (*(("--rows", "1000") if small else ()), *(("--only", only) if only else ()))
    command = ("python", "benchmarks/workshop.py", name, *options, "--json")
    return Experiment(f"Training methods: {name}{f', {family.zh}' if chinese else ''}", command, note=note)


def _default(language: str, name: str) -> Experiment:
    model = f"src/sentimo/models/{language}"
    command = ("python", f"recipes/default_{language}.py", "judge", "--model", model, "--json")
    return Experiment(f"The built-in {name} model", command)


_SMALL = ("--also", "8-bit=runs/default-en/small")
_SST2 = ("--also", "8-bit=runs/results/sst2-small", "--cascade", "runs/results/sst2-cheap")

EXPERIMENTS = {
    "emotion-6": _train("emotion-6", "emotion-6, fine-tuned MiniLM"),
    "sst2": _train("sst2", "SST-2, fine-tuned MiniLM"),
    "goemotions": _train("goemotions", "GoEmotions-28, fine-tuned MiniLM, thresholds per label"),
    "hotel-logistic": _n_grams("Chinese hotel reviews", "chnsenticorp-hotel", "logistic"),
    "hotel-svm": _n_grams("Chinese hotel reviews", "chnsenticorp-hotel", "svm"),
    "hotel-bayes": _n_grams("Chinese hotel reviews", "chnsenticorp-hotel", "bayes"),
    "goods-logistic": _n_grams("Chinese reviews of goods", "online-shopping-10", "logistic"),
    "weibo-logistic": _n_grams("Weibo posts, six emotions", "smp2020-ewect-usual", "logistic"),
    "default-en": _default("en", "English"),
    "default-zh": _default("zh", "Chinese"),
    "throughput": Experiment("Training throughput", ("python", "benchmarks/throughput.py", "--json")),
    "throughput-amx": Experiment(  # the same command on more cores, two of which it had
        "Training throughput on two cores of a larger processor with bf16",
        ("python", "benchmarks/throughput.py", "--base", "minilm-shape", "--json"),
        elsewhere=True,
        note="minilm-shape: MiniLM's configuration and tokenizer with random weights, which are as fast. A training "
        "run on a GPU used six other cores of the machine.",
    ),
    "throughput-fp32": Experiment(  # the same command where the processor has no bf16
        "Training throughput on a processor without bf16",
        ("python", "benchmarks/throughput.py", "--json"),
        elsewhere=True,
    ),
    "inference": _inference("Many tweets on two threads", "bulk", "default-en/model", "tweeteval-sentiment", *_SMALL),
    "inference-sst2": _inference("Many film reviews on two threads", "bulk", "results/sst2", "sst2", *_SST2),
    "inference-8-bit": _inference(  # the same command where the processor has VNNI or AMX
        "Many tweets on two threads of a processor with 8-bit instructions",
        *("bulk", "default-en/model", "tweeteval-sentiment"),
        *_SMALL,
        elsewhere=True,
    ),
    "latency": _inference(
        "One tweet at a time on one thread",
        *("single", "default-en/model", "tweeteval-sentiment"),
        *_SMALL,
        *("--threads", "1", "--rows", "1000"),
    ),
    "latency-amx": Experiment(
        "One tweet at a time on one thread of a processor with AMX, built-in English model",
        (
            *("python", "benchmarks/inference.py", "single", "src/sentimo/models/en", "tweets.parquet"),
            *("--also", "two=two-precision", "--also", "small=dynamic8", "--threads", "1", "--json"),
        ),
        elsewhere=True,
        note="two and small: the candidates two-precision and dynamic8 that `sentimo compress` made there (see below). "
        "The model holds no torch weights: the pipeline runs its network with random ones, which are as fast.",
    ),
    "compress-amx": Experiment(
        "Compression on a processor with AMX, built-in English model",
        (
            *("sentimo", "compress", "src/sentimo/models/en", "--dev", "tweets-dev.parquet", "-o", "en-fast"),
            *("--only", "two-precision,static8,dynamic8", "--json"),
        ),
        elsewhere=True,
        note="2 threads. tweets-dev.parquet: 800 rows of the dev part of TweetEval, labelled with polarity alone.",
    ),
    "files": _files("Files of any size, CSV"),
    "files-jsonl": _files(
        "Files of any size, JSON Lines to Parquet",
        *("--source", ".jsonl", "--target", ".parquet", "--en", "0", "--zh", "0"),
    ),
    "label-errors": Experiment("Label errors found", ("python", "benchmarks/label_errors.py", "--json")),
    "active-learning": Experiment(
        "Labels that active learning needs", ("python", "benchmarks/active_learning.py", "--json")
    ),
    "active-learning-ngrams": Experiment(
        "Labels that active learning needs, n-grams",
        ("python", "benchmarks/active_learning.py", "--ngrams", "--json"),
    ),
    "workshop-lora": Experiment(
        "LoRA against fine-tuning all weights on a processor without bf16",
        ("python", "benchmarks/workshop.py", "adapt", "--sets", "emotion-6", "--only", "lora", "--json"),
        elsewhere=True,
    ),
    "workshop-fgm": Experiment(
        "FGM against attacks",
        ("python", "benchmarks/workshop.py", "adversarial", "--only", "fgm,fgm at 4 %", "--json"),
    ),
    **{f"workshop-{name}": _workshop(name) for name in FAMILIES},
    "workshop-augment": _workshop(
        "augment",
        only="synonym,insert,swap,delete,keyboard",
        note="Measured when a thousand rows were learnt from for three epochs: new rows also meant more steps, and six "
        "plain epochs brought 18.2 ± 4.4 points. Ten are the default now; what new rows add to those is not "
        "measured yet.",
    ),
    "workshop-few-shot": _workshop(
        "few-shot", only="pairs,pairs then texts,lexicon,lexicon heads,lexicon heads then texts"
    ),
    "workshop-adversarial": _workshop(
        "adversarial",
        only="fgm,pgd,freelb,vat,smart,rdrop,fgm and rdrop",
        note="One run of smart was interrupted; its CPU time lacks the first 58 of 320 steps.",
    ),
    **{f"workshop-{name}-zh": _workshop(name, chinese=True) for name, family in FAMILIES.items() if family.zh},
    "workshop-few-shot-zh": _workshop(
        "few-shot",
        chinese=True,
        only="pairs,heads,lexicon,lexicon pairs,lexicon heads",
        note="Those that then learn from texts without labels are not measured yet. zh-small has read the training "
        "texts of this set, without their labels.",
    ),
    "sparsity": Experiment("Zeros in the weights of a layer", ("python", "benchmarks/sparsity.py", "--json")),
    "start": Experiment("Start-up", ("python", "benchmarks/start.py", "--pipeline", "runs/default-en/model", "--json")),
}


def main() -> None:
    """Run what is asked for and write the page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", help=f"of {', '.join(EXPERIMENTS)}; default all")
    options.add_argument("--page", action="store_true", help="only write the page from the stored records")
    options.add_argument("--given", action="append", default=[], metavar="NAME=FILE", help="result of another machine")
    options.add_argument("--machine", metavar="FILE", help="a result that says which machine, for one that does not")
    chosen = options.parse_args()
    given = dict(each.split("=", 1) for each in chosen.given)
    if unknown := {*chosen.names, *given} - set(EXPERIMENTS):
        options.error(f"unknown: {', '.join(sorted(unknown))}")
    RECORDS.mkdir(parents=True, exist_ok=True)
    here = [name for name, each in EXPERIMENTS.items() if not each.elsewhere]
    for name in () if chosen.page or given else chosen.names or here:
        _store(name, run(EXPERIMENTS[name]))
    for name, printed in given.items():
        result = _printed(printed)
        if "machine" not in result and not chosen.machine:
            options.error(f"{printed} does not say which machine it is of; --machine FILE does")
        result.setdefault("machine", _printed(chosen.machine)["machine"] if chosen.machine else None)
        _store(name, _record(EXPERIMENTS[name], result, minutes=None))
    PAGE.write_text("\n".join(page()) + "\n", "utf-8")


def _printed(file: str) -> dict[str, Any]:
    """Return what a program printed with --json, without the folders of the machine it ran on."""
    line = Path(file).read_text("utf-8").strip().splitlines()[-1]
    result: dict[str, Any] = json.loads(re.sub(r"(?<![\w.:/])/(?:[\w.+-]+/)+", "", line))
    return result


def run(experiment: Experiment) -> dict[str, Any]:
    """Run an experiment and return its record."""
    sys.stderr.write(f"{' '.join(experiment.command)}\n")
    programs = {"sentimo": [sys.executable, "-m", "sentimo"], "python": [sys.executable]}
    started = time.monotonic()
    done = subprocess.run(
        [*programs[experiment.command[0]], *experiment.command[1:]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    return _record(experiment, result, minutes=round((time.monotonic() - started) / 60, 1))


def _record(experiment: Experiment, result: dict[str, Any], *, minutes: float | None) -> dict[str, Any]:
    """Return what is stored of a result; it may tell of the machine that it was measured on itself."""
    there = result.pop("machine", None)
    return {
        "title": experiment.title,
        "command": shlex.join(experiment.command),
        "recipe": (ROOT / experiment.recipe).read_text("utf-8") if experiment.recipe else None,
        "commit": subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True).strip(),
        "date": date.today().isoformat(),
        "minutes": minutes,
        "machine": _in_words(there or describe_machine()),
        "versions": there["versions"] if there else {name: version(name) for name in PACKAGES},
        "result": _slim(result),
    }


def _store(name: str, record: dict[str, Any]) -> None:
    (RECORDS / f"{name}.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _in_words(machine: dict[str, Any]) -> str:
    instructions = ", ".join(machine["instructions"]) or "no vector instructions known"
    return f"{machine['processor']}, {machine['cores']} cores ({instructions})"


def _slim(result: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a report what the page does not show: bins, confusion, rows per label."""
    reports = [each for name in ("test", "before", "baseline") if (each := result.get(name))]
    for report in [*reports, result]:
        for task in report.get("tasks", {}).values():
            for part in ("reliability", "confusion", "per_label"):
                task.pop(part, None)
            task["space"] = task["space"]["name"]
    return result


def page() -> Iterator[str]:
    """Yield the lines of docs/results.md."""
    yield "# Results"
    yield ""
    yield "Written by `python benchmarks/results.py`; do not edit. Intervals are 95 %: percentile bootstrap over the"
    yield "test rows of one trained model (1,000 resamples, seed 13). They say how sure the figure of *this* model is,"
    yield "not how much another seed would change it."
    stored = {name: RECORDS / f"{name}.json" for name in EXPERIMENTS}
    records = {name: json.loads(file.read_text("utf-8")) for name, file in stored.items() if file.is_file()}
    methods = {name: record for name, record in records.items() if name.startswith("workshop-")}
    first = next(iter(methods), None)
    for name, record in records.items():
        if name == first:
            yield ""
            noted = {each: " (see its note)" if EXPERIMENTS[each].note else "" for each in methods}
            yield from _glance({EXPERIMENTS[each].title + noted[each]: methods[each]["result"] for each in methods})
        yield ""
        yield from _section(EXPERIMENTS[name], record)


def _glance(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what every training method brings over plain fine-tuning, one line each, from the tables that follow."""
    yield "## Training methods at a glance"
    yield ""
    yield "Points of macro F1 (hundredths) over plain fine-tuning on the same rows with the same seeds, ± half of the"
    yield "95 % interval: where it holds 0, the seeds do not tell the two apart. How each was measured stands below."
    yield ""
    yield "| table | set | rows | plain | method | points of F1 | CPU time | beside |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for title, result in results.items():
        table, how = title.removeprefix("Training methods: "), str(result["how"])
        rows, _, more = how.partition(" rows")
        rows = rows.removesuffix(" labelled") + (" a label" if more.startswith(" of each label") else "")
        plain = how.split("; ")[1]  # base and epochs
        for row in result["rows"]:
            if "points of F1" in row:
                beside = "; ".join(f"{name}: {row[name]}" for name in _BESIDE if name in row)
                cells = (table, row["set"], rows, plain, row["method"], row["points of F1"], row["CPU time"], beside)
                yield f"| {' | '.join(cells)} |"


_BESIDE = ("points under attack", "weights that learn", "speed of the teacher")
"""What a table of training methods says beside figures and costs."""


def _section(experiment: Experiment, record: dict[str, Any]) -> Iterator[str]:
    yield f"## {experiment.title}"
    yield ""
    yield f"`{record['command']}`  "
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    here = record["minutes"] is not None
    how_long = f"{record['minutes']} min on" if here else "where its result was stored; measured on"
    yield f"{record['date']}, commit {record['commit']}, {how_long} {record['machine']}; {versions}."
    yield ""
    if experiment.note:
        yield experiment.note
        yield ""
    result = record["result"]
    if "candidates" in result:
        yield from _candidates(result)
    elif "tasks" in result:
        yield from _figures({"model": result})
    elif "test" in result:
        yield from _figures(
            {"fine-tuned": result["test"], "untuned": result["before"], "n-gram baseline": result["baseline"]}
        )
    elif "rows" in result:
        yield from _table(result)
    else:
        yield "| | |"
        yield "| --- | --- |"
        yield from (f"| {name} | {value} |" for name, value in result.items())
    if record["recipe"]:
        yield from ("", "```yaml", record["recipe"].rstrip(), "```")


def _table(result: dict[str, Any]) -> Iterator[str]:
    """Yield what was measured, one line per engine, and what to know about it."""
    columns = list(dict.fromkeys(name for row in result["rows"] for name in row))
    columns = [name for name in columns if any(row.get(name) for row in result["rows"])]
    yield f"{result['how']}."
    yield ""
    yield f"| {' | '.join(columns)} |"
    yield "| --- |" + " --- |" * (len(columns) - 1)
    for row in result["rows"]:
        yield f"| {' | '.join(row.get(name, '') for name in columns)} |"
    if peaks := result.get("peaks in GOP/s"):
        yield ""
        yield f"Measured in the same run, in GOP/s: {', '.join(f'{name} {rate:.0f}' for name, rate in peaks.items())}."
    for note in result["notes"]:
        yield ""
        yield f"{note}"


def _candidates(result: dict[str, Any]) -> Iterator[str]:
    """Yield what `sentimo compress` tried: what it loses and how fast it is, one line per candidate."""
    rows, tasks = result["rows"], result["candidates"][0]["tasks"]
    unlabelled = [name for name, task in tasks.items() if task["main"] is None]
    products = result["int8_instructions"] or "no instructions of their own"
    yield f"{rows['calibration']} rows to calibrate, {rows['judged']} to judge; 8-bit products by {products}."
    yield f"Original: {result['original_megabytes']} MB. Chosen: {result['best']}. Speed is against the original in the"
    yield "same rounds, the lower of wall clock and CPU time; points (hundredths) lost are those of the worst task."
    if unlabelled:
        yield f"Labels of {', '.join(unlabelled)} were not given: there every changed answer counts as lost."
    yield ""
    yield f"| candidate | points lost | MB | many texts | one text | {' | '.join(f'{name} agrees' for name in tasks)} |"
    yield "| --- |" + " --- |" * (4 + len(tasks))
    for each in result["candidates"]:
        agreement = " | ".join(f"{task['agreement']:.2%}" for task in each["tasks"].values())
        speed = f"x{each['bulk_ratio']:.2f} | x{each['single_ratio']:.2f}"
        yield f"| {each['candidate']} | {each['lost']:.2f} | {each['megabytes']:.1f} | {speed} | {agreement} |"
    if notes := [note for each in result["candidates"] for note in each["notes"]]:
        yield ""
        yield f"{'; '.join(notes)}."


def _figures(reports: dict[str, dict[str, Any] | None]) -> Iterator[str]:
    found = {name: report for name, report in reports.items() if report}
    for task, own in next(iter(found.values()))["tasks"].items():
        yield f"{task}, {own['n']} test rows:"
        yield ""
        yield f"| figure | {' | '.join(found)} |"
        yield "| --- |" + " --- |" * len(found)
        for name in own["figures"]:
            cells = [_figure(report["tasks"][task]["figures"].get(name)) for report in found.values()]
            yield f"| {name} | {' | '.join(cells)} |"


def _figure(value: dict[str, Any] | None) -> str:
    if value is None:
        return "-"
    interval = f" [{value['low']:.4f}, {value['high']:.4f}]" if value.get("low") is not None else ""
    return f"{value['value']:.4f}{interval}"


if __name__ == "__main__":
    main()
