"""Labels that active learning needs to be as good as random order: simulated with the known labels of real sets.

    python benchmarks/active_learning.py
    python benchmarks/active_learning.py --sets en/emotion-6 --ngrams --strategies margin

For each strategy and seed, a pool of training rows is labelled in the order of the strategy, and a linear model over
what an encoder makes of the texts is judged on the test rows (macro F1) after every batch. Told is the number of labels
at which a strategy reaches what random order reaches at the end, and its share.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sentimo.data.dataset import load_dataset
from sentimo.data.reading import Reading
from sentimo.train.active import STRATEGIES
from sentimo.train.active.choose import simulate
from sentimo.train.active.pool import ngram_features
from sentimo.train.active.vectors import encoder_features

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))
SETS = {"en/emotion-6": "minilm", "en/airline-tweets": "minilm", "zh/smp2020-ewect-usual": "zh-small"}


def curves(name: str, base: str | None, chosen: argparse.Namespace, sizes: list[int]) -> dict[str, list[list[float]]]:
    """Return strategy -> per seed the macro F1 at each number of labels."""
    reading = Reading(text="text", label="label")
    train = load_dataset([DATA / name / "train.parquet"], reading, task="label")
    test = load_dataset([DATA / name / "test.parquet"], reading, task="label", space=train.space)
    held_out = [(each.document.text, each.targets["label"]) for each in test.examples[: chosen.test]]
    found: dict[str, list[list[float]]] = {strategy: [] for strategy in chosen.strategies.split(",")}
    for seed in range(1, chosen.seeds + 1):
        rows = np.random.default_rng(seed).permutation(len(train.examples))[: chosen.rows]
        pool = [train.examples[row] for row in rows]
        texts = [*(each.document.text for each in pool), *(text for text, _ in held_out)]
        features: Any = encoder_features(texts, base) if base else ngram_features(texts)
        for strategy, of_seeds in found.items():
            figures = simulate(
                texts[: len(pool)],
                [each.targets["label"] for each in pool],
                train.space,
                test=held_out,
                strategy=strategy,
                sizes=sizes,
                seed=seed,
                features=lambda _, features=features: features,
            )
            of_seeds.append(figures)
            print(f"{name}, seed {seed}, {strategy}: {figures[-1]:.4f} at the end", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", default=",".join(SETS))
    options.add_argument("--ngrams", action="store_true", help="look at n-grams instead of an encoder's vectors")
    options.add_argument("--rows", type=int, default=4000, help="rows of the pool")
    options.add_argument("--test", type=int, default=2000, help="most rows to judge on")
    options.add_argument("--labels", type=int, default=2000, help="labels given at the end")
    options.add_argument("--batch", type=int, default=100)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--strategies", default="random,margin,entropy,bald,core_set,discriminative")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    if unknown := set(chosen.strategies.split(",")) - set(STRATEGIES):
        options.error(f"unknown: {', '.join(sorted(unknown))}")
    sizes = list(range(chosen.batch, chosen.labels + 1, chosen.batch))
    rows = []
    for name in chosen.sets.split(","):
        base = None if chosen.ngrams else SETS[name]
        found = curves(name, base, chosen, sizes)
        goal = float(np.mean([curve[-1] for curve in found["random"]]))
        for strategy, of_seeds in found.items():
            mean = np.mean(of_seeds, axis=0)
            reached = next((size for size, value in zip(sizes, mean, strict=True) if value >= goal), None)
            ends = [curve[-1] for curve in of_seeds]
            rows.append(
                {
                    "set": f"{name}, {base or 'n-grams'}",
                    "strategy": strategy,
                    f"at {chosen.labels:,} labels": f"{np.mean(ends):.4f} [{min(ends):.4f}, {max(ends):.4f}]",
                    "labels to reach what random order ends with": f"{reached:,}" if reached else "not reached",
                    "share": f"{reached / chosen.labels:.0%}" if reached else "",
                }
            )
    how = (
        f"Macro F1 on up to {chosen.test:,} test rows, pools of {chosen.rows:,} training rows, batches of "
        f"{chosen.batch}, seeds 1 to {chosen.seeds}: mean [least, most]; the curve of the mean reaches the goal"
    )
    print(json.dumps({"how": how, "rows": rows, "notes": []}) if chosen.json else "\n".join([how, *map(str, rows)]))


if __name__ == "__main__":
    main()
