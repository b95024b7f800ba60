"""`/api/projects/` and `/api/pipelines/`: the walls inside the platform, and what runs behind them."""

import re
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import flow
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.permissions import MayAdministerOrRead
from cauce.api.rest.schema import problem
from cauce.core.errors import Conflicting, NotFound
from cauce.records.models import Project

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


class ProjectSerializer(serializers.Serializer[Any]):
    """A project. Its slug is part of URLs and never changes."""

    id = serializers.CharField(source="public_id", read_only=True)
    slug = serializers.CharField(max_length=64, help_text="Lower-case letters, digits and inner hyphens.")
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    created_at = serializers.DateTimeField(read_only=True)

    def validate_slug(self, slug: str) -> str:
        """Return the slug, if it is one."""
        if not _SLUG.fullmatch(slug):
            raise serializers.ValidationError("wants lower-case letters, digits and inner hyphens, at most 64.")
        return slug


class ProjectList(GenericEndpoint):
    """Projects, oldest first."""

    serializer_class = ProjectSerializer
    permission_classes = (MayAdministerOrRead,)
    keyset = ("id",)

    def get_queryset(self) -> QuerySet[Project]:
        """Return the projects that exist for this account."""
        return self.visible.projects

    @extend_schema(operation_id="projects_list", responses=ProjectSerializer(many=True), tags=["projects"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List projects."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        request=ProjectSerializer,
        responses={201: ProjectSerializer, **problem(409, "The slug is taken.")},
        tags=["projects"],
    )
    def post(self, request: Request) -> Response:
        """Make a project (administrators); 409 where the slug is taken."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            with transaction.atomic():
                project = Project.objects.create(**given.validated_data)
                self.note("project.create", subject=project.public_id, slug=project.slug)
        except IntegrityError as error:
            raise Conflicting("There is a project of this slug already.") from error
        return Response(self.get_serializer(project).data, status=status.HTTP_201_CREATED)


class ProjectDetail(Endpoint):
    """One project."""

    @extend_schema(responses=ProjectSerializer, tags=["projects"])
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Return a project."""
        project = self.visible.projects.filter(slug=slug).first()
        if project is None:
            raise NotFound("There is no such project.")
        return Response(ProjectSerializer(project).data)


class PipelineSerializer(serializers.Serializer[Any]):
    """A processing pipeline and the de-identification profile ahead of it."""

    name = serializers.CharField()
    profile = serializers.CharField()
    steps = serializers.ListField(child=serializers.CharField())


class PipelineList(Endpoint):
    """The pipelines that this program knows."""

    @extend_schema(operation_id="pipelines_list", responses=PipelineSerializer(many=True), tags=["projects"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List pipelines."""
        steps = [step for step in flow.STEPS if step not in flow.OF_WORK_ITEMS]
        known = [{"name": flow.PIPELINE, "profile": flow.PROFILE.name, "steps": steps}]
        return Response(PipelineSerializer(known, many=True).data)
