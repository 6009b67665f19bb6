"""A recipe made ready to learn: network, objectives and rows, put together in one way wherever something is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from sentimo.train.loop import FitResult, fit, loss_weights
from sentimo.train.network import build_network
from sentimo.train.objectives.step import Surroundings, TaskLosses
from sentimo.train.plan import Plan, make_plan
from sentimo.train.priors import start_from_priors
from sentimo.train.progress import Progress
from sentimo.train.recipe import Recipe
from sentimo.train.rows import Rows, merge, to_rows
from sentimo.train.teacher import Teachers
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
            recipe: Its seed draws the new heads.
            base: The base model.
            spaces: Task -> label space, in the order of the recipe.
            train: The training rows of each task.
            unlabelled: Texts without labels, to learn the answers of the teachers to.
            teachers: Whom to learn from; by default those of the recipe.

        Raises:
            RecipeError: a head, an objective or a pooling does not suit.
        """
        targets = {name: [each.targets[name] for each in rows] for name, rows in train.items()}
        objectives = {task.name: build_objective(task, spaces[task.name], targets[task.name]) for task in recipe.tasks}
        network = build_network(base, spaces, recipe).to(PartialState().device)
        even = {task.name for task in recipe.tasks if task.imbalance in ("sampling", "logit-adjustment")}
        start_from_priors(network, spaces, {task: each for task, each in targets.items() if task not in even})
        examples = [*merge(train), *(Example(Document(text), {}) for text in unlabelled)]
        texts = [each.document.text for each in examples]
        if recipe.teacher and teachers is None:
            teachers = Teachers(recipe.teacher, spaces)
        rows = to_rows(examples, spaces, base, recipe.max_tokens)
        rows = replace(rows, drawn=drawing(recipe.tasks, spaces, examples))
        around = Surroundings(
            spaces,
            loss_weights(recipe),
            texts=texts,
            encode=lambda texts: base.encode(texts, base.most_tokens(recipe.max_tokens)),
            lesson=teachers.lesson(texts, base) if teachers else None,
            network=network,
        )
        return cls(recipe, base, spaces, network, objectives, rows, around)

    def cautions(self) -> Iterator[str]:
        """Yield what is likely to spoil the run, in sentences."""
        return cautions(self.recipe, self.base, self.rows)

    def plan(self) -> Plan:
        """Return what learning will cost."""
        passes = float(self.wrap(TaskLosses(self.objectives, self.around.factors)).passes)  # type: ignore[arg-type]
        return make_plan(self.network, self.rows, self.recipe, passes)

    def wrap(self, inner: nn.Module) -> nn.Module:
        """Return an objective of a step within the wrappers of the recipe."""
        return wrap(self.recipe, inner, self.around)

    def fit(
        self,
        dev: Parts | None,
        *,
        checkpoints: Checkpoints | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> FitResult:
        """Train; see `sentimo.train.loop.fit`. `dev` chooses the best epoch; None keeps the last one."""
        metric = self.recipe.early_stopping.metric
        return fit(
            self.network,
            self.objectives,
            self.rows,
            self.recipe,
            evaluate=None if dev is None else lambda _: dev_figures(self.ask(dev), metric),
            wrap=self.wrap,
            checkpoints=checkpoints,
            resume=resume,
            progress=progress,
        )

    def ask(self, rows: Parts) -> dict[str, Answers]:
        """Return what the network, as it is now, says about labelled rows."""
        return ask(self.predictor(), rows)

    def predictor(self, specs: Sequence[TaskSpec] | None = None) -> Predictor:
        """Return a predictor over the network as it is whenever it is asked.

        Args:
            specs: The tasks with temperature and thresholds; by default uncalibrated.
        """
        backend = network_backend(self.network, self.base, self.base.most_tokens(self.recipe.max_tokens))
        return self.predictor_of(backend, specs)

    def predictor_of(self, backend: Backend, specs: Sequence[TaskSpec] | None = None) -> Predictor:
        """Return a predictor of the same tasks over another backend."""
        plain = [TaskSpec(name, space) for name, space in self.spaces.items()]
        return Predictor(backend, specs or plain, ModelId(self.recipe.name, ""))
