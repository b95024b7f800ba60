"""The bytes of one instance on their way in: in memory while small, then in an unlinked spool file."""

import contextlib
import os
import tempfile
import threading
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from cauce.core.errors import ConfigurationError, StorageFull
from cauce.core.limits import MIB
from cauce.dimse.configuration import ListenerSettings
from cauce.dimse.receiver import Status

_STEP = MIB
_TOO_LARGE = "too_large: longer than any instance that is taken"
_NO_ROOM = "storage_full: no room to receive it"


class Spool:
    """The folder for large instances, and the memory that instances in flight share in one process."""

    def __init__(self, settings: ListenerSettings) -> None:
        self.folder = settings.spool
        self.memory_instance_bytes_max = settings.memory_instance_bytes_max
        self.instance_bytes_max = settings.instance_bytes_max
        self._free_bytes = settings.memory_bytes_max
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> bool:
        """Reserve memory; False when too much is in use."""
        with self._lock:
            if size_bytes > self._free_bytes:
                return False
            self._free_bytes -= size_bytes
            return True

    def give_back(self, size_bytes: int) -> None:
        """Return memory that was reserved."""
        with self._lock:
            self._free_bytes += size_bytes


def prepare_folder(folder: Path) -> None:
    """Make the spool folder, readable by nobody else.

    Raises:
        ConfigurationError: it cannot be made or written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigurationError(f"the spool folder {folder} cannot be used: {error.strerror}") from error


class Body:
    """One instance being received. What cannot be kept is counted and dropped; `failure` then says what to answer.

    A `failure` given from the start (status and comment) is for what will be refused anyway: nothing of it is kept.
    """

    def __init__(self, spool: Spool, *, failure: tuple[Status, str] | None = None) -> None:
        self.size_bytes = 0
        self.failure = failure
        self._spool = spool
        self._reserved_bytes = 0
        self._file: BinaryIO = BytesIO()

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`."""
        self.size_bytes += len(data)
        if self.failure is not None:
            return
        if self.size_bytes > self._spool.instance_bytes_max:
            self._fail(_TOO_LARGE)
            return
        try:
            if isinstance(self._file, BytesIO) and not self._fits():
                self._move_to_spool()
            self._file.write(data)
        except OSError:  # no room, no quota, no more file descriptors: the rest is read and dropped
            self._fail(_NO_ROOM)

    def content(self) -> bytes | BinaryIO:
        """Return the whole instance: bytes when it stayed in memory, else a file at its beginning.

        Raises:
            StorageFull: the spool has no room for the last of it.
        """
        if isinstance(self._file, BytesIO):
            return self._file.getvalue()
        try:
            self._file.seek(0, os.SEEK_SET)
        except OSError as error:
            raise StorageFull("the spool has no room left") from error
        return self._file

    def close(self) -> None:
        """Let go of memory or file."""
        with contextlib.suppress(OSError):  # the last bytes of a file that nobody wants may find no room
            self._file.close()
        self._spool.give_back(self._reserved_bytes)
        self._reserved_bytes = 0

    def _fits(self) -> bool:
        if self.size_bytes > self._spool.memory_instance_bytes_max:
            return False
        while self._reserved_bytes < self.size_bytes:
            if not self._spool.take(_STEP):
                return False
            self._reserved_bytes += _STEP
        return True

    def _move_to_spool(self) -> None:
        memory = cast("BytesIO", self._file)
        spooled = cast("BinaryIO", tempfile.TemporaryFile(dir=self._spool.folder))  # noqa: SIM115 - closed by `close`
        self._file = spooled
        spooled.write(memory.getbuffer())
        self._spool.give_back(self._reserved_bytes)
        self._reserved_bytes = 0

    def _fail(self, comment: str) -> None:
        self.failure = (Status.OUT_OF_RESOURCES, comment)
        self.close()
        self._file = BytesIO()
