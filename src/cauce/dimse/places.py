"""Places for associations, counted across processes; a process that dies gives its places back."""

import mmap
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

if sys.platform != "win32":
    import fcntl

_WIDTH = 4


class Places:
    """A fixed number of places shared by `processes` processes, which are forked after this was made.

    Each process counts in its own slot of shared memory. The lock is a POSIX record lock, which the kernel drops with
    its process, so neither a count nor a lock outlives its owner: the parent calls `clear` when a child has ended.
    """

    def __init__(self, *, total: int, processes: int) -> None:
        self._total = total
        self._counts = memoryview(mmap.mmap(-1, _WIDTH * processes)).cast("i")
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the listener lives
        self._threads = threading.Lock()
        self._slot = 0

    def use_slot(self, slot: int) -> None:
        """Count in this slot from now on; each process calls it once, with a number of its own."""
        self._slot = slot
        self._counts[slot] = 0

    def take(self) -> bool:
        """Take a place; False when none is left."""
        with self._locked():
            if sum(self._counts) >= self._total:
                return False
            self._counts[self._slot] += 1
            return True

    def give_back(self) -> None:
        """Give a place back."""
        with self._locked():
            self._counts[self._slot] -= 1

    def clear(self, slot: int) -> None:
        """Free the places of a process that has ended."""
        self._counts[slot] = 0

    def surplus(self) -> int:
        """Return how many more places this process has taken than the one with the fewest, which should go first."""
        return self._counts[self._slot] - min(self._counts)

    def taken(self) -> int:
        """Return the number of places taken in all processes."""
        return sum(self._counts)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._threads:
            if sys.platform == "win32":  # one process only, so threads are all there is to keep apart
                yield
                return
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
