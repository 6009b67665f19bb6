"""Files of any size: peak memory of a long file against a short one, and throughput against `predict` in memory.

Memory is measured in a fresh process for each size, with a predictor that costs next to nothing, so that millions of
rows take minutes and what grows is the file machinery. Throughput is measured with the built-in models, file and memory
by turns in one process. The texts are made up here, from a seed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sentimo.core.labels import POLARITY_3
from sentimo.core.predictions import ModelId, Predictions, TaskScores
from sentimo.engine.analyzer import BUILT_IN, Analyzer
from sentimo.engine.files import predict_file
from sentimo.evaluate.speed.fresh import run_fresh
from sentimo.evaluate.speed.rounds import Contender, Lap, Spread, lap

WORDS = {
    "en": ["the", "food", "was", "good", "bad", "great", "slow", "room", "staff", "rude", "price", "never", "love"],
    "zh": list("这家店的面条很好吃物流太慢了差评服务态度酒店房间小干净喜欢讨厌一般不错失望推荐再来"),
}
ROUNDS = 5  # of the throughput measurement


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


def memory(sizes: Sequence[int], source: str, target: str) -> Iterator[dict[str, str]]:
    """Yield per size what a file costs a fresh process; later sizes beside the first."""
    first = 0.0
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            paths = Path(folder) / f"in{source}", Path(folder) / f"out{target}"
            write(paths[0], n, "en")
            found = run_fresh([sys.executable, __file__, "--alone", *map(str, paths)])
        first = first or found.peak_mb
        yield {
            "what": f"{source} to {target}, {n:,} rows, no model",
            "peak MB": f"{found.peak_mb:.0f}, x{found.peak_mb / first:.2f}",
            "rows/s": f"{n / found.seconds:,.0f}",
            "rows per CPU s": f"{n / found.cpu_seconds:,.0f}",
        }


def throughput(n: int, language: str, source: str, target: str) -> dict[str, str]:
    """Return what a file costs with the built-in model of a language, against `predict` in memory."""
    predictor = Analyzer.load(str(BUILT_IN / language))
    asked = list(texts(n, language))
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / f"in{source}", Path(folder) / f"out{target}"
        write(paths[0], n, language)
        ways = (
            Contender("memory", predictor.predict, asked, 0),
            Contender("file", lambda _: predict_file(predictor, *paths, text="text", overwrite=True), asked, 0),
        )
        lap(ways[1])  # imports
        rounds = [(lap(ways[0]), lap(ways[1])) for _ in range(ROUNDS)]
    return {"what": f"{source} to {target}, {n:,} rows, built-in model {language}", **compared(rounds)}


def compared(rounds: Sequence[tuple[Lap, Lap]]) -> dict[str, str]:
    """Return the rates of a file, and their ratios to memory round by round; above 1 the file is faster."""
    wall = Spread.of([memory.seconds / file.seconds for memory, file in rounds])
    cpu = Spread.of([memory.cpu_seconds / file.cpu_seconds for memory, file in rounds])
    form = "x{median:.2f} [{low:.2f}, {high:.2f}]"
    return {
        "rows/s": f"{median(file.n_texts / file.seconds for _, file in rounds):,.0f}",
        "rows per CPU s": f"{median(file.n_texts / file.cpu_seconds for _, file in rounds):,.0f}",
        "against memory": form.format(**wall.to_dict()),
        "against memory, CPU": form.format(**cpu.to_dict()),
    }


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true")
    options.add_argument("--rows", default="500000,5000000", help="rows of the short and the long file")
    options.add_argument("--source", default=".csv", help="ending of the source")
    options.add_argument("--target", default=".csv", help="ending of the target")
    options.add_argument("--en", type=int, default=1_000, help="texts for the built-in English model; 0 leaves it out")
    options.add_argument("--zh", type=int, default=1_000, help="texts for the built-in Chinese model")
    options.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.alone:
        predict_file(Instant(), *chosen.alone, text="text")
        return
    formats = chosen.source, chosen.target
    rows = list(memory([int(each) for each in chosen.rows.split(",") if each], *formats))
    counts: Mapping[str, int] = {"en": chosen.en, "zh": chosen.zh}
    rows += [throughput(n, language, *formats) for language, n in counts.items() if n]
    how = (
        "Memory and rows/s of whole fresh processes; with a model the median of "
        f"{ROUNDS} rounds, file and memory in turn, ratio [lowest, highest] of the rounds"
    )
    if chosen.json:
        print(json.dumps({"how": how, "rows": rows, "notes": []}))
    else:
        print("\n".join([how, *map(str, rows)]))


if __name__ == "__main__":
    main()
