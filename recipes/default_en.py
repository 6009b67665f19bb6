"""Make the built-in English model: gather the data, train recipes/default_en.yaml, let it compute in 8 bit, judge it.

The data folder is taken from SENTIMO_DATA (default: ../shared/data beside the repository). Takes about an hour on two
cores with bf16; `--resume` goes on with an interrupted run.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from sentimo.compress.derive import derive
from sentimo.compress.gate import Gate
from sentimo.compress.report import print_outcome
from sentimo.compress.run import compress, refusal
from sentimo.core.manifest import Manifest
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.report import Report, evaluate
from sentimo.train.card import model_card
from sentimo.train.recipe import load_recipe
from sentimo.train.run import train
from sentimo.train.tasks import load_task

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data")) / "en"
RUN = ROOT / "runs" / "default-en"
TARGET = ROOT / "src" / "sentimo" / "models" / "en"
KIND = "8-bit products"

ABOUT = """
## Data and licences

| task | data | licence as stated by the source |
| --- | --- | --- |
| polarity | TweetEval sentiment (Rosenthal et al. 2017; Barbieri et al. 2020), train part | tweets: Twitter terms |
| polarity, intensity | SST-5 (Socher et al. 2013), five classes folded to three | not stated |
| intensity | EmoBank (Buechel & Hahn 2017), reader and writer valence | CC BY-SA 4.0 |
| emotions, goemotions | GoEmotions (Demszky et al. 2020) | Apache-2.0 |

No text of these sets is in this folder. Every text of a dev or test part was left out of training. Check the terms of
the sets before you build a product on this model; `sentimo train` makes one from labels of your own.

Polarity folds SST-5 as very negative and negative, neutral, positive and very positive. Intensity is the distance from
neutral, whatever the sign: ``|2 i - 1|`` of SST-5's i in 0..1 and ``|v - 3| / 2`` of EmoBank's valence v in 1..5.
Emotions are the six of Ekman and neutral by GoEmotions' official grouping; texts whose labels fall into several groups
were left out of this task.

## Limits

- Trained on tweets, film reviews, news and blog sentences, and Reddit comments: expect less on legal, medical or
  financial texts, and on any language but English.
- Irony is read literally more often than not. Emotions describe the text, not its author.
- Groups of people and names were not balanced in the data: do not use scores to judge persons.
- Annotators of GoEmotions agree moderately; rare emotions (grief, pride, relief) rest on few rows.
"""


def main() -> None:
    """Make the model."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    options.add_argument("--compress", action="store_true", help="only compress, judge and store what was trained")
    chosen = options.parse_args()
    console = Console(stderr=True)
    recipe = load_recipe(Path(__file__).with_suffix(".yaml"))
    if not chosen.compress:
        gather()
        train(recipe, RUN / "model", resume=chosen.resume, overwrite=True, about=ABOUT, console=console)
    data = {task.name: load_task(task, recipe.seed) for task in recipe.tasks}
    dev = {name: each.dev for name, each in data.items()}
    gate = Gate(max_drop=0.5, min_speedup=1.5)
    texts = [text for name in data for text in dict.fromkeys(each.document.text for each in data[name].train)]
    outcome = compress(RUN / "model", RUN / "fast", dev, gate, train=texts, only=["qat8"], overwrite=True)
    print_outcome(outcome, gate, console)
    if outcome.bundle is None:
        raise refusal(outcome, gate)
    test = {name: each.test for name, each in data.items()}
    report = evaluate(Predictor.load(RUN / "fast"), test, title=KIND, data="the test rows", seed=recipe.seed)
    fast = outcome.bundle
    bundle = derive(fast, TARGET, lambda folder: describe(folder, fast.manifest, report), overwrite=True)
    size = sum((bundle.path / name).stat().st_size for name in bundle.files)
    console.print(f"{bundle.path}: {size / 1e6:.1f} MB, {bundle.digest[:12]}")


def gather() -> None:
    """Write one file per task and part to the run folder."""
    RUN.mkdir(parents=True, exist_ok=True)
    for part in ("train", "dev", "test"):
        tweets, stars, bank, emotions = (
            pq.read_table(DATA / name / f"{part}.parquet").to_pylist()
            for name in ("tweeteval-sentiment", "sst5", "emobank", "goemotions")
        )
        polarity = [{"text": row["text"], "label": row["label"].removeprefix("very ")} for row in (*tweets, *stars)]
        intensity = [{"text": row["text"], "intensity": abs(2 * row["intensity"] - 1)} for row in stars]
        intensity += [{"text": row["text"], "intensity": abs(row["valence"] - 3) / 2} for row in bank]
        _write(f"polarity-{part}", polarity)
        _write(f"intensity-{part}", intensity)
        _write(f"goemotions-{part}", [{"text": row["text"], "labels": row["labels"]} for row in emotions])


def _write(name: str, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), RUN / f"{name}.parquet")


def describe(folder: Path, manifest: Manifest, report: Report) -> Manifest:
    """Put the card and all figures into the model's folder."""
    record = json.loads((RUN / "model" / "report.json").read_text("utf-8"))
    reports = {name: Report.from_dict(each) for name, each in record["figures"].items()}
    card = model_card(manifest, {f"this model ({KIND})": report, **reports}, about=ABOUT)
    (folder / "README.md").write_text(card, "utf-8")
    (folder / "recipe.yaml").write_bytes(Path(__file__).with_suffix(".yaml").read_bytes())
    record["figures"] = {KIND: report.to_dict(), **record["figures"]}
    (folder / "report.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return manifest


if __name__ == "__main__":
    main()
