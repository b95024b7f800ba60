"""A client that sends exactly the bytes it is told to, many requests at a time; it notes what is wrong with answers."""

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field

from hostile_reads import ANSWERED

ANSWERED_WITHIN_S = 10
_AT_ONCE = 4
_CHUNK_BYTES = 1 << 16
_TAKEN_BYTES_MAX = 1 << 22
"""Longest work item. A longer one is answered before it is read, and that may be lost as the connection closes."""


@dataclass
class Answered:
    """`status` 0 is a connection that was closed without a word; `is_whole` tells that the body came to its end."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = False


@dataclass
class Client:
    """Asks one platform. `problems` are requests and what was wrong; `cut` those whose answer began and did not end."""

    port: int
    token: str
    problems: list = field(default_factory=list)
    cut: list = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)
    slowest: tuple = (0.0, "")
    within_s: float = ANSWERED_WITHIN_S

    async def all(self, asks, *, at_once=_AT_ONCE):
        """Send all requests, so many at a time."""
        source = iter(asks)
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._each(source))

    async def _each(self, source):
        for ask in source:
            await self.ask(ask)

    async def ask(self, ask):
        """Send one request; its answer is judged and returned."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(4 * self.within_s):
                answer = await self.sent(head(ask, self.token), ask.body)
        except (TimeoutError, OSError) as error:
            self.problems.append((str(ask), f"no answer: {type(error).__name__}"))
            return Answered()
        took_s = time.monotonic() - began
        self.statuses[answer.status] += 1
        self.slowest = max(self.slowest, (took_s, str(ask)))
        is_closed_early = answer.status == 0 and len(ask.body) > _TAKEN_BYTES_MAX
        if answer.status not in ANSWERED and not is_closed_early:
            self.problems.append((str(ask), answer.status))
        elif not answer.is_whole:
            self.cut.append((str(ask), answer.status))
        if took_s > self.within_s:
            self.problems.append((str(ask), f"{took_s:.1f} s"))
        return answer

    async def sent(self, *pieces):
        """Send bytes on a connection of their own and return what came back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writing = asyncio.create_task(_write(writer, pieces))  # an answer may come before all is read
            try:
                return await read(reader, has_body=not pieces[0].startswith(b"HEAD "))
            finally:
                writing.cancel()
        finally:
            writer.transport.abort()


def head(ask, token):
    """Return the head of a request, byte by byte as it was asked for."""
    fields = {"host": "127.0.0.1", "authorization": f"Bearer {token}", "connection": "close"}
    fields |= {} if ask.accept is None else {"accept": ask.accept}
    if ask.body or ask.method in {"POST", "PUT"}:
        fields["content-length"] = str(len(ask.body))
    lines = [f"{ask.method} {ask.target} HTTP/1.1"]
    lines += [f"{name}: {text}" for name, text in {**fields, **ask.more}.items() if text is not None]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass")


async def _write(writer, pieces):
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            for start in range(0, len(piece), _CHUNK_BYTES):
                writer.write(piece[start : start + _CHUNK_BYTES])
                await writer.drain()


async def read(reader, *, has_body=True):
    """Return the answer that comes on a connection that is closed after it."""
    answer = Answered()
    try:
        first = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return answer
    status, *lines = first.rstrip().split("\r\n")
    answer.status = int(status.split()[1])
    answer.headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
    try:
        rest = await reader.read()
    except ConnectionError:
        return answer
    if not has_body or answer.status == 304:
        answer.is_whole = not rest
    elif answer.headers.get("transfer-encoding") == "chunked":
        answer.is_whole = rest.endswith(b"0\r\n\r\n")
        answer.body = _unchunked(rest)
    else:
        answer.body = rest
        length = answer.headers.get("content-length")
        answer.is_whole = length is None or len(rest) == int(length)
    return answer


def _unchunked(rest):
    found, start = bytearray(), 0
    while start < len(rest):
        stop = rest.find(b"\r\n", start)
        length = int(rest[start:stop], 16) if stop > start else 0
        found += rest[stop + 2 : stop + 2 + length]
        start = stop + 4 + length
        if not length:
            break
    return bytes(found)
