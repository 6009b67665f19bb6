"""Ctrl-C as people and programs send it."""

from __future__ import annotations

import signal
import time
from types import FrameType

ONE_PRESS = 1.0
"""Seconds in which several signals count as one: `timeout` tells the process and its group, a finger may tremble."""


def count_presses_once() -> None:
    """Let a second Ctrl-C that follows at once not disturb what the first one sets going."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as under nohup, or taken
        return
    pressed = -ONE_PRESS

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        now = time.monotonic()
        if now - pressed > ONE_PRESS:
            pressed = now
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
