"""Files that are whole on disk, or not there, whenever the power goes."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    if path.is_dir() and os.name == "nt":  # Windows does not open folders, and keeps their names safe by itself
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def publish(new: Path, target: Path) -> None:
    """Move a finished file to its place in one step; what was there before is replaced."""
    sync(new)
    new.replace(target)
    sync(target.parent)
