"""Files and names that survive a cut of power: what is synced, in which order, and how threads share the work."""
# The operating system's own calls on plain strings are the subject here, not paths:
# ruff: noqa: PTH102, PTH104, PTH105, PTH108, PTH112, PTH120

import errno
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

BINARY: Final[int] = getattr(os, "O_BINARY", 0)
"""Flag for `os.open`: Windows would translate line ends without it."""

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})  # some network and user-space file systems
_NOT_OURS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class DirectorySync:
    """Sync folders so that the names in them are durable; callers that wait for the same folder share one sync.

    A sync that is under way may have passed over a name that was made since, so a caller only joins one that has
    not begun: while one runs, those who arrive gather for the next, and the first of them runs it for all.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gathering: dict[str, _Round] = {}
        self._running: dict[str, _Round] = {}

    def sync(self, path: str) -> None:
        """Return once every name that was in the folder when this was called is durable.

        Raises:
            OSError: the sync failed, for everyone who shared it.
        """
        with self._lock:
            shared = self._gathering.get(path)
            if shared is None:
                mine = self._gathering[path] = _Round(self._running.get(path))
        if shared is None:
            self._lead(path, mine)
            return
        shared.done.wait()
        if not shared.is_synced:
            raise OSError(errno.EIO if shared.error is None else shared.error, "a shared sync of a folder failed")

    def _lead(self, path: str, mine: "_Round") -> None:
        try:
            if mine.before is not None:
                mine.before.done.wait()
                mine.before = None
            with self._lock:
                del self._gathering[path]
                self._running[path] = mine
            sync_directory(path)
            mine.is_synced = True
        except OSError as error:
            mine.error = error.errno
            raise
        finally:
            with self._lock:
                for rounds in (self._gathering, self._running):
                    if rounds.get(path) is mine:
                        del rounds[path]
            mine.done.set()


class _Round:
    """One sync of one folder and whoever waits for it."""

    def __init__(self, before: "_Round | None") -> None:
        self.before = before
        self.done = threading.Event()
        self.is_synced = False
        self.error: int | None = None


def make_directory(path: str) -> None:
    """Make a folder (mode 0700), and those above it that are missing, and make their names durable.

    The name is synced even when the folder was there: whoever made it may not have come to that yet.

    Raises:
        OSError: as `os.mkdir` and `os.fsync` do.
    """
    parent = os.path.dirname(path)
    existed = os.path.isdir(path)
    if not existed:
        if parent != path:
            make_directory(parent)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:  # made by another at the same moment, or no folder at all
            if not os.path.isdir(path):
                raise
    try:
        sync_directory(parent)
    except PermissionError:
        if not existed:
            raise


def sync_name(path: str) -> None:
    """Make the name of a file durable that another process may just have given it.

    A folder that may not be opened or written is passed over: no process like this one has made a name in it.

    Raises:
        OSError: as `os.fsync` does.
    """
    try:
        sync_directory(os.path.dirname(path))
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise


def write_new(path: str, content: bytes) -> None:
    """Write and sync a small file (mode 0600) under a temporary name beside `path`, then give it its name.

    A file that is there already stays.

    Raises:
        FileExistsError: there is one of this name.
        OSError: as the calls of the operating system do; then nothing is visible.
    """
    with _beside(path, content) as temporary:
        os.link(temporary, path)
    sync_directory(os.path.dirname(path))


def replace(path: str, content: bytes) -> None:
    """Put `content` in place of a small file (mode 0600): after a crash it is the old one or the new one, whole.

    Raises:
        OSError: as the calls of the operating system do; then the old one is still there.
    """
    with _beside(path, content) as temporary:
        os.replace(temporary, path)
    sync_directory(os.path.dirname(path))


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock file `path` (made when missing) against all other processes and threads; wait for it.

    Raises:
        OSError: the lock file cannot be opened or locked.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | BINARY, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # which also lets go of the lock


@contextmanager
def _beside(path: str, content: bytes) -> Iterator[str]:
    temporary = f"{path}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o600)
    try:
        try:
            write_all(descriptor, content)
            sync_file(descriptor)
        finally:
            os.close(descriptor)
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def link_exclusively(temporary: str, final: str) -> None:
    """Give a file its final name, never in place of another file; `temporary` may or may not stay as a second name.

    Raises:
        FileExistsError: there is a file of this name.
        OSError: as `os.link` and `os.rename` do.
    """
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # A file system without hard links (exFAT, some network mounts): names are random, so looking first is enough.
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        os.rename(temporary, final)


def write_all(descriptor: int, piece: bytes | memoryview) -> None:
    """Write the whole of `piece`, however many calls that takes.

    Raises:
        OSError: as `os.write` does.
    """
    written = os.write(descriptor, piece)
    while written < len(piece):
        written += os.write(descriptor, memoryview(piece)[written:])


def sync_directory(path: str) -> None:
    """Make the names in a folder durable, where the file system has such a notion.

    Raises:
        OSError: as `os.open` and `os.fsync` do.
    """
    if sys.platform == "win32":
        return  # NTFS keeps its names in a journal; a folder cannot be opened there
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync_file(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def sync_file(descriptor: int) -> None:
    """Return once the content of an open file is on the medium.

    Raises:
        OSError: as `os.fsync` does.
    """
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # macOS's fsync stops at the drive's cache
    else:
        os.fsync(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        while True:
            with suppress(OSError):  # it gives up after ten seconds
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
