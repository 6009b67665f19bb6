"""What the recipes of the built-in models share: data sets as rows of tasks, held-out texts, a report per set."""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from sentimo.compress.derive import derive
from sentimo.compress.gate import Gate
from sentimo.compress.report import print_outcome
from sentimo.compress.run import compress, refusal
from sentimo.core.bundle import Bundle
from sentimo.core.documents import Document, Example, Target
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import Manifest
from sentimo.core.predictions import Predictions, TaskScores
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.phenomena.judge import SuiteReport, judge
from sentimo.evaluate.phenomena.suite import built_in_suite
from sentimo.evaluate.report import Report, evaluate
from sentimo.text.normalise import folded
from sentimo.train.card import model_card
from sentimo.train.recipe import load_recipe
from sentimo.train.run import train
from sentimo.train.tasks import load_task

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))
SEED = 13
MOST_DEV = 700  # rows of a set: enough to choose and calibrate by
SMALL = "8-bit weights"
CACHE_BYTES = 256 << 20  # the sets share texts, and some have labels for two tasks
GATE = Gate(max_drop=0.5, min_speedup=0.9)  # of 8-bit weights; they are there to be small, and compute as before


class Row(NamedTuple):
    """A text and its label: a name, several names, or a number."""

    text: str
    label: str | tuple[str, ...] | float


@dataclass(frozen=True)
class Source:
    """A data set as rows of one task.

    Attributes:
        folder: Its folder below that of the language.
        task: What its labels answer.
        about: What it holds.
        licence: As far as it is stated.
        mapping: Its label -> the task's label; labels that are absent are left out. None: the same labels.
        column: Its label column.
        among: Labels that it tells apart; the model is judged between those.
        trained: Whether the model learns from it; the others only judge.
        more: Files that are learnt from beside its train part.
        published: What others reached on its test part.
    """

    folder: str
    task: str
    about: str
    licence: str = "not stated"
    mapping: Mapping[str, str] | None = None
    column: str = "label"
    among: tuple[str, ...] | None = None
    trained: bool = True
    more: tuple[str, ...] = ()
    published: str = ""

    @property
    def name(self) -> str:
        """Key of its report."""
        return f"{self.task}, {self.folder}"


class Among:
    """A model judged between the labels that a set tells apart: the others' probability is shared out."""

    def __init__(self, predictor: Predictor, task: str, own: LabelSpace, labels: Sequence[str]) -> None:
        self._predictor, self._task = predictor, task
        self._kept = [own.labels.index(label) for label in labels]
        self._space = LabelSpace(f"{own.name} ({len(labels)})", tuple(labels))

    @property
    def spaces(self) -> dict[str, LabelSpace]:
        """Task -> the smaller space."""
        return {self._task: self._space}

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Answer texts in the smaller space."""
        predictions = self._predictor.predict(texts)
        scores = predictions.tasks[self._task].scores[:, self._kept]
        shared = TaskScores(self._space, scores / scores.sum(axis=1, keepdims=True))
        return replace(predictions, tasks={self._task: shared})


@dataclass(frozen=True)
class Default:
    """A built-in model in the making.

    Attributes:
        language: Folder of its data, and its place among the models.
        recipe: How it is trained.
        spaces: Task -> labels, of the tasks that are read from `sources`.
        sources: The data sets.
    """

    language: str
    recipe: Path
    spaces: Mapping[str, LabelSpace]
    sources: Sequence[Source]

    @property
    def run(self) -> Path:
        """Where its files and runs lie."""
        return ROOT / "runs" / f"default-{self.language}"

    def gather(self) -> list[tuple[Source, Row]]:
        """Write one file per set to learn from, and one per task to choose by; return the rows to learn from."""
        self.run.mkdir(parents=True, exist_ok=True)
        out = {part: self.texts(part) for part in ("dev", "test")}
        learnt: list[tuple[Source, Row]] = []
        for task in self.spaces:
            dev: list[Row] = []
            for source in (each for each in self.sources if each.task == task and each.trained):
                rows = [row for part in ("train", *source.more) for row in self.read(source, part)]
                rows = list(distinct(rows, out["dev"] | out["test"]))
                self.write(f"{task}-{source.folder}-train", rows)
                learnt += ((source, row) for row in rows)
                dev += _drawn(list(distinct(self.read(source, "dev"), out["test"])))
                print(f"{task}, {source.folder}: {len(rows):,} rows")
            self.write(f"{task}-dev", list(distinct(dev, set())))
        return learnt

    def left_out(self) -> int:
        """Return how many texts of train parts stand in a dev or test part of any set, and so are not learnt from."""
        learnt = {
            folded(row.text)
            for source in self.sources
            if source.trained
            for part in ("train", *source.more)
            for row in self.read(source, part)
        }
        return len(learnt & (self.texts("dev") | self.texts("test")))

    def texts(self, part: str) -> set[str]:
        """Return the texts of a part of all sets, folded."""
        return {folded(row.text) for source in self.sources for row in self.read(source, part)}

    def read(self, source: Source, part: str) -> list[Row]:
        """Return the rows of a part of a set that have a label of the task."""
        file = DATA / self.language / source.folder / f"{part}.parquet"
        table = pq.read_table(file, columns=["text", source.column]).to_pydict()
        names = source.mapping or {label: label for label in self.spaces[source.task].labels}
        pairs = zip(table["text"], table[source.column], strict=True)
        found = ((text, _label(cell, names)) for text, cell in pairs if text)
        return [Row(text, label) for text, label in found if label is not None]

    def write(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows to the run folder."""
        labels = [list(row.label) if isinstance(row.label, tuple) else row.label for row in rows]
        table = pa.table({"text": [row.text for row in rows], "label": labels})
        pq.write_table(table, self.run / f"{name}.parquet", compression="zstd", compression_level=19)

    def judge(self, predictor: Predictor) -> dict[str, Report]:
        """Return name of the source -> report on the set's test part."""
        reports = {}
        for source in self.sources:
            space = self.spaces[source.task]
            asked = Among(predictor, source.task, space, source.among) if source.among else predictor
            labels = asked.spaces[source.task].labels
            rows = [
                Example(Document(row.text), {source.task: _target(row.label, labels)})
                for row in self.read(source, "test")
            ]
            data = f"{source.folder}/test"
            reports[source.name] = evaluate(asked, {source.task: rows}, title=source.about, data=data, seed=SEED)
        return reports

    def store(self, model: Path, about: Callable[[Judged], str]) -> Bundle:
        """Store what was trained with 8-bit weights, judge that, write its card, and put it in its place."""
        recipe = load_recipe(self.recipe)
        dev = {task.name: load_task(task, recipe.seed).dev for task in recipe.tasks}
        few = {task: random.Random(SEED).sample(rows, min(MOST_DEV, len(rows))) for task, rows in dev.items()}
        outcome = compress(model, self.run / "small", few, GATE, only=["weights8"], overwrite=True)
        print_outcome(outcome, GATE, Console(stderr=True))
        if outcome.bundle is None:
            raise refusal(outcome, GATE)
        small = Predictor.load(outcome.bundle.path, cache_bytes=CACHE_BYTES)
        found = Judged(
            evaluate(small, dev, title=SMALL, data="the dev rows", seed=SEED),
            self.judge(small),
            judge(small, built_in_suite(self.language)),
        )
        return self.put(outcome.bundle, model, found, about(found))

    def put(self, small: Bundle, model: Path, found: Judged, about: str) -> Bundle:
        """Write the built-in model: `small`, with the record of the training of `model`, all figures and the card."""

        def describe(folder: Path) -> Manifest:
            record = json.loads((model / "report.json").read_text("utf-8"))
            reports = {SMALL: found.dev.to_dict(), **record["figures"]}
            columns = {f"this model ({SMALL})" if name == SMALL else name: reports[name] for name in reports}
            figures = {name: Report.from_dict(each) for name, each in columns.items()}
            (folder / "README.md").write_text(
                model_card(small.manifest, figures, notes=record["notes"], about=about), "utf-8"
            )
            (folder / "recipe.yaml").write_bytes(self.recipe.read_bytes())
            record |= {"figures": reports, "sets": {name: report.to_dict() for name, report in found.sets.items()}}
            (folder / "report.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
            return small.manifest

        target = ROOT / "src" / "sentimo" / "models" / self.language
        bundle = derive(small, target, describe, overwrite=True)
        print(f"{target}: {sum((target / each).stat().st_size for each in bundle.files) / 1e6:.1f} MB")
        return bundle

    def main(self, about: str | None, gather: Callable[[], None], card: Callable[[Judged], str]) -> None:
        """Run the step that the command line names, or all of them.

        Args:
            about: Help.
            gather: Writes the files to learn from.
            card: What was found -> the card's paragraphs on data and limits.
        """
        options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        options.add_argument("step", nargs="?", choices=["gather", "train", "judge", "store"], help="default: all")
        options.add_argument("--resume", action="store_true", help="go on with an interrupted run")
        options.add_argument("--model", type=Path, default=self.run / "model", help="what is trained, judged or stored")
        chosen = options.parse_args()
        if chosen.step in (None, "gather"):
            gather()
        if chosen.step in (None, "train"):
            recipe = load_recipe(self.recipe)
            train(recipe, chosen.model, resume=chosen.resume, overwrite=True, console=Console(stderr=True))
        if chosen.step == "judge":
            for name, report in self.judge(Predictor.load(chosen.model)).items():
                for task in report.tasks.values():
                    found = [f"{figure} {task.figures[figure]}" for figure in FIGURES if figure in task.figures]
                    print(f"{name}: {', '.join(found)}")
        if chosen.step in (None, "store"):
            self.store(chosen.model, card)


@dataclass(frozen=True)
class Judged:
    """What a model is worth.

    Attributes:
        dev: Report on the dev rows.
        sets: Name of a source -> report on the set's test part.
        phenomena: Report on the sentences that come with Sentimo.
    """

    dev: Report
    sets: Mapping[str, Report]
    phenomena: SuiteReport


FIGURES = ("accuracy", "macro_f1", "macro_recall")


def distinct(rows: Sequence[Row], without: set[str]) -> Iterator[Row]:
    """Yield one row per text, none whose copies disagree and none that stands in `without`."""
    answers: dict[str, set[object]] = {}
    for row in rows:
        answers.setdefault(folded(row.text), set()).add(row.label)
    seen = set(without)
    for row in rows:
        key = folded(row.text)
        if key not in seen and len(answers[key]) == 1:
            seen.add(key)
            yield row


def shuffled(rows: Sequence[Row]) -> list[Row]:
    """Return the rows in an order that depends on nothing but the seed."""
    return random.Random(SEED).sample(rows, len(rows))


def _drawn(rows: list[Row]) -> list[Row]:
    return shuffled(rows)[:MOST_DEV]


def _label(cell: Any, names: Mapping[str, str]) -> str | tuple[str, ...] | None:
    """Return the label that a cell means: of several, all that have a name; None where there is none."""
    if not isinstance(cell, list):
        return names.get(cell)
    return tuple(dict.fromkeys(names[each] for each in cell if each in names)) or None


def _target(label: Any, labels: Sequence[str]) -> Target:
    if isinstance(label, tuple):
        return tuple(labels.index(each) for each in label)
    return labels.index(label)
