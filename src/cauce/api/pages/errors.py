"""Errors outside of the REST views: problem documents for programs, plain pages for people."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from cauce.api.rest import problems

_PROGRAMS = ("/api/", "/dicom-web/", "/projects/", "/graphql", "/healthz", "/readyz", "/metrics")
_SAID = {
    HTTPStatus.BAD_REQUEST: gettext_noop("The request could not be understood."),
    HTTPStatus.FORBIDDEN: gettext_noop("This account may not do that."),
    HTTPStatus.NOT_FOUND: gettext_noop("There is nothing here, or nothing for this account."),
    HTTPStatus.INTERNAL_SERVER_ERROR: gettext_noop("Something went wrong here; the log of the server says what."),
    HTTPStatus.SERVICE_UNAVAILABLE: gettext_noop("A part of the platform does not answer now. Try again shortly."),
}
_TITLES = {
    HTTPStatus.BAD_REQUEST: gettext_noop("Not understood"),
    HTTPStatus.FORBIDDEN: gettext_noop("Not allowed"),
    HTTPStatus.NOT_FOUND: gettext_noop("Nothing here"),
    HTTPStatus.INTERNAL_SERVER_ERROR: gettext_noop("Something went wrong"),
    HTTPStatus.SERVICE_UNAVAILABLE: gettext_noop("Not now"),
}
_STALE_FORM = gettext_noop("The form was too old. Go back, load the page again and repeat.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django itself found to be malformed (`handler400`)."""
    if _is_program(request):
        return problems.bad_request(request, exception)
    return _page(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer what this account may not do (`handler403`)."""
    return _answer(request, HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a path that names nothing (`handler404`)."""
    return _answer(request, HTTPStatus.NOT_FOUND)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer a defect of ours (`handler500`)."""
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer while a dependency is down."""
    answer = _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, code="unavailable")
    answer.headers["Retry-After"] = str(problems.RETRY_AFTER_S)
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a form that did not come from a page of ours, or from one of an ended session."""
    if _is_program(request):
        return problems.response(HTTPStatus.FORBIDDEN, code="csrf_failed", detail="The form's token is missing or old.")
    return _page(request, HTTPStatus.FORBIDDEN, said=_STALE_FORM)


def _answer(request: HttpRequest, status: HTTPStatus, *, code: str = "") -> HttpResponse:
    if _is_program(request):
        detail = _SAID[status] if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
        return problems.response(status, code=code, detail=detail)
    return _page(request, status)


def _is_program(request: HttpRequest) -> bool:
    return request.path.startswith(_PROGRAMS)


def _page(request: HttpRequest, status: HTTPStatus, *, said: str = "") -> HttpResponse:
    """Render a page that needs no database, since that may be what is broken."""
    context = {"status": status.value, "title": _(_TITLES[status]), "said": _(said or _SAID[status])}
    return render(request, "cauce/error.html", context, status=status)
