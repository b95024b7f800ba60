"""A full disk on the console: one plain line when it begins, in place of what every failed request has to say of it.

The processes of one data folder share a mark, a file of no length whose time says when one of them last said so: to
set that time needs no room.
"""

import errno
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from cauce.core.errors import CauceError, StorageFull

if sys.platform != "win32":
    import fcntl

EVERY_S: Final = 60.0
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_CODE: Final = StorageFull.code
_WORDS: Final = (StorageFull.__qualname__, "database or disk is full")


class Mark:
    """When the full disk was last spoken of, by whatever process."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        """The mark lies in `folder`; where it cannot be made, every process is on its own."""
        self._path = folder / ".full-disk"
        self._clock = clock
        self._own_s = 0.0
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.close(descriptor)
            os.utime(self._path, (0, 0))
        except OSError:
            pass  # it is there, or it cannot be

    def claim(self) -> bool:
        """Tell whether it may be spoken of now; then nobody else may for a while."""
        try:
            return self._claimed()
        except OSError:
            now = self._clock()
            is_due = abs(now - self._own_s) >= EVERY_S
            self._own_s = now if is_due else self._own_s
            return is_due

    def keep(self) -> None:
        """Let nobody else speak of it for a while."""
        try:
            os.utime(self._path, (self._clock(), self._clock()))
        except OSError:
            self._own_s = self._clock()

    def _claimed(self) -> bool:
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            now = self._clock()
            if abs(now - os.fstat(descriptor).st_mtime) < EVERY_S:  # a clock may have gone back
                return False
            os.utime(self._path, (now, now))
            return True
        finally:
            os.close(descriptor)


def full_text(folder: Path) -> str:
    """Return what is said of a full disk."""
    return f"the disk of {folder} is full: what is sent is refused (storage_full) until there is room again"


class Console(logging.StreamHandler[Any]):
    """Writes errors to standard error, those that a full disk makes as one line now and then."""

    def __init__(self, stream: Any, *, folder: Path, mark: Mark) -> None:
        """`folder` is the data folder."""
        super().__init__(stream)
        self._folder = folder
        self._mark = mark

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if _only_repeats(record):
            return
        if not is_of_full_disk(record):
            super().emit(record)
        elif self._mark.claim():
            try:
                self.stream.write(f"cauce: {full_text(self._folder)}\n")
                self.flush()
            except Exception:  # noqa: BLE001 - logging's own rule: a handler raises nothing
                self.handleError(record)


def is_of_full_disk(record: logging.LogRecord) -> bool:
    """Tell whether a record is about an error that a full disk has made."""
    event: dict[str, Any] = record.msg if isinstance(record.msg, dict) else {}
    if event.get("code") == _CODE or any(word in str(event.get("trace", "")) for word in _WORDS):
        return True
    given = event.get("exc_info") or record.exc_info
    error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given is True else given
    return any(_says_full(one) for one in _chain(error))


def _says_full(error: BaseException) -> bool:
    if isinstance(error, CauceError):
        return error.code == _CODE
    return (isinstance(error, OSError) and error.errno in _NO_ROOM) or "database or disk is full" in str(error)


def _chain(error: Any) -> Iterator[BaseException]:
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _only_repeats(record: logging.LogRecord) -> bool:
    """Tell whether a record is Django's word on an answer that was given: what made it has been logged where it is."""
    return record.name == "django.request" and not record.exc_info
