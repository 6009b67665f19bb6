"""Recipes: every training choice, typed. A recipe that validates is complete; it is saved with the model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sentimo.core.labels import KINDS, MAPPINGS, SPACES, Kind
from sentimo.core.predictions import RESERVED_NAMES
from sentimo.data.augment import AUGMENTERS
from sentimo.data.bases import SHORT_NAMES
from sentimo.data.lexicons import FORMATS
from sentimo.data.reading import Reading
from sentimo.engine.networks import NETWORKS
from sentimo.errors import MissingExtraError, RecipeError, did_you_mean
from sentimo.train.adapt import ADAPTERS
from sentimo.train.averages import AVERAGES
from sentimo.train.heads import HEADS
from sentimo.train.objectives import DEFAULT_OBJECTIVE, OBJECTIVES, WRAPPERS
from sentimo.train.semi import SEMI
from sentimo.train.track import TRACKERS


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, (str, Path)) else value


def _as_part(value: Any) -> Any:
    return {} if value is True else None if value is False else value


def _as_named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _as_named_list(value: Any) -> Any:
    return [_as_named(each) for each in (value if isinstance(value, list) else [value])]


Files = Annotated[list[Path], BeforeValidator(_as_list)]
_Named = TypeVar("_Named", bound=BaseModel)
_TYPES = ("str", "list[str]", "dict[str,str]")  # pydantic names the type it tried as if it were a key
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class HeadChoice(BaseModel):
    """Which head, and its own settings beside the name (see its docstring)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = "linear"

    @property
    def is_plain(self) -> bool:
        """Whether it is the linear head without settings."""
        return self.name == "linear" and not self.model_extra

    @model_validator(mode="after")
    def _known(self) -> Self:
        _check_name(self.name, HEADS, "head")
        return self


class ObjectiveChoice(BaseModel):
    """Which objective, and its own settings beside the name; ``weight: balanced`` weighs labels by rarity."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.name in WRAPPERS:
            raise ValueError(f"objective {self.name!r} works around all tasks; give it beside `tasks`, not within")
        _check_name(self.name, OBJECTIVES, "objective")
        return self


class AdaptChoice(BaseModel):
    """Which adaptation of the encoder, and its own settings beside the name (see its docstring)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        _check_name(self.name, ADAPTERS, "adaptation")
        return self


class AverageChoice(BaseModel):
    """Which average of the weights along a run, and its own settings beside the name (see its docstring)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        _check_name(self.name, AVERAGES, "average")
        return self


class TrackerChoice(BaseModel):
    """Which tracker, and its own settings beside the name (see its docstring)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        _check_name(self.name, TRACKERS, "tracker")
        return self


class SearchRange(_Part):
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


class WrapperChoice(BaseModel):
    """Which wrapper around the objectives of all tasks, and its own settings beside the name."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.name in OBJECTIVES:
            around = ", ".join(WRAPPERS)
            raise ValueError(f"objective {self.name!r} is that of a task; give it in `tasks`. Around all: {around}")
        _check_name(self.name, WRAPPERS, "objective")
        return self


class TaskRecipe(_Part):
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
    head: Annotated[HeadChoice, BeforeValidator(_as_named)] = Field(default_factory=HeadChoice)
    objective: Annotated[ObjectiveChoice | None, BeforeValidator(_as_named)] = Field(
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
                _check_name(name, known, what)
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


class Optimiser(_Part):
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


class Schedule(_Part):
    """How the learning rate moves over the run."""

    name: Literal["linear", "cosine", "constant"] = "linear"
    warmup: Share = Field(default=0.06, description="Share of all steps over which the rate rises from 0.")


class EarlyStopping(_Part):
    """When to stop before the last epoch. The best weights are kept either way."""

    metric: str = Field(default="main", description="Dev figure to watch, `main` or `<task>.<figure>`.")
    patience: int = Field(default=2, ge=1, description="Epochs without improvement before the run stops.")


class AugmentMethod(BaseModel):
    """Which method of augmentation, and its own settings beside the name (see its docstring)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        _check_name(self.name, AUGMENTERS, "augment method")
        return self


class Augment(_Part):
    """Training rows written anew. Rows of dev and test never are."""

    methods: list[Annotated[AugmentMethod, BeforeValidator(_as_named)]] = Field(
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


def _as_augment(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {"methods": [value]} if "name" in value else value
    return {"methods": _as_list(value)} if isinstance(value, (str, list, tuple)) else value


class ScratchEncoder(_Part):
    """An encoder without pre-training, `base: bilstm` or `base: textcnn`."""

    width: int = Field(default=128, ge=1, description="Of the token vectors; a file of vectors has its own.")
    hidden: int = Field(default=256, ge=2, description="Width of the output: both directions, or all filters.")
    layers: int = Field(default=1, ge=1, description="LSTMs, or rows of filters, on top of each other.")
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


class KnowledgeChoice(_Part):
    """Words of feeling and rules that a network is told of beside the tokens."""

    name: Literal["lexicon"] = "lexicon"
    built_in: bool = Field(default=True, description="Use the words that come with Sentimo.")
    file: Path | None = Field(default=None, description="Words of your own; where both have a word, these count.")
    format: str | None = Field(default=None, description=f"One of {', '.join(FORMATS)}. Default: seen from the file.")
    language: Literal["en", "zh"] | None = Field(default=None, description="Of the file. Default: seen from it.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.format is not None:
            _check_name(self.format, FORMATS, "lexicon format")
        if self.file is None and not self.built_in:
            raise ValueError("built_in false leaves no word; give a file")
        return self


class FewShot(_Part):
    """Pairs of rows teach the encoder before the heads learn; for 8 to 64 rows per label."""

    pairs: int = Field(default=40, ge=2, description="Pairs per row: half with a like answer, half with another.")
    epochs: int = Field(default=1, ge=1, description="Times all pairs are learnt from.")
    batch_size: int = Field(default=16, ge=1, description="Pairs per step.")
    learning_rate: float | None = Field(default=None, gt=0, description="Default: that of the optimiser.")


class Teacher(_Part):
    """Trained models whose answers are learnt beside the labels, or instead of them."""

    models: Files = Field(min_length=1, description="Model folders; of several the mean answer is learnt.")
    text: Files = Field(default=[], description="Files of texts without labels, to learn the answers of as well.")
    weight: float = Field(default=0.7, ge=0, le=1, description="Share of the answers in the loss; the rest is labels'.")
    temperature: float = Field(default=2.0, gt=0, description="Logits are divided by it; above 1 small scores count.")
    hidden: float = Field(default=0.0, ge=0, description="Factor of the difference of hidden states.")
    attention: float = Field(default=0.0, ge=0, description="Factor of the difference of attention weights.")


def _as_teacher(value: Any) -> Any:
    return {"models": value} if isinstance(value, (str, Path, list)) else value


class Semi(BaseModel):
    """Texts without labels, and the method that learns from them with its own settings (see its docstring)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    method: str = Field(description=f"One of {', '.join(SEMI)}.")
    text: Files = Field(min_length=1, description="Files of texts without labels.")
    views: list[Annotated[AugmentMethod, BeforeValidator(_as_named)]] = Field(
        default=[], description="Augmentation that writes texts in other words; all methods, one after the other."
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        _check_name(self.method, SEMI, "semi method")
        return self


def _as_semi(value: Any) -> Any:
    return {"method": value} if isinstance(value, str) else value


class Recipe(_Part):
    """A training run."""

    name: str = Field(default="model", description="Name of the model, shown with every answer.")
    base: str = Field(
        default="minilm",
        min_length=1,
        description="`minilm`, `zh-small`, a Hugging Face hub id, a folder; untrained: `bilstm`, `textcnn`.",
    )
    encoder: ScratchEncoder | None = Field(
        default=None, description="Settings of an encoder without pre-training; with base bilstm and textcnn only."
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
    epochs: float = Field(default=3.0, gt=0)
    batch_size: int = Field(default=32, ge=1, description="Texts per step of the optimiser.")
    micro_tokens: int = Field(
        default=2048, ge=8, description="Most tokens, padding included, in memory at once; batches are split to fit."
    )
    optimiser: Annotated[Optimiser, BeforeValidator(_as_named)] = Optimiser()
    schedule: Annotated[Schedule, BeforeValidator(_as_named)] = Schedule()
    early_stopping: EarlyStopping = EarlyStopping()
    few_shot: Annotated[FewShot | None, BeforeValidator(_as_part)] = Field(
        default=None, description="Learn from few rows through pairs of them: true, or settings."
    )
    objective: Annotated[list[WrapperChoice], BeforeValidator(_as_named_list)] = Field(
        default=[],
        description=f"Around the objectives of all tasks, the outermost first: any of {', '.join(WRAPPERS)}.",
    )
    teacher: Annotated[Teacher | None, BeforeValidator(_as_teacher)] = Field(
        default=None, description="One or several model folders to learn from."
    )
    semi: Annotated[Semi | None, BeforeValidator(_as_semi)] = Field(
        default=None, description=f"Learn from texts without labels too: {', '.join(SEMI)}. Default: labels alone."
    )
    dropout: Share | None = Field(default=None, description="In encoder and heads. Default: the base's own.")
    freeze: Literal["none", "embeddings", "encoder"] = Field(default="none", description="What does not learn.")
    train_last: int | None = Field(default=None, ge=1, description="Only the last k layers and the heads learn.")
    augment: Annotated[Augment | None, BeforeValidator(_as_augment)] = Field(
        default=None, description="Methods that write training rows anew, such as [synonym]. Default: none."
    )
    adapt: Annotated[AdaptChoice | None, BeforeValidator(_as_named)] = Field(
        default=None,
        description=f"Few weights learn beside the base: {', '.join(ADAPTERS)}. Default: all of the encoder learns.",
    )
    average: Annotated[AverageChoice | None, BeforeValidator(_as_named)] = Field(
        default=None,
        description=f"What is judged and kept is a mean of the weights along the run: {' or '.join(AVERAGES)}.",
    )
    save: Literal["model", "adapter"] = Field(
        default="model",
        description="`model`: whole, runs by itself. `adapter`: what `adapt` learnt; small, needs the base to run.",
    )
    knowledge: Annotated[KnowledgeChoice | None, BeforeValidator(_as_named)] = Field(
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
    track: Annotated[list[TrackerChoice], BeforeValidator(_as_named_list)] = Field(
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
        if self.save == "adapter" and self.adapt is None:
            raise ValueError("save adapter needs `adapt`, such as adapt: lora; without it all weights are new")
        if self.pooling == "native" and not all(task.head.is_plain for task in self.tasks):
            raise ValueError("pooling native has plain linear heads only; use mean, first or last beside another head")
        if self.pooling == "native" and self.knowledge is not None:
            raise ValueError("knowledge needs heads of our own; use pooling auto, mean, first or last")
        if self.encoder is not None and self.base not in NETWORKS:
            raise ValueError(f"encoder is for base {' or '.join(NETWORKS)}; base {self.base!r} has its own sizes")
        if self.encoder is not None and self.encoder.windows and self.base != "textcnn":
            raise ValueError("encoder.windows is for base textcnn")
        return self


_OPTIONAL_PARTS: Mapping[str, type[BaseModel]] = {
    "encoder": ScratchEncoder,
    "few_shot": FewShot,
    "knowledge": KnowledgeChoice,
    "semi": Semi,
}
"""Parts that a recipe may lack, by key: setting one of their keys brings them in."""


def load_recipe(path: str | Path) -> Recipe:
    """Read a YAML or JSON recipe. Paths in it are relative to the recipe's folder.

    Raises:
        RecipeError: no such file, not YAML, or `parse_recipe` refuses it.
    """
    path = Path(path)
    try:
        content = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    data = _parse(content, path)
    recipe = parse_recipe(data, where=str(path))
    return _moved(
        recipe, lambda each: path.parent / each.expanduser(), is_folder=lambda base: (path.parent / base).is_dir()
    )


def relative_to(recipe: Recipe, folder: Path) -> Recipe:
    """Return the recipe with its paths seen from a folder, so that it can be loaded from a file in there."""
    return _moved(recipe, lambda each: Path(os.path.relpath(each, folder)), is_folder=lambda base: Path(base).is_dir())


def _moved(recipe: Recipe, move: Callable[[Path], Path], is_folder: Callable[[str], bool]) -> Recipe:
    tasks = [
        task.model_copy(
            update={part: [move(each) for each in getattr(task, part)] for part in ("train", "dev", "test")}
        )
        for task in recipe.tasks
    ]
    short = (*SHORT_NAMES, *NETWORKS)
    base = str(move(Path(recipe.base))) if recipe.base not in short and is_folder(recipe.base) else recipe.base
    encoder = recipe.encoder
    if encoder is not None:
        vectors = encoder.vectors and move(encoder.vectors)
        encoder = encoder.model_copy(update={"vectors": vectors, "corpus": [move(each) for each in encoder.corpus]})
    knowledge = recipe.knowledge
    if knowledge is not None and knowledge.file is not None:
        knowledge = knowledge.model_copy(update={"file": move(knowledge.file)})
    augment = recipe.augment and _moved_augment(recipe.augment, move, is_folder)
    teacher = recipe.teacher and recipe.teacher.model_copy(
        update={part: [move(each) for each in getattr(recipe.teacher, part)] for part in ("models", "text")}
    )
    semi = recipe.semi and recipe.semi.model_copy(
        update={
            "text": [move(each) for each in recipe.semi.text],
            "views": _moved_methods(recipe.semi.views, move, is_folder),
        }
    )
    moved = {
        "tasks": tasks,
        "base": base,
        "encoder": encoder,
        "augment": augment,
        "knowledge": knowledge,
        "teacher": teacher,
        "semi": semi,
    }
    return recipe.model_copy(update=moved)


def _moved_augment(augment: Augment, move: Callable[[Path], Path], is_folder: Callable[[str], bool]) -> Augment:
    check = str(move(Path(augment.check))) if is_folder(augment.check) else augment.check
    return augment.model_copy(update={"methods": _moved_methods(augment.methods, move, is_folder), "check": check})


def _moved_methods(
    methods: Sequence[AugmentMethod], move: Callable[[Path], Path], is_folder: Callable[[str], bool]
) -> list[AugmentMethod]:
    def moved(key: str, value: Any) -> Any:
        if key == "dictionary":
            return [str(move(Path(each))) for each in _as_list(value)]
        return str(move(Path(value))) if isinstance(value, str) and is_folder(value) else value

    return [
        AugmentMethod(name=each.name, **{key: moved(key, value) for key, value in (each.model_extra or {}).items()})
        for each in methods
    ]


def parse_recipe(data: Any, where: str = "recipe") -> Recipe:
    """Check plain values as a recipe.

    Raises:
        RecipeError: names each wrong key or value, with the nearest known key.
    """
    if not isinstance(data, Mapping):
        raise RecipeError(f"{where}: expected keys and values at the top, found {type(data).__name__}")
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError("\n".join(f"{where}: {_sentence(each)}" for each in error.errors())) from error


def parse_augment(data: Any) -> Augment:
    """Check plain values as `augment:` of a recipe.

    Raises:
        RecipeError: names each wrong key or value, with the nearest known key.
    """
    try:
        return Augment.model_validate(_as_augment(data))
    except ValidationError as error:
        told = ({**each, "loc": ("augment", *each["loc"])} for each in error.errors())
        raise RecipeError("\n".join(map(_sentence, told))) from error


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return the recipe with some choices changed.

    Args:
        recipe: The recipe.
        settings: Dotted key -> value, such as ``{"optimiser.layer_decay": 0.9, "tasks.0.head": "attention"}``.

    Raises:
        RecipeError: an unknown key or a wrong value.
    """
    data: Any = recipe.model_dump(mode="json")
    for key, value in settings.items():
        place, *path = reversed(key.split("."))
        part = data
        for step in reversed(path):
            if isinstance(part, dict) and step in _OPTIONAL_PARTS and part.get(step) is None:
                part[step] = {}
            try:
                inner = part[int(step)] if isinstance(part, list) else part.setdefault(step, {})
            except (ValueError, IndexError, AttributeError):
                raise RecipeError(f"setting {key!r}: there is no {step!r}") from None
            if isinstance(part, dict):
                inner = part[step] = _as_named(inner)  # a name alone, as an earlier setting may have left it
            part = inner
        if not isinstance(part, dict):
            owner = ".".join(reversed(path))
            way_out = f"is not set; give it as a whole, as in {owner}={{name: ...}}" if part is None else "has no keys"
            raise RecipeError(f"setting {key!r}: {owner} {way_out}")
        part[place] = value
    return parse_recipe(data, where="settings")


def parse_setting(text: str) -> tuple[str, Any]:
    """Read ``KEY=VALUE``, such as ``optimiser.layer_decay=0.9``; the value is YAML.

    Raises:
        RecipeError: there is no "=", or the value is not YAML.
    """
    key, sign, value = text.partition("=")
    if not sign:
        raise RecipeError(f"setting {text!r}: expected KEY=VALUE, such as optimiser.layer_decay=0.9")
    yaml = _yaml()
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise RecipeError(f"setting {text!r}: {value!r} is not YAML. Put text with signs in quotes.") from None


def dump_recipe(recipe: Recipe) -> str:
    """Return the recipe as YAML, every choice spelled out."""
    return str(_yaml().safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def _parse(content: str, path: Path) -> Any:
    if path.suffix == ".json":
        try:
            return json.loads(content)
        except ValueError as error:
            raise RecipeError(f"{path}: not JSON: {error}") from error
    yaml = _yaml()
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not YAML: {error}") from error


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise MissingExtraError("reading a YAML recipe", "train") from None
    return yaml


def _check_name(name: str, known: Mapping[str, Any], what: str) -> None:
    if name not in known:
        raise ValueError(f"{what} {name!r} is not known ({', '.join(known)}).{did_you_mean(name, known)}")


def _sentence(error: Mapping[str, Any]) -> str:
    place = [each for each in error["loc"] if each not in _TYPES]
    name = ".".join(str(each) for each in place)
    if error["type"] == "extra_forbidden":
        known = _fields_at(place[:-1])
        otherwise = f" Known keys: {', '.join(known)}."
        return f"unknown key {name!r}.{did_you_mean(str(place[-1]), known, otherwise)}"
    if error["type"] == "missing":
        return f"{name!r} is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] != "value_error":  # our own sentences say what they found
        message += f", found {error['input']!r}"
    return f"{name}: {message}" if name else message


def _fields_at(place: Sequence[Any]) -> list[str]:
    parts: dict[str, type[BaseModel]] = {
        "tasks": TaskRecipe,
        "optimiser": Optimiser,
        "schedule": Schedule,
        "early_stopping": EarlyStopping,
        "augment": Augment,
        **_OPTIONAL_PARTS,
        "teacher": Teacher,
    }
    names = [each for each in place if isinstance(each, str)]
    return list((parts[names[-1]] if names and names[-1] in parts else Recipe).model_fields)
