"""Long answers: bytes come from a blocking iterator, a piece at a time, and never more of them than one piece."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from cauce.api.raw.intake import Intake
from cauce.api.raw.problems import ClientGone
from cauce.api.raw.request import Request
from cauce.core.limits import KIB

_PIECE_BYTES = 512 * KIB


async def send_whole(request: Request, body: bytes | memoryview, *, status: int, headers: Mapping[str, str]) -> None:
    """Send an answer that is in memory; of one to HEAD the headers alone."""
    fields = {"content-length": str(len(body)), **headers}
    await _start(request, status, fields)
    view = memoryview(b"" if _is_head(request) else body)
    while len(view) > _PIECE_BYTES:  # the server copies what it is given, and holds it while the client is slow
        await request.send({"type": "http.response.body", "body": bytes(view[:_PIECE_BYTES]), "more_body": True})
        view = view[_PIECE_BYTES:]
    await request.send({"type": "http.response.body", "body": bytes(view), "more_body": False})


async def send_empty(request: Request, *, status: HTTPStatus, headers: Mapping[str, str]) -> None:
    """Send an answer without a body, such as 304 and 416."""
    has_length = status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}  # RFC 9110 section 8.6
    await _start(request, status, {"content-length": "0", **headers} if has_length else headers)
    await request.send({"type": "http.response.body", "body": b""})


async def send_stream(
    request: Request,
    pieces: Iterator[bytes],
    *,
    intake: Intake,
    status: int,
    headers: Mapping[str, str],
    decodes: bool = False,
) -> None:
    """Send what `pieces` yields, which may block; it is closed however this ends.

    Where it `decodes` pixels it runs on the threads for that, so that it does not hold up who asks for less.

    The first piece is had before the answer begins, so that what goes wrong at once can still be answered. An error
    later on breaks the connection off, which is how a client tells half an answer from a whole one.

    Raises:
        ClientGone: nobody waits for the answer any more; the rest of it is not made.
    """
    run = intake.decode if decodes else intake.ask
    gone = threading.Event()
    watch = asyncio.ensure_future(_note_leaving(request, gone))
    try:
        piece = await run(_gathered, pieces, gone)
        await _start(request, status, headers)
        while piece and not _is_head(request) and not gone.is_set():
            await request.send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await run(_gathered, pieces, gone)
        if gone.is_set():
            raise ClientGone
        await request.send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        watch.cancel()
        close = getattr(pieces, "close", None)
        if close is not None:
            await intake.ask(close)


async def _start(request: Request, status: int, headers: Mapping[str, str]) -> None:
    fields = {"x-content-type-options": "nosniff", **headers}
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields.items()]
    await request.send({"type": "http.response.start", "status": int(status), "headers": encoded})


def _is_head(request: Request) -> bool:
    return request.method == "HEAD"


async def _note_leaving(request: Request, gone: threading.Event) -> None:
    """Wait until the client leaves."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()


def _gathered(pieces: Iterator[bytes], gone: threading.Event) -> bytes:
    """Return the next pieces as one of `_PIECE_BYTES` or a little more; nothing at their end, or for nobody."""
    if gone.is_set():
        return b""
    first = next(pieces, b"")
    if len(first) >= _PIECE_BYTES:
        return first
    gathered = [first]
    size = len(first)
    while size < _PIECE_BYTES and not gone.is_set() and (piece := next(pieces, None)) is not None:
        gathered.append(piece)
        size += len(piece)
    return b"".join(gathered)
