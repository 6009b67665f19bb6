"""Label errors found: a tenth of the labels of a set is flipped at random, and `sentimo check-labels` looks for them.

The rule was chosen on flips with seed 0 of en/emotion-6 and zh/smp2020-ewect-usual; the seeds here are others. A label
that was wrong before counts as a false find.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from sentimo.data.dataset import load_dataset
from sentimo.data.reading import Reading
from sentimo.train.label_errors import check_labels

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))
SETS = ("en/emotion-6", "en/airline-tweets", "zh/online-shopping-10", "zh/smp2020-ewect-usual")
SHARE = 0.1


def measure(name: str, n: int, seeds: range) -> dict[str, str]:
    """Return precision and recall on a set, mean over the seeds with the least and the most."""
    found = load_dataset([DATA / name / "train.parquet"], Reading("text", "label"), task="label")
    examples, labels = found.examples[:n], len(found.space)
    figures = []
    for seed in seeds:
        draw = random.Random(seed)
        flipped = set(draw.sample(range(len(examples)), round(SHARE * len(examples))))
        rows = [
            replace(each, targets={"label": (int(each.targets["label"]) + draw.randrange(1, labels)) % labels})
            if at in flipped
            else each
            for at, each in enumerate(examples)
        ]
        listed = [each.row for each in check_labels(rows, "label", found.space, seed=seed).errors]
        hits = sum(row in flipped for row in listed)
        first = sum(row in flipped for row in listed[: len(flipped)])
        figures.append((hits / max(1, len(listed)), hits / len(flipped), first / len(flipped), len(listed)))
    means, low, high = (each(np.array(figures), axis=0) for each in (np.mean, np.min, np.max))
    shown = [f"{means[at]:.3f} [{low[at]:.3f}, {high[at]:.3f}]" for at in range(3)]
    return {
        "set": f"{name}, {labels} labels",
        "rows": f"{len(examples):,}",
        "listed": f"{means[3]:,.0f}",
        "precision": shown[0],
        "recall": shown[1],
        "of the first tenth flipped": shown[2],
    }


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--rows", type=int, default=12_000, help="rows of each set")
    options.add_argument("--seeds", type=int, default=3, help="draws of flips, from seed 1 on")
    chosen = options.parse_args()
    rows = [measure(name, chosen.rows, range(1, chosen.seeds + 1)) for name in SETS]
    how = f"A tenth of the labels flipped, {chosen.seeds} draws (seeds from 1): mean [least, most]; n-grams, five folds"
    if chosen.json:
        print(json.dumps({"how": how, "rows": rows, "notes": []}))
    else:
        print("\n".join([how, *map(str, rows)]))


if __name__ == "__main__":
    main()
