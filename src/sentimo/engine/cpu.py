"""What the processor computes fast: which instructions it has for 8-bit products."""

from __future__ import annotations

import platform
from pathlib import Path

# Flag in /proc/cpuinfo -> name, the fastest first. Without one of these an 8-bit product takes as long as a float one
# and two more steps around it, so that an int8 graph gains little or loses.
_INT8 = {
    "amx_int8": "AMX",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
    "i8mm": "ARM i8mm",
    "asimddp": "ARM dot product",
}


def int8_instructions(root: Path = Path("/")) -> str | None:
    """Return the name of the instructions for 8-bit dot products, or None where there are none or nothing is known.

    Args:
        root: Where /proc is found.
    """
    try:
        lines = (root / "proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # no Linux; every Apple processor of this kind has the ARM dot product
        return _INT8["asimddp"] if platform.system() == "Darwin" and platform.machine() == "arm64" else None
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith(("flags", "Features"))), [])
    return next((name for flag, name in _INT8.items() if flag in flags), None)
