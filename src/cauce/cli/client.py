"""The HTTP interface of a running server, as the commands use it."""

import json
import ssl
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, BinaryIO, Self

import httpx

from cauce.cli import local
from cauce.core.errors import (
    CauceError,
    ConfigurationError,
    Forbidden,
    InvalidRequest,
    NotFound,
    Refused,
    StorageFull,
    Unavailable,
)
from cauce.core.statuses import RefusalCode
from cauce.settings import environment
from cauce.settings.environment import Settings

TIMEOUT_S = 60.0
UPLOAD_TIMEOUT_S = 600.0
_LATER = {
    httpx.codes.REQUEST_TIMEOUT,
    httpx.codes.TOO_MANY_REQUESTS,
    httpx.codes.BAD_GATEWAY,
    httpx.codes.SERVICE_UNAVAILABLE,
    httpx.codes.GATEWAY_TIMEOUT,
}

_ERRORS: dict[int, type[Forbidden | NotFound | InvalidRequest | StorageFull]] = {
    httpx.codes.FORBIDDEN: Forbidden,
    httpx.codes.NOT_FOUND: NotFound,
    httpx.codes.BAD_REQUEST: InvalidRequest,
    httpx.codes.INSUFFICIENT_STORAGE: StorageFull,
}


class ServerRefused(CauceError):
    """The server answered with an error that has no class of its own here."""

    code = "server_refused"


class Busy(Unavailable):
    """The server asks to come back; `retry_after_s` is when, if it said so."""

    code = "busy"

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        """`detail` is what the server says."""
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NobodyThere(Unavailable):
    """Nothing takes connections at the server's address."""


class Client:
    """A session with the server at `CAUCE_HTTP` (or `CAUCE_PUBLIC_URL`), closed by leaving its `with` block."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        token: str | None = None,
        trust: ssl.SSLContext | bool | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Name the server; nothing is asked yet. The token is `token`, `CAUCE_TOKEN` or the local administrator's.

        `trust` says whose certificates are believed, `transport` replaces the network.
        """
        settings = environment.current()
        self.base_url = base_url or settings.base_url
        self._http = httpx.Client(
            base_url=self.base_url,
            timeout=httpx.Timeout(TIMEOUT_S, write=UPLOAD_TIMEOUT_S, read=UPLOAD_TIMEOUT_S),
            headers={"Accept": "application/json", "User-Agent": "cauce-cli"},
            verify=trusted(settings) if trust is None else trust,
            transport=transport,
            trust_env=False,
        )
        self._http.auth = _Bearer(token or settings.token or _local_token)

    def __enter__(self) -> Self:
        """Return this client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON document at `path`.

        Raises:
            Unavailable: no server answers there (`NobodyThere` if nothing even takes the connection).
            NotFound, Forbidden, InvalidRequest, ServerRefused: as the server says.
        """
        given = {name: value for name, value in query.items() if value is not None}
        # Without parameters of its own a request keeps those that its address has: the links of a paged list.
        return self.send("GET", path, params=given or None)

    def post(self, path: str, body: Any = None) -> Any:
        """Post a JSON document; see `get`."""
        return self.send("POST", path, json=body)

    def send(self, method: str, path: str, **options: Any) -> Any:
        """Send one request and return the JSON of its answer; see `get`."""
        with self._translated():
            response = self._http.request(method, path, **options)
        return _content(response)

    def download(self, path: str, file: BinaryIO) -> None:
        """Write what is at `path` into `file` as it comes, of any length; see `get`."""
        with self._translated(), self._http.stream("GET", path) as response:
            if response.is_success:
                file.writelines(response.iter_bytes())
                return
            response.read()
        _content(response)

    def public(self, path: str) -> bytes:
        """Return what is at `path` for everyone, without a token; see `get`."""
        with self._translated():
            response = self._http.get(path, auth=None)
        if not response.is_success:
            _content(response)
        return response.content

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise self._not_connected(error) from error
        except httpx.ConnectTimeout as error:
            raise NobodyThere(f"nothing at {self.base_url} takes a connection in time") from error
        except httpx.TimeoutException as error:
            raise Unavailable(f"the server at {self.base_url} did not answer in time") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"the connection to {self.base_url} broke ({type(error).__name__})") from error

    def _not_connected(self, error: httpx.ConnectError) -> CauceError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ConfigurationError(
                f"the certificate of {self.base_url} is not trusted, or not for that name: "
                "CAUCE_PUBLIC_URL wants the name in it, CAUCE_TLS_CERT the certificate"
            )
        return NobodyThere(f"no server answers at {self.base_url}; start one with: cauce up")

    def pages(self, path: str, *, most: int | None = None, **query: Any) -> Iterator[Any]:
        """Yield the rows of a paged list, up to `most`."""
        left = most
        page = self.get(path, **query)
        while True:
            rows = page["results"][:left]
            yield from rows
            left = None if left is None else left - len(rows)
            if not page.get("next") or left == 0:
                return
            page = self.get(page["next"])


class _Bearer(httpx.Auth):
    """Presents the token; a local administrator's is short-lived and made anew when the server no longer takes it."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._source = token
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token; ask for another once when it is refused."""
        if self._token is None:
            self._token = self._source() if callable(self._source) else self._source
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and callable(self._source):
            self._token = self._source()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request


def trusted(settings: Settings) -> ssl.SSLContext | bool:
    """Return whose certificates are believed: those of the system, and the server's own where it is named here."""
    if settings.tls_cert is None:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=settings.tls_cert)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"CAUCE_TLS_CERT: {settings.tls_cert} cannot be read as a certificate") from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the file may hold no root
    return context


def _local_token() -> str:
    from cauce import bootstrap

    token = bootstrap.local_admin_token() if local.has_platform() else None
    if token is None:
        settings = environment.current()
        raise ConfigurationError(
            f"{settings.data_folder} holds no platform: start one there with `cauce up`, or set CAUCE_DATA to the "
            f"folder of the one at {settings.base_url}, or CAUCE_TOKEN to an API token of it"
        )
    return token


def _content(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
    try:
        problem = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        problem = {}
    raise _error_of(response, _detail_of(problem, response.status_code))


def _error_of(response: httpx.Response, detail: str) -> CauceError:
    status = response.status_code
    if status == httpx.codes.UNAUTHORIZED:
        return Forbidden(f"the server does not know this token: {detail}")
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return Refused(RefusalCode.TOO_LARGE, "The server, or a proxy before it, takes no request as long as this.")
    if status in _LATER:
        wait = response.headers.get("retry-after", "")
        return Busy(detail, retry_after_s=float(wait) if wait.isascii() and wait.isdigit() else None)
    return _ERRORS.get(status, ServerRefused)(detail)


def _detail_of(problem: Any, status: int) -> str:
    if not isinstance(problem, dict):
        return f"the server answered {status}"
    detail = str(problem.get("detail") or f"the server answered {status}")
    fields = problem.get("errors")
    if isinstance(fields, dict) and fields:
        parts = [
            f"{name}: {' '.join(map(str, texts)) if isinstance(texts, list) else texts}"
            for name, texts in fields.items()
        ]
        return detail if detail in parts[0] else "; ".join(parts)
    return detail
