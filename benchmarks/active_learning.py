"""Labels that active learning needs to be as good as random order: simulated with the known labels of a real set.

    python benchmarks/active_learning.py [SET] [--rows 4000] [--seeds 3] [-o docs/results/active-learning.json]

For each strategy and seed, a pool of training rows is labelled in the order of the strategy and the n-gram model is
judged on the test rows (macro F1) after every batch. Told is the number of labels at which a strategy reaches what
random order reaches at the end, and its share.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np

from sentimo.data.dataset import load_dataset
from sentimo.data.reading import Reading
from sentimo.train.active import STRATEGIES
from sentimo.train.active.choose import simulate

DATA = Path(os.environ.get("SENTIMO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", nargs="?", default="en/emotion-6")
    parser.add_argument("--rows", type=int, default=4000, help="rows of the pool")
    parser.add_argument("--labels", type=int, default=2000, help="labels given at the end")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()

    reading = Reading(text="text", label="label")
    train = load_dataset([DATA / arguments.set / "train.parquet"], reading, task="label")
    test = load_dataset([DATA / arguments.set / "test.parquet"], reading, task="label", space=train.space)
    held_out = [(each.document.text, each.targets["label"]) for each in test.examples]
    sizes = list(range(arguments.batch, arguments.labels + 1, arguments.batch))
    curves: dict[str, list[list[float]]] = {}
    for strategy in dict.fromkeys(["random", *arguments.strategies.split(",")]):
        curves[strategy] = []
        for seed in range(arguments.seeds):
            draw = np.random.default_rng(seed)
            rows = draw.permutation(len(train.examples))[: arguments.rows]
            pool = [train.examples[row] for row in rows]
            curves[strategy].append(
                simulate(
                    [each.document.text for each in pool],
                    [each.targets["label"] for each in pool],
                    train.space,
                    test=held_out,
                    strategy=strategy,
                    sizes=sizes,
                    seed=seed,
                )
            )
    goal = float(np.mean([curve[-1] for curve in curves["random"]]))
    found = {}
    for strategy, of_seeds in curves.items():
        mean = np.mean(of_seeds, axis=0)
        reached = next((size for size, value in zip(sizes, mean, strict=True) if value >= goal), None)
        found[strategy] = {"labels": reached, "end": float(mean[-1]), "curve": [round(float(each), 4) for each in mean]}
        share = f"{reached / arguments.labels:.0%}" if reached else "not reached"
        print(
            f"{strategy:16} reaches {goal:.4f} with {reached} labels ({share}); at the end {mean[-1]:.4f}", flush=True
        )
    if arguments.output:
        record = {"set": arguments.set, "rows": arguments.rows, "seeds": arguments.seeds, "sizes": sizes, "goal": goal}
        arguments.output.write_text(json.dumps({**record, "strategies": found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
