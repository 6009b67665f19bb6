"""Where bytes come from: a file, plain or compressed (.gz, .zst), or a stream such as stdin."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from sentimo.errors import DataError

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""Ending of a compressed file -> its compression."""

_MAGIC = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_HEAD = 1 << 16  # bytes of a stream asked for before it is read
_LONGEST_HEAD = 64 << 20  # where there is no end of a line in them


def ending_of(path: Path) -> tuple[str, str | None]:
    """Return the ending that says the format, and the compression: (".csv", "gzip") for ``a.csv.gz``."""
    compression = COMPRESSIONS.get(path.suffix.lower())
    return (Path(path.stem) if compression else path).suffix.lower(), compression


class FileInput:
    """A file to read.

    Attributes:
        path: Where it is.
        ending: Ending that says its format, such as ".csv".
        compression: "gzip", "zstd" or None.
        name: What messages call it.
    """

    def __init__(self, path: str | Path, ending: str | None = None) -> None:
        self.path = Path(path)
        found, self.compression = ending_of(self.path)
        self.ending, self.name = ending or found, str(path)
        self.share: Callable[[], float] = lambda: 0.0

    def __str__(self) -> str:
        return self.name

    def open(self) -> BinaryIO:
        """Open the bytes of the file, decompressed.

        Raises:
            DataError: it holds another compression than its name says.
        """
        with self.path.open("rb") as file:
            self._check(file.read(4))
        file = self.path.open("rb")
        size = self.path.stat().st_size or 1
        self.share = lambda: 1.0 if file.closed else file.tell() / size
        return _decompressed(self.name, file, self.compression) if self.compression else file

    @property
    def preview(self) -> Input:
        """What may be read beforehand: the file itself."""
        return self

    def _check(self, start: bytes) -> None:
        wanted = self.compression
        if wanted and start and not start.startswith(_MAGIC[wanted]):
            raise DataError(f"{self}: not {wanted}, though its name says so; rename it after what it is")
        for found, magic in _MAGIC.items():
            if found != wanted and start.startswith(magic):
                ending = next(ending for ending, name in COMPRESSIONS.items() if name == found)
                raise DataError(f"{self}: holds {found}, and its name does not say so; rename it to {self}{ending}")


class StreamInput:
    """A stream that is read once, such as stdin. Its format and columns are seen in what is there at first.

    Args:
        file: The stream, not buffered, so that looking at it does not wait for more than there is.
        ending: Ending that says its format; None: JSON Lines, if it begins like that.
        name: What messages call it.
    """

    def __init__(self, file: Any, ending: str | None = None, name: str = "stdin") -> None:
        self.name = name
        stream = io.BufferedReader(file, _HEAD)
        self._head = _first_lines(stream)
        self._file: BinaryIO = io.BufferedReader(_Behind(self._head, stream), _HEAD)
        if any(self._head.startswith(magic) for magic in _MAGIC.values()):
            raise DataError(f"{name} is compressed; decompress it on the way: zcat FILE | sentimo predict - ...")
        if ending is None and not self._head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
            raise DataError(f"{name} does not say what it is; name it with --input-format (csv, tsv, jsonl or txt)")
        self.ending = ending or ".jsonl"

    def __str__(self) -> str:
        return self.name

    def open(self) -> BinaryIO:
        """Return the stream."""
        return self._file

    def share(self) -> float:
        """Return 0: nobody knows how much will come."""
        return 0.0

    @property
    def preview(self) -> Input:
        """What may be read beforehand: the whole lines among its first bytes (or those bytes, if there are none)."""
        return _Preview(self, self._head[: self._head.rfind(b"\n") + 1] or self._head)


def _first_lines(stream: io.BufferedReader) -> bytes:
    """Return what is there at first; where that is not even a line, as a pipe may be cut anywhere, more."""
    head = bytearray()
    while len(head) < _LONGEST_HEAD and (more := stream.read1(_HEAD)):
        head += more
        if b"\n" in more and b"\n" in head.lstrip(b"\r\n"):
            break
    return bytes(head)


class _Behind(io.RawIOBase):
    """A stream whose first bytes were read already, and are given again."""

    def __init__(self, head: bytes, stream: io.BufferedReader) -> None:
        self._head, self._stream = io.BytesIO(head), stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._head.readinto(buffer) or self._stream.readinto1(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Preview(StreamInput):
    def __init__(self, stream: StreamInput, head: bytes) -> None:
        self.name, self.ending, self._head = stream.name, stream.ending, head

    def open(self) -> BinaryIO:
        return io.BytesIO(self._head)


Input = FileInput | StreamInput


def as_input(source: str | Path | Input) -> Input:
    """Return what is to be read as an input."""
    return FileInput(source) if isinstance(source, (str, Path)) else source


def compress(content: bytes, compression: str | None) -> bytes:
    """Return bytes as a whole gzip member or zstd frame, the same whenever it is made. One may follow another."""
    if compression == "gzip":
        return gzip.compress(content, compresslevel=6, mtime=0)
    if compression == "zstd":
        import pyarrow as pa

        packed: bytes = pa.Codec("zstd", compression_level=3).compress(content, asbytes=True)
        return packed
    return content


class _Decompressed(io.RawIOBase):
    """The bytes of a compressed file. pyarrow reads both compressions, several members too, beside other threads."""

    def __init__(self, name: str, file: BinaryIO, compression: str) -> None:
        import pyarrow as pa

        self._name, self._file = name, file
        self._stream = pa.CompressedInputStream(file, compression)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._stream.read(len(buffer))
        except OSError as error:
            raise DataError(f"{self._name}: damaged: {error}") from error
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()


def _decompressed(name: str, file: BinaryIO, compression: str) -> BinaryIO:
    return io.BufferedReader(_Decompressed(name, file, compression), 1 << 18)
