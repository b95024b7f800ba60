"""`/api/auth/token` and `/api/auth/token/refresh`: user name and password for a pair of JSON Web Tokens."""

from typing import Any

from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import audit
from cauce.accounts.tokens import TokenPair, issue_pair, user_of_jwt
from cauce.api.rest.authentication import address_of
from cauce.api.rest.endpoint import Endpoint
from cauce.api.rest.logins import PASSWORD_LENGTH_MAX, USERNAME_LENGTH_MAX, check_password
from cauce.api.rest.problems import InvalidCredentials
from cauce.api.rest.schema import problem

TOKEN_LENGTH_MAX = 4096
_TOO_MANY = problem(429, "Too many failed attempts; `Retry-After` says how long to wait.")


class CredentialsSerializer(serializers.Serializer[Any]):
    """What a person knows."""

    username = serializers.CharField(max_length=USERNAME_LENGTH_MAX)
    password = serializers.CharField(max_length=PASSWORD_LENGTH_MAX, trim_whitespace=False, write_only=True)
    otp = serializers.CharField(
        max_length=16, required=False, allow_blank=True, write_only=True, help_text="Second factor, if there is one."
    )


class RefreshSerializer(serializers.Serializer[Any]):
    """The refresh token of an earlier pair."""

    refresh = serializers.CharField(max_length=TOKEN_LENGTH_MAX)


class TokenPairSerializer(serializers.Serializer[Any]):
    """The access token goes into the Authorization header; the refresh token gets the next pair."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class _Open(Endpoint):
    """A route without a login: it is the login."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


@extend_schema(tags=["auth"])
class TokenView(_Open):
    """Exchange user name and password for tokens."""

    @extend_schema(request=CredentialsSerializer, responses={200: TokenPairSerializer, **_TOO_MANY})
    @sensitive_variables("given", "password")
    def post(self, request: Request) -> Response:
        """Return an access token (15 minutes) and a refresh token (12 hours)."""
        given = CredentialsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = check_password(
            request._request,  # noqa: SLF001 - the framework's name for Django's own request
            username=given.validated_data["username"],
            password=given.validated_data["password"],
            address=address_of(request),
            way="token",
        )
        return _pair(issue_pair(user))


@extend_schema(tags=["auth"])
class RefreshView(_Open):
    """Exchange a refresh token for the next pair."""

    @extend_schema(request=RefreshSerializer, responses=TokenPairSerializer)
    def post(self, request: Request) -> Response:
        """Return the next pair; the refresh token dies with the account's password or its activity."""
        given = RefreshSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = user_of_jwt(given.validated_data["refresh"], purpose="refresh")
        if user is None:
            raise InvalidCredentials("The refresh token is not valid or has expired.")
        audit.record(user.actor(address=address_of(request)), "token.refresh", subject=user.public_id)
        return _pair(issue_pair(user))


def _pair(pair: TokenPair) -> Response:
    return Response(TokenPairSerializer(pair).data)
