"""One HTTP request as ASGI hands it over, and the bounds that its body is held to."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from cauce.core.errors import InvalidRequest
from cauce.core.limits import GIB, KIB, MIB

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
_PORTS = {"http": 80, "https": 443}
_TRUE = {"1", "true", "yes", "on"}
_DIGITS_MAX = 18
_FALSE = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyLimits:
    """Bounds on one request and on all bodies of a process. Sizes are in bytes, times in seconds."""

    request_bytes_max: int = 1024 * GIB
    """Longest body of one request; a longer one is answered 413, before it is read where its length is announced."""
    idle_timeout_s: float = 60.0
    """Longest wait for the next byte of a body; then the request is answered 408 and the connection closed."""
    boundary_bytes_max: int = 200
    """Longest boundary of a multipart body (RFC 2046 allows 70; senders in the field exceed it)."""
    part_headers_max: int = 16
    """Most header lines of one part."""
    part_header_bytes_max: int = 16 * KIB
    """Longest header line of one part: browsers send the whole path of a file in one."""
    preamble_bytes_max: int = 64 * KIB
    """Most bytes ahead of the first boundary."""
    parts_max: int = 100_000
    """Most parts of one body."""
    memory_bytes_max: int = 128 * MIB
    """Most bytes that all files on their way in hold in memory, process-wide; what is beyond goes to spool files."""
    threads: int = 16
    """Files that a process takes in at once."""
    unpacking_threads: int = 4
    """Archives that a process unpacks at once."""
    in_flight_max: int = 32
    """Files of one request that are being taken in while its body is read on."""
    archives_in_flight_max: int = 16
    """Archives of one request that are held, unpacked or waiting for it, while its body is read on."""
    unpack_wait_s: float = 5.0
    """Longest wait for archives once the body has ended; one that takes longer is `pending` in the answer."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request whose body has not been read."""

    scope: Scope
    receive: Receive
    send: Send

    @property
    def method(self) -> str:
        """The method, in upper case."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """The path, decoded."""
        return str(self.scope["path"])

    @property
    def address(self) -> str:
        """The peer's address, or nothing where the server does not tell."""
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    @cached_property
    def headers(self) -> dict[str, str]:
        """Header values by lower-case name; repeated ones are joined as RFC 9110 section 5.3 has it."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in self.scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            separator = "; " if name == "cookie" else ", "
            headers[name] = headers[name] + separator + value if name in headers else value
        return headers

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Query parameters and their values, as they come.

        Raises:
            InvalidRequest: there are too many.
        """
        text = self.scope.get("query_string", b"").decode("latin-1")
        try:
            return parse_qsl(text, keep_blank_values=True, max_num_fields=100)
        except ValueError as error:
            raise InvalidRequest("The query has too many parameters.") from error

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters; of a repeated one the last counts."""
        return dict(self.pairs)

    def flag(self, name: str) -> bool:
        """Return a yes-or-no query parameter; absent or empty is no.

        Raises:
            InvalidRequest: neither yes nor no.
        """
        return is_true(name, self.query.get(name, ""))

    @property
    def content_length(self) -> int | None:
        """The announced length of the body in bytes, or `None` for a chunked one.

        Raises:
            InvalidRequest: the header is no number.
        """
        text = self.headers.get("content-length")
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > _DIGITS_MAX:
            raise InvalidRequest("Content-Length wants a number.")
        return int(text)

    @property
    def origin(self) -> str:
        """The scheme and authority by which the client reached us."""
        scheme = self.scope.get("scheme", "http")
        host = self.headers.get("host")
        name, port = self.scope.get("server") or ("localhost", None)
        if not host:
            host = name if port is None else f"{name}:{port}"
        elif host in _LOOPBACK and port not in {None, _PORTS.get(scheme)}:
            host = f"{host}:{port}"  # some clients leave it out, against RFC 9110 section 7.2
        return f"{scheme}://{host}"

    @property
    def base_url(self) -> str:
        """What addresses in answers begin with: `CAUCE_PUBLIC_URL` where it is set, else `origin`."""
        from cauce.settings import environment

        return environment.current().public_url.rstrip("/") or self.origin


def is_true(name: str, text: str) -> bool:
    """Return what a yes-or-no parameter says; an empty one is no.

    Raises:
        InvalidRequest: neither yes nor no.
    """
    value = text.strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise InvalidRequest(f"`{name}` wants true or false.", field=name)
