"""A way to wake a thread that waits in a selector: from a signal handler, or from another thread."""

import contextlib
import socket


class Waker:
    """A pair of sockets; waiting on the object becomes ready once `wake` was called.

    It is sockets and not a pipe because a late `wake` after `close` then fails, where a bare descriptor could by that
    time belong to another file; and because Windows can only wait for sockets.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._reader.fileno()

    def wake(self) -> None:
        """Wake who waits. Safe in a signal handler."""
        with contextlib.suppress(OSError):
            self._writer.send(b"\x00")

    def close(self) -> None:
        """Close both ends."""
        self._reader.close()
        self._writer.close()
