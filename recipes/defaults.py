"""What the recipes of the built-in models share: data sets as rows of tasks, held-out texts, a report per set."""

from __future__ import annotations

import argparse
import json
import os
import random
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from written import written_sentences

from sentimo.compress.derive import derive
from sentimo.compress.gate import Gate
from sentimo.compress.report import print_outcome
from sentimo.compress.run import RECORD as COMPRESSION
from sentimo.compress.run import compress, refusal
from sentimo.compress.soup import build_soup
from sentimo.core.bundle import Bundle
from sentimo.core.documents import Document, Example, Target
from sentimo.core.labels import Kind, LabelSpace
from sentimo.core.manifest import Manifest
from sentimo.core.predictions import EMOTIONS, POLARITY, Predictions, TaskScores
from sentimo.engine.predictor import Predictor
from sentimo.evaluate.metrics import TaskReport
from sentimo.evaluate.phenomena.judge import judge
from sentimo.evaluate.phenomena.suite import built_in_suite
from sentimo.evaluate.report import Report, evaluate
from sentimo.text.normalise import folded
from sentimo.train.card import model_card
from sentimo.train.marks import PARTS
from sentimo.train.recipe import load_recipe
from sentimo.train.run import CARD, RECIPE, REPORT, train
from sentimo.train.tasks import load_task
from sentimo.train.track.metrics import METRICS

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SENTIMO_DATA", ROOT.parent / "shared" / "data"))
SEED = 13
MOST_DEV = 700  # rows of a set: enough to choose and calibrate by
MOST_JUDGED = 3_000  # rows of a task that a compressed model is judged by: fewer hide what it loses
MOST_TAUGHT = 60_000  # texts that 8-bit products are learnt with
SMALL = {"weights8": "8-bit weights", "qat8": "8-bit products"}
CACHE_BYTES = 256 << 20  # the sets share texts, and some have labels for two tasks
GATES = {  # 8-bit weights are there to be small; 8-bit products, too, are little faster on some processors
    "weights8": Gate(max_drop=0.5, min_speedup=0.9),
    "qat8": Gate(max_drop=0.5, min_speedup=1.0),
}


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
        scale: Its number -> the task's, of a task that is a score.
        column: Its label column.
        among: Labels that it tells apart; the model is judged between those.
        trained: Whether the model learns from it; the others only judge.
        train: Files that are learnt from.
        test: The part that judges.
        most_dev: Rows of its dev part to choose by.
        published: What others reached on its test part.
    """

    folder: str
    task: str
    about: str
    licence: str = "not stated"
    mapping: Mapping[str, str] | None = None
    scale: Callable[[float], float] | None = None
    column: str = "label"
    among: tuple[str, ...] | None = None
    trained: bool = True
    train: tuple[str, ...] = ("train",)
    test: str = "test"
    most_dev: int = MOST_DEV
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
        compression: How it is made small.
        seeds: Of several trainings whose weights are averaged; none: one training, with the recipe's seed.
    """

    language: str
    recipe: Path
    spaces: Mapping[str, LabelSpace]
    sources: Sequence[Source]
    compression: str = "weights8"
    seeds: tuple[int, ...] = ()

    @property
    def run(self) -> Path:
        """Where its files and runs lie."""
        return ROOT / "runs" / f"default-{self.language}"

    @property
    def target(self) -> Path:
        """Where the built-in model lies."""
        return ROOT / "src" / "sentimo" / "models" / self.language

    @property
    def members(self) -> list[Path]:
        """The models whose average it is."""
        return [self.run / f"seed-{seed}" for seed in self.seeds]

    def gather(self) -> list[tuple[Source, Row]]:
        """Write a file per set to learn from and one per task to choose by; return the rows of sets to learn from.

        No text of a train file is held out, nor has it another label in a set of the same task. The sentences that were
        written for the built-in models have files of their own, for two tasks.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        held, judging = self.held_out, {folded(row.text) for each in self.sources for row in self.read(each, "test")}
        learnt: list[tuple[Source, Row]] = []
        for task in self.spaces:
            sources = [each for each in self.sources if each.task == task and each.trained]
            read = [[row for part in source.train for row in self.read(source, part)] for source in sources]
            without = held | disputed(chain.from_iterable(read))
            dev: list[Row] = []
            for source, all_rows in zip(sources, read, strict=True):
                rows = list(distinct(all_rows, without))
                self.write(f"{task}-{source.folder}-train", rows)
                learnt += ((source, row) for row in rows)
                dev += shuffled(list(distinct(self.read(source, "dev"), judging)))[: source.most_dev]
                print(f"{task}, {source.folder}: {len(rows):,} rows")
            self.write(f"{task}-dev", list(distinct(dev, set())))
        parts = (("train", held), ("dev", judging))
        for (part, without), sentences in zip(parts, written_sentences(self.language), strict=True):
            written = {
                POLARITY: [Row(each.text, each.polarity) for each in sentences],
                EMOTIONS: [Row(each.text, each.emotion) for each in sentences if each.emotion],
            }
            for task, rows in written.items():
                self.write(f"{task}-written-{part}", list(distinct(rows, without)))
        return learnt

    def left_out(self) -> int:
        """Return how many texts of train parts are held out, and so are not learnt from."""
        learnt = {
            folded(row.text)
            for source in self.sources
            if source.trained
            for part in source.train
            for row in self.read(source, part)
        }
        return len(learnt & self.held_out)

    @cached_property
    def held_out(self) -> set[str]:
        """The texts, folded, of all files of the language that are not to learn from, `sources` or not."""
        files = [file for file in (DATA / self.language).glob("*/*.parquet") if not file.stem.startswith("train")]
        tables = (pq.read_table(file, columns=["text"]) for file in files if "text" in pq.read_schema(file).names)
        return {folded(text) for table in tables for text in table["text"].to_pylist() if text}

    def read(self, source: Source, part: str) -> list[Row]:
        """Return the rows of a part of a set that have a label of the task; "test" is the part that judges."""
        if part == source.test and part != "test":
            return []
        part = source.test if part == "test" else part
        file = DATA / self.language / source.folder / f"{part}.parquet"
        table = pq.read_table(file, columns=["text", source.column]).to_pydict()
        space = self.spaces[source.task]
        names = source.mapping or {label: label for label in space.labels}
        pairs = zip(table["text"], table[source.column], strict=True)
        label = source.scale or (lambda cell: _label(cell, names, space.kind))
        found = ((text, label(cell)) for text, cell in pairs if text)
        return [Row(text, label) for text, label in found if label is not None]

    def write(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows to the run folder."""
        labels = [list(row.label) if isinstance(row.label, tuple) else row.label for row in rows]
        table = pa.table({"text": [row.text for row in rows], "label": labels})
        pq.write_table(table, self.run / f"{name}.parquet", compression="zstd", compression_level=19)

    def train(self, model: Path, *, resume: bool) -> None:
        """Train by the recipe; with several seeds once each, and average the weights. Resumed, none is done again."""
        recipe, console = load_recipe(self.recipe), Console(stderr=True)
        if not self.seeds:
            train(recipe, model, resume=resume, overwrite=True, console=console)
            return
        for seed, member in zip(self.seeds, self.members, strict=True):
            begun = member.with_name(f"{member.name}.checkpoint").exists()
            if begun or not (resume and member.exists()):
                own = recipe.model_copy(update={"seed": seed})
                train(own, member, resume=resume and begun, overwrite=True, console=console)
        dev = {task.name: load_task(task, recipe.seed).dev for task in recipe.tasks}
        build_soup(self.members, model, dev, overwrite=True, show=console.print)

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

    def table(self, predictor: Predictor) -> Iterator[dict[str, str]]:
        """Yield what a model reaches on the test part of every set and on the suite of phenomena."""
        for name, report in self.judge(predictor).items():
            for task in report.tasks.values():
                found = {title: str(task.figures[key]) for key, title in FIGURES.items() if key in task.figures}
                yield {"task, set": name, "rows": f"{task.n:,}", "labels": str(len(task.space)), **found}
        total = judge(predictor, built_in_suite(self.language)).total
        share = f"{total.share.value:.4f} [{total.share.low:.4f}, {total.share.high:.4f}]"
        yield {"task, set": "phenomena, own sentences", "rows": str(total.n), "share right": share}

    def store(self, model: Path, about: str) -> Bundle:
        """Store what was trained in 8 bit, judge that, write its card (`about` as in `main`), put it in its place."""
        recipe = load_recipe(self.recipe)
        data = {task.name: load_task(task, recipe.seed) for task in recipe.tasks}
        dev = {name: each.dev for name, each in data.items()}
        texts = list(dict.fromkeys(row.document.text for each in data.values() for row in each.train))
        few = {
            task: rows  # thresholds of rare labels need all of them
            if data[task].space.kind == "multi"
            else random.Random(SEED).sample(rows, min(MOST_JUDGED, len(rows)))
            for task, rows in dev.items()
        }
        gate = GATES[self.compression]
        outcome = compress(
            model,
            self.run / "small",
            few,
            gate,
            train=texts,
            most_train=MOST_TAUGHT,
            only=[self.compression],
            overwrite=True,
        )
        print_outcome(outcome, gate, Console(stderr=True))
        if outcome.bundle is None:
            raise refusal(outcome, gate)
        small = Predictor.load(outcome.bundle.path, cache_bytes=CACHE_BYTES)
        found = Judged(
            evaluate(small, dev, title=SMALL[self.compression], data="the dev rows", seed=SEED),
            evaluate(Predictor.load(model), dev, title="after training", data="the dev rows", seed=SEED),
            self.judge(small),
        )
        return self.put(outcome.bundle, model, found, about)

    def put(self, small: Bundle, model: Path, found: Judged, about: str) -> Bundle:
        """Write the built-in model: `small`, with the record of the training of `model`, all figures and the card."""

        def describe(folder: Path) -> Manifest:
            for each in (PARTS, METRICS):  # megabytes, and without torch weights it cannot be renewed
                (folder / each).unlink(missing_ok=True)
            first = (self.members or [model])[0]
            made = small.manifest.provenance | Bundle.open(first).manifest.provenance
            record = json.loads((first / REPORT).read_text("utf-8"))
            if self.seeds:
                made |= {"seed": list(self.seeds)}
                record["notes"].append(f"these notes are of seed {self.seeds[0]}; {len(self.seeds)} were averaged")
            reports = {SMALL[self.compression]: found.dev.to_dict(), **record["figures"]}
            record["figures"] = reports | {"fine-tuned": found.trained.to_dict()}
            record["sets"] = {name: report.to_dict() for name, report in found.sets.items()}
            (folder / REPORT).write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
            (folder / RECIPE).write_bytes(self.recipe.read_bytes())
            manifest = replace(small.manifest, name=load_recipe(self.recipe).name, provenance=made)
            self.write_card(folder, manifest, small, about)
            return manifest

        bundle = derive(small, self.target, describe, overwrite=True)
        print(f"{self.target}: {sum((self.target / each).stat().st_size for each in bundle.files) / 1e6:.1f} MB")
        return bundle

    def renew_card(self, about: str) -> Bundle:
        """Write the card of the built-in model anew from its records: paragraphs or the suite have changed."""
        stored = Bundle.open(self.target)

        def describe(folder: Path) -> Manifest:
            self.write_card(folder, stored.manifest, stored, about)
            return stored.manifest

        return derive(stored, self.target, describe, keep_torch_weights=True, overwrite=True)

    def write_card(self, folder: Path, manifest: Manifest, model: Bundle, about: str) -> None:
        """Write the card of `model` into a folder that holds its records; `about` as in `main`."""
        record = json.loads((folder / REPORT).read_text("utf-8"))
        sets = {name: Report.from_dict(each) for name, each in record["sets"].items()}
        phenomena = judge(Predictor.load(model.path), built_in_suite(self.language))
        total = phenomena.total
        written, written_dev = (
            pq.read_metadata(self.run / f"{POLARITY}-written-{part}.parquet").num_rows for part in ("train", "dev")
        )
        places = {
            "left_out": f"{self.left_out():,}",
            "written": f"{written:,}",
            "written_dev": f"{written_dev:,}",
            "rows": "\n".join(_card_row(source, sets[source.name].tasks[source.task]) for source in self.sources),
            "groups": ", ".join(f"{name} {each.right}/{each.n}" for name, each in phenomena.groups.items()),
            "share": f"{total.right} of {total.n} cases as expected, {total.share.value:.2f} "
            f"[{total.share.low:.2f}, {total.share.high:.2f}]",
            "compressed": _compression_table(json.loads((folder / COMPRESSION).read_text("utf-8"))["confirmed"]),
        }
        how = SMALL[self.compression]
        columns = {f"this model ({how})" if name == how else name: each for name, each in record["figures"].items()}
        figures = {name: Report.from_dict(each) for name, each in columns.items()}
        told = "\n\n".join(_wrapped(part.format(**places)) for part in about.strip().split("\n\n"))
        (folder / CARD).write_text(model_card(manifest, figures, notes=record["notes"], about=told), "utf-8")

    def main(self, help: str | None, gather: Callable[[], None], about: str) -> None:
        """Run the step that the command line names, or all of them.

        Args:
            help: What the script does.
            gather: Writes the files to learn from.
            about: The card's paragraphs on data and limits, with places for what was found; see `card`.
        """
        options = argparse.ArgumentParser(description=help, formatter_class=argparse.RawDescriptionHelpFormatter)
        options.add_argument(
            "step",
            nargs="?",
            choices=["gather", "train", "judge", "store", "card"],
            help="default: all; store writes the card",
        )
        options.add_argument("--resume", action="store_true", help="go on with an interrupted run")
        options.add_argument("--json", action="store_true", help="of judge: print one line of JSON")
        options.add_argument("--model", type=Path, default=self.run / "model", help="what is trained, judged or stored")
        chosen = options.parse_args()
        if chosen.step in (None, "gather"):
            gather()
        if chosen.step in (None, "train"):
            self.train(chosen.model, resume=chosen.resume)
        if chosen.step == "judge":
            rows = list(self.table(Predictor.load(chosen.model, cache_bytes=CACHE_BYTES)))
            told = {"how": "Test parts; a set that does not tell all labels apart judges between its own", "notes": []}
            print(json.dumps({**told, "rows": rows}) if chosen.json else "\n".join(map(str, rows)))
        if chosen.step in (None, "store"):
            self.store(chosen.model, about)
        if chosen.step == "card":
            self.renew_card(about)


@dataclass(frozen=True)
class Judged:
    """What a model is worth.

    Attributes:
        dev: Report on the dev rows.
        trained: The same, before it was made small.
        sets: Name of a source -> report on the set's test part.
    """

    dev: Report
    trained: Report
    sets: Mapping[str, Report]


FIGURES = {"accuracy": "accuracy", "macro_f1": "macro F1", "macro_recall": "macro recall", "pearson": "Pearson"}


def _card_row(source: Source, task: TaskReport) -> str:
    names = ("accuracy", "macro_f1", "macro_recall", "ece")
    figures = [str(task.figures[name]) if name in task.figures else "-" for name in names]
    if "pearson" in task.figures:
        figures[0] = f"Pearson {task.figures['pearson']}"
    learnt = "yes" if source.trained else "no"
    cells = [source.task, f"{source.folder}: {source.about}", source.licence, learnt, str(len(task.space)), str(task.n)]
    return f"| {' | '.join([*cells, *figures, source.published or '-'])} |"


def _compression_table(confirmed: Mapping[str, Any]) -> str:
    """Return what 8 bits cost on rows that chose nothing, task by task, as `sentimo compress` recorded it."""
    lines = [
        "| task | figure | before | in 8 bit | points lost [95%] | same answers |",
        "| --- | --- |" + " ---: |" * 4,
    ]
    for task, found in confirmed["tasks"].items():
        lost = "{value:+.2f} [{low:+.2f}, {high:+.2f}]".format(**found["drop"])
        figures = f"{found['before']:.3f} | {found['after']:.3f} | {lost} | {found['agreement']:.1%}"
        lines.append(f"| {task} | {FIGURES[found['main']]} | {figures} |")
    return "\n".join(lines)


def _wrapped(part: str) -> str:
    """Return a paragraph in lines of at most 120 characters; tables, headings and lists stay as they are."""
    if part.lstrip().startswith(("|", "#", "-")):
        return part
    return textwrap.fill(part, 120, break_long_words=False, break_on_hyphens=False)


def distinct(rows: Sequence[Row], without: set[str]) -> Iterator[Row]:
    """Yield one row per text, none whose copies disagree and none that stands in `without`."""
    seen = without | disputed(rows)
    for row in rows:
        key = folded(row.text)
        if key not in seen:
            seen.add(key)
            yield row


def disputed(rows: Iterable[Row]) -> set[str]:
    """Return the texts, folded, whose copies have different labels."""
    answers: dict[str, set[object]] = {}
    for row in rows:
        answers.setdefault(folded(row.text), set()).add(row.label)
    return {text for text, labels in answers.items() if len(labels) > 1}


def shuffled(rows: Sequence[Row]) -> list[Row]:
    """Return the rows in an order that depends on nothing but the seed."""
    return random.Random(SEED).sample(rows, len(rows))


def _label(cell: Any, names: Mapping[str, str], kind: Kind) -> str | tuple[str, ...] | None:
    """Return the label that a cell means: of several, all that have a name; None where none fits the kind of task."""
    if not isinstance(cell, list):
        return names.get(cell)
    found = tuple(dict.fromkeys(names[each] for each in cell if each in names))
    if kind != "multi":
        return found[0] if len(found) == 1 else None
    return found or None


def _target(label: Any, labels: Sequence[str]) -> Target:
    if isinstance(label, tuple):
        return tuple(labels.index(each) for each in label)
    return label if isinstance(label, float) else labels.index(label)
