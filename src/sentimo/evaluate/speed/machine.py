"""What ran a measurement: figures of speed mean nothing without it."""

from __future__ import annotations

import os
import platform
from typing import Any

from sentimo.engine.cpu import bf16_instructions, instructions, int8_instructions, processor
from sentimo.engine.runtime import package_version
from sentimo.engine.threads import n_threads, usable_cores

_PACKAGES = ("onnxruntime", "openvino", "tokenizers", "numpy", "torch", "transformers")


def describe_machine() -> dict[str, Any]:
    """Return processor, instructions, cores, threads in use, load of the last minute and versions, for JSON."""
    return {
        "processor": processor(),
        "architecture": platform.machine(),
        "instructions": instructions(),
        "int8_instructions": int8_instructions(),
        "bf16_instructions": bf16_instructions(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "threads": n_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: found for name in _PACKAGES if (found := package_version(name))},
    }


def is_busy(machine: dict[str, Any]) -> bool:
    """Return whether others worked on the machine so much that two threads often waited for each other."""
    return machine["load"] is not None and machine["load"] > 0.5 * machine["usable_cores"]
