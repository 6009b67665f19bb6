"""Training throughput in samples per core-second, in one run on one machine: the usual loop against ours.

The usual loop is the one of many tutorials: every text padded to 128 tokens, batches of 32 in random order, fp32. Ours
is `sentimo.train.loop`: texts of like length together, no more padding than needed, bf16 where the processor has it.
Both learn from the same GoEmotions texts with the same network and AdamW, ours fused, with a schedule and gradients
clipped. Core-seconds are CPU time of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import torch

from sentimo.core.documents import Document, Example
from sentimo.core.labels import GOEMOTIONS_28
from sentimo.evaluate.speed.machine import describe_machine
from sentimo.train.encoder import Base, open_base
from sentimo.train.loop import fit
from sentimo.train.network import build_network
from sentimo.train.objectives.bce import BinaryCrossEntropy
from sentimo.train.precision import choose_precision
from sentimo.train.recipe import Recipe, parse_recipe
from sentimo.train.rows import Rows, to_rows

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data")) / "en" / "goemotions" / "train.parquet"
SPACES = {"emotions": GOEMOTIONS_28}
ROUNDS = 3  # interleaved, so that a busy moment of the machine hits both


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--texts", type=int, default=1600, help="texts learnt per round by our loop")
    options.add_argument("--base", default="minilm", help="base model: its size matters here, not its weights")
    chosen = options.parse_args()
    base = open_base(chosen.base)
    recipes = {precision: _recipe(precision) for precision in ("fp32", "auto")}
    rows = _rows(base, recipes["fp32"], chosen.texts)
    ways: dict[str, Callable[[], float]] = {
        "padded to 128, fp32": lambda: usual(base, recipes["fp32"], rows),
        "length-grouped, fp32": lambda: ours(base, recipes["fp32"], rows),
    }
    if choose_precision("auto", torch.device("cpu")) == "bf16":
        ways["length-grouped, bf16"] = lambda: ours(base, recipes["auto"], rows)
    measured = {name: [] for name in ways}  # type: dict[str, list[float]]
    for _ in range(ROUNDS):
        for name, way in ways.items():
            measured[name].append(way())
    medians = {name: sorted(values)[ROUNDS // 2] for name, values in measured.items()}
    first = next(iter(medians.values()))
    result = {name: f"{value:.1f} samples per core-second, x{value / first:.1f}" for name, value in medians.items()}
    print(
        json.dumps({**result, "machine": describe_machine()})
        if chosen.json
        else "\n".join(f"{name}: {value}" for name, value in result.items())
    )


def usual(base: Base, recipe: Recipe, rows: Rows) -> float:
    """Return samples per core-second of the usual loop, over an eighth of the rows."""
    network = build_network(base, SPACES, recipe)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    loss_of = BinaryCrossEntropy()
    order = random.Random(13).sample(range(len(rows)), len(rows) // 8)
    network.train()
    started = time.process_time()
    for start in range(0, len(order), 32):
        batch = order[start : start + 32]
        ids = torch.zeros(len(batch), 128, dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(batch):
            tokens = torch.tensor(rows.ids[row])
            ids[place, : len(tokens)], mask[place, : len(tokens)] = tokens, 1
        loss_of(network(ids, mask)["emotions"], rows.targets["emotions"][batch]).mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    return len(order) / (time.process_time() - started)


def ours(base: Base, recipe: Recipe, rows: Rows) -> float:
    """Return samples per core-second of our loop, over all rows."""
    network = build_network(base, SPACES, recipe)
    started = time.process_time()
    fit(network, {"emotions": BinaryCrossEntropy()}, rows, recipe, evaluate=None)
    return len(rows) / (time.process_time() - started)


def _recipe(precision: str) -> Recipe:
    task = {"name": "emotions", "train": str(DATA), "space": "goemotions-28"}
    return parse_recipe({"tasks": [task], "epochs": 1, "precision": precision, "baseline": False})


def _rows(base: Base, recipe: Recipe, n: int) -> Rows:
    table = pq.read_table(DATA).slice(0, n).to_pylist()
    ids = {label: place for place, label in enumerate(GOEMOTIONS_28.labels)}
    examples = [
        Example(Document(row["text"]), {"emotions": tuple(ids[label] for label in row["labels"])}) for row in table
    ]
    return to_rows(examples, SPACES, base, recipe.max_tokens)


if __name__ == "__main__":
    main()
