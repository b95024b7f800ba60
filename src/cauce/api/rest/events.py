"""`/api/events/`: changes of studies and jobs as server-sent events (WHATWG HTML 9.2)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from http import HTTPStatus

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from cauce.accounts.models import User
from cauce.accounts.tokens import user_of_bearer
from cauce.api.rest import problems
from cauce.api.rest.changes import Change, TooManyWatchers, watchtower
from cauce.core.actors import Actor

HEARTBEAT_S = 15.0
LIFETIME_S = 600.0
"""Then the stream ends and the browser opens the next, with its session judged anew."""
RETRY_MS = 3000


async def events(request: HttpRequest) -> HttpResponseBase:
    """Stream the changes that the account may know of: `event: study` and `event: job`."""
    if request.method != "GET":
        answer = problems.response(HTTPStatus.METHOD_NOT_ALLOWED)
        answer.headers["Allow"] = "GET"
        return answer
    if request.GET:
        return problems.response(HTTPStatus.BAD_REQUEST, detail="This route takes no parameters.")
    actor = await sync_to_async(_actor_of)(request)
    if actor is None:
        answer = problems.response(HTTPStatus.UNAUTHORIZED, detail="This needs a credential.")
        answer.headers["WWW-Authenticate"] = 'Bearer realm="cauce"'
        return answer
    held = ExitStack()
    try:
        waiting = held.enter_context(watchtower.watching(actor))
    except TooManyWatchers:
        return _too_many()
    stream = _Stream(_stream(waiting), content_type="text/event-stream")
    stream.held = held
    stream.headers["Cache-Control"] = "no-store"
    stream.headers["X-Accel-Buffering"] = "no"
    return stream


def _too_many() -> HttpResponse:
    answer = problems.response(
        HTTPStatus.SERVICE_UNAVAILABLE, code="too_many_streams", detail="Too many streams are open; try again later."
    )
    answer.headers["Retry-After"] = str(problems.RETRY_AFTER_S)
    return answer


def _actor_of(request: HttpRequest) -> Actor | None:
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        user = user_of_bearer(credential.strip()) if scheme.lower() == "bearer" else None
    else:
        user = request.user if isinstance(request.user, User) and request.user.is_active else None
    return user.actor(address=str(request.META.get("REMOTE_ADDR", ""))[:64]) if user else None


class _Stream(StreamingHttpResponse):
    """A stream that gives up its place when it is closed, whether or not it was ever read."""

    held: ExitStack

    def close(self) -> None:
        """Stop watching."""
        self.held.close()
        super().close()


async def _stream(waiting: asyncio.Queue[list[Change]]) -> AsyncIterator[str]:
    ends_at = time.monotonic() + LIFETIME_S
    yield f"retry: {RETRY_MS}\n\n"
    while time.monotonic() < ends_at:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                changes = await waiting.get()
        except TimeoutError:
            yield ": still here\n\n"
            continue
        yield "".join(_written(change) for change in changes)


def _written(change: Change) -> str:
    return f"event: {change.kind}\ndata: {json.dumps(change.shown, separators=(',', ':'))}\n\n"
