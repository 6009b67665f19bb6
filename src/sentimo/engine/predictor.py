"""One bundle that answers texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId, Prediction, Predictions
from sentimo.core.trace import Fired
from sentimo.engine.answers import Answers, listed, readable
from sentimo.engine.backends import Backend, Window, open_backend
from sentimo.engine.batching import batches, in_turns, look_ahead
from sentimo.engine.cache import ResultCache
from sentimo.engine.calibration import calibrated
from sentimo.engine.certainty import unsure
from sentimo.engine.overrides import Overrides, overrides_of
from sentimo.engine.runtime import Runtime, choose_runtime
from sentimo.engine.work import Work

BATCH_TOKENS, BATCH_ITEMS = 512, 256
"""Size of a batch. Tweets per CPU-second (MiniLM-L6, fp32, one thread per batch, Zen 3): 130 with 256 tokens, 128 with
512, 119 with 1,024, 99 with 2,048, 87 with 4,096. Large batches fall out of the caches and hold more padding."""

__all__ = ["BATCH_ITEMS", "BATCH_TOKENS", "Predictor", "Predicts", "readable"]

Scores = dict[str, NDArray[np.float32]]


class Predicts(Protocol):
    """What answers a list of texts: a `Predictor`, an `Analyzer`, or anything else that can be judged or run."""

    def predict(self, texts: Sequence[str], /) -> Predictions:
        """Return one answer per text, in order."""
        ...


class Predictor:
    """Answers texts with one model.

    The order of the texts is kept, and one bad text never ends a call: its row carries an error instead of scores.
    Equal texts in a call are run once. Several threads may ask one predictor.

    Args:
        backend: What runs the model.
        tasks: Its tasks.
        model: Its name and digest.
        exact: Opens what runs it more exactly, when that is first needed; for a fast `backend`.
        rerun_below: Task -> margin (`sentimo.engine.certainty`) below which `exact` is asked instead.
        cache_bytes: Memory for answers kept between calls; 0 keeps none. The scores of a text depend in their last
            bits (about 1e-6) on the texts it shares a batch with: with a cache on what was asked before, without one
            on the texts of the call alone, so that the same call gives the same bits.
        rules: Rules of the user that move the answers; None costs nothing.
    """

    def __init__(
        self,
        backend: Backend,
        tasks: Sequence[TaskSpec],
        model: ModelId,
        *,
        exact: Callable[[], Backend] | None = None,
        rerun_below: Mapping[str, float] | None = None,
        cache_bytes: int = 0,
        rules: Overrides | None = None,
    ) -> None:
        self._backend, self.tasks, self.model = backend, tuple(tasks), model
        self._open_exact, self._rerun_below = exact, rerun_below or {}
        self._cache = ResultCache(cache_bytes) if cache_bytes else None
        self.spaces: Mapping[str, LabelSpace] = {task.name: task.space for task in tasks}
        self._rules = rules
        if rules is not None:
            rules.check(self.spaces)
        self.bundle: Bundle | None = None
        self.runtime: Runtime | None = None
        self._max_windows: int | None = None
        self._work, self._counting, self._opening = Work(), Lock(), Lock()
        self._exact_backend: Backend | None = None

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        max_windows: int | None = None,
        backend: str | None = None,
        precision: str | None = None,
        cache_bytes: int = 0,
        base: str | Path | None = None,
        rules: Overrides | str | Path | None = None,
    ) -> Self:
        """Open a bundle.

        Args:
            path: Its folder.
            max_windows: Most windows read of one text; the rest is left out and `coverage` says so. None reads all.
            backend, precision: See `choose_runtime`.
            cache_bytes: Memory for answers kept between calls.
            base: Folder of the base, for an adapter that does not find it by itself; other models need none.
            rules: Rules of the user that move the answers (`sentimo.engine.overrides`), or their file.

        Raises:
            BundleError: there is no bundle, or it is damaged, too new or not trusted, or its base is another one.
            InputError: max_windows is below 1, there is no such backend or precision, or a rule is wrong.
            MissingExtraError: the backend is not installed.
        """
        bundle = Bundle.open(path)
        runtime = choose_runtime(bundle, backend, precision)

        of_base: dict[str, Any] = {"base": base} if runtime.backend in ("adapter", "ensemble") else {}
        if runtime.backend == "ensemble":
            of_base |= {"backend": backend, "precision": precision}

        def opened(**how: Any) -> Backend:
            return open_backend(bundle, runtime.backend, max_windows=max_windows, **of_base, **how)

        predictor = cls(
            opened(**runtime.how),
            bundle.manifest.tasks,
            ModelId(bundle.manifest.name, bundle.digest),
            exact=opened if runtime.fast_graph else None,
            rerun_below=runtime.rerun_below,
            cache_bytes=cache_bytes,
            rules=overrides_of(rules),
        )
        predictor.bundle, predictor.runtime = bundle, runtime
        predictor._max_windows = max_windows
        return predictor

    def __getstate__(self) -> dict[str, Any]:
        """Leave the locks out: they cannot be pickled. A network of torch can (`SentimoClassifier`), a graph cannot."""
        return {name: value for name, value in vars(self).items() if name not in ("_counting", "_opening")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _counting=Lock(), _opening=Lock())

    @property
    def identity(self) -> tuple[Mapping[str, str], ...]:
        """What its answers depend on, to the last bit, as what -> how it is; one mapping for each model."""
        opened = {"max_windows": str(self._max_windows), **self.runtime.identity} if self.runtime else {}
        ruled = {"rules": self._rules.digest} if self._rules else {}
        return ({"model": self.model.digest, **opened, **ruled}, *getattr(self._backend, "identity", ()))

    @property
    def work(self) -> Work:
        """What it has done so far."""
        return self._work + getattr(self._backend, "work", Work())

    def analyze(self, text: str) -> Prediction:
        """Answer one text."""
        prediction: Prediction = self.predict([text])[0]
        return prediction

    def predict(self, texts: Sequence[str]) -> Predictions:
        """Answer many texts, in the order given.

        Raises:
            InputError: `texts` is one string. A list of one is meant: ``predict([text])``.
        """
        answers = Answers(self.tasks, self.model, listed(texts))
        new = answers.recall(self._cache)
        with ThreadPoolExecutor(self._backend.streams) as streams:  # starts no thread before it has work
            try:
                in_turns(self._fill(answers, rows, streams) for rows in look_ahead(answers.texts, new))
            finally:
                streams.shutdown(cancel_futures=True)  # Ctrl-C: batches that have not begun are dropped
        self._count(n_texts=len(answers.texts), n_duplicates=answers.n_duplicates)
        found = answers.finish()
        return self._rules.apply(found) if self._rules else found

    def explain_rules(self, text: str) -> tuple[Fired, ...]:
        """Return what a lexicon model found in a text, rule by rule; empty for any other model."""
        read = getattr(self._backend, "trace", None)
        return read(readable(text)[0]) if read else ()

    def attention(self, text: str) -> dict[str, list[tuple[int, int, float]]]:
        """Return where the attention heads of the model look in a text: where, not a proof of why.

        Returns:
            Task -> (start, end, weight) per token, offsets in characters, weights in [0, 1] that add up to 1 in a
            window together with its special tokens. A token in the overlap of two windows occurs twice. Tasks with
            another head, and models without any attention head, have none.
        """
        look = getattr(self._exact, "attention", None)
        return look(readable(text)[0]) if look else {}

    @property
    def _exact(self) -> Backend:
        """What runs the model exactly: opened when it is first needed, so that a sure answer does not wait for it."""
        with self._opening:
            if self._exact_backend is None:
                self._exact_backend = self._open_exact() if self._open_exact else self._backend
            return self._exact_backend

    def _fill(self, answers: Answers, rows: Sequence[int], streams: ThreadPoolExecutor) -> Iterator[None]:
        """Answer a part of the texts; yields while others compute (see `in_turns`)."""
        prepared = self._backend.prepare([answers.texts[row] for row in rows])
        windows = [window for each in prepared for window in each.windows]
        scores = {task.name: np.empty((len(windows), len(task.space)), np.float32) for task in self.tasks}
        running = self._start(self._backend, windows, range(len(windows)), scores, streams)
        yield
        _wait(running)
        if self._rerun_below:
            again = np.flatnonzero(unsure(self.tasks, scores, self._rerun_below))
            owner = np.repeat(np.arange(len(prepared)), [len(each.windows) for each in prepared])
            self._count(n_rerun=len(np.unique(owner[again])))
            running = self._start(self._exact, windows, again.tolist(), scores, streams) if len(again) else []
            yield
            _wait(running)
        answers.put(rows, prepared, scores)
        if self._cache is not None:
            answers.remember(rows, self._cache)

    def _start(
        self,
        backend: Backend,
        windows: Sequence[Window],
        which: Sequence[int],
        scores: Scores,
        streams: ThreadPoolExecutor,
    ) -> list[Future[None]]:
        """Run windows, their scores going into their rows of `scores`; a single batch is run here and now."""
        most = getattr(backend, "batch_tokens", BATCH_TOKENS)  # a GPU takes more
        plan = list(batches([windows[each].length for each in which], most, BATCH_ITEMS))
        run = backend.run if len(plan) == 1 or backend.streams == 1 else backend.run_beside
        jobs = [(run, windows, [which[each] for each in batch], scores) for batch in plan]
        if len(jobs) > 1:
            getattr(backend, "prepare_beside", lambda: None)()  # where that takes something
            return [streams.submit(self._run, *job) for job in jobs]
        for job in jobs:
            self._run(*job)
        return []

    def _run(self, run: Callable[..., Any], windows: Sequence[Window], batch: list[int], scores: Scores) -> None:
        lengths = [windows[each].length for each in batch]
        self._count(n_tokens=sum(lengths), n_slots=len(lengths) * max(lengths))
        logits = run([windows[each].features for each in batch])
        for task in self.tasks:
            scores[task.name][batch] = calibrated(task.space, logits[task.name], task.temperature)

    def _count(self, **counts: int) -> None:
        with self._counting:
            self._work += Work(**counts)


def _wait(running: Iterable[Future[None]]) -> None:
    for each in running:
        each.result()
