"""Files of any size: peak memory of a long file against a short one, and throughput against `predict` in memory.

Memory is measured in a fresh process for each size, with a predictor that costs next to nothing, so that millions of
rows take minutes and what grows is the file machinery. Throughput is measured with a real model (the built-in Chinese
n-grams, or ``--model``), file and memory by turns in one process: seconds of wall clock and CPU time of all threads.
The texts are made up here, from a seed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from sentimo.core.labels import POLARITY_3
from sentimo.core.predictions import ModelId, Predictions, TaskScores
from sentimo.engine.analyzer import BUILT_IN, Analyzer
from sentimo.engine.files import predict_file

WORDS = {
    "en": ["the", "food", "was", "good", "bad", "great", "slow", "room", "staff", "rude", "price", "never", "love"],
    "zh": list("这家店的面条很好吃物流太慢了差评服务态度酒店房间小干净喜欢讨厌一般不错失望推荐再来"),
}
ROUNDS = 5  # of the throughput measurement; the median of their ratios counts


class Instant:
    """Answers with scores drawn from the lengths of the texts."""

    def predict(self, texts: Sequence[str], /) -> Predictions:
        """Return one answer per text."""
        n = len(texts)
        lengths = np.fromiter(map(len, texts), np.int64, n)
        scores = np.stack([lengths % 7, lengths % 5, lengths % 3], 1).astype(np.float32) + 1
        tasks = {"polarity": TaskScores(POLARITY_3, scores / scores.sum(1, keepdims=True))}
        model = (ModelId("instant", "0" * 64),) * n
        return Predictions(
            tuple(texts), tasks, ("en",) * n, lengths, np.ones(n), model, errors=(None,) * n, windows=((),) * n
        )


def texts(n: int, language: str, seed: int = 13) -> Iterator[str]:
    draw, space = random.Random(seed), " " if language == "en" else ""
    for _ in range(n):
        yield space.join(draw.choices(WORDS[language], k=draw.randint(5, 30)))


def write(path: Path, n: int, language: str) -> None:
    """Write n rows in the format of the ending."""
    rows = enumerate(texts(n, language))
    if ".parquet" in path.suffixes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
        with pq.ParquetWriter(path, schema) as file:
            for start in range(0, n, 100_000):
                part = [next(rows) for _ in range(min(100_000, n - start))]
                file.write_table(pa.table([[at for at, _ in part], [text for _, text in part]], schema))
        return
    with gzip.open(path, "wt", 1, "utf-8") if path.suffix == ".gz" else path.open("w", encoding="utf-8") as file:
        if ".jsonl" in path.suffixes:
            file.writelines(json.dumps({"id": at, "text": text}, ensure_ascii=False) + "\n" for at, text in rows)
        else:
            csv.writer(file).writerow(["id", "text"])
            csv.writer(file).writerows(rows)


def memory(n: int, source: str, target: str) -> dict[str, float]:
    """Return peak memory and speed of a file run in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / f"in{source}", Path(folder) / f"out{target}"
        write(paths[0], n, "en")
        command = [sys.executable, __file__, "--alone", *map(str, paths)]
        found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        return found


def alone(source: str, target: str) -> None:
    """Run one file and print what it took; called in the fresh process."""
    started = time.perf_counter()
    summary = predict_file(Instant(), source, target, text="text")
    seconds = time.perf_counter() - started
    unit = 1024 if sys.platform == "linux" else 1  # Linux counts in KiB, others in bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    print(json.dumps({"peak_mb": round(peak, 1), "rows_per_s": round(summary.n_rows / seconds)}))


def throughput(n: int, model: str, language: str, source: str, target: str) -> dict[str, float]:
    """Return rows per second of wall clock and of CPU time (of all threads), in memory and through a file."""
    predictor = Analyzer.load(model)
    asked = list(texts(n, language))
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / f"in{source}", Path(folder) / f"out{target}"
        write(paths[0], n, language)

        def through_file() -> None:
            predict_file(predictor, *paths, text="text", overwrite=True)

        def in_memory() -> None:
            predictor.predict(asked)

        through_file()  # imports
        rounds = [(*_seconds(in_memory), *_seconds(through_file)) for _ in range(ROUNDS)]
    wall, cpu, file_wall, file_cpu = (median(each) for each in zip(*rounds, strict=True))
    return {
        "memory_rows_per_s": n / wall,
        "memory_rows_per_cpu_s": n / cpu,
        "file_rows_per_s": n / file_wall,
        "file_rows_per_cpu_s": n / file_cpu,
        "ratio": median(each[0] / each[2] for each in rounds),
        "cpu_ratio": median(each[1] / each[3] for each in rounds),
    }


def _seconds(work: Callable[[], None]) -> tuple[float, float]:
    started = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started[0], time.process_time() - started[1]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true")
    options.add_argument("--rows", default="500000,5000000", help="rows of the short and the long file")
    options.add_argument("--source", default=".csv", help="ending of the source")
    options.add_argument("--target", default=".csv", help="ending of the target")
    options.add_argument("--model", default=str(BUILT_IN / "zh"), help="for the throughput")
    options.add_argument("--language", default="zh", choices=list(WORDS), help="of the texts for the throughput")
    options.add_argument("--texts", type=int, default=40_000, help="for the throughput; 0 leaves it out")
    options.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.alone:
        alone(*chosen.alone)
        return
    result: dict[str, object] = {"source": chosen.source, "target": chosen.target}
    sizes = [int(each) for each in chosen.rows.split(",") if each]
    found = {n: memory(n, chosen.source, chosen.target) for n in sizes}
    result["memory"] = found
    if len(sizes) > 1:
        result["memory_ratio"] = found[sizes[-1]]["peak_mb"] / found[sizes[0]]["peak_mb"]
    if chosen.texts:
        result["throughput"] = throughput(chosen.texts, chosen.model, chosen.language, chosen.source, chosen.target)
    print(json.dumps(result) if chosen.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
