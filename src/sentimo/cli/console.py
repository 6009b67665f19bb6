"""The two streams of every command: results to stdout, notes to stderr."""

from __future__ import annotations

import json
import os
import sys
from io import TextIOWrapper
from typing import Any

from rich.console import Console

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def open_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr empty ones; its next file would take their place.

    A result that nobody can read is no result: without stdout the process ends with an error, once stderr is there.
    """
    missing = [name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None]
    for name in missing:
        mode = "r" if name == "stdin" else "w"
        setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    if "stdout" in missing:
        err.print("sentimo: stdout is closed; open it, or send it to /dev/null")
        sys.exit(1)


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
