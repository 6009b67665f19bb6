"""What the processor is and computes fast: its instructions for products of 8-bit and of bfloat16 numbers."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

# Flag in /proc/cpuinfo -> name, the fastest first. They add 8-bit products up in 32 bit.
_INT8 = {
    "amx_int8": "AMX",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
    "i8mm": "ARM i8mm",
    "asimddp": "ARM dot product",
}

_BF16 = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 BF16"}

_PRODUCTS = ("avx2", "avx512f", *_INT8, *_BF16, "bf16")


def processor(root: Path = Path("/")) -> str:
    """Return the name of the processor, as well as it is known.

    Args:
        root: Where /proc is found.
    """
    return _field(root, "model name") or platform.processor() or platform.machine()


def instructions(root: Path = Path("/")) -> list[str]:
    """Return the instructions that decide how fast matrix products are, as Linux names them."""
    flags = _flags(root)
    return [name for name in _PRODUCTS if name in flags]


def int8_instructions(root: Path = Path("/")) -> str | None:
    """Return the name of the instructions for 8-bit dot products, or None where there are none or nothing is known."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return _INT8["asimddp"]  # every Apple processor of this kind has it
    return _first(_INT8, root)


def bf16_instructions(root: Path = Path("/")) -> str | None:
    """Return the name of the instructions for bfloat16 products, or None."""
    return _first(_BF16, root)


def has_avx2(root: Path = Path("/")) -> bool:
    """Return whether there is AVX2: 8-bit products too, but pairs of them are added in 16 bit and may saturate.

    They cannot where weights use 7 bit: 255 * 63 * 2 = 32,130 < 32,768. MiniLM-L6 with dynamic int8 of such weights ran
    1.5 times as fast as in float (Zen 3, 191 against 124 texts per CPU-second).
    """
    return _first({"avx2": "AVX2"}, root) is not None


def _first(known: Mapping[str, str], root: Path) -> str | None:
    flags = _flags(root)
    return next((name for flag, name in known.items() if flag in flags), None)


def _flags(root: Path) -> set[str]:
    return set((_field(root, "flags") or _field(root, "Features")).split())


def _field(root: Path, name: str) -> str:
    """Return a field of the first core in /proc/cpuinfo, "" where there is none or this is no Linux."""
    try:
        with (root / "proc/cpuinfo").open(
            encoding="utf-8", errors="replace"
        ) as lines:  # long where there are many cores
            pairs = (line.partition(":") for line in lines)
            return next((value.strip() for key, _, value in pairs if key.strip() == name), "")
    except OSError:
        return ""
