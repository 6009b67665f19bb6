"""What a file run leaves on disk while it works: its rows so far, and how far it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sentimo.core.durable import publish, sync
from sentimo.data.readers.lines import Place
from sentimo.data.sources import FROM_START, Where
from sentimo.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class State:
    """How far a run is, and what it must agree with to be resumed.

    Attributes:
        run: What -> how it is in this run: source, version of the source, model ...
        names, encodings: Columns of the source, and encoding of each of its files (None: it has none).
        where: Place in the source after the rows that are done.
        n_read, n_rows, n_unreadable: Rows of the source that are done: all, those written, those that cannot be read.
        n_bad: Rows listed as bad: those that cannot be read, and those without an answer.
        n_bytes, n_bad_bytes: Length of the files that hold them; what is behind that was being written when it ended.
        done: Whether there is no more to read and the files are whole.
    """

    run: Mapping[str, Any]
    names: list[str]
    encodings: list[str | None]
    where: Where = FROM_START
    n_read: int = 0
    n_rows: int = 0
    n_unreadable: int = 0
    n_bad: int = 0
    n_bytes: int = 0
    n_bad_bytes: int = 0
    done: bool = False


class Workplace:
    """The folder of a run: the rows so far, the bad rows so far, and the state that says how much of them counts.

    A part is appended, then waited for until it is on disk, then counted by a new state that takes the place of the
    old one in one step. Whenever the run ends, what a state counts is there, and what is behind it is cut off.

    Args:
        folder: Where it is.
        durable: Whether to do so; a run that cannot be gone on with waits for no disk and saves no state.

    Attributes:
        is_held: Whether this process works in the folder, and no other one.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder, self._durable, self.is_held = folder, durable, False
        self._lock_file: int | None = None
        self._lock = folder / "lock"
        self.rows, self.bad, self.whole = folder / "rows", folder / "bad", folder / "whole"
        self._state = folder / "state.json"
        self._new_state = folder / "state.json.new"

    @property
    def has_state(self) -> bool:
        """Whether there is a run to go on with."""
        return self._state.is_file()

    def hold(self) -> None:
        """Keep other processes out of the folder until `release`, where the system can (Windows cannot).

        Raises:
            InputError: another process works in it.
        """
        if fcntl is not None:
            number = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(number)
                raise InputError(
                    f"another process works in {self.folder}; wait for it, or choose another output"
                ) from None
            except OSError:  # a file system without locks
                os.close(number)
            else:
                self._lock_file = number
        self.is_held = True

    def release(self) -> None:
        """Let other processes in."""
        if self._lock_file is not None:
            os.close(self._lock_file)
        self._lock_file, self.is_held = None, False

    def load(self) -> State:
        """Return the state of the run found here.

        Raises:
            InputError: it is of another version.
        """
        try:
            found = json.loads(self._state.read_text("utf-8"))
            where = found.pop("where")
            return State(where=Where(where["input"], Place(**where["place"])), **found)
        except (TypeError, ValueError, KeyError):
            raise InputError(
                f"{self._state} was written by another version, or is damaged. Delete {self.folder} to start anew."
            ) from None

    def begin(self, state: State, header: bytes) -> State:
        """Make the folder and begin the files.

        Raises:
            InputError: there is a run in the folder, or something else.
        """
        if self.has_state:
            raise InputError(f"{self.folder} holds an unfinished run. Go on with --resume, or delete it to start anew.")
        # A run that was killed as it began, or as it ended, leaves the folder without a state.
        ours = {each.name for each in (self.rows, self.bad, self.whole, self._new_state, self._lock)}
        if self.folder.exists() and {each.name for each in self.folder.iterdir()} - ours:
            raise InputError(f"{self.folder} is in the way and not ours: rename it, or choose another target")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.hold()
        for path, content in ((self.rows, header), (self.bad, b"")):
            path.write_bytes(content)
            if self._durable:
                sync(path)
        return self.save(replace(state, n_bytes=len(header)))

    def go_on(self, state: State) -> None:
        """Cut off what the state does not count."""
        for path, n_bytes in self._lengths(state):
            if path.exists():
                os.truncate(path, n_bytes)

    def append(self, rows: bytes, bad: bytes) -> None:
        """Append a part and wait until it is on disk."""
        for path, content in ((self.rows, rows), (self.bad, bad)):
            if content:
                with path.open("ab") as file:
                    file.write(content)
                    if self._durable:
                        file.flush()
                        os.fsync(file.fileno())

    def save(self, state: State) -> State:
        """Put a new state in the place of the old one and return it."""
        if self._durable:
            self._new_state.write_text(json.dumps(asdict(state)), "utf-8")
            publish(self._new_state, self._state)
        return state

    def check_lengths(self, state: State) -> None:
        """Raise RuntimeError when the files do not hold what the state counts: a bug."""
        for path, n_bytes in self._lengths(state):
            if path.stat().st_size != n_bytes:
                raise RuntimeError(f"{path} holds {path.stat().st_size} bytes, and {n_bytes} were written")

    def remove(self) -> None:
        """Remove the folder, the state after the files it counts, the lock last."""
        last = (self._state, self._lock)
        for path in self.folder.iterdir():
            if path not in last:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in last:
            path.unlink(missing_ok=True)
        self.folder.rmdir()

    def _lengths(self, state: State) -> Iterator[tuple[Path, int]]:
        yield self.rows, state.n_bytes
        yield self.bad, state.n_bad_bytes
