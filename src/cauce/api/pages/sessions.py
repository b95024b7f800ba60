"""Signing in and out in the browser."""

from typing import Any

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from cauce import audit
from cauce.accounts.models import User
from cauce.api.rest.logins import PASSWORD_LENGTH_MAX, USERNAME_LENGTH_MAX, check_password
from cauce.api.rest.problems import InvalidCredentials, TooManyFailures

BACKEND = "django.contrib.auth.backends.ModelBackend"
_MINUTE_S = 60


@sensitive_post_parameters("password")
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Ask who it is, and go on to where they wanted to be."""
    following = _following(request)
    if request.method == "POST":
        return _log_in(request, following)
    if request.user.is_authenticated:
        return HttpResponseRedirect(following)
    return _form(request, following)


def _log_in(request: HttpRequest, following: str) -> HttpResponse:
    username, password = request.POST.get("username", ""), request.POST.get("password", "")
    is_sane = 0 < len(username) <= USERNAME_LENGTH_MAX and 0 < len(password) <= PASSWORD_LENGTH_MAX
    wrong = _("User name or password is wrong.")
    if not is_sane or "\0" in username + password:
        return _form(request, following, said=wrong, status=401)
    address = str(request.META.get("REMOTE_ADDR") or "")[:64]
    try:
        user = check_password(request, username=username, password=password, address=address, way="page")
    except InvalidCredentials:
        return _form(request, following, said=wrong, username=username, status=401)
    except TooManyFailures as error:
        minutes = -(-error.wait_s // _MINUTE_S)
        said = ngettext(
            "Too many failed attempts. Try again in %(n)d minute.",
            "Too many failed attempts. Try again in %(n)d minutes.",
            minutes,
        ) % {"n": minutes}
        answer = _form(request, following, said=said, username=username, status=429)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer
    auth.login(request, user, backend=BACKEND)
    return HttpResponseRedirect(following)


def _form(
    request: HttpRequest, following: str, *, said: str = "", username: str = "", status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {"next": following, "said": said, "username": username[:USERNAME_LENGTH_MAX]}
    return render(request, "cauce/login.html", context, status=status)


def _following(request: HttpRequest) -> str:
    """Return where to go next: a path of ours, whatever was asked for."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(asked, allowed_hosts=None, require_https=request.is_secure())
    return asked if is_ours and asked.startswith("/") else settings.LOGIN_REDIRECT_URL


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if isinstance(request.user, User):
        address = str(request.META.get("REMOTE_ADDR") or "")[:64]
        audit.record(request.user.actor(address=address), "logout", subject=request.user.public_id)
    auth.logout(request)
    return HttpResponseRedirect(settings.LOGIN_URL)
