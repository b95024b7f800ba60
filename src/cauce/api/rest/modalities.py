"""`/api/calling-aes/`: modalities that asked for an association from elsewhere, and which of them may store."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import bootstrap
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.parameters import parameter
from cauce.api.rest.permissions import MayAdminister
from cauce.core.errors import NotFound
from cauce.records.models import CallingAe
from cauce.records.models.modalities import ADDRESS_LENGTH_MAX, AE_TITLE_LENGTH_MAX

_FLAGS = ("true", "false")


class CallingAeSerializer(serializers.Serializer[Any]):
    """A calling AE title at an address. Until it is allowed it may only echo; `attempts` counts how often it asked."""

    id = serializers.CharField(source="public_id", read_only=True)
    ae_title = serializers.CharField(max_length=AE_TITLE_LENGTH_MAX)
    address = serializers.CharField(max_length=ADDRESS_LENGTH_MAX, help_text="A numeric one, such as 192.0.2.7.")
    allowed = serializers.BooleanField(read_only=True)
    attempts = serializers.IntegerField(read_only=True)
    first_seen_at = serializers.DateTimeField(source="first_seen", read_only=True, allow_null=True)
    last_seen_at = serializers.DateTimeField(source="last_seen", read_only=True, allow_null=True)


class CallingAeList(GenericEndpoint):
    """Modalities, newest first."""

    serializer_class = CallingAeSerializer
    permission_classes = (MayAdminister,)
    keyset = ("-id",)
    parameters: ClassVar = (parameter("allowed", "Only those that may store, or may not.", enum=_FLAGS, many=True),)

    def get_queryset(self) -> QuerySet[CallingAe]:
        """Return the modalities that are asked for."""
        known = CallingAe.objects.all()
        if given := self.choices("allowed", _FLAGS):
            known = known.filter(allowed__in=[text == "true" for text in given])
        return known

    @extend_schema(operation_id="calling_aes_list", responses=CallingAeSerializer(many=True), tags=["modalities"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List modalities from elsewhere (administrators). From this machine itself any may store."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=CallingAeSerializer, responses=CallingAeSerializer, tags=["modalities"])
    def post(self, request: Request) -> Response:
        """Let a modality store (administrators), seen before or not."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        allowed = bootstrap.services().modalities.allow(**given.validated_data, actor=self.actor)
        return Response(self.get_serializer(calling_ae(allowed.public_id)).data)


class _Decision(Endpoint):
    permission_classes = (MayAdminister,)

    def decide(self, calling_ae_id: str, *, allowed: bool) -> Response:
        row = calling_ae(calling_ae_id)
        modalities = bootstrap.services().modalities
        (modalities.allow if allowed else modalities.forbid)(row.ae_title, row.address, actor=self.actor)
        return Response(CallingAeSerializer(calling_ae(calling_ae_id)).data)


class CallingAeAllow(_Decision):
    """Let a modality store."""

    @extend_schema(request=None, responses=CallingAeSerializer, tags=["modalities"])
    def post(self, request: Request, calling_ae_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Let a modality store (administrators)."""
        return self.decide(calling_ae_id, allowed=True)


class CallingAeForbid(_Decision):
    """Take the permission back."""

    @extend_schema(request=None, responses=CallingAeSerializer, tags=["modalities"])
    def post(self, request: Request, calling_ae_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Take the permission back (administrators); running associations go on to their end."""
        return self.decide(calling_ae_id, allowed=False)


def calling_ae(public_id: str) -> CallingAe:
    """Return the modality with this id.

    Raises:
        NotFound: there is none.
    """
    row = CallingAe.objects.filter(public_id=public_id).first()
    if row is None:
        raise NotFound("There is no such modality.")
    return row
