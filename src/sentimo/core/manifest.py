"""Manifests: what a bundle says of itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import RESERVED_NAMES
from sentimo.errors import BundleError, InputError

Backend = Literal["onnx", "linear", "torch", "adapter", "lexicon", "ensemble"]


@dataclass(frozen=True)
class TaskSpec:
    """One task of a bundle.

    Attributes:
        name: The task's name, the key of its answers.
        space: Its labels.
        temperature: Logits are divided by it before softmax or sigmoid (Guo et al. 2017), > 0.
        thresholds: Multi-label: the score from which each label is given. None means 0.5.
    """

    name: str
    space: LabelSpace
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"a task is called {self.name!r}; expected a word")
        if not 0 < self.temperature < math.inf:
            raise InputError(f"task {self.name!r}: temperature {self.temperature}; expected a number above 0")
        if self.thresholds is not None and len(self.thresholds) != len(self.space):
            raise InputError(
                f"task {self.name!r}: {len(self.thresholds)} thresholds for {len(self.space)} labels; expected one each"
            )
        if not all(0 <= cut <= 1 for cut in self.thresholds or ()):
            raise InputError(f"task {self.name!r}: thresholds {self.thresholds}; expected numbers from 0 to 1")

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        cuts = list(self.thresholds) if self.thresholds is not None else None
        return {"name": self.name, "space": self.space.to_dict(), "temperature": self.temperature, "thresholds": cuts}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskSpec:
        """Build a task from what `to_dict` gave."""
        cuts = data.get("thresholds")
        return cls(
            name=data["name"],
            space=LabelSpace.from_dict(data["space"]),
            temperature=float(data.get("temperature", 1.0)),
            thresholds=tuple(float(cut) for cut in cuts) if cuts is not None else None,
        )


@dataclass(frozen=True)
class Manifest:
    """What a bundle is.

    Attributes:
        name: Name shown with every answer.
        backend: What runs it.
        languages: Languages it was trained for, such as ("en",).
        tasks: Its tasks, in order.
        max_tokens: Most tokens read at once, special tokens included; longer texts are read in windows.
        settings: What the backend needs besides, plain JSON values.
        provenance: Where it comes from (base model, recipe, data, seed), plain JSON values.
    """

    name: str
    backend: Backend
    languages: tuple[str, ...]
    tasks: tuple[TaskSpec, ...]
    max_tokens: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        words = (self.name, *self.languages)
        if not all(isinstance(word, str) for word in words):
            raise InputError(f"name and languages are {words}; expected words")
        names = [task.name for task in self.tasks]
        if not names or len(set(names)) != len(names):
            raise InputError(f"tasks {names}: expected at least one, each once")
        if taken := RESERVED_NAMES.intersection(names):
            raise InputError(f"a task cannot be called {', '.join(sorted(taken))}: every answer has a key of that name")
        if type(self.max_tokens) is not int or self.max_tokens < 1:
            raise InputError(f"max_tokens is {self.max_tokens!r}; expected a whole number, 1 or more")

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "name": self.name,
            "backend": self.backend,
            "languages": list(self.languages),
            "tasks": [task.to_dict() for task in self.tasks],
            "max_tokens": self.max_tokens,
            "settings": dict(self.settings),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """Build a manifest from what `to_dict` gave."""
        if data["backend"] not in get_args(Backend):
            raise BundleError(f"unknown backend {data['backend']!r}; this version runs {', '.join(get_args(Backend))}")
        return cls(
            name=data["name"],
            backend=data["backend"],
            languages=tuple(data["languages"]),
            tasks=tuple(TaskSpec.from_dict(task) for task in data["tasks"]),
            max_tokens=data["max_tokens"],
            settings=dict(data.get("settings", {})),
            provenance=dict(data.get("provenance", {})),
        )
