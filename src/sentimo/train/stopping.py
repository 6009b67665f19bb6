"""Ctrl-C between two steps, never inside one."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sentimo.core.signals import ONE_PRESS


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into a wish to stop after the step; the second one stops at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    asked = 0.0

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if stop.is_set() and time.monotonic() - asked > ONE_PRESS:
            raise KeyboardInterrupt
        if not stop.is_set():
            asked = time.monotonic()
            stop.set()

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
