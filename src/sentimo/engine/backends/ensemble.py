"""Several models in one bundle, whose scores are combined. Each is a bundle of its own in the folder ``members``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle
from sentimo.core.manifest import TaskSpec
from sentimo.engine.backends import Prepared, Window
from sentimo.engine.calibration import logits_of
from sentimo.engine.ensemble import SETTING, Combination, label_order, member_cuts, member_scores
from sentimo.engine.predictor import Predictor
from sentimo.engine.work import Work
from sentimo.errors import BundleError


class EnsembleBackend:
    """Asks every member in turn, each on all cores and in windows of its own, and combines what they say of a text.

    `prepare` asks, `run` combines: a text is one window, however long it is.

    Args:
        members: The models.
        tasks: The tasks of the ensemble, which all members have.
        combinations: Task -> how the members' scores become one.
    """

    streams = 1  # each member keeps all cores busy

    def __init__(
        self, members: Sequence[Predictor], tasks: Sequence[TaskSpec], combinations: dict[str, Combination]
    ) -> None:
        self.members, self._tasks, self._combinations = tuple(members), tuple(tasks), combinations
        self._orders, self._cuts = {}, {}
        for task in tasks:
            specs = [next(spec for spec in each.tasks if spec.name == task.name) for each in members]
            self._orders[task.name] = [
                label_order("the ensemble", task.space, model.model.name, spec.space, task.name)
                for model, spec in zip(members, specs, strict=True)
            ]
            self._cuts[task.name] = member_cuts(specs, self._orders[task.name])

    @classmethod
    def open(
        cls, bundle: Bundle, *, max_windows: int | None = None, base: str | Path | None = None, **how: Any
    ) -> Self:
        """Open all members.

        Args:
            bundle: The ensemble.
            max_windows: Most windows that a member reads of one text; None reads all.
            base: Folder of the base of members that are adapters; None looks where it lay when the ensemble was made,
                then as any adapter does.
            how: What else `Predictor.load` takes.

        Raises:
            BundleError: a member is damaged or another one, or the settings do not fit the members.
        """
        try:
            about = bundle.manifest.settings[SETTING]
            members = [_open(bundle, each, base, max_windows=max_windows, **how) for each in about["members"]]
            combinations = {
                task.name: Combination.from_dict(about["tasks"][task.name], len(members), len(task.space))
                for task in bundle.manifest.tasks
            }
            return cls(members, bundle.manifest.tasks, combinations)
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
            raise BundleError(f"{bundle.path}: the setting {SETTING!r} does not fit its members: {error!r}") from error

    @property
    def identity(self) -> tuple[Any, ...]:
        """What the members' answers depend on, see `Predictor.identity`."""
        return tuple(known for each in self.members for known in each.identity)

    @property
    def work(self) -> Work:
        """What the members have done; texts are counted by whoever asked the ensemble."""
        return replace(sum((each.work for each in self.members), Work()), n_texts=0, n_duplicates=0)

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Ask all members. The features of a text are the scores of all members, task after task, as one row."""
        answers = [each.predict(texts) for each in self.members]
        found = [member_scores(answers, task.name, self._orders[task.name]) for task in self._tasks]
        rows = np.concatenate([each.transpose(1, 0, 2).reshape(len(texts), -1) for each in found], axis=1)
        tokens = np.max([each.tokens for each in answers], axis=0).tolist()
        shares = np.array([each.coverage for each in answers])
        coverage = np.where((shares > 0).any(axis=0), np.where(shares > 0, shares, 1.0).min(axis=0), 0.0).tolist()
        # Combining costs no tokens: the members have counted those they read.
        return [
            Prepared((Window(0, len(text), 1.0, row, 0),) if n else (), n, share)
            for text, row, n, share in zip(texts, rows, tokens, coverage, strict=True)
        ]

    def run(self, features: Sequence[NDArray[np.float64]]) -> dict[str, NDArray[np.float32]]:
        """Return task -> logits (len(features), n_labels)."""
        rows, start, logits = np.stack(features), 0, {}
        for task in self._tasks:
            end = start + len(self.members) * len(task.space)
            scores = rows[:, start:end].reshape(len(rows), len(self.members), -1).transpose(1, 0, 2)
            combined = self._combinations[task.name](task.space, scores, self._cuts[task.name])
            logits[task.name] = logits_of(task.space, combined).astype(np.float32)
            start = end
        return logits

    run_beside = run


def _open(bundle: Bundle, about: dict[str, Any], base: str | Path | None, **how: Any) -> Predictor:
    folder = bundle.path / about["folder"]
    if base is None and about.get("base") and (bundle.path / about["base"]).is_dir():
        base = bundle.path / about["base"]
    try:
        member = Predictor.load(folder, base=base, **how)
    except BundleError as error:
        raise BundleError(f"member {about['name']} of an ensemble: {error}") from error
    if member.model.digest != about["digest"]:
        raise BundleError(
            f"{folder} is the model {member.model.digest[:12]}…; the ensemble was made with {about['digest'][:12]}…"
        )
    return member
