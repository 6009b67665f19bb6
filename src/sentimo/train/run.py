"""A training run from recipe to bundle."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from rich.console import Console
from tokenizers import Tokenizer
from torch import nn

from sentimo.core.bundle import LEXICON, PROBE_TEXTS, Bundle, Probes, check_target, write_bundle
from sentimo.core.manifest import Manifest, TaskSpec
from sentimo.engine.backends.adapter import AdapterBackend
from sentimo.engine.backends.onnx import GRAPH, TOKENIZER, OnnxBackend
from sentimo.engine.knowledge import KNOWLEDGE, N_COLUMNS, RULES
from sentimo.engine.predictor import Predicts
from sentimo.errors import DataError, TrainingError
from sentimo.evaluate.report import Report, evaluate
from sentimo.evaluate.speed.ratio import measure_speed
from sentimo.text.rules import VERSION
from sentimo.train.adapt.build import adaptation_of, learning_share
from sentimo.train.backend import reader_of
from sentimo.train.baselines import fit_baseline
from sentimo.train.calibrate import fit_specs
from sentimo.train.card import model_card
from sentimo.train.check import check_parts
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.export import check_parity, export_onnx, save_tokenizer
from sentimo.train.learner import Learner
from sentimo.train.loop import FitResult
from sentimo.train.marks import PARTS, Marks
from sentimo.train.prepare import prepare, rows_of
from sentimo.train.progress import Progress
from sentimo.train.recipe import Recipe, dump_recipe, relative_to
from sentimo.train.remarks import on_identities, on_labelling, on_rare_labels, on_rows_that_taught, on_teacher
from sentimo.train.scratch import fingerprint
from sentimo.train.semi.rounds import with_pseudo_labels
from sentimo.train.tasks import TaskData
from sentimo.train.track.metrics import METRICS, metrics_beside
from sentimo.train.track.recorder import Recorder, recorder_for

RECIPE, REPORT, CARD = "recipe.yaml", "report.json", "README.md"


@dataclass(frozen=True)
class TrainResult:
    """What a run gave.

    Attributes:
        bundle: The saved model.
        test: Its report on the test rows (on the dev rows where there are no test rows).
        before: The same report for the untuned start: the base with new heads.
        baseline: The same report for the n-gram baseline, if the recipe asks for it.
        fit: How training went.
        teacher: The same report for the teachers, if the recipe has any.
    """

    bundle: Bundle
    test: Report
    before: Report
    baseline: Report | None
    fit: FitResult
    teacher: Report | None = None

    @property
    def beside(self) -> dict[str, Report]:
        """The reports to show beside the model's own."""
        found = {"untuned": self.before, "n-gram baseline": self.baseline, "teacher": self.teacher}
        return {heading: report for heading, report in found.items() if report is not None}


def train(
    recipe: Recipe,
    output: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    about: str = "",
    console: Console | None = None,
    data: Mapping[str, TaskData] | None = None,
) -> TrainResult | None:
    """Train, judge and save a model.

    Args:
        recipe: Every choice.
        output: Model folder to make. The checkpoint lies beside it, in ``<output>.checkpoint``, until the end.
        resume: Go on from that checkpoint.
        overwrite: Replace a model that is already in `output`.
        about: Paragraphs for the model card.
        console: Where notes and progress go; None shows nothing.
        data: Rows of every task that are to be used instead of those in the recipe's files.

    Returns:
        The result; None in all but the first process of a run over several GPUs.

    Raises:
        BundleError: `output` is taken, or the saved model answers differently.
        DataError, RecipeError, InputError: data, recipe or base cannot be used.
        Interrupted: Ctrl-C; `resume` goes on.
    """
    result = _Training(recipe, Path(output), overwrite, about, console, data).run(resume)
    PartialState().destroy_process_group()  # a process that just exits may abort the others; nothing to do for one
    return result


class _Training:
    """One run. Its methods follow each other as in `run`."""

    def __init__(
        self,
        recipe: Recipe,
        output: Path,
        overwrite: bool,
        about: str,
        console: Console | None,
        data: Mapping[str, TaskData] | None,
    ) -> None:
        check_target(output, overwrite=overwrite)
        check_parts(recipe)
        if recipe.threads:
            torch.set_num_threads(recipe.threads)
        self.is_main = bool(PartialState().is_main_process)
        self.progress = Progress(console if self.is_main else None)
        self.output, self.overwrite, self.about = output, overwrite, about
        self.prepared = prepare(recipe, rows_of(recipe, data))
        self.recipe, self.base, self.material = self.prepared.recipe, self.prepared.base, self.prepared.material
        self.notes = list(self.material.notes)
        self.test_name = "the test rows" if self.material.has_test else "the dev rows"

    def run(self, resume: bool) -> TrainResult | None:
        for note in self.notes:
            self.progress.note(note)
        for remark in on_rows_that_taught(self.recipe, self.base, self.material):
            self._tell(remark)
        checkpoints = Checkpoints.beside(self.output, self.recipe, self.material.digest + fingerprint(self.base))
        _check_checkpoint(checkpoints, resume)
        if self.recipe.save == "adapter":
            from sentimo.train.adapt.save import base_folder

            base_folder(self.base)  # a base that no adapter can name is told before hours of training
        if self.material.teachers:
            n = len(self.material.unlabelled)
            self.progress.note(f"asking the teacher, {n:,} texts without labels among the rest")
            self.prepared.ask_teachers()  # once, whatever rounds of `semi` there are
        labelled = with_pseudo_labels(
            self.material.semi,
            self.material.texts,
            self.material.train,
            self.material.dev,
            self.prepared.learner,
            checkpoints,
            resume=resume,
            progress=self.progress,
            tell=self._tell,
        )
        resume = resume and checkpoints.is_begun()
        learner = self.prepared.learner(labelled.parts)
        if labelled.figure is None:  # else models of fewer rows would learn for as long, when it is made again
            self.recipe = self.recipe.model_copy(update={"epochs": learner.recipe.epochs})
        for caution in learner.cautions():
            self._tell(caution)
        self.progress.note(str(learner.plan()))
        untuned = fit_specs(learner.ask(self.material.dev, quick=True))
        before = self._judge(learner.predictor(untuned, quick=True), "before training")
        with self._recorder(resume) as recorder:
            fitted = learner.fit(
                self.material.dev, checkpoints=checkpoints, resume=resume, progress=self.progress, recorder=recorder
            )
            if not self.is_main:
                return None
            for remark in on_labelling(fitted, self.recipe.early_stopping.metric, labelled.figure):
                self._tell(remark)
            baseline = self._baseline()
            specs = fit_specs(learner.ask(self.material.dev))
            test = self._judge(learner.predictor(specs), "after training")
            teacher = self._teacher()
            for remark in self._remarks(learner.predictor(specs), test, teacher):
                self._tell(remark)
            figures = main_figures(test) if self.material.has_test else {}
            recorder.end({"best_epoch": fitted.best_epoch + 1, **figures})
        reports = {"fine-tuned": test, "untuned": before, "n-gram baseline": baseline, "teacher": teacher}
        bundle = self._save(learner, specs, reports, fitted)
        checkpoints.remove()
        metrics_beside(self.output).unlink(missing_ok=True)
        return TrainResult(bundle, replace(test, digest=bundle.digest), before, baseline, fitted, teacher)

    def _recorder(self, resume: bool) -> Recorder:
        if not self.is_main:
            return Recorder()
        return recorder_for(self.recipe, self.output, resume=resume, tell=self._tell)

    def _tell(self, sentence: str) -> None:
        """Show a sentence that also belongs into report and card."""
        self.progress.note(sentence)
        self.notes.append(sentence)

    def _judge(self, predictor: Predicts, title: str) -> Report:
        return evaluate(predictor, self.material.judged, title=title, data=self.test_name, seed=self.recipe.seed)

    def _teacher(self) -> Report | None:
        """Judge the teachers on the same rows."""
        teachers = self.material.teachers
        if teachers is None:
            return None
        rows = {task: self.material.judged[task] for task in teachers.taught}
        return evaluate(teachers, rows, title="the teacher", data=self.test_name, seed=self.recipe.seed)

    def _remarks(self, predictor: Predicts, own: Report, teacher: Report | None) -> Iterator[str]:
        yield from on_teacher(own, teacher) if teacher else ()
        yield from on_rare_labels(self.recipe, self.material, own)
        yield from on_identities(self.recipe, predictor, self.material.judged, self.test_name)

    def _baseline(self) -> Report | None:
        if not self.recipe.baseline:
            return None
        self.progress.note("fitting the n-gram baseline")
        try:
            fitted = fit_baseline(self.material.data, seed=self.recipe.seed)
        except DataError as error:  # a yardstick that cannot be had is no reason to lose a trained model
            self._tell(f"no n-gram baseline: {error}")
            return None
        return self._judge(fitted.predictor(), "n-gram baseline")

    def _save(
        self, learner: Learner, specs: Sequence[TaskSpec], reports: Mapping[str, Report | None], fitted: FitResult
    ) -> Bundle:
        self.progress.note("exporting to ONNX and comparing with the network on the dev rows")
        network = learner.network.cpu()
        predictor = learner.predictor(specs)
        texts = list(dict.fromkeys(each.document.text for rows in self.material.dev.values() for each in rows))
        expected, probes = predictor.predict(texts), predictor.predict(PROBE_TEXTS)
        adapted = self._adapted(network)
        whole, alone = adaptation_of(network).merges or not adapted, self.recipe.save == "adapter"
        if alone:
            adaptation_of(network).compact(network.encoder.base_model)  # type: ignore[union-attr, arg-type]
        elif adapted and whole:
            adaptation_of(network).merge(network.encoder.base_model)  # type: ignore[union-attr, arg-type]
        found = {name: report for name, report in reports.items() if report is not None}
        manifest = Manifest(
            name=self.recipe.name,
            backend="adapter" if alone else "onnx",
            languages=tuple(self.recipe.languages or ()),
            tasks=tuple(specs),
            max_tokens=self.recipe.max_tokens,
            settings={
                "prefix": self.base.prefix,
                "suffix": self.base.suffix,
                "pad_id": self.base.pad_id,
                **({RULES: VERSION, KNOWLEDGE: N_COLUMNS} if self.base.knowledge else {}),
            },
            provenance={
                **_provenance(self.recipe, self.material.data, self.material.digest),
                "precision": fitted.precision,
                **({"adapt": _in_words(adapted)} if adapted else {}),
            },
        )

        def fill(folder: Path) -> None:
            if whole and not alone:  # transformers knows nothing of prompts, prefixes and bottlenecks
                network.save(folder)  # type: ignore[operator]
            save_tokenizer(self.base, folder)
            if self.base.knowledge:
                (folder / LEXICON).write_text(self.base.knowledge.lexicon.to_json(), "utf-8", newline="\n")
            export_onnx(network, folder, list(self.material.spaces))
            if alone:
                from sentimo.train.adapt.save import write_adapter

                write_adapter(network, folder, self.base, relative_to(self.recipe, self.output).base)
            graph = learner.predictor_of(self._graph(folder, alone=alone), specs)
            parity = check_parity(expected, graph.predict(texts))
            if self.material.teachers:
                speed = measure_speed(self.material.teachers, graph, texts, rounds=3)
                self._tell(
                    f"answers {speed.bulk_ratio:.1f} times as fast as the teacher, one text at a time "
                    f"{speed.single_ratio:.1f} times"
                )
            record = {
                "figures": {name: report.to_dict() for name, report in found.items()},
                "epochs": fitted.history,
                "best_epoch": fitted.best_epoch + 1,
                "parity": parity,
                "notes": self.notes,
                **({"adapt": adapted} if adapted else {}),
            }
            (folder / REPORT).write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
            shutil.copyfile(metrics_beside(self.output), folder / METRICS)
            (folder / PARTS).write_text(Marks.of(self.material.data, self.base.source).to_json(), "utf-8")
            (folder / RECIPE).write_text(dump_recipe(relative_to(self.recipe, self.output)), "utf-8")
            (folder / CARD).write_text(model_card(manifest, found, notes=self.notes, about=self.about), "utf-8")

        scores = {task: each.scores for task, each in probes.tasks.items()}
        return write_bundle(self.output, manifest, fill, Probes(PROBE_TEXTS, scores), overwrite=self.overwrite)

    def _adapted(self, network: nn.Module) -> dict[str, Any]:
        """Return method, share of weights that learnt, and what else the method tells; empty without one."""
        if self.recipe.adapt is None:
            return {}
        more = adaptation_of(network).describe(network.encoder.base_model)  # type: ignore[union-attr, arg-type]
        adapted = {"method": self.recipe.adapt.name, **learning_share(network), **more}
        self._tell(f"adapt {_in_words(adapted)}")
        return adapted

    def _graph(self, folder: Path, *, alone: bool = False) -> OnnxBackend:
        reader = reader_of(self.base, self.recipe.max_tokens, Tokenizer.from_file(str(folder / TOKENIZER)))
        if alone:
            from sentimo.train.adapt.save import adapter_weights

            return AdapterBackend(folder / GRAPH, reader, weights=adapter_weights(folder, self.base))
        return OnnxBackend(folder / GRAPH, reader)


def main_figures(report: Report) -> dict[str, float]:
    """Return the main figure of every task, and as "main" their mean."""
    found = {f"{name}.{task.main}": task.figures[task.main].value for name, task in report.tasks.items()}
    return {"main": sum(found.values()) / len(found), **found}


def _in_words(adapted: Mapping[str, Any]) -> str:
    """Return method, share, and mean rank where it moved, in one line."""
    line = (
        f"{adapted['method']}: {adapted['learning']:,} of {adapted['weights']:,} weights learn ({adapted['share']:.2%})"
    )
    if "ranks" in adapted:
        kinds: dict[str, list[str]] = {}  # the same part of all layers, from the first to the last
        for name, rank in adapted["ranks"].items():
            kinds.setdefault(re.sub(r"^.*?\.\d+\.", "", name), []).append(str(rank))
        line += f"; rank {adapted['start']} everywhere became {adapted['mean_rank']:g} on average, layer by layer: "
        line += ", ".join(f"{kind} {' '.join(ranks)}" for kind, ranks in kinds.items())
    return line


def _check_checkpoint(checkpoints: Checkpoints, resume: bool) -> None:
    if resume and not checkpoints.exists():
        raise TrainingError(f"nothing to resume: no checkpoint in {checkpoints.folder}. Start without --resume.")
    if checkpoints.folder.exists() and not checkpoints.exists():
        raise TrainingError(f"{checkpoints.folder} is in the way and not ours: rename it, or choose another output")
    if not resume and checkpoints.exists():
        raise TrainingError(
            f"{checkpoints.folder} holds the checkpoint of an earlier run. Go on with --resume, or delete it to start "
            "anew."
        )


def _provenance(recipe: Recipe, data: Mapping[str, TaskData], digest: str) -> dict[str, Any]:
    return {
        "base": recipe.base,
        "rows": {name: [len(task.train), len(task.dev), len(task.test)] for name, task in data.items()},
        "data": digest,
        "seed": recipe.seed,
        "torch": version("torch"),
        "transformers": version("transformers"),
    }
