"""Files on their way in: in memory while small and while there is room, else in unlinked files on the spool folder."""

import errno
import tempfile
import threading
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from cauce.core.errors import StorageFull, StorageUnavailable
from cauce.core.limits import MIB

_BLOCK_BYTES = 1 * MIB


class ByteBudget:
    """Bytes that may be held in memory at once, by all requests of the process. Nobody ever waits for it."""

    def __init__(self, bytes_max: int) -> None:
        """Nothing is held yet."""
        self._lock = threading.Lock()
        self._left = bytes_max

    def try_take(self, size_bytes: int) -> bool:
        """Take room for `size_bytes`; False, and nothing taken, when there is not enough."""
        with self._lock:
            if size_bytes > self._left:
                return False
            self._left -= size_bytes
            return True

    def give_back(self, size_bytes: int) -> None:
        """Return what `try_take` took."""
        with self._lock:
            self._left += size_bytes

    @property
    def left_bytes(self) -> int:
        """Room left, in bytes."""
        return self._left


class Spool:
    """Opens spooled files.

    Where the memory budget is used up a file goes to disk at once, so that no two half-read requests can wait for each
    other's memory.
    """

    def __init__(self, folder: Path, *, budget: ByteBudget, memory_bytes_max: int) -> None:
        """`memory_bytes_max` is the longest file kept in memory."""
        self.folder = folder
        self.budget = budget
        self.memory_bytes_max = memory_bytes_max

    def open(self) -> "SpooledFile":
        """Return an empty spooled file."""
        return SpooledFile(self)


class SpooledFile:
    """One file being received. `close` gives back its memory and its disk; nothing of it ever has a name."""

    def __init__(self, spool: Spool) -> None:
        """Empty, in memory."""
        self._spool = spool
        self._chunks: list[bytes] = []
        self._held = 0
        self._taken = 0
        self._file: BinaryIO | None = None
        self._start = b""
        self.size_bytes = 0

    def add(self, chunk: bytes) -> bool:
        """Append `chunk` in memory; True when the file now has to be flushed, which may wait for the disk."""
        if len(self._start) < HEAD_BYTES:
            self._start += chunk[: HEAD_BYTES - len(self._start)]
        self.size_bytes += len(chunk)
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._file is not None:
            return self._held >= _BLOCK_BYTES
        if self.size_bytes > self._spool.memory_bytes_max or not self._spool.budget.try_take(len(chunk)):
            return True
        self._taken += len(chunk)
        return False

    def flush(self) -> None:
        """Move what is in memory to the spool file.

        Raises:
            StorageFull: the disk of the spool has no room.
            StorageUnavailable: it cannot be written.
        """
        try:
            if self._file is None:
                self._spool.folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._spool.folder)  # noqa: SIM115 - closed by `close`
            self._file.writelines(self._chunks)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise StorageFull("The disk of the spool folder is full.") from error
            raise StorageUnavailable("The spool folder cannot be written.") from error
        self._forget_memory()

    def write(self, chunk: bytes) -> None:
        """Append `chunk`, on disk where it must be (`add` and `flush` in one)."""
        if self.add(chunk):
            self.flush()

    @property
    def head(self) -> bytes:
        """The first `HEAD_BYTES` bytes."""
        return self._start

    def content(self) -> bytes | BinaryIO:
        """End writing and return the whole: bytes when it is in memory, else the open file at its start.

        Raises:
            StorageFull: the disk of the spool has no room for the rest.
        """
        if self._file is None:
            if len(self._chunks) != 1:
                self._chunks = [b"".join(self._chunks)]
            return self._chunks[0]
        self.flush()
        try:
            self._file.flush()
        except OSError as error:
            raise StorageFull("The disk of the spool folder is full.") from error
        self._file.seek(0)
        return self._file

    def readable(self) -> BinaryIO:
        """End writing and return the whole as an open file at its start."""
        content = self.content()
        return BytesIO(content) if isinstance(content, bytes) else content

    def close(self) -> None:
        """Give back memory and disk. Closing twice is no error."""
        self._forget_memory()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _forget_memory(self) -> None:
        self._chunks, self._held = [], 0
        self._spool.budget.give_back(self._taken)
        self._taken = 0


HEAD_BYTES = 2048
"""How much of a file's start is kept at hand to tell what it is."""
