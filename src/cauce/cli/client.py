"""The HTTP interface of a running server, as the commands use it."""

import json
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from cauce.core.errors import CauceError, ConfigurationError, Forbidden, InvalidRequest, NotFound, Unavailable
from cauce.settings import environment

TIMEOUT_S = 60.0
UPLOAD_TIMEOUT_S = 600.0


class ServerRefused(CauceError):
    """The server answered with an error that has no class of its own here."""

    code = "server_refused"


class Client:
    """A session with the server at `CAUCE_HTTP` (or `CAUCE_PUBLIC_URL`), closed by leaving its `with` block."""

    def __init__(self, *, base_url: str | None = None, token: str | None = None) -> None:
        """Name the server; nothing is asked yet. The token is `token`, `CAUCE_TOKEN` or the local administrator's."""
        settings = environment.current()
        self.base_url = base_url or settings.base_url
        self._given = token or settings.token
        self._http = httpx.Client(
            base_url=self.base_url,
            timeout=httpx.Timeout(TIMEOUT_S, write=UPLOAD_TIMEOUT_S, read=UPLOAD_TIMEOUT_S),
            headers={"Accept": "application/json", "User-Agent": "cauce-cli"},
            verify=str(settings.tls_cert) if settings.tls_cert else True,
            trust_env=False,
        )
        self._http.auth = _Bearer(self._given or _local_token)

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
            Unavailable: no server answers there.
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
        try:
            response = self._http.request(method, path, **options)
        except httpx.ConnectError as error:
            raise Unavailable(f"no server answers at {self.base_url}; start one with: cauce up") from error
        except httpx.TimeoutException as error:
            raise Unavailable(f"the server at {self.base_url} did not answer in time") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"the connection to {self.base_url} broke ({type(error).__name__})") from error
        return _content(response)

    def pages(self, path: str, *, most: int | None = None, **query: Any) -> Iterator[Any]:
        """Yield the rows of a paged list, up to `most`."""
        count = 0
        page = self.get(path, **query)
        while True:
            for row in page["results"]:
                if most is not None and count >= most:
                    return
                count += 1
                yield row
            if not page.get("next") or (most is not None and count >= most):
                return
            page = self.get(page["next"])


class _Bearer(httpx.Auth):
    """Presents the token; a local administrator's is short-lived and made anew when the server no longer takes it."""

    def __init__(self, token: Any) -> None:
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


def _local_token() -> str:
    from cauce import bootstrap

    token = bootstrap.local_admin_token()
    if token is None:
        data = environment.current().data_folder
        raise ConfigurationError(
            f"set CAUCE_TOKEN to an API token of the server, or CAUCE_DATA to its data folder ({data} has none)"
        )
    return token


def _content(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
    try:
        problem = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        problem = {}
    detail = _detail_of(problem, response.status_code)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        raise Forbidden(f"the server does not know this token: {detail}")
    if response.status_code == httpx.codes.FORBIDDEN:
        raise Forbidden(detail)
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(detail)
    if response.status_code == httpx.codes.BAD_REQUEST:
        raise InvalidRequest(detail)
    if response.status_code in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.INSUFFICIENT_STORAGE}:
        raise Unavailable(detail)
    raise ServerRefused(detail)


def _detail_of(problem: Any, status: int) -> str:
    if not isinstance(problem, dict):
        return f"the server answered {status}"
    detail = str(problem.get("detail") or f"the server answered {status}")
    fields = problem.get("errors")
    if isinstance(fields, dict):
        parts = [
            f"{name}: {' '.join(map(str, texts)) if isinstance(texts, list) else texts}"
            for name, texts in fields.items()
        ]
        detail = f"{detail} ({'; '.join(parts)})"
    return detail
