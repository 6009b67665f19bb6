"""One process at a time in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentimo.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def alone(lock: Path, found: str) -> Iterator[None]:
    """Keep others out, where the system can (Windows cannot). It lets them in when the process ends, however it ends.

    Args:
        lock: A file that says so; it stays, and means nothing where nobody holds it.
        found: Begins the error.

    Raises:
        InputError: another process, or another search of this one, holds it.
    """
    if fcntl is None:
        yield
        return
    number = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(number, 20).decode("ascii", "replace").strip()
        os.close(number)
        who = f" (process {holder})" if holder else ""
        raise InputError(f"{found}{who}, it holds {lock}. Wait until it ends, or choose another folder.") from None
    except OSError:  # a file system without locks
        pass
    try:
        os.ftruncate(number, 0)
        os.write(number, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(number)
