"""One bundle on this machine: throughput, latency, start-up, share of the peak, and a rival beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sentimo.core.bundle import Bundle
from sentimo.core.predictions import POLARITY, Predictions
from sentimo.engine.predictor import Predictor
from sentimo.engine.runtime import Runtime
from sentimo.engine.work import Work
from sentimo.errors import SentimoError
from sentimo.evaluate.speed.fresh import FreshRun, run_fresh, typical
from sentimo.evaluate.speed.peak import MatrixPeak
from sentimo.evaluate.speed.profile import Profile, profile
from sentimo.evaluate.speed.rounds import (
    Clock,
    Contender,
    Lap,
    Spread,
    lap,
    latency,
    one_by_one,
    spread_out,
    times_faster,
)

N_ROUNDS = 5
RIVAL_BATCHES = (8, 32, 64)
_N_PROBED = 64  # texts that say how fast a contender is about
_FEWEST_IN_BULK = 256
_N_PROFILED = 200
_N_COMPARED = 300  # texts whose labels are compared with those of the rival
_N_SINGLE = 400
_BULK = 0.8  # share of the time that goes to throughput; the rest to single texts


class Rival(Protocol):
    """The same network in another program."""

    has_weights: bool
    """Whether it has the same weights too, so that labels can be compared."""

    def answer(self, texts: Sequence[str], batch_size: int = 1) -> object:
        """Answer texts from strings to labels."""
        ...

    def fresh_command(self, text: str) -> list[str]:
        """Return a command that answers one text in a new process."""
        ...


@dataclass
class Measured:
    """What was measured of one contender; None or empty: not (yet).

    Attributes:
        laps: One per round.
        single: One per single text.
        start: A fresh process that answers one text.
        work: What our engine did in one lap: tokens run, padding, texts that repeat, texts asked again.
        peak_shares: Share of the measured matrix peak, per round.
        agreement: Task -> share of texts with the same answer as the network in fp32.
    """

    name: str
    laps: list[Lap] = field(default_factory=list)
    single: list[Lap] = field(default_factory=list)
    start: FreshRun | None = None
    work: Work | None = None
    peak_shares: dict[str, list[float]] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)

    @property
    def n_run(self) -> int:
        """Tokens that the model read in a lap: of our engine without copies, with overlaps and what was asked again."""
        return self.work.n_tokens if self.work else self.laps[0].n_tokens

    def to_dict(self, ours: Measured) -> dict[str, Any]:
        """Return a plain dictionary for JSON.

        Args:
            ours: The first contender, which the others are compared with.
        """
        rates = {
            "texts_per_second": [each.n_texts / each.seconds for each in self.laps],
            "tokens_per_second": [self.n_run / each.seconds for each in self.laps],
            "texts_per_cpu_second": [each.n_texts / each.cpu_seconds for each in self.laps if each.cpu_seconds],
        }
        compared = self is not ours and self.laps
        return {
            "name": self.name,
            "n_texts": self.laps[0].n_texts if self.laps else 0,
            **{name: Spread.of(values).to_dict() if values else None for name, values in rates.items()},
            "sentimo_times_faster": times_faster(ours.laps, self.laps).to_dict() if compared else None,
            "work": _shares(self.work) if self.work else None,
            "peak_share": {name: Spread.of(values).to_dict() for name, values in self.peak_shares.items()},
            "latency": latency(self.single) if self.single else None,
            "start": self.start.to_dict() if self.start else None,
            "agreement": self.agreement or None,
        }


class Bench:
    """Measures one bundle. `run` may be stopped at any time; `to_dict` tells what is there.

    Args:
        folder: The bundle.
        texts: Texts to answer, at least one.
        seconds: About how long throughput and latency are measured; opening, warming up and start-up come on top.
        open_rival: Opens the same network in another program, or raises SentimoError to say why it cannot.
        on_step: Called with what is being done.
    """

    def __init__(
        self,
        folder: str | Path,
        texts: Sequence[str],
        *,
        seconds: float = 30.0,
        open_rival: Callable[[Bundle], Rival] | None = None,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._folder, self._texts, self._seconds = Path(folder), list(texts), seconds
        self._open_rival, self._on_step = open_rival, on_step
        self._rival: Rival | None = None
        self._contenders: list[Contender] = []
        self.bundle = Bundle.open(folder)
        self.measured: list[Measured] = []
        self.peaks: dict[str, list[float]] = {}
        self.runtime: Runtime | None = None
        self.profile: Profile | None = None
        self.notes: list[str] = []
        self.finished = False

    def run(self) -> None:
        """Measure everything."""
        name = self.bundle.manifest.name
        self._on_step(f"opening {name}")
        self._predictor = Predictor.load(self._folder)
        self.runtime = self._predictor.runtime
        self._add_ours()
        if self._open_rival is not None:
            self._on_step(f"opening the rival of {name}")
            self._add_rivals(self._open_rival)
        self._on_step(f"counting the operations of {name}")
        try:
            self.profile = profile(self._folder, spread_out(self._texts, _N_PROFILED))
        except Exception as reason:  # a figure beside the speed: whatever goes wrong there, the speed is measured
            self.notes.append(f"No share of the peak, no profile: {type(reason).__name__}: {reason}")
        self._race()
        self._on_step(f"{name}: one text at a time")
        # The two pipelines do the same with one text, so the first stands for both.
        singles = one_by_one(self._contenders[:2], _N_SINGLE, self._seconds * (1 - _BULK))
        for each in self.measured[:2]:
            each.single = singles[each.name]
        self._start_fresh()
        self._compare_labels()
        self.finished = True

    def to_dict(self) -> dict[str, Any]:
        """Return what was measured so far, for JSON."""
        manifest, ours = self.bundle.manifest, self._contenders[0] if self._contenders else None
        n_texts, n_tokens = (len(ours.texts), ours.n_tokens) if ours else (0, 0)
        return {
            "model": {"name": manifest.name, "digest": self.bundle.digest},
            "runtime": self.runtime.to_dict() if self.runtime else None,
            "texts": {"n": n_texts, "tokens_per_text": n_tokens / max(1, n_texts)},
            "matrix_peak": {name: Spread.of(values).to_dict() for name, values in self.peaks.items()},
            "operations_per_token": self.profile.operations_per_token if self.profile else None,
            "contenders": [each.to_dict(self.measured[0]) for each in self.measured],
            "profile": self.profile.to_dict() if self.profile else None,
            "notes": self.notes,
            "finished": self.finished,
        }

    @property
    def _backend(self) -> str:
        return self.runtime.backend if self.runtime else self.bundle.manifest.backend

    @property
    def _lap_seconds(self) -> float:
        """About how long one lap of a rival takes; ours takes twice as long."""
        return self._seconds * _BULK / N_ROUNDS / 4

    def _answer(self, texts: Sequence[str]) -> object:
        """Answer from strings to labels."""
        predictions = self._predictor.predict(texts)
        return predictions.tasks[_main_task(predictions)].decide()

    def _add_ours(self) -> None:
        speed = _texts_per_second(self._answer, spread_out(self._texts, _N_PROBED))
        # Half of a round is ours, whatever the number of rivals: the more texts at once, the less padding.
        texts = spread_out(self._texts, max(_FEWEST_IN_BULK, round(speed * self._lap_seconds * 2)))
        before, n_tokens = self._predictor.work, sum(self._tokens(texts))  # which warms up, too
        ours = Contender(f"sentimo, {self._backend}", self._answer, texts, n_tokens)
        self._contenders.append(ours)
        self.measured.append(Measured(ours.name, work=self._predictor.work - before))

    def _tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the length of each text in tokens, with the special tokens of one window."""
        settings = self.bundle.manifest.settings
        n_special = sum(len(settings.get(name, ())) for name in ("prefix", "suffix"))
        return [int(n) + n_special for n in self._predictor.predict(texts).tokens]

    def _add_rivals(self, open_rival: Callable[[Bundle], Rival]) -> None:
        try:
            rival = self._rival = open_rival(self.bundle)
        except SentimoError as reason:
            self.notes.append(f"No Hugging Face pipeline beside it: {reason}")
            return
        if not rival.has_weights:
            self.notes.append(
                "The bundle holds no torch weights: the pipeline runs the same network with random ones, which is as "
                "fast, but its labels cannot be compared."
            )
        ways = {size: partial(rival.answer, batch_size=size) for size in (1, *RIVAL_BATCHES)}
        probe = spread_out(self._texts, _N_PROBED)
        speeds = {size: _texts_per_second(way, probe if size > 1 else probe[::4]) for size, way in ways.items()}
        best = max(RIVAL_BATCHES, key=lambda size: speeds[size])
        for size, name in ((1, "pipeline"), (best, f"pipeline, batch {best}")):
            texts = spread_out(self._texts, max(size, round(speeds[size] * self._lap_seconds)))
            n_tokens = sum(min(n, self.bundle.manifest.max_tokens) for n in self._tokens(texts))  # the rest is cut off
            self._contenders.append(Contender(name, ways[size], texts, n_tokens))
            self.measured.append(Measured(name))

    def _race(self) -> None:
        """Run the rounds: every contender once, then the peak, until the rounds or the time are used up."""
        counted = self.profile.operations_per_token if self.profile else 0
        peak = MatrixPeak() if counted else None
        clock = Clock()
        for number in range(N_ROUNDS):
            if number and clock.read()[0] * (number + 1) / number > self._seconds * _BULK * 1.5:
                self.notes.append(f"{number} of {N_ROUNDS} rounds fitted into the time; --seconds gives them more.")
                break
            self._on_step(f"{self.bundle.manifest.name}: round {number + 1} of {N_ROUNDS}")
            for each, found in zip(self._contenders, self.measured, strict=True):
                found.laps.append(lap(each))
            for precision, rate in peak.measure().items() if peak else ():
                self.peaks.setdefault(precision, []).append(rate)
                for found in self.measured:
                    done = counted * found.n_run / found.laps[-1].seconds
                    found.peak_shares.setdefault(precision, []).append(done / rate)

    def _start_fresh(self) -> None:
        text = min(self._texts, key=len)
        self._on_step("starting fresh processes")
        ours = [sys.executable, "-m", "sentimo", "analyze", "--json", "--model", str(self._folder), "--", text]
        try:
            self.measured[0].start = typical([run_fresh(ours) for _ in range(3)])
            if self._rival is not None:
                self.measured[1].start = run_fresh(self._rival.fresh_command(text))
        except SentimoError as reason:
            self.notes.append(f"No start-up: {reason}")

    def _compare_labels(self) -> None:
        if self._rival is None or not self._rival.has_weights:
            return
        self._on_step("comparing labels with the network in fp32")
        texts = spread_out(self._texts, _N_COMPARED)
        expected = Predictor.load(self._folder, backend="torch").predict(texts)
        self.measured[0].agreement = same_labels(self._predictor.predict(texts), expected)


def _texts_per_second(answer: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    """Return about how fast a contender is, after a warm-up."""
    answer(texts[:8])
    clock = Clock()
    answer(texts)
    return len(texts) / clock.read()[0]


def same_labels(found: Predictions, expected: Predictions) -> dict[str, float]:
    """Return task -> share of texts with the same answer, in [0, 1]; scores are left out, they have no labels."""
    return {
        task: sum(a == b for a, b in zip(scores.decide(), expected.tasks[task].decide(), strict=True)) / len(found)
        for task, scores in found.tasks.items()
        if scores.space.kind != "score"
    }


def _shares(work: Work) -> dict[str, float]:
    """Return padding as a share of the slots, the other figures as shares of the texts."""
    counts = {"repeated": work.n_duplicates, "asked_again": work.n_rerun, "cheap": work.n_cheap}
    return {"padding": work.padding, **{name: n / work.n_texts for name, n in counts.items()}}


def _main_task(predictions: Predictions) -> str:
    return POLARITY if POLARITY in predictions.tasks else next(iter(predictions.tasks))
