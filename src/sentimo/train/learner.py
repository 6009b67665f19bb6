"""A recipe made ready to learn: network, objectives and rows, put together in one way wherever something is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from accelerate import PartialState
from torch import nn

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends import Backend
from sentimo.engine.predictor import Predictor
from sentimo.train.backend import network_backend
from sentimo.train.calibrate import Answers, ask, dev_figures
from sentimo.train.cautions import cautions
from sentimo.train.checkpoint import Checkpoints
from sentimo.train.encoder import Base
from sentimo.train.few_shot import learn_from_few, rest
from sentimo.train.loop import FitResult, fit, loss_weights
from sentimo.train.network import build_network, load_heads_too
from sentimo.train.objectives.step import Surroundings, TaskLosses
from sentimo.train.optim import epochs_of
from sentimo.train.plan import Plan, make_plan
from sentimo.train.precision import InPrecision, choose_precision
from sentimo.train.priors import start_from_priors
from sentimo.train.progress import Progress
from sentimo.train.recipe import Recipe
from sentimo.train.rows import Rows, merge, to_rows
from sentimo.train.semi.method import semi_method
from sentimo.train.teacher import Teachers
from sentimo.train.track.recorder import Recorder
from sentimo.train.weighting import build_objective, drawing, wrap

Parts = Mapping[str, Sequence[Example]]
"""Task -> labelled rows."""


@dataclass(frozen=True)
class Learner:
    """A network and what it is to learn from.

    Attributes:
        recipe: How it learns.
        base: Its base.
        spaces: Task -> label space.
        network: The network; it starts from the base and from how frequent each label is.
        objectives: Task -> what is minimised.
        rows: The training rows.
        around: What wrappers of the objectives need.
    """

    recipe: Recipe
    base: Base
    spaces: Mapping[str, LabelSpace]
    network: nn.Module
    objectives: Mapping[str, nn.Module]
    rows: Rows
    around: Surroundings = field(default_factory=lambda: Surroundings({}, {}))

    @classmethod
    def build(
        cls,
        recipe: Recipe,
        base: Base,
        spaces: Mapping[str, LabelSpace],
        train: Parts,
        unlabelled: Sequence[str] = (),
        teachers: Teachers | None = None,
    ) -> Self:
        """Put a learner together.

        Args:
            recipe: Its seed draws the new heads. Where it names no epochs, the rows decide (`usual_epochs`). Its
                `few_shot` is left out where rows have pseudo-labels: those are no longer few, and pairs of them would
                be thousands.
            base: The base model.
            spaces: Task -> label space, in the order of the recipe.
            train: The training rows of each task.
            unlabelled: Texts without labels, for what the teachers answer to them and the `semi` of the recipe.
            teachers: Whom to learn from; by default those of the recipe.

        Raises:
            RecipeError: a head, an objective or a pooling does not suit.
        """
        if any(each.source == "pseudo" for rows in train.values() for each in rows):
            recipe = recipe.model_copy(update={"few_shot": None})
        objectives = {task.name: build_objective(task, spaces[task.name], train[task.name]) for task in recipe.tasks}
        if recipe.keep_heads:
            network = load_heads_too(base, spaces, recipe)
        else:
            network = build_network(base, spaces, recipe)
            even = {task.name for task in recipe.tasks if task.imbalance in ("sampling", "logit-adjustment")}
            start_from_priors(network, spaces, {task: each for task, each in train.items() if task not in even})
        network = network.to(PartialState().device)
        examples = [*merge(train), *(Example(Document(text), {}) for text in unlabelled)]
        texts = [each.document.text for each in examples]
        if recipe.teacher and teachers is None:
            teachers = Teachers(recipe.teacher, spaces)
        rows = to_rows(examples, spaces, base, recipe.max_tokens)
        recipe = recipe.model_copy(update={"epochs": epochs_of(recipe, len(rows))})
        semi = semi_method(recipe)
        semi.check(spaces)
        has_label = [bool(each.targets) for each in examples]
        drawn = semi.drawn(drawing(recipe.tasks, spaces, examples), has_label)
        rows = replace(rows, drawn=drawn, kinds=has_label if semi.reads_texts else None)
        around = Surroundings(
            spaces,
            loss_weights(recipe),
            texts=texts,
            encode=lambda texts: base.encode(texts, base.most_tokens(recipe.max_tokens)),
            lesson=teachers.lesson(texts, base) if teachers else None,
            network=network,
            unlabelled=[row for row, has in enumerate(has_label) if not has],
        )
        return cls(recipe, base, spaces, network, objectives, rows, around)

    def cautions(self) -> Iterator[str]:
        """Yield what is likely to spoil the run, in sentences."""
        return cautions(self.recipe, self.base, self.rows)

    def plan(self) -> Plan:
        """Return what learning will cost."""
        passes = float(self.wrap(TaskLosses(self.objectives, self.around.factors)).passes)  # type: ignore[arg-type]
        return make_plan(self.network, self.rows, self.recipe, passes)

    def wrap(self, inner: TaskLosses) -> nn.Module:
        """Return the losses of a step within the wrappers of the recipe."""
        return wrap(self.recipe, inner, self.around)

    def fit(
        self,
        dev: Parts | None,
        *,
        checkpoints: Checkpoints | None = None,
        resume: bool = False,
        progress: Progress | None = None,
        recorder: Recorder | None = None,
        on_epoch: Callable[[Mapping[str, float]], None] = lambda figures: None,
    ) -> FitResult:
        """Train; see `sentimo.train.loop.fit`.

        Args:
            dev: Rows that choose the best epoch; None keeps the last one.
            checkpoints, resume, progress, recorder: As there.
            on_epoch: Told the dev figures of every epoch; what it raises ends the run.
        """
        metric = self.recipe.early_stopping.metric
        if self.recipe.few_shot and not resume:
            learn_from_few(self.network, self.rows, self.spaces, self.recipe, progress or Progress(None))
        elif self.recipe.few_shot:  # what the pairs taught lies in the checkpoint
            rest(self.network)

        def judge(rows: Parts) -> dict[str, float]:
            figures = dev_figures(self.ask(rows, quick=True), metric)
            on_epoch(figures)
            return figures

        return fit(
            self.network,
            self.objectives,
            self.rows,
            self.recipe,
            evaluate=None if dev is None else lambda _: judge(dev),
            wrap=self.wrap,
            checkpoints=checkpoints,
            resume=resume,
            progress=progress,
            recorder=recorder,
        )

    def ask(self, rows: Parts, *, quick: bool = False) -> dict[str, Answers]:
        """Return what the network, as it is now, says about labelled rows; `quick` as in `predictor`."""
        return ask(self.predictor(quick=quick), rows)

    def predictor(self, specs: Sequence[TaskSpec] | None = None, *, quick: bool = False) -> Predictor:
        """Return a predictor over the network as it is whenever it is asked.

        Args:
            specs: The tasks with temperature and thresholds; by default uncalibrated.
            quick: In the precision of training: enough to compare epochs, and for the untuned model. Else in fp32, as
                a saved model answers.
        """
        network = self.network
        if quick:
            network = InPrecision(network, choose_precision(self.recipe.precision, PartialState().device))
        backend = network_backend(network, self.base, self.base.most_tokens(self.recipe.max_tokens))
        return self.predictor_of(backend, specs)

    def predictor_of(self, backend: Backend, specs: Sequence[TaskSpec] | None = None) -> Predictor:
        """Return a predictor of the same tasks over another backend."""
        plain = [TaskSpec(name, space) for name, space in self.spaces.items()]
        return Predictor(backend, specs or plain, ModelId(self.recipe.name, ""))
