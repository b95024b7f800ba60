"""Work that many ask for at once is done once, and what it gave is kept for a while, by size."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable


class Coalesced:
    """Keeps at most `bytes_max` of results, those used last. Used on the event loop only."""

    def __init__(self, bytes_max: int) -> None:
        """Nothing is kept yet."""
        self._bytes_max = bytes_max
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._running: dict[Hashable, asyncio.Future[bytes]] = {}
        self.size_bytes = 0

    async def get(self, key: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return what `make` gives for `key`, from what is kept or from whoever is at it already.

        What `make` raises reaches all who wait, and is not kept. One of them leaving does not stop the others' work.
        """
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        running = self._running.get(key)
        if running is None:
            running = asyncio.ensure_future(self._made(key, make))
            self._running[key] = running
        return await asyncio.shield(running)

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            made = await make()
        finally:
            self._running.pop(key, None)
        self._keep(key, made)
        return made

    def _keep(self, key: Hashable, made: bytes) -> None:
        if len(made) > self._bytes_max // 4:
            return  # one large frame does not push all others out
        self._kept[key] = made
        self.size_bytes += len(made)
        while self.size_bytes > self._bytes_max:
            _, dropped = self._kept.popitem(last=False)
            self.size_bytes -= len(dropped)
