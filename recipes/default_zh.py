"""A Chinese encoder with polarity, intensity and emotions: gather the data, train recipes/default_zh.yaml, judge it.

    python recipes/default_zh.py gather           # one file per task, set and part -> runs/default-zh
    python recipes/default_zh.py train            # minutes on a GPU, hours on two cores; --resume goes on
    python recipes/default_zh.py judge            # on every test part

The data folder is taken from SENTIMO_DATA (default: ../shared/data beside the repository). Every text of a dev or test
part of any Chinese set is left out of training, also where it differs only in width, letter case, spaces or
punctuation: the sets share many reviews with each other.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from graded_zh import graded_sentences, intensity_by_marks
from rich.console import Console

from sentimo.core.documents import Document, Example
from sentimo.core.labels import EKMAN_7, MAPPINGS, POLARITY_3, LabelSpace
from sentimo.core.predictions import EMOTIONS, POLARITY, Predictions, TaskScores
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.report import Report, evaluate
from sentimo.text.normalise import folded
from sentimo.train.recipe import load_recipe
from sentimo.train.run import train

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data")) / "zh"
RUN = ROOT / "runs" / "default-zh"
SPACES: Mapping[str, LabelSpace] = {POLARITY: POLARITY_3, EMOTIONS: EKMAN_7}
SEED, GRADED, EVERY = 13, 12_000, 3  # one in so many rows of polarity also teaches intensity
MOST_DEV = 700  # rows of a set: enough to choose and calibrate by

TWO_WAYS = ("negative", "positive")
SIX = tuple(label for label in EKMAN_7.labels if label != "disgust")
CPED_EMOTIONS = {
    "neutral": "neutral",
    "anger": "anger",
    "depress": "sadness",
    "sadness": "sadness",
    "happy": "joy",
    "relaxed": "joy",
    "grateful": "joy",
    "astonished": "surprise",
    "worried": "fear",
    "fear": "fear",
    "disgust": "disgust",
}
"""CPED's emotions in Ekman's groups; "other" positive and negative ones have none."""


class Row(NamedTuple):
    """A text and its label."""

    text: str
    label: str


@dataclass(frozen=True)
class Source:
    """A data set as rows of one task.

    Attributes:
        folder: Its folder.
        task: What its labels answer.
        about: What it holds.
        licence: As far as it is stated.
        mapping: Its label -> the task's label; labels that are absent are left out. None: the same labels.
        column: Its label column.
        among: Labels that it tells apart; the model is judged between those.
        trained: Whether the model learns from it; the others only judge.
    """

    folder: str
    task: str
    about: str
    licence: str = "not stated"
    mapping: Mapping[str, str] | None = None
    column: str = "label"
    among: tuple[str, ...] | None = None
    trained: bool = True

    @property
    def name(self) -> str:
        """Key of its report."""
        return f"{self.task}, {self.folder}"


SMP, NLPCC = "copy Apache-2.0; the set: shared task, research", "copy MIT; the set: shared task, research"
MICROBLOGS = (  # folder, labels, about, licence, emotions it tells apart
    ("smp2020-ewect-usual", "smp2020-6", "Weibo, general (SMP2020-EWECT)", SMP, SIX),
    ("smp2020-ewect-virus", "smp2020-6", "Weibo, COVID-19 (SMP2020-EWECT)", SMP, SIX),
    ("nlpcc2013-emotion", "nlpcc2013-8", "Weibo sentences (NLPCC 2013)", NLPCC, None),
)
SERIES = {"folder": "cped", "about": "lines of TV series (Chen et al. 2022)", "licence": "Apache-2.0; research"}
SOURCES = (
    Source("chnsenticorp-hotel", POLARITY, "hotel reviews (Tan & Zhang 2008)", among=TWO_WAYS),
    Source("online-shopping-10", POLARITY, "reviews of ten kinds of goods", among=TWO_WAYS),
    Source("chnsenticorp", POLARITY, "hotel, notebook and book reviews", "copy Apache-2.0; not stated", among=TWO_WAYS),
    Source("weibo-senti-subset", POLARITY, "Weibo, labels from emoticons that are in the text", among=TWO_WAYS),
    *(
        Source(folder, POLARITY, about, licence, MAPPINGS[f"{labels} -> polarity-3"])
        for folder, labels, about, licence, _ in MICROBLOGS
    ),
    Source(task=POLARITY, column="sentiment", **SERIES),
    Source("eprstmt", POLARITY, "electronics reviews (FewCLUE)", "academic research", among=TWO_WAYS, trained=False),
    *(
        Source(folder, EMOTIONS, about, licence, MAPPINGS[f"{labels} -> ekman-7"], among=among)
        for folder, labels, about, licence, among in MICROBLOGS
    ),
    # Its eight labels are those of NLPCC 2013.
    Source("weibo-emotion-8", EMOTIONS, "Weibo", "copy MIT; research", MAPPINGS["nlpcc2013-8 -> ekman-7"]),
    Source(task=EMOTIONS, mapping=CPED_EMOTIONS, **SERIES),
)


class Among:
    """A model judged between the labels that a set tells apart: the others' probability is shared out."""

    def __init__(self, predictor: Predictor, task: str, labels: Sequence[str]) -> None:
        self._predictor, self._task = predictor, task
        own = SPACES[task]
        self._kept = [own.labels.index(label) for label in labels]
        self.space = LabelSpace(f"{own.name} ({len(labels)})", tuple(labels))

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Answer texts in the smaller space."""
        predictions = self._predictor.predict(texts)
        scores = predictions.tasks[self._task].scores[:, self._kept]
        return replace(
            predictions,
            tasks={self._task: TaskScores(self.space, scores / scores.sum(axis=1, keepdims=True))},
        )


def gather() -> None:
    """Write one file per task, set and part to the run folder."""
    RUN.mkdir(parents=True, exist_ok=True)
    kept_out = {
        part: {folded(row.text) for source in SOURCES for row in read(source, part)} for part in ("dev", "test")
    }
    sides: list[tuple[Row, bool]] = []  # rows of polarity, and whether they take no side
    for task in SPACES:
        dev: list[Row] = []
        for source in SOURCES:
            if source.task != task or not source.trained:
                continue
            rows = list(distinct(read(source, "train"), kept_out["dev"] | kept_out["test"]))
            _write(f"{task}-{source.folder}-train", rows)
            dev += _drawn(list(distinct(read(source, "dev"), kept_out["test"])))
            print(f"{task}, {source.folder}: {len(rows):,} rows")
            sides += [(row, row.label == "neutral") for row in rows if task == POLARITY]
        _write(f"{task}-dev", list(distinct(dev, set())))
    _gather_intensity(sides)


def _gather_intensity(sides: Sequence[tuple[Row, bool]]) -> None:
    """Write graded sentences for polarity and intensity, and real texts with a weak intensity."""
    graded = list(graded_sentences(GRADED, SEED))
    n = len(graded) // 10
    _write("polarity-graded-train", [Row(each.text, each.polarity) for each in graded[n:]])
    real = [(row.text, 0.05 if neutral else intensity_by_marks(row.text)) for row, neutral in sides[::EVERY]]
    made = [(each.text, each.intensity) for each in graded]
    random.Random(SEED).shuffle(real)
    held_out = MOST_DEV
    _write_table("intensity-dev", [*real[:held_out], *made[: min(n, MOST_DEV)]])
    _write_table("intensity-train", [*real[held_out:], *made[n:]])


def _drawn(rows: list[Row]) -> list[Row]:
    return random.Random(SEED).sample(rows, min(len(rows), MOST_DEV))


def read(source: Source, part: str) -> list[Row]:
    """Return the rows of a part of a set that have a label of the task."""
    table = pq.read_table(DATA / source.folder / f"{part}.parquet", columns=["text", source.column]).to_pydict()
    names = source.mapping or {label: label for label in SPACES[source.task].labels}
    pairs = zip(table["text"], table[source.column], strict=True)
    return [Row(text, names[label]) for text, label in pairs if text and label in names]


def distinct(rows: Sequence[Row], without: set[str]) -> Iterator[Row]:
    """Yield one row per text, none whose copies disagree and none that stands in `without`."""
    answers: dict[str, set[str]] = {}
    for row in rows:
        answers.setdefault(folded(row.text), set()).add(row.label)
    seen = set(without)
    for row in rows:
        key = folded(row.text)
        if key not in seen and len(answers[key]) == 1:
            seen.add(key)
            yield row


def _write(name: str, rows: Iterable[Row]) -> None:
    _write_table(name, [(row.text, row.label) for row in rows])


def _write_table(name: str, rows: Sequence[tuple[str, str | float]]) -> None:
    table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    pq.write_table(table, RUN / f"{name}.parquet", compression="zstd", compression_level=19)


def judge(predictor: Predictor) -> dict[str, Report]:
    """Return name of the source -> report on the set's test part."""
    reports = {}
    for source in SOURCES:
        asked = Among(predictor, source.task, source.among) if source.among else predictor
        space = asked.space if isinstance(asked, Among) else SPACES[source.task]
        rows = [
            Example(Document(row.text), {source.task: space.labels.index(row.label)}) for row in read(source, "test")
        ]
        data = f"{source.folder}/test"
        reports[source.name] = evaluate(asked, {source.task: rows}, title=source.about, data=data, seed=SEED)
    return reports


def main() -> None:
    """Run one step."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("step", choices=["gather", "train", "judge"])
    options.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    options.add_argument("--model", type=Path, default=RUN / "model", help="what is trained or judged")
    chosen = options.parse_args()
    if chosen.step == "gather":
        gather()
    elif chosen.step == "train":
        recipe = load_recipe(Path(__file__).with_suffix(".yaml"))
        train(recipe, chosen.model, resume=chosen.resume, overwrite=True, console=Console(stderr=True))
    else:
        for name, report in judge(Predictor.load(chosen.model)).items():
            for task in report.tasks.values():
                print(f"{name}: accuracy {task.figures['accuracy']}, macro F1 {task.figures['macro_f1']}")


if __name__ == "__main__":
    main()
