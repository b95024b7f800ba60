"""Room for pixels: how much memory all that is decoded at the same time may take in one process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PixelRoom:
    """Gives out room; who asks for more than is left waits. What is larger than all of it has it for itself."""

    def __init__(self, bytes_max: int) -> None:
        """Nothing is taken yet."""
        self._bytes_max = bytes_max
        self._changed = threading.Condition()
        self._taken = 0

    @contextmanager
    def taken(self, size_bytes: int) -> Iterator[None]:
        """Hold `size_bytes` until left. Never held while waiting for something else."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + size_bytes <= self._bytes_max)
            self._taken += size_bytes
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size_bytes
                self._changed.notify_all()
