"""`/api/audit/`: who did what, for administrators and auditors. Reading it is written into it."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.api.rest import parameters
from cauce.api.rest.endpoint import GenericEndpoint
from cauce.api.rest.parameters import parameter
from cauce.api.rest.permissions import MayAudit
from cauce.audit.models import AuditEvent


class AuditEventSerializer(serializers.Serializer[Any]):
    """One deed."""

    at = serializers.DateTimeField()
    actor_kind = serializers.CharField()
    actor_name = serializers.CharField()
    actor_role = serializers.CharField()
    address = serializers.CharField()
    action = serializers.CharField()
    subject = serializers.CharField()
    outcome = serializers.CharField()
    detail = serializers.DictField()


class AuditEventList(GenericEndpoint):
    """Deeds, newest first."""

    serializer_class = AuditEventSerializer
    permission_classes = (MayAudit,)
    keyset = ("-id",)
    parameters: ClassVar = (
        parameter("action", "What was done, such as `study.read`.", many=True),
        parameter("actor", "User name or calling AE title."),
        parameter("subject", "Id of what it was done to."),
        parameter("since", "Not before this time.", parameters.MOMENT),
        parameter("until", "Before this time.", parameters.MOMENT),
    )

    def get_queryset(self) -> QuerySet[AuditEvent]:
        """Return the deeds that are asked for."""
        query = self.request.query_params
        events = AuditEvent.objects.all()
        if actions := self.several("action"):
            events = events.filter(action__in=actions)
        if actor := parameters.text(query, "actor"):
            events = events.filter(actor_name=actor)
        if subject := parameters.text(query, "subject"):
            events = events.filter(subject=subject)
        if since := parameters.moment(query, "since"):
            events = events.filter(at__gte=since)
        if until := parameters.moment(query, "until"):
            events = events.filter(at__lt=until)
        return events

    @extend_schema(operation_id="audit_list", responses=AuditEventSerializer(many=True), tags=["audit"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List deeds."""
        page = self.paginate_queryset(self.get_queryset()) or []
        self.note("audit.list", count=len(page))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
