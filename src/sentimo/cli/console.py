"""The two streams of every command: results to stdout, notes to stderr."""

from __future__ import annotations

import json
import sys
from io import TextIOWrapper
from typing import Any

from rich.console import Console

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def use_utf8() -> None:
    """Let both streams take any text: files and pipes get UTF-8, a terminal of another encoding shows "?"."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", errors="replace")


def print_json(value: Any) -> None:
    """Write `value` as one line of JSON (UTF-8, not escaped) to stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
