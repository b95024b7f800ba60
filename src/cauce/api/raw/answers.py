"""Answers of the raw routes: whole bodies, sent at once, and a polite end for requests that are not read to theirs."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from cauce.api.raw.problems import TimedOut, headers_of, problem_of, status_of
from cauce.api.raw.request import Request
from cauce.core.errors import CauceError
from cauce.core.limits import MIB

PROBLEM_TYPE = "application/problem+json"
JSON_TYPE = "application/json"

_LINGER_BYTES = 1 * MIB
_LINGER_S = 2.0


async def answer(
    request: Request,
    *,
    status: int,
    document: Any,
    content_type: str = JSON_TYPE,
    headers: Mapping[str, str] | None = None,
    body_unread: bool = False,
    linger: bool = True,
) -> None:
    """Send `document` as JSON.

    With `body_unread` the client may still be sending: the connection is closed after this answer. With `linger` a
    little of what is on its way is thrown away first, since closing a socket with unread bytes can destroy the answer
    in flight.
    """
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    fields = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **(headers or {}),
    }
    if body_unread and request.scope.get("http_version", "1.1").startswith("1"):
        fields["connection"] = "close"
    await request.send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()],
        }
    )
    await request.send({"type": "http.response.body", "body": body, "more_body": body_unread})
    if body_unread:
        if linger:
            await _linger(request)
        await request.send({"type": "http.response.body", "body": b"", "more_body": False})


async def answer_problem(
    request: Request, error: CauceError, *, body_unread: bool, more: Mapping[str, Any] | None = None
) -> None:
    """Answer `error` as a problem document (RFC 9457); `more` adds members of the route's own, such as a receipt."""
    await answer(
        request,
        status=status_of(error),
        document={**(more or {}), **problem_of(error)},
        content_type=PROBLEM_TYPE,
        headers=headers_of(error),
        body_unread=body_unread,
        linger=not isinstance(error, TimedOut),
    )


async def _linger(request: Request) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            left = _LINGER_BYTES
            while left > 0:
                message = await request.receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
