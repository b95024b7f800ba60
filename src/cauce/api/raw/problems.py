"""The one table from error to HTTP answer of the raw routes: RFC 9457 problem documents."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from cauce.core.errors import (
    CauceError,
    Conflicting,
    Forbidden,
    InvalidRequest,
    NotFound,
    Refused,
    StorageFull,
    Unavailable,
    Undecodable,
)
from cauce.core.statuses import RefusalCode

RETRY_AFTER_S = 5


class Unauthenticated(Forbidden):
    """The request names nobody, or the credential is not good."""

    code = "unauthenticated"


class TimedOut(InvalidRequest):
    """The client stopped sending in the middle of its body."""

    code = "timeout"


class Malformed(InvalidRequest):
    """The body breaks the form that its Content-Type announces."""

    code = "malformed_body"


class UnsupportedMediaType(InvalidRequest):
    """The body is of a kind that this route does not take."""

    code = "unsupported_media_type"


class NotAcceptable(InvalidRequest):
    """The client accepts no kind of answer that this route has."""

    code = "not_acceptable"


class MethodNotAllowed(InvalidRequest):
    """There is something at this address, but nothing that this method does."""

    code = "method_not_allowed"

    def __init__(self, allowed: Iterable[str]) -> None:
        """`allowed` are the methods that would do something."""
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"This address takes {self.allowed}.")


class BodyTooLong(Refused):
    """The body is longer than any request may be."""

    def __init__(self, detail: str = "The request is longer than this server takes.") -> None:
        super().__init__(RefusalCode.TOO_LARGE, detail)


class ClientGone(CauceError):
    """The connection ended before the body did; nobody is left to answer."""

    code = "client_gone"


_STATUS: tuple[tuple[type[CauceError], HTTPStatus], ...] = (
    (BodyTooLong, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (Refused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflicting, HTTPStatus.CONFLICT),
    (TimedOut, HTTPStatus.REQUEST_TIMEOUT),
    (UnsupportedMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (MethodNotAllowed, HTTPStatus.METHOD_NOT_ALLOWED),
    (NotAcceptable, HTTPStatus.NOT_ACCEPTABLE),
    (Undecodable, HTTPStatus.NOT_ACCEPTABLE),
    (InvalidRequest, HTTPStatus.BAD_REQUEST),
    (StorageFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(error: CauceError) -> HTTPStatus:
    """Return the HTTP status that answers `error`."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_of(error: CauceError) -> dict[str, Any]:
    """Return the members of the problem document that tells of `error`."""
    status = status_of(error)
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": error.detail,
        "code": error.code,
    }
    if isinstance(error, InvalidRequest) and error.field:
        document["errors"] = {error.field: [error.detail]}
    return document


def headers_of(error: CauceError) -> dict[str, str]:
    """Return the headers that go with the answer to `error`."""
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": 'Bearer realm="cauce"'}
    if isinstance(error, MethodNotAllowed):
        return {"allow": error.allowed}
    if isinstance(error, Unavailable):
        return {"retry-after": str(RETRY_AFTER_S)}
    return {}
