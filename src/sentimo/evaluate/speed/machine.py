"""What ran a measurement: figures of speed mean nothing without it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sentimo.engine.threads import n_threads, usable_cores

FEATURES = (
    "avx2",
    "avx512f",
    "avx_vnni",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimddp",
    "i8mm",
    "bf16",
)
"""Instructions that decide how fast matrix products are, as Linux names them."""

_PACKAGES = ("onnxruntime", "openvino", "tokenizers", "numpy", "torch", "transformers")


def describe_machine() -> dict[str, Any]:
    """Return processor, instructions, cores, threads in use, load of the last minute and versions, for JSON."""
    facts = Path("/proc/cpuinfo").read_text("utf-8", "replace") if Path("/proc/cpuinfo").exists() else ""
    lines = dict(line.split(":", 1) for line in facts.splitlines() if ":" in line)
    known = {name.strip(): value.strip() for name, value in lines.items()}
    words = set(known.get("flags", known.get("Features", "")).split())
    return {
        "processor": known.get("model name") or platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "instructions": [name for name in FEATURES if name in words],
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "threads": n_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def is_busy(machine: dict[str, Any]) -> bool:
    """Return whether others worked on the machine so much that two threads often waited for each other."""
    return machine["load"] is not None and machine["load"] > 0.5 * machine["cores"]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
