"""What need not be written at once: it waits for the next transaction, and for another one if that fails."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")

_FAILURES_MAX = 16


class PutOff(Generic[Item]):
    """A queue of such items. One that has been in many transactions that failed may be why, and is given up."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._lock = Lock()
        self._waiting: list[tuple[Item, int]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, item: Item) -> None:
        """Let `item` wait for the next transaction."""
        with self._lock:
            self._waiting.append((item, 0))

    @contextmanager
    def taken(self) -> Iterator[Sequence[Item]]:
        """Hand over all that waits, in its order; it waits on if the block is left by an error."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        try:
            yield [item for item, _ in taken]
        except BaseException:
            with self._lock:
                again = [(item, failures + 1) for item, failures in taken if failures < _FAILURES_MAX]
                self._waiting = again + self._waiting
            raise
