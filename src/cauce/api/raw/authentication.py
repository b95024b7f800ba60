"""Who sends: judged from the request's header alone, before its body is read."""

from typing import TYPE_CHECKING

from cauce.api.raw.problems import Unauthenticated
from cauce.api.raw.request import Request
from cauce.core.actors import Actor
from cauce.core.errors import Forbidden

if TYPE_CHECKING:
    from django.http import HttpRequest

_META_HEADERS = ("host", "origin", "referer", "x-csrftoken", "x-forwarded-proto", "x-forwarded-host")


def actor_of(request: Request) -> Actor:
    """Return whom the request's bearer credential or session cookie names. Reads the database: call it off the loop.

    A browser sends its session cookie along with any request, also one that another site's page makes; so a request by
    cookie must show that it comes from a page of ours: the browser says so itself (`Sec-Fetch-Site: same-origin`, a
    header that no script can set), or it carries the token of Django's CSRF cookie in `X-CSRFToken`, which only a page
    of ours can read. A bearer credential is never sent by a browser on its own and needs neither.

    Raises:
        Unauthenticated: nobody, or an unknown, expired or revoked credential.
        Forbidden: a session cookie from what may be another site's page.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme:
        return _actor_of_bearer(scheme, credential.strip(), address=request.address)
    return _actor_of_session(request)


def _actor_of_bearer(scheme: str, credential: str, *, address: str) -> Actor:
    from cauce.accounts.tokens import user_of_bearer  # models load only once Django is set up

    user = user_of_bearer(credential) if scheme.lower() == "bearer" and credential else None
    if user is None:
        raise Unauthenticated("The credential is not known, or no longer good.")
    return user.actor(address=address)


def _actor_of_session(request: Request) -> Actor:
    from django.conf import settings
    from django.contrib.auth import get_user
    from django.http import parse_cookie
    from django.utils.module_loading import import_string

    from cauce.accounts.models import User

    cookies = parse_cookie(request.headers.get("cookie", ""))
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    if not key:
        raise Unauthenticated("This needs a credential: Authorization: Bearer <token>.")
    django_request = _django_request(request, cookies)
    django_request.session = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(key)
    user = get_user(django_request)
    if not isinstance(user, User) or not user.is_active:
        raise Unauthenticated("The session has ended. Sign in again.")
    if request.headers.get("sec-fetch-site") != "same-origin" and not _csrf_token_is_good(django_request):
        raise Forbidden("A request by session cookie must come from a page of this server, or send X-CSRFToken.")
    return user.actor(address=request.address)


def _django_request(request: Request, cookies: dict[str, str]) -> "HttpRequest":
    from django.http import HttpRequest

    django_request = HttpRequest()
    django_request.method = request.method
    django_request.path = django_request.path_info = request.path
    django_request.COOKIES = cookies
    for name in _META_HEADERS:
        if name in request.headers:
            django_request.META["HTTP_" + name.upper().replace("-", "_")] = request.headers[name]
    server = request.scope.get("server") or ("localhost", None)
    django_request.META["SERVER_NAME"] = server[0]
    django_request.META["SERVER_PORT"] = str(server[1] or 80)
    django_request._get_scheme = lambda: str(request.scope.get("scheme", "http"))  # type: ignore[attr-defined]  # noqa: SLF001 - Django's own hook for the scheme
    return django_request


def _csrf_token_is_good(django_request: "HttpRequest") -> bool:
    from django.http import HttpRequest, HttpResponse
    from django.middleware.csrf import CsrfViewMiddleware

    class Check(CsrfViewMiddleware):
        def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
            return HttpResponse(status=403)

    check = Check(lambda _request: HttpResponse())
    check.process_request(django_request)
    return check.process_view(django_request, HttpResponse, (), {}) is None
