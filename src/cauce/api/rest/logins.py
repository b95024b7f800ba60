"""Passwords at the door: the same check for programs and people, throttled by what the audit trail says.

Every failure is an audit row; the throttle counts them, so it holds across processes and restarts. What was typed as a
user name is kept only as a keyed digest, since people type passwords there.
"""

import datetime as dt
import hashlib
import hmac
import math

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from cauce import audit
from cauce.accounts.models import User
from cauce.api.rest.problems import InvalidCredentials, TooManyFailures
from cauce.audit.models import AuditEvent
from cauce.core.actors import Actor
from cauce.core.statuses import Role

WINDOW = dt.timedelta(minutes=5)
FAILURES_MAX = 5
"""Failures of one account from one address within the window."""
ADDRESS_FAILURES_MAX = 50
"""Failures of one address within the window, whatever the accounts."""
USERNAME_LENGTH_MAX = 150
PASSWORD_LENGTH_MAX = 4096

REFUSED = "login.refused"


def check_password(request: HttpRequest, *, username: str, password: str, address: str, way: str) -> User:
    """Return whom user name and password name, and write that into the audit trail; `way` is `token` or `page`.

    An unknown user name costs the same work as a wrong password. The count is looked at again once the password has
    been checked, in the transaction that records the outcome: guesses sent all at once gain nothing.

    Raises:
        TooManyFailures: this account from this address, or this address, has failed too often; nothing was checked.
        InvalidCredentials: they name nobody, or an account that is not active.
    """
    mark = _mark(username, address)
    _refuse_if_throttled(mark, address)
    found = authenticate(request, username=username, password=password)
    user = found if isinstance(found, User) else None
    with transaction.atomic():
        _refuse_if_throttled(mark, address)
        if user is not None:
            audit.record(user.actor(address=address), "login", subject=user.public_id, way=way)
            return user
        nobody = Actor(kind="user", name="", role=Role.AUDITOR, address=address)
        audit.record(nobody, REFUSED, subject=mark, outcome="refused", way=way)
    raise InvalidCredentials("User name or password is wrong.")


def _refuse_if_throttled(mark: str, address: str) -> None:
    now = timezone.now()
    recent = AuditEvent.objects.filter(at__gt=now - WINDOW, action=REFUSED)
    bounds = ((recent.filter(subject=mark), FAILURES_MAX), (recent.filter(address=address), ADDRESS_FAILURES_MAX))
    for failures, most in bounds:
        times = list(failures.order_by("-at").values_list("at", flat=True)[:most])
        if len(times) == most:
            wait = times[-1] + WINDOW - now
            raise TooManyFailures(wait_s=max(1, math.ceil(wait.total_seconds())))


def _mark(username: str, address: str) -> str:
    text = f"{username.casefold()}\0{address}".encode("utf-8", "surrogatepass")
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()
