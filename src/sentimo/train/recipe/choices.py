"""Choices of a recipe by name: what stands behind a key is a name, or a mapping with the name and its own settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sentimo.data.augment import AUGMENTERS
from sentimo.errors import did_you_mean
from sentimo.train.adapt import ADAPTERS
from sentimo.train.averages import AVERAGES
from sentimo.train.heads import HEADS
from sentimo.train.objectives import OBJECTIVES, WRAPPERS
from sentimo.train.track import TRACKERS


def as_list(value: Any) -> Any:
    """Return a single value as a list."""
    return [value] if isinstance(value, (str, Path)) else value


def as_part(value: Any) -> Any:
    """Return what `true` and `false` mean for a part: its defaults, and none."""
    if isinstance(value, str):
        raise ValueError(f"expected true, false or a mapping of its settings, not {value!r}")
    return {} if value is True else None if value is False else value


def as_named(value: Any) -> Any:
    """Return a name alone as a part with that name."""
    return {"name": value} if isinstance(value, str) else value


def as_named_list(value: Any) -> Any:
    """Return a name, a part, or a list of them as a list of parts."""
    return [as_named(each) for each in (value if isinstance(value, (list, tuple)) else [value])]


Files = Annotated[list[Path], BeforeValidator(as_list)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class Part(BaseModel):
    """A part of a recipe that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class Choice(BaseModel):
    """A name out of a catalogue, and settings of what it names beside it (see the docstring there)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    catalogue: ClassVar[Mapping[str, Any]]
    what: ClassVar[str]
    name: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_name(self.name, self.catalogue, self.what)
        return self


class HeadChoice(Choice):
    """Which head."""

    catalogue, what = HEADS, "head"
    name: str = "linear"

    @property
    def is_plain(self) -> bool:
        """Whether it is the linear head without settings."""
        return self.name == "linear" and not self.model_extra


class ObjectiveChoice(Choice):
    """Which objective of a task; ``weight: balanced`` weighs labels by rarity."""

    catalogue, what = OBJECTIVES, "objective"

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.name in WRAPPERS:
            raise ValueError(f"objective {self.name!r} works around all tasks; give it beside `tasks`, not within")
        check_name(self.name, self.catalogue, self.what)
        return self


class WrapperChoice(Choice):
    """Which wrapper around the objectives of all tasks."""

    catalogue, what = WRAPPERS, "objective"

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.name in OBJECTIVES:
            around = ", ".join(WRAPPERS)
            raise ValueError(f"objective {self.name!r} is that of a task; give it in `tasks`. Around all: {around}")
        check_name(self.name, self.catalogue, self.what)
        return self


class AdaptChoice(Choice):
    """Which adaptation of the encoder."""

    catalogue, what = ADAPTERS, "adaptation"


class AverageChoice(Choice):
    """Which average of the weights along a run."""

    catalogue, what = AVERAGES, "average"


class TrackerChoice(Choice):
    """Which tracker."""

    catalogue, what = TRACKERS, "tracker"


class AugmentMethod(Choice):
    """Which method of augmentation."""

    catalogue, what = AUGMENTERS, "augment method"


def check_name(name: str, known: Mapping[str, Any], what: str) -> None:
    """Raise ValueError, with the nearest known name, for one that is not known."""
    if name not in known:
        raise ValueError(f"{what} {name!r} is not known ({', '.join(known)}).{did_you_mean(name, known)}")
