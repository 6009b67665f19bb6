"""A recipe: every training choice, typed. One that validates is complete; it is saved with the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from sentimo.data.bases import SHORT_NAMES
from sentimo.engine.networks import NETWORKS
from sentimo.errors import did_you_mean
from sentimo.train.adapt import ADAPTERS
from sentimo.train.averages import AVERAGES
from sentimo.train.objectives import WRAPPERS
from sentimo.train.recipe.choices import (
    AdaptChoice,
    AverageChoice,
    Part,
    Share,
    TrackerChoice,
    WrapperChoice,
    as_named,
    as_named_list,
    as_part,
)
from sentimo.train.recipe.parts import (
    Augment,
    EarlyStopping,
    FewShot,
    KnowledgeChoice,
    Optimiser,
    Schedule,
    ScratchEncoder,
    SearchSpace,
    Semi,
    TaskRecipe,
    Teacher,
    as_augment,
    as_semi,
    as_teacher,
)
from sentimo.train.semi import SEMI
from sentimo.train.track import TRACKERS


class Recipe(Part):
    """A training run."""

    name: str = Field(default="model", description="Name of the model, shown with every answer.")
    base: str = Field(
        default="minilm",
        min_length=1,
        description="`minilm`, `zh-small`, a Hugging Face hub id, a folder; untrained: `bilstm`, `textcnn`, `static`.",
    )
    encoder: ScratchEncoder | None = Field(
        default=None,
        description="Settings of an encoder without pre-training; with base bilstm, textcnn and static only.",
    )
    tasks: list[TaskRecipe] = Field(min_length=1, description="One or several, answered in one forward pass.")
    keep_heads: bool = Field(
        default=False, description="Start from the heads in `base` too, a Sentimo model of the same tasks and labels."
    )
    languages: list[str] | None = Field(default=None, description="Default: those seen in the training texts.")
    pooling: Literal["auto", "native", "mean", "max", "attention", "first", "last"] = Field(
        default="auto",
        description="How linear heads see a text. `native`: as the base's own sequence classification does.",
    )
    max_tokens: int = Field(default=128, ge=8, description="Texts are cut to it in training, read in windows after.")
    epochs: float | None = Field(
        default=None, gt=0, description="At most. Default: 3, more where rows are so few that these were few steps."
    )
    batch_size: int = Field(default=32, ge=1, description="Texts per step of the optimiser.")
    micro_tokens: int = Field(
        default=2048, ge=8, description="Most tokens, padding included, in memory at once; batches are split to fit."
    )
    optimiser: Annotated[Optimiser, BeforeValidator(as_named)] = Optimiser()
    schedule: Annotated[Schedule, BeforeValidator(as_named)] = Schedule()
    early_stopping: EarlyStopping = EarlyStopping()
    few_shot: Annotated[FewShot | None, BeforeValidator(as_part)] = Field(
        default=None, description="Learn from few rows through pairs of them: true, or settings."
    )
    objective: Annotated[list[WrapperChoice], BeforeValidator(as_named_list)] = Field(
        default=[],
        description=f"Around the objectives of all tasks, the outermost first: any of {', '.join(WRAPPERS)}.",
    )
    teacher: Annotated[Teacher | None, BeforeValidator(as_teacher)] = Field(
        default=None, description="One or several model folders to learn from."
    )
    semi: Annotated[Semi | None, BeforeValidator(as_semi)] = Field(
        default=None, description=f"Learn from texts without labels too: {', '.join(SEMI)}. Default: labels alone."
    )
    dropout: Share | None = Field(default=None, description="In encoder and heads. Default: the base's own.")
    freeze: Literal["none", "embeddings", "encoder"] = Field(default="none", description="What does not learn.")
    train_last: int | None = Field(default=None, ge=1, description="Only the last k layers and the heads learn.")
    augment: Annotated[Augment | None, BeforeValidator(as_augment)] = Field(
        default=None, description="Methods that write training rows anew, such as [synonym]. Default: none."
    )
    adapt: Annotated[AdaptChoice | None, BeforeValidator(as_named)] = Field(
        default=None,
        description=f"Few weights learn beside the base: {', '.join(ADAPTERS)}. Default: all of the encoder learns.",
    )
    average: Annotated[AverageChoice | None, BeforeValidator(as_named)] = Field(
        default=None,
        description=f"What is judged and kept is a mean of the weights along the run: {' or '.join(AVERAGES)}.",
    )
    save: Literal["model", "adapter"] = Field(
        default="model",
        description="`model`: whole, runs by itself. `adapter`: what `adapt` learnt; small, needs the base to run.",
    )
    knowledge: Annotated[KnowledgeChoice | None, BeforeValidator(as_named)] = Field(
        default=None,
        description="`lexicon`: words of feeling and rules come in through a gate beside the encoder. Default: none.",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="`auto`: bf16 autocast where the processor computes in it, else fp32."
    )
    seed: int = Field(default=13, ge=0, lt=2**32)  # what numpy and scikit-learn take
    threads: int | None = Field(default=None, ge=1, description="CPU threads. Default: all cores.")
    checkpoint_minutes: float = Field(default=5.0, ge=0, description="Time between checkpoints inside an epoch.")
    baseline: bool = Field(default=True, description="Also fit the n-gram baseline and show it beside the model.")
    drop_leaks: bool = Field(default=True, description="Leave out training texts that also stand in dev or test.")
    track: Annotated[list[TrackerChoice], BeforeValidator(as_named_list)] = Field(
        default=[], description=f"Where figures go beside metrics.jsonl: {', '.join(TRACKERS)}."
    )
    search: SearchSpace = Field(
        default={}, description="What `sentimo search` may change: key -> list of values, or low and high."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [task.name for task in self.tasks]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"tasks are called alike: {', '.join(sorted(twice))}")
        trackers = [each.name for each in self.track]
        if twice := {name for name in trackers if trackers.count(name) > 1}:
            raise ValueError(f"track names {', '.join(sorted(twice))} more than once")
        around = [each.name for each in self.objective]
        if twice := {name for name in around if around.count(name) > 1}:
            raise ValueError(f"objective: {', '.join(sorted(twice))} is given twice")
        if self.freeze != "none" and self.train_last is not None:
            raise ValueError("freeze and train_last exclude each other; give one")
        if self.adapt is not None and (self.freeze != "none" or self.train_last is not None):
            raise ValueError("adapt freezes the encoder itself; leave out freeze and train_last")
        if self.average is not None and self.adapt is not None and self.adapt.name == "adalora":
            raise ValueError(
                "adapt adalora gives up ranks on the way, which a mean would bring back; leave out average"
            )
        if self.few_shot is not None and self.adapt is not None and self.adapt.name == "adalora":
            raise ValueError("adapt adalora moves ranks while the loop learns, where few_shot rests; use adapt lora")
        if self.save == "adapter" and self.adapt is None:
            raise ValueError("save adapter needs `adapt`, such as adapt: lora; without it all weights are new")
        if self.pooling == "native" and not all(task.head.is_plain for task in self.tasks):
            raise ValueError("pooling native has plain linear heads only; use mean, first or last beside another head")
        if self.pooling == "native" and self.knowledge is not None:
            raise ValueError("knowledge needs heads of our own; use pooling auto, mean, first or last")
        if self.adapt is not None and self.base in NETWORKS:
            raise ValueError(f"base {self.base} starts from nothing, all of it must learn; leave adapt out")
        known = (*SHORT_NAMES, *NETWORKS)
        hint = did_you_mean(self.base, known)
        if hint and "/" not in self.base and self.base not in known and not Path(self.base).is_dir():
            raise ValueError(f"base {self.base!r} is not known.{hint} A folder of that name: ./{self.base}")
        if self.encoder is not None and self.base not in NETWORKS:
            raise ValueError(f"encoder is for base {' or '.join(NETWORKS)}; base {self.base!r} has its own sizes")
        if self.encoder is not None and self.encoder.windows and self.base != "textcnn":
            raise ValueError("encoder.windows is for base textcnn")
        if (
            self.encoder is not None
            and self.base == "textcnn"
            and self.encoder.hidden < (len(self.encoder.windows) or 3)
        ):
            raise ValueError(f"encoder.hidden is {self.encoder.hidden}: fewer filters than windows")
        if self.encoder is not None and self.encoder.hidden % 2 and self.base == "bilstm":
            raise ValueError(f"encoder.hidden is {self.encoder.hidden}; of a bilstm half is for each direction: even")
        return self


OPTIONAL_PARTS: Mapping[str, type[BaseModel]] = {
    "encoder": ScratchEncoder,
    "few_shot": FewShot,
    "knowledge": KnowledgeChoice,
    "semi": Semi,
}
"""Parts that a recipe may lack, by key: setting one of their keys brings them in."""
