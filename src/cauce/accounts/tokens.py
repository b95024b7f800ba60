"""Bearer credentials: JSON Web Tokens for sessions of programs, API tokens for scripts. Both name a user."""

import datetime as dt
from dataclasses import dataclass

import jwt
from django.conf import settings
from django.utils import timezone

from cauce.accounts.models import TOKEN_PREFIX, ApiToken, User, digest_of
from cauce.core.identifiers import new_public_id

ALGORITHM = "HS256"
ACCESS_LIFETIME = dt.timedelta(minutes=15)
REFRESH_LIFETIME = dt.timedelta(hours=12)


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenPair:
    """An access token for requests and a refresh token to get the next pair."""

    access: str
    refresh: str


def issue_pair(user: User) -> TokenPair:
    """Return fresh tokens for `user`."""
    return TokenPair(
        access=_sign(user, purpose="access", lifetime=ACCESS_LIFETIME),
        refresh=_sign(user, purpose="refresh", lifetime=REFRESH_LIFETIME),
    )


def issue_access(user: User, *, lifetime: dt.timedelta = ACCESS_LIFETIME) -> str:
    """Return one access token for `user`."""
    return _sign(user, purpose="access", lifetime=lifetime)


def user_of_bearer(credential: str) -> User | None:
    """Return whom a bearer credential names, or `None` when it is unknown, expired, revoked or altered."""
    if not credential.isascii():
        return None
    if credential.startswith(TOKEN_PREFIX):
        token = ApiToken.objects.select_related("user").filter(digest=digest_of(credential)).first()
        return token.user if token and token.is_usable else None
    return user_of_jwt(credential, purpose="access")


def user_of_jwt(credential: str, *, purpose: str) -> User | None:
    """Return whom a signed token of this purpose (`access` or `refresh`) names, or `None`.

    A token signed before the password last changed, or for an account that is not active, names nobody.
    """
    try:
        claims = jwt.decode(
            credential,
            settings.SECRET_KEY,
            algorithms=[ALGORITHM],
            # When it was issued decides nothing, and a clock that has gone back would end every session.
            options={"require": ["exp", "sub", "use", "pwd"], "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        return None
    if claims["use"] != purpose:
        return None
    user = User.objects.filter(public_id=claims["sub"], is_active=True).first()
    return user if user and claims["pwd"] == _password_mark(user) else None


def _sign(user: User, *, purpose: str, lifetime: dt.timedelta) -> str:
    now = timezone.now()
    claims = {
        "sub": user.public_id,
        "use": purpose,
        "iat": now,
        "exp": now + lifetime,
        "jti": new_public_id(),
        "pwd": _password_mark(user),
    }
    return jwt.encode(claims, settings.SECRET_KEY, algorithm=ALGORITHM)


def _password_mark(user: User) -> str:
    return user.get_session_auth_hash()[:16]
