"""Who asks: bearer credentials (RFC 6750) on the REST routes, sessions on the pages."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cauce.accounts.models import User
from cauce.accounts.tokens import user_of_bearer
from cauce.core.actors import Actor
from cauce.core.statuses import Role

SCHEME = "Bearer"
NOBODY = Actor(kind="platform", name="", role=Role.AUDITOR)
"""Stands in while the schema is generated: sees nothing."""

_PARTS = 2


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <JWT or API token>`."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        """Return the account and its credential, or `None` when the request carries no bearer credential.

        Raises:
            AuthenticationFailed: the credential is unknown, expired, revoked or altered.
        """
        header = get_authorization_header(request).split()
        if not header or header[0].lower() != SCHEME.lower().encode():
            return None
        if len(header) != _PARTS:
            raise AuthenticationFailed("The Authorization header wants one token.", code="invalid_token")
        try:
            credential = header[1].decode("ascii")
        except UnicodeDecodeError:
            raise AuthenticationFailed("The token is not valid.", code="invalid_token") from None
        user = user_of_bearer(credential)
        if user is None:
            raise AuthenticationFailed("The token is not valid, has expired or was revoked.", code="invalid_token")
        return user, credential

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - the framework's signature
        """Return the challenge of a 401 answer."""
        return f'{SCHEME} realm="cauce"'


def address_of(request: Request) -> str:
    """Return the peer's address as the audit trail keeps it."""
    return str(request.META.get("REMOTE_ADDR") or "")[:64]


def actor_of(request: Request) -> Actor:
    """Return the actor behind a request that has passed authentication."""
    user = request.user
    return user.actor(address=address_of(request)) if isinstance(user, User) else NOBODY
