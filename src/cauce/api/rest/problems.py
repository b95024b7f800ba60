"""Errors on the wire: every one is a problem document (RFC 9457), never a traceback, never identity.

One table leads from the errors of ours to HTTP statuses; what Django and its REST framework raise is brought to the
same form.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from cauce.core import errors

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("cauce.api")
RETRY_AFTER_S = 5

_STATUS: tuple[tuple[type[errors.CauceError], HTTPStatus], ...] = (
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.Forbidden, HTTPStatus.FORBIDDEN),
    (errors.Conflicting, HTTPStatus.CONFLICT),
    (errors.InvalidRequest, HTTPStatus.BAD_REQUEST),
    (errors.Refused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.StorageFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (errors.Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
_CODES = {
    HTTPStatus.BAD_REQUEST: "invalid",
    HTTPStatus.UNAUTHORIZED: "not_authenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.NOT_ACCEPTABLE: "not_acceptable",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many_requests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal",
}
_DETAILS = {
    HTTPStatus.BAD_REQUEST: "The request could not be understood.",
    HTTPStatus.FORBIDDEN: "This account may not do that.",
    HTTPStatus.NOT_FOUND: "There is nothing here, or nothing for this account.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is longer than is taken here.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong here; the log of the server says what.",
}


class TooManyFailures(errors.CauceError):
    """Credentials were wrong too often; `wait_s` is how long to wait before the next attempt, in seconds."""

    code = "too_many_failures"

    def __init__(self, *, wait_s: int) -> None:
        super().__init__(f"Too many failed attempts. Try again in {wait_s} seconds.")
        self.wait_s = wait_s


class InvalidCredentials(errors.CauceError):
    """User name and password, or a token, name nobody."""

    code = "invalid_credentials"


def document(
    status: int, *, code: str = "", detail: str = "", fields: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the problem document of an answer; `fields` maps field names to what is wrong with them."""
    known = HTTPStatus(status)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": known.phrase,
        "status": known.value,
        "detail": detail or _DETAILS.get(known, known.description or known.phrase),
        "code": code or _CODES.get(known, "error"),
    }
    return {**body, "errors": dict(fields)} if fields else body


def response(status: int, *, code: str = "", detail: str = "") -> JsonResponse:
    """Return a problem outside of the REST framework's views."""
    return JsonResponse(document(status, code=code, detail=detail), status=status, content_type=MEDIA_TYPE)


def answer(error: Exception, context: Mapping[str, Any]) -> HttpResponse | Response | None:
    """Return the answer to an error raised in a REST view; `None` for a defect of ours, which ends in `handler500`."""
    request = context["request"]
    if isinstance(error, exceptions.NotAuthenticated) and _is_person(request):
        return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")
    described = _describe(error)
    if described is None:
        return None
    body, headers = described
    _log.info("api.problem", status=body["status"], code=body["code"])
    renderer = getattr(request, "accepted_renderer", None)
    if renderer is not None and renderer.format == "api":
        return Response(body, status=body["status"], headers=headers)
    return JsonResponse(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)


def _is_person(request: HttpRequest) -> bool:
    return request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("Accept", "")


def _describe(error: Exception) -> tuple[dict[str, Any], dict[str, str]] | None:
    if isinstance(error, errors.CauceError):
        return _describe_ours(error)
    if isinstance(error, exceptions.APIException):
        return _describe_framework(error)
    if isinstance(error, (OperationalError, InterfaceError)):
        return _describe_ours(errors.DatabaseUnavailable("The database does not answer now."))
    plain = _plain_status(error)
    return None if plain is None else (document(plain), {})


def _plain_status(error: Exception) -> HTTPStatus | None:
    if isinstance(error, Http404):
        return HTTPStatus.NOT_FOUND
    if isinstance(error, PermissionDenied):
        return HTTPStatus.FORBIDDEN
    if isinstance(error, RequestDataTooBig):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if isinstance(error, (BadRequest, SuspiciousOperation)):
        return HTTPStatus.BAD_REQUEST
    return None


def _describe_ours(error: errors.CauceError) -> tuple[dict[str, Any], dict[str, str]] | None:
    if isinstance(error, TooManyFailures):
        body = document(HTTPStatus.TOO_MANY_REQUESTS, code=error.code, detail=error.detail)
        return body, {"Retry-After": str(error.wait_s)}
    if isinstance(error, InvalidCredentials):
        body = document(HTTPStatus.UNAUTHORIZED, code=error.code, detail=error.detail)
        return body, {"WWW-Authenticate": 'Bearer realm="cauce"'}
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    field = getattr(error, "field", None)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if error.retryable else {}
    fields = {field: [error.detail]} if field is not None else None
    return document(status, code=error.code, detail=error.detail, fields=fields), headers


def _describe_framework(error: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    if authenticate := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    if isinstance(error, exceptions.ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        detail = "Some fields are missing or wrong."
        return document(error.status_code, code="invalid", detail=detail, fields=fields), headers
    code = error.get_codes()
    if isinstance(error, exceptions.ParseError):
        return document(error.status_code, code="parse_error", detail="The body is not valid JSON."), headers
    if isinstance(error, exceptions.PermissionDenied | exceptions.NotFound):
        code = ""
    return document(error.status_code, code=code if isinstance(code, str) else "", detail=str(error.detail)), headers


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a request that Django itself found to be malformed (`handler400`)."""
    return response(_plain_status(exception) or HTTPStatus.BAD_REQUEST)
