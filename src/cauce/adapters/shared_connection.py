"""One database connection that the threads of a process take in turn.

SQLite drops what a connection has read as soon as another one writes, and the encrypted file is then read and
decrypted anew; so what commits all day long does so on one connection, which keeps its pages. It also spares threads
that live for one association a connection of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, connections

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class SharedConnection:
    """Opened when it is first needed, and anew after an error that broke it."""

    def __init__(self) -> None:
        """Nothing is open yet."""
        self._turn = Lock()
        self._shared: BaseDatabaseWrapper | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have this thread's queries go through the shared connection, alone, until the block is left.

        A thread that is in a transaction of its own stays in it.
        """
        own = connections[DEFAULT_DB_ALIAS]
        if own.in_atomic_block:
            yield
            return
        with self._turn:
            connections[DEFAULT_DB_ALIAS] = self._usable()
            try:
                yield
            finally:
                connections[DEFAULT_DB_ALIAS] = own

    def close(self) -> None:
        """Close the connection; the next who needs it opens it again."""
        with self._turn:
            if self._shared is not None:
                self._shared.close()
                self._shared = None

    def _usable(self) -> "BaseDatabaseWrapper":
        if self._shared is None:
            self._shared = connections.create_connection(DEFAULT_DB_ALIAS)
            self._shared.inc_thread_sharing()
        if self._shared.errors_occurred:
            self._shared.close()  # whether SQLite's is still good cannot be asked
        self._shared.close_if_unusable_or_obsolete()
        return self._shared
