"""Inference on a CPU: the Hugging Face pipeline against Sentimo's engine, same model, same texts, in one run.

    python benchmarks/inference.py bulk MODEL TEXTS --threads 2     # targets T1, T2 and T7: many texts
    python benchmarks/inference.py single MODEL TEXTS --threads 1   # target T3: one text at a time

MODEL is a bundle with torch weights. `--also NAME=FOLDER` adds a bundle made from it (8-bit, two precisions, smaller),
`--cascade FOLDER` a cheap model before it.
TEXTS is .txt (one a line), .jsonl or .parquet with a column `text` and, to tell accuracy, `label`. Every engine runs
all texts in every round, in turn, on the same cores. Needs torch, transformers, onnxruntime, tokenizers and numpy, but
no network; pyarrow for Parquet only. The instruction peak is measured where there is a C compiler.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))  # a machine without an installed Sentimo has its source at least


@dataclass(frozen=True)
class Variant:
    """One way to run the model.

    Attributes:
        name: What the table calls it.
        options: Of `Predictor.load`.
        repeats: Share of the texts that are replaced by copies of others, as in social data.
        reads_all: Whether the model reads every text; where it does not, it has no share of the peak.
    """

    name: str
    options: Mapping[str, Any]
    repeats: float = 0.0
    reads_all: bool = True


EXACT = {"precision": "exact"}
VARIANTS = (
    Variant("torch, sorted batches", {"backend": "torch"}),
    Variant("onnxruntime", {"backend": "onnx", **EXACT}),
    Variant("openvino in fp32", {"backend": "openvino", **EXACT}),
    Variant("openvino, bf16 if the processor has it", {"backend": "openvino"}),
    Variant("onnxruntime, a third of the texts repeats", {"backend": "onnx", **EXACT}, 1 / 3, reads_all=False),
)
ALSO = (Variant("onnxruntime", {"backend": "onnx"}), Variant("openvino", {"backend": "openvino"}))
"""How every bundle of --also is run. A bundle with two graphs asks the fast one first where the processor has 8-bit
instructions; SENTIMO_PRECISION=fast asks it everywhere."""

PIPELINE_BATCHES = (1, 8, 32, 64)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("bulk", "single"))
    options.add_argument("model", type=Path)
    options.add_argument("texts", type=Path)
    options.add_argument("--also", action="append", default=[], metavar="NAME=FOLDER")
    options.add_argument("--cascade", type=Path, help="cheap model that `sentimo cascade` fitted to MODEL")
    options.add_argument("--task", help="task whose labels are compared; default polarity, else the first")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--rows", type=int, default=2000, help="texts: the first of the file")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    pin(chosen.threads)  # before torch and onnxruntime count the cores
    from sentimo.errors import SentimoError

    try:
        run = Run(chosen)
        result = run.bulk() if chosen.what == "bulk" else run.single()
    except (SentimoError, OSError) as error:
        sys.exit(f"inference.py: {error}")
    if chosen.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for line in lines(result):
        print(line)


def pin(threads: int) -> None:
    """Bind this process to as many cores as it has threads, and tell every library their number."""
    for name in ("SENTIMO_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    if not hasattr(os, "sched_setaffinity"):
        return
    first_of = {}  # hyper-threads of one core share its units: one thread a core
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        first_of.setdefault(siblings.read_text().strip() if siblings.exists() else str(cpu), cpu)
    if len(first_of) < threads:
        sys.exit(f"--threads {threads}: this process may use {len(first_of)} cores")
    os.sched_setaffinity(0, list(first_of.values())[:threads])


class Run:
    """One run: what is to be measured, opened and warm."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        import torch

        from sentimo.core.bundle import Bundle
        from sentimo.train.pipeline import HuggingFacePipeline

        torch.set_num_threads(chosen.threads)
        self.chosen = chosen
        self.texts, self.labels = read(chosen.texts, chosen.rows)
        self.bundle = Bundle.open(chosen.model)
        self.pipeline = HuggingFacePipeline(self.bundle)
        self.skipped: list[str] = []

    def bulk(self) -> dict[str, Any]:
        """Return the table of many texts."""
        from sentimo.errors import SentimoError
        from sentimo.evaluate.speed.peak import MatrixPeak
        from sentimo.evaluate.speed.rounds import Contender, lap

        if not self.pipeline.has_weights:
            raise SentimoError(f"{self.chosen.model} holds no torch weights, which all others are compared with")
        opened = list(self._open())
        reference = opened[0][1].predict(self.texts)  # torch, fp32
        n_tokens = opened[0][1].work.n_tokens
        contenders = [
            Contender(pipeline_name(size), partial(self.pipeline.answer, batch_size=size), self.texts, n_tokens)
            for size in PIPELINE_BATCHES
        ]
        for variant, predictor, texts in opened:
            contenders.append(Contender(variant.name, partial(answer, predictor, self._task), texts, n_tokens))
        for each in contenders:
            note(f"warming up {each.name}")
            each.answer(each.texts[:256])
        laps: dict[str, list[Any]] = {each.name: [] for each in contenders}
        peak = MatrixPeak(self.chosen.threads)
        matrix = {"fp32": 0.0, "int8": 0.0}
        for number in range(self.chosen.rounds):
            for each in contenders:
                note(f"round {number + 1}: {each.name}")
                laps[each.name].append(lap(each))
            matrix = {name: max(rate / 1e9, matrix[name]) for name, rate in peak.measure().items()}
        instructions = instruction_peak(self.chosen.threads)
        per_token = self._operations_per_token()
        peaks = {f"of {name} matrix peak": rate for name, rate in matrix.items()}
        peaks |= {f"of {name} instruction peak": rate for name, rate in top(instructions).items()}
        peaks = peaks if per_token else {}
        rows = [speed(name, laps, n_tokens / len(self.texts) * per_token / 1e9, peaks) for name in laps]
        for row, found in zip(rows[len(PIPELINE_BATCHES) :], opened, strict=True):
            if not found[0].reads_all:
                row |= dict.fromkeys(peaks, "")
            row |= self._answers(*found, reference)
        measured = {**{f"{name} matrix products": round(rate, 1) for name, rate in matrix.items()}, **instructions}
        return self._result(rows, measured, n_tokens, per_token)

    def _operations_per_token(self) -> float:
        """Return what a token costs; 0 where it cannot be counted, which must not cost what was measured before."""
        from sentimo.evaluate.speed.profile import profile

        try:
            return profile(self.chosen.model, self.texts[:500]).operations_per_token
        except Exception as reason:
            self.skipped.append(f"Shares of the peak: left out. {type(reason).__name__}: {reason}")
            return 0.0

    def single(self) -> dict[str, Any]:
        """Return the table of one text at a time."""
        from sentimo.evaluate.speed.rounds import Contender, latency, one_by_one

        contenders = [Contender(pipeline_name(1), self.pipeline.answer, self.texts, 0)]
        if not self.pipeline.has_weights:
            self.skipped.append(f"{pipeline_name(1)}: with random weights, which are as fast; the model holds none.")
        for variant, predictor, _ in self._open():
            if not variant.repeats:
                contenders.append(Contender(variant.name, partial(answer, predictor, self._task), self.texts, 0))
        note(f"one text at a time, {len(self.texts)} texts, {len(contenders)} engines")
        one_by_one(contenders, 50, 60.0)  # warm: allocators and caches have seen many lengths
        laps = one_by_one(contenders, len(self.texts), 3600.0)
        theirs = latency(laps[pipeline_name(1)])
        rows = []
        for each in contenders:
            found = latency(laps[each.name])
            figures = {
                f"{clock} ms {share}": f"{found[key][share]:.2f}"
                for clock, key in (("CPU", "cpu_ms"), ("wall", "wall_ms"))
                for share in ("p50", "p95", "p99")
            }
            faster = theirs["cpu_ms"]["p50"] / found["cpu_ms"]["p50"]
            rows.append({"engine": each.name, **figures, "x pipeline (CPU p50)": f"x{faster:.1f}"})
        return self._result(rows, {})

    @property
    def _task(self) -> str:
        names = [task.name for task in self.bundle.manifest.tasks]
        return str(self.chosen.task or ("polarity" if "polarity" in names else names[0]))

    def _open(self) -> Iterator[tuple[Variant, Any, list[str]]]:
        """Yield every variant that can be run here, its predictor and its texts; `skipped` says why others cannot."""
        from sentimo.errors import SentimoError

        for variant, opener in self._ways():
            note(f"opening {variant.name}")
            try:
                predictor = opener()
            except SentimoError as reason:
                self.skipped.append(f"{variant.name}: left out. {reason}")
                continue
            yield variant, predictor, repeated(self.texts, variant.repeats)

    def _ways(self) -> Iterator[tuple[Variant, Callable[[], Any]]]:
        from sentimo.engine.cascade import Cascade
        from sentimo.engine.predictor import Predictor

        model = self.chosen.model
        for variant in VARIANTS:
            yield variant, partial(Predictor.load, model, **variant.options)
        for name, _, folder in (each.partition("=") for each in self.chosen.also):
            for variant in ALSO:
                named = replace(variant, name=f"{name}, {variant.name}")
                yield named, partial(Predictor.load, folder, **variant.options)
        if cheap := self.chosen.cascade:
            yield (
                Variant("cascade, onnxruntime", {}, reads_all=False),
                lambda: Cascade.load(cheap, Predictor.load(model, **EXACT)),
            )

    def _answers(self, variant: Variant, predictor: Any, texts: list[str], reference: Any) -> dict[str, str]:
        """Return what the labels of an engine are worth, and how much work it saved."""
        from sentimo.evaluate.speed.bench import same_labels

        before = predictor.work
        found = predictor.predict(texts)
        work = predictor.work - before
        saved = {"repeated": work.n_duplicates, "asked again in fp32": work.n_rerun, "by the cheap model": work.n_cheap}
        cells = {
            "padding": f"{work.padding:.1%}",
            "shares": ", ".join(f"{n / len(texts):.1%} {what}" for what, n in saved.items() if n),
        }
        if variant.repeats:  # other texts: nothing to compare with
            return cells
        cells["labels as in torch fp32"] = f"{same_labels(found, reference)[self._task]:.2%}"
        return {**cells, **self._accuracy(found, reference)}

    def _accuracy(self, found: Any, reference: Any) -> dict[str, str]:
        """Return the accuracy and its difference from the reference, with the 95 % interval of the paired bootstrap."""
        if self.labels is None:
            return {}
        import numpy as np

        from sentimo.evaluate.bootstrap import bootstrap, figure

        space = found.tasks[self._task].space
        right, before = (
            np.array([space.labels[a] == b for a, b in zip(each.tasks[self._task].decide(), self.labels, strict=True)])
            for each in (found, reference)
        )
        gap = right.astype(float) - before.astype(float)
        drawn = bootstrap(lambda weights: {"gap": weights @ gap / weights.sum(axis=1)}, len(gap), 1000, 13)
        return {"accuracy": f"{right.mean():.4f}", "minus that of torch fp32": str(figure(drawn["gap"]))}

    def _result(
        self, rows: list[dict[str, str]], peaks: dict[str, float], n_tokens: int = 0, per_token: float = 0.0
    ) -> dict[str, Any]:
        from sentimo.evaluate.speed.machine import describe_machine

        facts = f"{len(self.texts)} texts of {self.chosen.texts.name}, model {self.bundle.manifest.name}"
        if n_tokens:
            facts += f", {n_tokens / len(self.texts):.1f} tokens a text"
            facts += f", {per_token / 1e6:.1f} MFLOP a token" if per_token else ""
            facts += f"; median of {self.chosen.rounds} rounds, engines in turn"
        how = f"{facts}; {self.chosen.threads} threads on as many cores"
        found = {"how": how, "rows": rows, "peaks in GOP/s": peaks, "notes": self.skipped}
        return {**found, "machine": describe_machine()}


def answer(predictor: Any, task: str, texts: Sequence[str]) -> Any:
    """Answer from strings to labels."""
    return predictor.predict(texts).tasks[task].decide()


def read(path: Path, n: int) -> tuple[list[str], list[str] | None]:
    """Return the first `n` texts of a file, and their labels where it has them."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        rows = pq.read_table(path).slice(0, n).to_pylist()
    else:
        with path.open(encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line, _ in zip(file, range(n), strict=False)]
        rows = [json.loads(line) if path.suffix == ".jsonl" else {"text": line} for line in lines]
    labels = [row.get("label") for row in rows]
    return [row["text"] for row in rows], labels if all(isinstance(each, str) for each in labels) else None


def repeated(texts: Sequence[str], share: float) -> list[str]:
    """Return the texts with the last `share` of them replaced by the first ones."""
    kept = len(texts) - round(share * len(texts))
    return [*texts[:kept], *(texts[place % kept] for place in range(len(texts) - kept))]


def instruction_peak(threads: int) -> dict[str, float]:
    """Return instructions -> GOP/s by benchmarks/peak.c; empty without a C compiler or on another architecture."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "peak"
        try:
            subprocess.run(
                ["cc", "-O2", "-pthread", str(HERE / "peak.c"), "-o", str(program)], check=True, capture_output=True
            )
            done = subprocess.run([str(program), str(threads)], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            note(f"no instruction peak: {error}")
            return {}
    found: dict[str, float] = json.loads(done.stdout)
    return found


def top(instructions: dict[str, float]) -> dict[str, float]:
    """Return fp32, bf16, int8 -> the rate of the fastest instructions for them."""
    best: dict[str, float] = {}
    for name, rate in instructions.items():
        kind = name.split()[0]
        best[kind] = max(rate, best.get(kind, 0.0))
    return best


def speed(name: str, laps: dict[str, list[Any]], gop_per_text: float, peaks: dict[str, float]) -> dict[str, str]:
    """Return the row of an engine: rates, ratios to the pipeline over the rounds, shares of what is possible."""
    from sentimo.evaluate.speed.rounds import times_faster

    best = max(PIPELINE_BATCHES[1:], key=lambda size: rate(laps[pipeline_name(size)]))
    ratios = {
        f"x {pipeline_name(size)}": "{median:.1f} [{low:.1f}, {high:.1f}]".format(
            **times_faster(laps[name], laps[pipeline_name(size)]).to_dict()
        )
        for size in (1, best)
    }
    texts_per_second = rate(laps[name])
    return {
        "engine": name,
        "texts/s": f"{texts_per_second:.0f}",
        "texts per core-second": f"{rate(laps[name], cpu=True):.0f}",
        **ratios,
        **{what: f"{texts_per_second * gop_per_text / peak:.0%}" for what, peak in peaks.items()},
    }


def rate(laps: Sequence[Any], *, cpu: bool = False) -> float:
    """Return the median of texts per second, or per core-second."""
    return statistics.median(each.n_texts / (each.cpu_seconds if cpu else each.seconds) for each in laps)


def pipeline_name(size: int) -> str:
    return f"HF pipeline, batch {size}" + (" (default)" if size == 1 else "")


def lines(result: dict[str, Any]) -> Iterator[str]:
    yield result["how"]
    yield json.dumps(result["machine"])
    yield from (json.dumps(row, ensure_ascii=False) for row in result["rows"])
    yield json.dumps(result["peaks in GOP/s"])
    yield from result["notes"]


def note(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
