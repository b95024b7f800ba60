"""Who looks at a page: everyone signed in, each with an actor."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from cauce.accounts.models import User
from cauce.core.actors import Actor

P = ParamSpec("P")


def for_signed_in(
    view: Callable[Concatenate[HttpRequest, Actor, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Give the view its actor; who is not signed in goes to the login page and back."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user: Any = request.user
        if not isinstance(user, User):
            following = request.get_full_path() if request.method in {"GET", "HEAD"} else settings.LOGIN_REDIRECT_URL
            return redirect_to_login(following)
        address = str(request.META.get("REMOTE_ADDR") or "")[:64]
        answer = view(request, user.actor(address=address), *args, **kwargs)
        patch_vary_headers(answer, ("Cookie",))
        return answer

    return wrapped
