"""What every answer passes: the content policy, the language of pages, the log of defects."""

from typing import Any

import structlog
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.deprecation import MiddlewareMixin

from cauce.api.pages.errors import unavailable
from cauce.core.errors import Unavailable

CONTENT_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
DOCS_PATH = "/api/docs/"
DOCS_POLICY = f"{CONTENT_POLICY}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
"""The page of the API's description draws itself with inline styles; scripts stay as strict as elsewhere."""

_PAGES_LANGUAGE_NOT = ("/api/", "/dicom-web/", "/projects/", "/healthz", "/readyz", "/metrics")

log = structlog.get_logger("cauce.api")


class ContentPolicy(MiddlewareMixin):
    """Says what a page may load (only what comes from here), and that what is shown to one person is not kept."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the headers."""
        policy = DOCS_POLICY if request.path == DOCS_PATH else CONTENT_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class PageLanguage(LocaleMiddleware):
    """Pages speak the language that the browser asks for; programs get English whatever their machine's locale."""

    def process_request(self, request: HttpRequest) -> None:
        """Choose the language of this answer."""
        if request.path.startswith(_PAGES_LANGUAGE_NOT):
            translation.activate("en")
            request.LANGUAGE_CODE = "en"
            return
        super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Say which language it is, on pages."""
        if request.path.startswith(_PAGES_LANGUAGE_NOT):
            return response
        return super().process_response(request, response)


class DefectLog(MiddlewareMixin):
    """Writes what no view foresaw into the log, as types and places; a dependency that is down is said so."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Log a defect; answer 503 where the database or the store does not."""
        if isinstance(exception, (OperationalError, InterfaceError, Unavailable)):
            log.warning("request.unavailable", route=_route(request), exc_info=exception)
            return unavailable(request)
        if isinstance(exception, (Http404, PermissionDenied, SuspiciousOperation, BadRequest)):
            return None  # an answer, not a defect
        log.error("request.failed", route=_route(request), method=request.method, exc_info=exception)
        return None


def _route(request: HttpRequest) -> str:
    match: Any = request.resolver_match
    return match.route if match else ""
