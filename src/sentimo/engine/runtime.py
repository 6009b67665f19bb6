"""What a bundle is run with on this machine, and why: backend, threads, precision."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sentimo.core.bundle import Bundle
from sentimo.engine.backends import BACKENDS, FAST_BITS, GRAPH
from sentimo.engine.cpu import bf16_instructions, has_avx2, int8_instructions
from sentimo.engine.threads import VARIABLE as THREADS
from sentimo.engine.threads import n_threads
from sentimo.errors import BundleError, InputError, did_you_mean

BACKEND, PRECISION = "SENTIMO_BACKEND", "SENTIMO_PRECISION"
PRECISIONS = ("auto", "exact", "fast")

FAST_GRAPH, RERUN_BELOW = "fast_graph", "rerun_below"
"""Settings of a bundle with two graphs: the file of the faster one, and task -> margin from which it is believed."""


_LIBRARIES = {"onnx": "onnxruntime", "adapter": "onnxruntime"} | dict.fromkeys(
    ("linear", "lexicon", "ensemble"), "numpy"
)


@dataclass(frozen=True)
class Runtime:
    """What a bundle is run with.

    Attributes:
        backend: Key of `sentimo.engine.backends.BACKENDS`.
        threads: Threads it may use.
        precision: "fast": the fast graph first, the exact one where it is unsure; "exact": one graph.
        fast_graph: File of the fast graph, where it is used.
        rerun_below: Task -> margin below which the exact graph is asked.
        reasons: backend, threads, precision -> why.
        float32: Whether "exact" was asked for: then OpenVINO does not compute in bf16 either.
    """

    backend: str
    threads: int
    precision: str
    fast_graph: str | None
    rerun_below: Mapping[str, float]
    reasons: Mapping[str, str]
    float32: bool = False

    @property
    def how(self) -> dict[str, Any]:
        """What the backend is told when it is opened."""
        if self.fast_graph:
            return {"graph": self.fast_graph}
        return {"exact": True} if self.float32 and self.backend == "openvino" else {}

    @property
    def identity(self) -> dict[str, str]:
        """What of it decides the last bits of an answer."""
        library = _LIBRARIES.get(self.backend, self.backend)
        return {
            "backend": f"{library} {package_version(library)}",
            "number of threads": str(self.threads),
            "precision": " ".join([self.precision, *map(str, self.how.values())]),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "backend": self.backend,
            "threads": self.threads,
            "precision": self.precision,
            "fast_graph": self.fast_graph,
            "reasons": dict(self.reasons),
        }


def choose_runtime(bundle: Bundle, backend: str | None = None, precision: str | None = None) -> Runtime:
    """Decide what runs a bundle.

    Args:
        bundle: The bundle.
        backend: "auto", "onnx" (onnxruntime), "openvino" or "torch". None takes SENTIMO_BACKEND, else "auto". A linear
            model and an adapter have one way to be run each, whatever is asked; an ensemble asks it of its members.
        precision: "exact" or "fast" for the graph of that name, or "auto": the fast one where the processor has
            instructions for 8-bit products. None takes SENTIMO_PRECISION, else "auto".

    Raises:
        InputError: there is no such backend or precision.
        BundleError: the settings of a fast graph do not fit the bundle.
    """
    name, why_backend = _backend(bundle, backend)
    threads = 1 if name in ("linear", "lexicon") else n_threads()
    why_threads = "numpy, one text after another" if name in ("linear", "lexicon") else _why_threads()
    fast, why_precision = _precision(bundle, name, precision)
    return Runtime(
        backend=name,
        threads=threads,
        precision="fast" if fast else "exact",
        fast_graph=fast,
        rerun_below=_bounds(bundle) if fast else {},
        reasons={"backend": why_backend, "threads": why_threads, "precision": why_precision},
        float32=_wanted(precision, PRECISION, "precision", PRECISIONS)[0] == "exact",
    )


def _backend(bundle: Bundle, given: str | None) -> tuple[str, str]:
    choices = ("auto", *(name for name in BACKENDS if name not in ("linear", "adapter", "lexicon", "ensemble")))
    wanted, source = _wanted(given, BACKEND, "backend", choices)
    own = bundle.manifest.backend
    if own == "linear":
        return own, "an n-gram model, run by numpy"
    if own == "lexicon":
        return own, "words and rules, run by numpy"
    if own == "adapter":
        return own, "an adapter over a base, run by onnxruntime"
    if own == "ensemble":
        return own, "several models, asked in turn, each run as it would be alone"
    if wanted != "auto":
        return wanted, source
    if GRAPH in bundle.files:
        return "onnx", "onnxruntime comes with Sentimo and starts fastest" + _advice()
    return "torch", f"the bundle has no graph ({GRAPH})"


def _advice() -> str:
    if (found := bf16_instructions()) is None:
        return ""
    install = "" if find_spec("openvino") else " (pip install 'sentimo[openvino]')"
    return f"; for bulk work {BACKEND}=openvino{install} computes in bf16, for which this processor has {found}"


def _precision(bundle: Bundle, backend: str, given: str | None) -> tuple[str | None, str]:
    """Return the file of the fast graph where it is to be used, and why."""
    wanted, source = _wanted(given, PRECISION, "precision", PRECISIONS)
    settings = bundle.manifest.settings
    fast = settings.get(FAST_GRAPH)
    if fast is None:
        return None, "the bundle has one graph" if backend in ("onnx", "openvino") else "the model has one precision"
    if not isinstance(fast, str) or fast not in bundle.files:
        raise BundleError(f"{bundle.path}: the setting {FAST_GRAPH} is {fast!r}; expected a file of the bundle")
    if backend == "torch":
        return None, "torch reads the exact weights"
    if wanted != "auto":
        return (fast if wanted == "fast" else None), source
    if (found := int8_instructions()) is not None:
        return fast, f"this processor has {found} for 8-bit products"
    if settings.get(FAST_BITS, 8) <= 7 and has_avx2():
        return fast, "this processor has AVX2, whose 8-bit products are exact for the 7-bit weights of the fast graph"
    return None, "this processor has no instructions for fast 8-bit products (VNNI, AMX, ARM dot product)"


def _bounds(bundle: Bundle) -> dict[str, float]:
    given = bundle.manifest.settings.get(RERUN_BELOW, {})
    tasks = {task.name for task in bundle.manifest.tasks}
    numbers = isinstance(given, Mapping) and all(type(each) in (int, float) for each in given.values())
    if not numbers or not tasks.issuperset(given):
        raise BundleError(f"{bundle.path}: the setting {RERUN_BELOW} is {given!r}; expected task to margin")
    return dict(given)


def _wanted(given: str | None, variable: str, what: str, choices: tuple[str, ...]) -> tuple[str, str]:
    """Return what the caller or the environment wants, and where that was said."""
    wanted = given if given is not None else os.environ.get(variable) or "auto"
    source = f"asked for by {'the caller' if given is not None else variable}"
    if wanted not in choices:
        hint = did_you_mean(str(wanted), choices, f" Choose one of {', '.join(choices)}.")
        raise InputError(f"{what} {wanted!r} ({source}) is not known.{hint}")
    return wanted, source


def _why_threads() -> str:
    if os.environ.get(THREADS, "0") not in ("", "0"):
        return f"set by {THREADS}"
    return "cores that this process may use (affinity, quota of the container)"


def package_version(package: str) -> str | None:
    """Return the version of an installed package, None where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # 30 ms that no answer needs

    try:
        return version(package)
    except PackageNotFoundError:
        return None
