"""Scripts as ranges of code points."""

from __future__ import annotations

HAN_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
"""Han characters, first and last of each block: extension A, the basic block, compatibility, extensions B to H."""

HAN = "".join(f"{chr(first)}-{chr(last)}" for first, last in HAN_RANGES)
"""The same as the inside of a character class of a regular expression."""
