"""Where the time of a bulk job goes: tokenising, padding, each kind of operator, the rest in Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sentimo.core.bundle import Bundle
from sentimo.core.predictions import ModelId
from sentimo.engine.backends import Backend, Prepared, open_backend
from sentimo.engine.backends.onnx import OnnxBackend
from sentimo.engine.predictor import Predictor
from sentimo.engine.runtime import choose_runtime
from sentimo.evaluate.speed.rounds import Clock

PRODUCTS, ATTENTION = "matrix products with weights", "attention products"
QUANTISING, SHAPES, OTHERS = "to and from 8 bit", "moving data", "element by element"
RUNTIME, PADDING = "runtime, between operators", "padding and handing over"
TOKENISING, MODEL, REST = "tokenising", "the model", "batching, calibration, answers (Python)"

_KINDS: Mapping[str, tuple[str, ...]] = {
    "softmax": ("Softmax",),
    "normalisation": ("LayerNormalization", "SkipLayerNormalization", "SimplifiedLayerNormalization", "ReduceMean"),
    "activation": ("Erf", "Gelu", "BiasGelu", "FastGelu", "QuickGelu", "Tanh", "Relu"),
    QUANTISING: ("DynamicQuantizeLinear", "QuantizeLinear", "DequantizeLinear"),
    SHAPES: (
        *("Transpose", "Reshape", "Concat", "Slice", "Gather", "GatherND", "GatherElements", "Expand", "Unsqueeze"),
        *("Squeeze", "Shape", "Cast", "Split", "Identity", "Range", "ReorderInput", "ReorderOutput"),
    ),
}
_KIND_OF = {operator: kind for kind, operators in _KINDS.items() for operator in operators}
_WHOLE_ATTENTION = ("Attention", "QAttention", "MultiHeadAttention")
_N_WARM = 64  # texts

Result = TypeVar("Result")


@dataclass(frozen=True)
class Part:
    """A part of the time of a bulk job.

    Attributes:
        name: What is done.
        seconds: Wall clock.
        n_operations: Multiplications and additions of its matrix products.
    """

    name: str
    seconds: float
    n_operations: int = 0


@dataclass(frozen=True)
class Profile:
    """Where the time of a bulk job went.

    Attributes:
        seconds: Wall clock of the whole job. The measuring itself slows it down a little.
        n_tokens: Tokens read, special tokens included.
        n_slots: The same with padding.
        parts: What it was spent on, the longest first.
    """

    seconds: float
    n_tokens: int
    n_slots: int
    parts: tuple[Part, ...]

    @property
    def operations_per_token(self) -> float:
        """Operations of the matrix products that one token costs; 0 where no graph told any."""
        return sum(part.n_operations for part in self.parts) / max(1, self.n_slots)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {**asdict(self), "operations_per_token": self.operations_per_token}


def profile(folder: str | Path, texts: Sequence[str]) -> Profile:
    """Open a bundle anew and let it answer texts, one batch after another: what each core does in a large job.

    Graphs that onnxruntime runs are split by kind of operator; what else runs a model counts as one part.

    Args:
        folder: The bundle.
        texts: What it answers; the first ones twice, to warm up.
    """
    bundle, sessions, spent = Bundle.open(folder), list[_Recorded](), {"prepare": 0.0, "run": 0.0}
    with TemporaryDirectory() as place:
        predictor = _timed(bundle, Path(place), sessions, spent)
        predictor.predict(texts[:_N_WARM])
        for session in sessions:
            session.n_warm = session.n_runs
        spent.update(prepare=0.0, run=0.0)
        before, clock = predictor.work, Clock()
        predictor.predict(texts)
        seconds, _ = clock.read()
        events = [event for session in sessions for event in session.events()]
        work = predictor.work - before
    parts = [
        Part(TOKENISING, spent["prepare"]),
        *_model_parts(events, spent["run"]),
        Part(REST, max(0.0, seconds - sum(spent.values()))),
    ]
    return Profile(seconds, work.n_tokens, work.n_slots, tuple(sorted(parts, key=lambda part: -part.seconds)))


def count_operations(arguments: Mapping[str, Any]) -> int:
    """Return the multiplications and additions of one run of an operator, from the shapes in its event; 0 for others.

    A product of (..., m, k) with (k, n) counts ``2 * m * k * n``, whatever its number format.
    """
    operator = arguments["op_name"]
    if operator in _WHOLE_ATTENTION:
        rows, tokens, width = _shapes(arguments["input_type_shape"])[0]
        inside = 4 * rows * tokens * tokens * width  # scores, and the weighted sum of the values
        return inside + (0 if operator == "MultiHeadAttention" else 6 * rows * tokens * width * width)
    if not _is_product(operator):
        return 0
    (left, *_), (result, *_) = _shapes(arguments["input_type_shape"]), _shapes(arguments["output_type_shape"])
    return 2 * prod(result) * left[-1]


def _shapes(tensors: Sequence[Mapping[str, list[int]]]) -> list[list[int]]:
    """Return the shapes in an event of onnxruntime: one ``{element type: shape}`` per tensor."""
    return [next(iter(each.values())) for each in tensors]


def _is_product(operator: str) -> bool:
    return "MatMul" in operator or operator in ("Gemm", "FusedGemm", "QGemm")


def _model_parts(events: Sequence[Mapping[str, Any]], run_seconds: float) -> list[Part]:
    """Split the time inside the backend: operators by kind, the runtime around them, and what came before and after."""
    seconds: dict[str, float] = {}
    operations: dict[str, int] = {}
    in_runtime = 0.0
    for event in events:
        if event["cat"] == "Session" and event["name"] == "model_run":
            in_runtime += event["dur"] / 1e6
        elif event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            kind = _kind(event["args"])
            seconds[kind] = seconds.get(kind, 0.0) + event["dur"] / 1e6
            operations[kind] = operations.get(kind, 0) + count_operations(event["args"])
    if not seconds:
        return [Part(MODEL, run_seconds)]
    return [
        *(Part(kind, spent, operations[kind]) for kind, spent in seconds.items()),
        Part(RUNTIME, in_runtime - sum(seconds.values())),
        Part(PADDING, run_seconds - in_runtime),
    ]


def _kind(arguments: Mapping[str, Any]) -> str:
    operator = arguments["op_name"]
    if operator in _WHOLE_ATTENTION:
        return ATTENTION
    if _is_product(operator):
        # Constant weights are packed away, and so missing among the inputs, or have two dimensions.
        second = _shapes(arguments["input_type_shape"])[1:2]
        return ATTENTION if second and len(second[0]) > 2 else PRODUCTS
    return _KIND_OF.get(operator, OTHERS)


def _timed(bundle: Bundle, place: Path, sessions: list[_Recorded], spent: dict[str, float]) -> Predictor:
    """Open a bundle as `Predictor.load` does, to run one batch at a time.

    Args:
        bundle: The bundle.
        place: Folder for the records of onnxruntime.
        sessions: Gets every session that is opened.
        spent: Gets the seconds of `prepare` and `run`.
    """
    runtime = choose_runtime(bundle)

    def recorded(graph: str, options: ort.SessionOptions, **others: Any) -> _Recorded:
        options.enable_profiling = True
        options.profile_file_prefix = str(place / f"session{len(sessions)}")
        sessions.append(_Recorded(graph, options, **others))
        return sessions[-1]

    class RecordingBackend(OnnxBackend):
        open_session = staticmethod(recorded)

    def opened(**how: Any) -> Backend:
        onnx = runtime.backend == "onnx"
        backend = RecordingBackend.open(bundle, **how) if onnx else open_backend(bundle, runtime.backend, **how)
        return _Timed(backend, spent)

    model = ModelId(bundle.manifest.name, bundle.digest)
    backend = opened(**runtime.how)
    exact = opened() if runtime.fast_graph else backend  # now, so that no job waits for it
    return Predictor(backend, bundle.manifest.tasks, model, exact=lambda: exact, rerun_below=runtime.rerun_below)


class _Timed:
    streams = 1

    def __init__(self, backend: Backend, spent: dict[str, float]) -> None:
        self._backend, self._spent = backend, spent

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        return self._time("prepare", self._backend.prepare, texts)

    def run(self, features: Sequence[Any]) -> dict[str, NDArray[np.float32]]:
        one_core = self._backend.run if self._backend.streams == 1 else self._backend.run_beside
        return self._time("run", one_core, features)

    run_beside = run

    def _time(self, name: str, work: Callable[[Any], Result], given: Any) -> Result:
        clock = Clock()
        result = work(given)
        self._spent[name] += clock.read()[0]
        return result


class _Recorded(ort.InferenceSession):  # type: ignore[misc]
    """A session of onnxruntime that keeps a record of every operator it runs."""

    n_runs = n_warm = 0

    def run(self, *arguments: Any, **options: Any) -> Any:
        self.n_runs += 1
        return super().run(*arguments, **options)

    def events(self) -> list[Mapping[str, Any]]:
        """Return what happened after the warm-up, and stop recording."""
        record = Path(self.end_profiling())
        events = sorted(json.loads(record.read_text("utf-8")), key=lambda event: int(event["ts"]))
        runs = [event for event in events if event["name"] == "model_run"]
        warm_until = runs[self.n_warm - 1]["ts"] + runs[self.n_warm - 1]["dur"] if self.n_warm else 0
        return [event for event in events if event["ts"] >= warm_until]
