"""Parts of a recipe: tasks, optimiser, augmentation and what else has keys of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sentimo.core.labels import KINDS, MAPPINGS, SPACES, Kind
from sentimo.core.predictions import RESERVED_NAMES
from sentimo.data.augment import AUGMENTERS
from sentimo.data.lexicons import FORMATS
from sentimo.data.reading import Reading
from sentimo.train.objectives import DEFAULT_OBJECTIVE
from sentimo.train.recipe.choices import (
    AugmentMethod,
    Files,
    HeadChoice,
    ObjectiveChoice,
    Part,
    Share,
    as_named,
    as_named_list,
    check_name,
)
from sentimo.train.semi import SEMI


class TaskRecipe(Part):
    """One task: where its labels come from, how it is answered and what is minimised."""

    name: str = Field(
        description="Key of its answers. `polarity`, `intensity` and `emotions` fill the standard places."
    )
    train: Files = Field(description="Labelled file or files.")
    dev: Files = Field(default=[], description="Held out to choose and calibrate. Default: a tenth of `train`.")
    test: Files = Field(default=[], description="Held out to report. Default: a tenth of `train`, unless dev is given.")
    text: str | None = Field(default=None, description="Column of the texts. Default: guessed.")
    label: str | None = Field(default=None, description="Column of the labels. Default: guessed.")
    kind: Kind | None = Field(default=None, description=f"One of {', '.join(KINDS)}. Default: seen from the labels.")
    space: str | list[str] | None = Field(
        default=None, description="Name of a known label space, or the labels in order. Default: seen from the file."
    )
    separator: str | None = Field(default=None, description="Sign between several labels in one cell.")
    mapping: str | dict[str, str] | None = Field(
        default=None, description="Old label -> new label, or the name of a known mapping. Others are left out."
    )
    on_unknown: Literal["error", "skip"] = Field(default="error", description="What to do with an unknown label.")
    absent_labels: Literal["wrong", "unknown"] = Field(
        default="wrong",
        description="What a label says that no row of a training file has. `unknown`: nothing, it is left out of the "
        "loss of that file's rows; for several sets with different labels. Needs `space`.",
    )
    delimiter: str | None = Field(default=None, description="Sign between the cells of a CSV file. Default: guessed.")
    encoding: str | None = Field(default=None, description="Of text files. Default: detected.")
    head: Annotated[HeadChoice, BeforeValidator(as_named)] = Field(default_factory=HeadChoice)
    objective: Annotated[ObjectiveChoice | None, BeforeValidator(as_named)] = Field(
        default=None, description="Default: by kind: " + ", ".join(f"{k} {v}" for k, v in DEFAULT_OBJECTIVE.items())
    )
    imbalance: Literal["none", "weights", "sampling", "logit-adjustment", "focal"] = Field(
        default="none", description="What makes rare labels count: see docs/training.md."
    )
    loss_weight: float = Field(default=1.0, gt=0, description="Factor of the task's loss in the sum.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name in RESERVED_NAMES:
            raise ValueError(f"a task cannot be called {self.name!r}: every answer has a key of that name")
        if not self.name.replace("_", "").replace("-", "").isalnum():
            raise ValueError(f"task name {self.name!r}: use letters, digits, - and _")
        if not self.train:
            raise ValueError("train: no file given")
        if self.absent_labels == "unknown" and self.space is None:
            raise ValueError("absent_labels unknown needs `space`: the labels of all files together")
        if self.absent_labels == "unknown" and self.objective and (self.objective.model_extra or {}).get("smoothing"):
            raise ValueError("absent_labels unknown cannot be smoothed: smoothing gives every label a share")
        for what, name, known in (("space", self.space, SPACES), ("mapping", self.mapping, MAPPINGS)):
            if isinstance(name, str):
                check_name(name, known, what)
        return self

    @property
    def reading(self) -> Reading:
        """How its files are read."""
        return Reading(
            text=self.text,
            label=self.label,
            kind=self.kind,
            separator=self.separator,
            mapping=MAPPINGS[self.mapping] if isinstance(self.mapping, str) else self.mapping,
            on_unknown=self.on_unknown,
            delimiter=self.delimiter,
            encoding=self.encoding,
        )


class Optimiser(Part):
    """How weights are moved."""

    name: Literal["adamw", "sgd", "adafactor"] = "adamw"
    learning_rate: float | None = Field(
        default=None, gt=0, description="Default: by optimiser and width of the encoder (docs/training.md)."
    )
    head_learning_rate: float | None = Field(
        default=None,
        gt=0,
        description="Of the heads. Default: 5 times learning_rate with adamw, learning_rate with the others; 10 times "
        "that over a frozen encoder.",
    )
    weight_decay: float = Field(default=0.01, ge=0, description="Not applied to biases and norms.")
    layer_decay: float = Field(default=1.0, gt=0, le=1, description="Rate factor per layer, counted from the top.")
    momentum: Share = Field(default=0.9, description="SGD only.")
    clip_norm: float = Field(default=1.0, gt=0, description="Largest gradient norm.")


class Schedule(Part):
    """How the learning rate moves over the run."""

    name: Literal["linear", "cosine", "constant"] = "linear"
    warmup: Share = Field(default=0.06, description="Share of all steps over which the rate rises from 0.")


class EarlyStopping(Part):
    """When to stop before the last epoch. The best weights are kept either way."""

    metric: str = Field(default="main", description="Dev figure to watch, `main` or `<task>.<figure>`.")
    patience: int = Field(default=2, ge=1, description="Epochs without improvement before the run stops.")


class Augment(Part):
    """Training rows written anew. Rows of dev and test never are."""

    methods: Annotated[list[AugmentMethod], BeforeValidator(as_named_list)] = Field(
        min_length=1, description=f"Any of {', '.join(AUGMENTERS)}. Each makes its own rows."
    )
    copies: int = Field(default=1, ge=1, description="New rows per row and method.")
    rows: float = Field(default=1.0, gt=0, le=1, description="Share of the training rows that are written anew.")
    weight: float = Field(default=1.0, gt=0, description="Factor of the weight of a new row.")
    check: str = Field(
        default="ngrams",
        description="Drops new rows whose label it strongly disputes: `ngrams` (models of the other training rows), a "
        "model folder, or `none`.",
    )
    certainty: float = Field(default=0.8, gt=0.5, le=1, description="Score of another label that is a strong dispute.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [method.name for method in self.methods]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"methods are named twice: {', '.join(sorted(twice))}; give one more copies")
        return self


def as_augment(value: Any) -> Any:
    """Return names of methods as the part that they are short for."""
    is_short = "name" in value if isinstance(value, Mapping) else isinstance(value, (str, list, tuple))
    return {"methods": value} if is_short else value


class ScratchEncoder(Part):
    """An encoder without pre-training, `base: bilstm`, `textcnn` or `static`."""

    width: int = Field(default=128, ge=1, description="Of the token vectors; a file of vectors has its own.")
    hidden: int = Field(default=256, ge=2, description="Width of the output.")
    layers: int = Field(
        default=1, ge=1, description="LSTMs, rows of filters, or layers of one token, on top of each other."
    )
    windows: list[Annotated[int, Field(ge=1)]] = Field(
        default=[], description="Lengths of the runs that filters look at; textcnn only. Default: 3, 4 and 5."
    )
    tokens: Literal["words", "characters"] = Field(
        default="words", description="`words`: whole words, Chinese by characters. `characters`: all by characters."
    )
    vocabulary: int = Field(default=30_000, ge=3, description="Most tokens; the frequent ones are kept.")
    least_count: int = Field(default=2, ge=1, description="How often a token must occur; rarer ones are unknown.")
    vectors: Path | None = Field(
        default=None, description="File of word vectors to begin with: a word and its numbers a line, .gz and .zst too."
    )
    corpus: Files = Field(default=[], description="Files of plain text to learn vectors from before training.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.vectors and self.corpus:
            raise ValueError("vectors and corpus exclude each other; give the one to begin with")
        return self


class KnowledgeChoice(Part):
    """Words of feeling and rules that a network is told of beside the tokens."""

    name: Literal["lexicon"] = "lexicon"
    built_in: bool = Field(default=True, description="Use the words that come with Sentimo.")
    file: Path | None = Field(default=None, description="Words of your own; where both have a word, these count.")
    format: str | None = Field(default=None, description=f"One of {', '.join(FORMATS)}. Default: seen from the file.")
    language: Literal["en", "zh"] | None = Field(default=None, description="Of the file. Default: seen from it.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.format is not None:
            check_name(self.format, FORMATS, "lexicon format")
        if self.file is None and not self.built_in:
            raise ValueError("built_in false leaves no word; give a file")
        return self


class FewShot(Part):
    """Pairs of rows, if any, teach the encoder, then the heads are fitted; for 8 to 64 rows per label."""

    pairs: int = Field(
        default=40,
        ge=0,
        description="Pairs per row: half with a like answer, half with another. 0: heads alone are fitted.",
    )
    epochs: int = Field(default=1, ge=1, description="Times all pairs are learnt from.")
    batch_size: int = Field(default=16, ge=1, description="Pairs per step.")
    learning_rate: float | None = Field(default=None, gt=0, description="Default: that of the optimiser.")

    @model_validator(mode="after")
    def _half_and_half(self) -> Self:
        if self.pairs == 1:
            raise ValueError("pairs is 1, but half of them are with a like answer; give 0, 2 or more")
        return self


class Teacher(Part):
    """Trained models whose answers are learnt beside the labels, or instead of them."""

    models: Files = Field(min_length=1, description="Model folders; of several the mean answer is learnt.")
    text: Files = Field(default=[], description="Files of texts without labels, to learn the answers of as well.")
    weight: float = Field(default=0.7, ge=0, le=1, description="Share of the answers in the loss; the rest is labels'.")
    temperature: float = Field(default=2.0, gt=0, description="Logits are divided by it; above 1 small scores count.")
    hidden: float = Field(default=0.0, ge=0, description="Factor of the difference of hidden states.")
    attention: float = Field(default=0.0, ge=0, description="Factor of the difference of attention weights.")


def as_teacher(value: Any) -> Any:
    """Return model folders as the part that they are short for."""
    return {"models": value} if isinstance(value, (str, Path, list)) else value


class Semi(BaseModel):
    """Texts without labels, and the method that learns from them with its own settings (see its docstring)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    method: str = Field(description=f"One of {', '.join(SEMI)}.")
    text: Files = Field(min_length=1, description="Files of texts without labels.")
    views: Annotated[list[AugmentMethod], BeforeValidator(as_named_list)] = Field(
        default=[], description="Augmentation that writes texts in other words; all methods, one after the other."
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_name(self.method, SEMI, "semi method")
        return self


def as_semi(value: Any) -> Any:
    """Return the name of a method as the part that it is short for."""
    return {"method": value} if isinstance(value, str) else value


class SearchRange(Part):
    """Numbers between which a search draws."""

    low: float
    high: float
    log: bool = Field(default=False, description="Draw the logarithm evenly; for rates.")
    step: float | None = Field(default=None, gt=0, description="Draw low, low + step, low + 2 step ... only.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} must lie below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g} must be above 0 to draw its logarithm")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other; give one, or a list of values")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether it draws whole numbers: both ends and the step, which must be given, are."""
        return self.step is not None and all(each.is_integer() for each in (self.low, self.high, self.step))

    def examples(self) -> list[float]:
        """Return both ends and, where any number is drawn, one between them."""
        if self.is_whole:
            return [int(self.low), int(self.high)]
        return [self.low, self.low + (self.high - self.low) / 3.14, self.high]


def _as_range(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SearchRange.model_validate(value)
    if not isinstance(value, (list, SearchRange)):
        raise ValueError("expected a list of values, or low and high")
    if isinstance(value, list) and len(value) < 2:
        raise ValueError("a list to search in needs two values or more")
    return value


SearchSpace = dict[str, Annotated[SearchRange | list[Any], BeforeValidator(_as_range)]]
"""Dotted key -> where its values are searched."""
