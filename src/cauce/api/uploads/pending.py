"""Archives that are being unpacked, marked on disk, so that a process that dies over one leaves a trace.

A marker is a file, named by the archive's line in its receipt, that its process holds locked. One that nobody holds
belongs to a process that is gone. It says where the archive's bytes are held, if they are, how many of its files have
their verdicts, and how often it was begun: with that the next process to start goes on with it, or settles it.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from cauce.core.identifiers import ObjectId, is_public_id
from cauce.core.messages import Verdict
from cauce.core.statuses import ItemStatus

INTERRUPTED: Final = "interrupted"
"""Code of an archive that was not unpacked to its end. What was taken in of it is safe."""

ATTEMPTS_MAX: Final = 3
"""How often an archive is begun before it is given up: one that ends its process must not end every one."""

_FOLDER = "archives"
_RECORD_BYTES = 256


def interrupted(name: str) -> Verdict:
    """Return the verdict on an archive that was not unpacked to its end."""
    return Verdict(
        status=ItemStatus.REFUSED,
        name=name,
        code=INTERRUPTED,
        detail="The server stopped before it had unpacked all of it. Send it again: what was taken in is not lost.",
    )


def held_over(name: str) -> Verdict:
    """Return the verdict on an archive that is unpacked when the server runs again."""
    detail = "The server stopped; it goes on unpacking when it runs again. There is nothing to do."
    return Verdict(status=ItemStatus.PENDING, name=name, detail=detail)


class Marker:
    """A marker that this process holds. Not safe for threads, but each of its methods is one write."""

    def __init__(self, path: Path, descriptor: int, record: dict[str, Any]) -> None:
        """Use `make` or `abandoned`."""
        self._path = path
        self._descriptor = descriptor
        held = record.get("held")
        self.held = ObjectId(held) if isinstance(held, str) and is_public_id(held) else None
        """Where the archive's bytes are held."""
        self.settled = _count(record.get("settled"))
        """How many of its files, from the first on, have their verdicts."""
        self.attempts = _count(record.get("attempts"))
        """How often it was begun."""

    @classmethod
    def make(cls, spool: Path, archive_pk: int) -> Self:
        """Make a marker for an archive that is to be unpacked, and hold it.

        Raises:
            OSError: the spool folder cannot be written.
        """
        folder = spool / _FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / str(archive_pk)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        _try_lock(descriptor)
        marker = cls(path, descriptor, {})
        marker.write()
        return marker

    @property
    def archive_pk(self) -> int:
        """The archive's line in its receipt."""
        return int(self._path.name)

    def begin(self) -> None:
        """Count one more attempt, durably: it may end the process."""
        self.attempts += 1
        self.write(durably=True)

    def write(self, *, durably: bool = False) -> None:
        """Write down what it says now; `durably` outlasts a cut of power, otherwise only the process's end."""
        record = {"held": self.held, "settled": self.settled, "attempts": self.attempts}
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, json.dumps(record).encode().ljust(_RECORD_BYTES))
        if durably:
            os.fsync(self._descriptor)
            _sync_folder(self._path.parent)

    def remove(self) -> None:
        """Let go of it for good: the archive has its verdict."""
        with suppress(OSError):
            self._path.unlink()
        self.leave()

    def leave(self) -> None:
        """Let go of it and leave it to the next process that starts."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def abandoned(spool: Path) -> Iterator[Marker]:
    """Yield the markers whose processes are gone, now held by this one, which has to `remove` or to `leave` each."""
    with suppress(FileNotFoundError):
        for path in sorted((spool / _FOLDER).iterdir()):
            if path.name.isdecimal() and (marker := _taken_over(path)):
                yield marker


def is_marked(spool: Path, archive_pk: int) -> bool:
    """Tell whether an archive has a marker, whoever holds it."""
    return (spool / _FOLDER / str(archive_pk)).exists()


def held_by_markers(spool: Path) -> set[ObjectId]:
    """Return where the bytes of archives are held, as all markers say, whoever holds them."""
    found = set()
    with suppress(FileNotFoundError):
        for path in (spool / _FOLDER).iterdir():
            with suppress(OSError, ValueError):
                record = json.loads(path.read_bytes()[:_RECORD_BYTES])
                if isinstance(record, dict) and record.get("held"):
                    found.add(ObjectId(record["held"]))
    return found


def _taken_over(path: Path) -> Marker | None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None  # its process was faster
    if not _try_lock(descriptor):
        os.close(descriptor)
        return None
    if not path.exists():  # its process has ended well since we opened it
        os.close(descriptor)
        return None
    try:
        record = json.loads(os.read(descriptor, _RECORD_BYTES))
    except (OSError, ValueError):
        record = {}  # its process died while it wrote it
    return Marker(path, descriptor, record if isinstance(record, dict) else {})


def _count(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def _try_lock(descriptor: int) -> bool:
        import msvcrt

        try:
            os.lseek(descriptor, _RECORD_BYTES, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
else:

    def _try_lock(descriptor: int) -> bool:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
