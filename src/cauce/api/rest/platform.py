"""`/api/`, `/api/status/`, `/api/docs/`: the way in, how things are going, the description of the interface."""

import platform
from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import render
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from cauce import __version__
from cauce.api.operations import figures
from cauce.api.rest.endpoint import Endpoint
from cauce.core.statuses import JobStatus, StudyStatus

ROUTES = (
    "studies",
    "results",
    "elements",
    "jobs",
    "uploads",
    "conflicts",
    "quarantine",
    "projects",
    "pipelines",
    "users",
    "me",
    "tokens",
    "calling-aes",
    "audit",
    "events",
    "status",
    "schema",
    "docs",
)


class ApiRoot(Endpoint):
    """The REST interface. Every error is a problem document; lists come in pages."""

    @extend_schema(
        responses={(200, "application/json"): {"type": "object", "additionalProperties": {"type": "string"}}}
    )
    def get(self, request: Request) -> Response:
        """Return what there is."""
        return Response({name: reverse(name, request=request) for name in ROUTES})

    def get_view_name(self) -> str:
        """Return the title of the browsable page."""
        return "API"


class WorkerSerializer(serializers.Serializer[Any]):
    """A worker process that has been seen within the last 20 seconds."""

    name = serializers.CharField()
    host = serializers.CharField()
    started_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()


class CountsByStudyStatusSerializer(serializers.Serializer[Any]):
    """Studies by status."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return a number a status."""
        return {status.value: serializers.IntegerField() for status in StudyStatus}


class CountsByJobStatusSerializer(serializers.Serializer[Any]):
    """Jobs by status."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return a number a status."""
        return {status.value: serializers.IntegerField() for status in JobStatus}


class VersionsSerializer(serializers.Serializer[Any]):
    """What runs."""

    cauce = serializers.CharField()
    python = serializers.CharField()


class StatusSerializer(serializers.Serializer[Any]):
    """How the platform is doing."""

    studies = CountsByStudyStatusSerializer()
    jobs = CountsByJobStatusSerializer()
    oldest_waiting_s = serializers.FloatField(help_text="How long the oldest due job has waited, in seconds.")
    workers = WorkerSerializer(many=True)
    free_bytes = serializers.IntegerField(allow_null=True, help_text="Room left above the reserve.")
    versions = VersionsSerializer()


class StatusView(Endpoint):
    """How the platform is doing."""

    @extend_schema(responses=StatusSerializer, tags=["platform"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """Return queue depths, the age of the oldest waiting job, workers, room and versions."""
        now = figures.figures.get()
        shown = {
            "studies": now.studies,
            "jobs": now.jobs_by_status,
            "oldest_waiting_s": round(now.oldest_waiting_s, 3),
            "workers": now.workers,
            "free_bytes": now.free_bytes,
            "versions": {"cauce": __version__, "python": platform.python_version()},
        }
        return Response(StatusSerializer(shown).data)


class SchemaView(Endpoint, SpectacularAPIView):
    """The description of the interface (OpenAPI 3)."""

    permission_classes = (IsAuthenticated,)
    schema = None

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the description as YAML, or as JSON where that is accepted."""
        answer: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call] # the library's
        return answer


class DocsView(Endpoint):
    """The description of the interface, to read and to try."""

    schema = None

    def get(self, request: Request) -> HttpResponseBase:
        """Return the page."""
        return render(request, "cauce/docs.html", {"schema_url": reverse("schema")})
