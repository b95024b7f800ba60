"""`/api/tokens/`: secrets that scripts present instead of a password. The text is shown once, when one is made."""

import datetime as dt
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.accounts.models import ApiToken, User
from cauce.api.rest import parameters
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.parameters import parameter
from cauce.core.actors import Actor
from cauce.core.errors import Forbidden, NotFound

LIFETIME_DAYS_MAX = 3650


class ApiTokenSerializer(serializers.Serializer[Any]):
    """A token, without its text."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    username = serializers.CharField(source="user.username")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    is_usable = serializers.BooleanField()


class NewApiTokenSerializer(serializers.Serializer[Any]):
    """What a new token is to be."""

    name = serializers.CharField(max_length=100, help_text="What it is for.")
    expires_in_days = serializers.IntegerField(
        min_value=1, max_value=LIFETIME_DAYS_MAX, required=False, allow_null=True, help_text="Without it, never."
    )


class IssuedApiTokenSerializer(ApiTokenSerializer):
    """A token with its text, once."""

    token = serializers.CharField(help_text="Shown now and never again.")


class ApiTokenList(GenericEndpoint):
    """Tokens, newest first."""

    serializer_class = ApiTokenSerializer
    keyset = ("-id",)
    parameters: ClassVar = (parameter("everyone", "`true`: not only one's own (administrators).", bool),)

    def get_queryset(self) -> QuerySet[ApiToken]:
        """Return one's own tokens, or all."""
        tokens = ApiToken.objects.select_related("user")
        if not parameters.flag(self.request.query_params, "everyone"):
            return tokens.filter(user=self.actor.user_id)
        if not self.actor.may_administer:
            raise Forbidden("Only administrators see the tokens of others.")
        return tokens

    @extend_schema(operation_id="tokens_list", responses=ApiTokenSerializer(many=True), tags=["accounts"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List one's own tokens, without their texts."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=NewApiTokenSerializer, responses={201: IssuedApiTokenSerializer}, tags=["accounts"])
    def post(self, request: Request) -> Response:
        """Make a token for oneself. Its text is in this answer and nowhere else."""
        given = NewApiTokenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        days = given.validated_data.get("expires_in_days")
        user = request.user
        if not isinstance(user, User):
            raise Forbidden("Only accounts have tokens.")
        with transaction.atomic():
            token, text = ApiToken.issue(user, name=given.validated_data["name"])
            if days is not None:
                token.expires_at = timezone.now() + dt.timedelta(days=days)
                token.save(update_fields=["expires_at"])
            self.note("token.create", subject=token.public_id)
        shown = {**ApiTokenSerializer(token).data, "token": text}
        return Response(shown, status=status.HTTP_201_CREATED)


class ApiTokenDetail(Endpoint):
    """One token."""

    @extend_schema(responses=ApiTokenSerializer, tags=["accounts"])
    def get(self, request: Request, token_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Return a token, without its text."""
        return Response(ApiTokenSerializer(_found(self.actor, token_id)).data)

    @extend_schema(responses={204: None}, tags=["accounts"])
    def delete(self, request: Request, token_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Revoke a token: one's own, or anybody's for administrators. Revoking twice is no error."""
        with transaction.atomic():
            token = _found(self.actor, token_id)
            if token.revoked_at is None:
                token.revoked_at = timezone.now()
                token.save(update_fields=["revoked_at"])
                self.note("token.revoke", subject=token_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _found(actor: Actor, token_id: str) -> ApiToken:
    token = ApiToken.objects.select_related("user").filter(public_id=token_id).first()
    if token is None or not (actor.may_administer or token.user_id == actor.user_id):
        raise NotFound("There is no such token of yours.")
    return token
