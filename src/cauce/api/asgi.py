"""The ASGI application: routes that carry files are raw and stream, everything else is Django's.

Importing this module does nothing; the server's lifespan start (or else the first request) sets the process up.
"""

import asyncio
import re
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from granian.utils.proxies import wrap_asgi_with_proxy_headers

from cauce import bootstrap
from cauce.api.raw.answers import answer_problem
from cauce.api.raw.cross_origin import cross_origin_headers, is_preflight
from cauce.api.raw.hosts import Hosts
from cauce.api.raw.intake import Intake
from cauce.api.raw.kept_threads import KeptThreads
from cauce.api.raw.problems import BodyTooLong, ClientGone, MethodNotAllowed
from cauce.api.raw.request import Application, BodyLimits, Message, Receive, Request, Scope, Send
from cauce.api.raw.sending import send_empty
from cauce.core.errors import CauceError
from cauce.core.identifiers import new_public_id
from cauce.core.limits import MIB, Limits
from cauce.ports.services import Services
from cauce.settings import environment

_PROJECT: Final = r"(?:/projects/(?P<project>[-A-Za-z0-9_]+))?"
_DICOMWEB: Final = re.compile(r"(?:/projects/[^/]+(?:/deid)?)?/dicom-web(?:/|$)")
"""Where all is ours and nothing Django's."""
_TAKE_MUCH_JSON: Final = ("/api/results/", "/api/elements/")
"""Routes that take long bodies. They know who sends before they parse one, which can take 25 times its size."""
_OTHER_BODY_BYTES_MAX: Final = 1 * MIB
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("cauce.access")


class Defect(CauceError):
    """Something of ours broke; the log says where, the client only that."""

    code = "internal"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A raw route: `path` matches in full, its named groups are arguments of `handle`."""

    name: str
    method: str
    path: re.Pattern[str]
    handle: Callable[..., Awaitable[None]]


class Exchange:
    """One request and what is known of its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing has been answered yet."""
        self.id = new_public_id()
        self.status = 0
        self.route = "unmatched"
        self.body_ended = False
        self._receive = receive
        self._send = send
        self.cross_origin: Mapping[str, str] = {}
        self.request = Request(scope=scope, receive=self.receive, send=self.send)

    async def receive(self) -> Message:
        """Pass a message of the request on."""
        message = await self._receive()
        self.body_ended = self.body_ended or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass a message of the answer on, with the request's id in its header."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            ours = {"x-request-id": self.id, **self.cross_origin}
            headers = [(name.encode(), value.encode("latin-1")) for name, value in ours.items()]
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await self._send(message)


class WebApplication:
    """What the server runs. Set up once a process, by its lifespan or by its first request."""

    def __init__(self, *, services: Services | None = None, limits: BodyLimits | None = None) -> None:
        """Nothing is set up yet. `services` are those of `bootstrap` unless given."""
        self._services = services
        self._limits = limits
        self._starting = threading.Lock()
        self._intake: Intake | None = None
        self._hosts: Hosts | None = None
        self._routes: tuple[Route, ...] = ()
        self._django: Application | None = None
        self._threads = KeptThreads()
        self._serve: Application = self._http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope (ASGI 3.0)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            self.start()
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._exchange(Exchange(scope, receive, send))

    def start(self) -> Intake:
        """Set this process up, once."""
        with self._starting:
            if self._intake is None:
                bootstrap.setup("web")
                services = self._services or bootstrap.services()
                self._intake = Intake(services, limits=self._limits or _body_limits(services.limits))
                self._hosts = Hosts(environment.current())
                self._routes = _routes()
                self._django = _django()
                if proxies := environment.current().trusted_proxies:
                    self._serve = wrap_asgi_with_proxy_headers(self._http, list(proxies))
            return self._intake

    async def stop(self) -> None:
        """Let what is on its way arrive; then nothing of ours runs any more."""
        if self._intake is not None:
            await self._intake.stop()
            self._intake = None
        await asyncio.to_thread(self._threads.stop)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await _settle_left(self.start())
                except CauceError as error:
                    await send({"type": "lifespan.startup.failed", "message": error.detail})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _exchange(self, exchange: Exchange) -> None:
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=exchange.id):
            try:
                await self._answer(exchange)
            except CauceError as error:
                await _fail(exchange, error)
            except Exception as error:  # noqa: BLE001 - the edge: whatever broke, the client gets an answer
                _log.error("request.failed", exc_info=error, route=exchange.route)
                await _fail(exchange, Defect("Something went wrong here; the log of the server says what."))
            finally:
                _log.info(
                    "request",
                    route=exchange.route,
                    method=exchange.request.method if exchange.request.method in _METHODS else "other",
                    status=exchange.status or _CLIENT_GONE,
                    duration_ms=round((time.perf_counter() - started) * 1000, 1),
                )

    async def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        if self._hosts is not None:
            self._hosts.require(request)
        exchange.cross_origin = cross_origin_headers(request, allowed=environment.current().allowed_origins)
        if is_preflight(request):
            exchange.route = "preflight"
            await send_empty(request, status=HTTPStatus.NO_CONTENT, headers={})
            return
        for route in self._routes:
            match = route.path.fullmatch(request.path) if request.method == route.method else None
            if match is not None:
                exchange.route = route.name
                given = {name: value for name, value in match.groupdict().items() if value is not None}
                await route.handle(request, self._intake, **given)
                return
        if _DICOMWEB.match(request.path):
            methods = {route.method for route in self._routes if route.path.fullmatch(request.path)}
            if methods:
                raise MethodNotAllowed(methods)
        exchange.route = _django_route(request.path)
        if self._django is not None:
            async with self._threads.borrowed():
                scope = self._hosts.named(request.scope) if self._hosts is not None else request.scope
                await self._django(scope, _bounded(request), exchange.send)


def _body_limits(limits: Limits) -> BodyLimits:
    """Return the bounds on requests that are settings; the others are as they are."""
    return BodyLimits(request_bytes_max=limits.request_bytes_max, memory_bytes_max=limits.memory_bytes_max)


def _routes() -> tuple[Route, ...]:
    from cauce.api.dicomweb.routes import readings  # these reach models, which load once Django is set up
    from cauce.api.dicomweb.storing import store_instances
    from cauce.api.dicomweb.work_items.routes import work_item_routes
    from cauce.api.uploads.creating import create_upload

    studies = _PROJECT + r"/dicom-web/studies"
    return (
        Route(name="upload", method="POST", path=re.compile(r"/api/uploads/?"), handle=create_upload),
        Route(name="stow", method="POST", path=re.compile(studies + "/?"), handle=store_instances),
        Route(
            name="stow-study",
            method="POST",
            path=re.compile(studies + r"/(?P<study_instance_uid>[^/]+)/?"),
            handle=store_instances,
        ),
        *(
            Route(name=one.name, method=method, path=one.path, handle=one.handle)
            for one in (*readings(), *work_item_routes())
            for method in one.methods
        ),
    )


def _django() -> Application:
    from django.core.handlers.asgi import ASGIHandler

    # Static files are small, so that whitenoise hands them over as plain iterators does no harm.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume", module=r"django\.core\.handlers")
    return cast("Application", ASGIHandler())


async def _settle_left(intake: Intake) -> None:
    from cauce.api.uploads.resuming import settle_left  # reaches models, which load once Django is set up

    await settle_left(intake)


def _django_route(path: str) -> str:
    """Return the pattern that Django will serve `path` by: the pattern holds no ids, the path might."""
    from django.conf import settings
    from django.urls import Resolver404, resolve

    if path.startswith(settings.STATIC_URL):
        return "static"
    try:
        return str(resolve(path).route) or "/"
    except Resolver404:
        return "unmatched"


def _bounded(request: Request) -> Receive:
    """Return a `receive` for Django, which would spool a body of any length before it looks at who sends it.

    Raises:
        BodyTooLong: the announced length is more than any of these routes takes; later, also the true length.
    """
    from django.conf import settings

    bytes_max = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    limit = f"{bytes_max / MIB:g} MiB (CAUCE_MAX_JSON_MB)"
    if not request.path.startswith(_TAKE_MUCH_JSON):
        bytes_max, limit = min(bytes_max, _OTHER_BODY_BYTES_MAX), f"{_OTHER_BODY_BYTES_MAX / MIB:g} MiB"
    left = bytes_max
    detail = f"The request is longer than the {limit} that this route takes."
    if (request.content_length or 0) > bytes_max:
        raise BodyTooLong(detail)

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise BodyTooLong(detail)
        return message

    return receive


async def _fail(exchange: Exchange, error: CauceError) -> None:
    """Answer `error` if an answer can still be given."""
    if exchange.status or isinstance(error, ClientGone):
        return
    more: Mapping[str, Any] = {"request_id": exchange.id} if isinstance(error, Defect) else {}
    await answer_problem(exchange.request, error, body_unread=not exchange.body_ended, more=more)


_CLIENT_GONE: Final = 499
"""What the access log says of a request whose client left before its answer."""

application = WebApplication()
