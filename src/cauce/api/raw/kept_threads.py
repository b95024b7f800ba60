"""Threads that requests of Django's borrow, one each.

Django by itself starts a thread for each request and ends it afterwards, and with it the thread's database connection:
opening one costs more than most requests.
"""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from asgiref.sync import ThreadSensitiveContext

KEPT_MAX = 8


class KeptThreads:
    """Used on the event loop only. Nobody waits for a thread: one more than are kept is ended after its request."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._free: list[ThreadPoolExecutor] = []

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[None]:
        """Run the blocking parts of one request in a thread of its own, the one that was used last if it is free."""
        thread = self._free.pop() if self._free else ThreadPoolExecutor(1, thread_name_prefix="django")
        try:
            async with ThreadSensitiveContext(executor=thread):
                yield
        finally:
            if len(self._free) < KEPT_MAX:
                self._free.append(thread)
            else:
                thread.shutdown(wait=False)

    def stop(self) -> None:
        """End the threads that are not in use."""
        for thread in self._free:
            thread.shutdown(wait=True)
        self._free.clear()
