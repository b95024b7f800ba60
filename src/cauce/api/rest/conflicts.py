"""`/api/conflicts/`: contents that arrived under a UID that is held with another content; a person settles them."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import bootstrap
from cauce.api.rest import parameters
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.parameters import parameter
from cauce.api.rest.schema import problem
from cauce.core.errors import Forbidden, NotFound
from cauce.ports.conflicts import Conflicts
from cauce.records.models import Version
from cauce.records.visibility import Visible

_SETTLED = problem(409, "It is settled already, or cannot be settled so.")


class ConflictSerializer(serializers.Serializer[Any]):
    """A contested version. The one that came first stays current until this is settled."""

    id = serializers.CharField(source="object_id")
    study = serializers.CharField(source="instance.series.study.public_id")
    series = serializers.CharField(source="instance.series.public_id")
    sop_instance_uid = serializers.CharField(source="instance.sop_instance_uid")
    instance_number = serializers.IntegerField(allow_null=True)
    transfer_syntax_uid = serializers.CharField()
    size_bytes = serializers.IntegerField()
    received_at = serializers.DateTimeField()


def contested(visible: Visible) -> QuerySet[Version]:
    """Return the contested versions of the visible studies."""
    versions = Version.objects.filter(state=Version.State.CONFLICT, instance__series__in=visible.series)
    return versions.select_related("instance__series__study")


class ConflictList(GenericEndpoint):
    """Contested versions, newest first."""

    serializer_class = ConflictSerializer
    keyset = ("-id",)
    parameters: ClassVar = (parameter("study", "Id of a study.", parameters.PUBLIC_ID),)

    def get_queryset(self) -> QuerySet[Version]:
        """Return the contested versions that are asked for."""
        found = contested(self.visible)
        if study := parameters.public_id(self.request.query_params, "study"):
            found = found.filter(instance__series__study__public_id=study)
        return found

    @extend_schema(operation_id="conflicts_list", responses=ConflictSerializer(many=True), tags=["conflicts"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List contested versions, for accounts that may see originals."""
        if not self.shows_identity:
            raise Forbidden("This account may not see originals.")
        page = self.paginate_queryset(self.get_queryset()) or []
        self.note("conflict.list", count=len(page))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class SettledSerializer(serializers.Serializer[Any]):
    """How many contested versions were settled together."""

    settled = serializers.IntegerField()


class _Settling(Endpoint):
    def settle(self, version_id: str, *, accepted: bool) -> Response:
        settle(self.visible, version_id, accepted=accepted)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def settle_study(self, version_id: str, *, accepted: bool) -> Response:
        return Response({"settled": settle_study(self.visible, version_id, accepted=accepted)})


def settle(visible: Visible, version_id: str, *, accepted: bool) -> None:
    """Settle a conflict.

    Raises:
        NotFound: there is no such version, or none for this actor.
        Forbidden: the actor may not settle conflicts.
        Conflicting: it is settled already, or names another study, series or patient.
    """
    conflicts = _of(visible, version_id)
    (conflicts.accept if accepted else conflicts.reject)(version_id, actor=visible.actor)


def settle_study(visible: Visible, version_id: str, *, accepted: bool) -> int:
    """Settle, with a conflict, those of its study that name the same patient; return how many. See `settle`."""
    conflicts = _of(visible, version_id)
    return (conflicts.accept_study if accepted else conflicts.reject_study)(version_id, actor=visible.actor)


def _of(visible: Visible, version_id: str) -> Conflicts:
    known = Version.objects.filter(object_id=version_id, instance__series__in=visible.series)
    if not known.exists():
        raise NotFound("There is no such version.")
    return bootstrap.services().conflicts


class ConflictAccept(_Settling):
    """Let the contested version take the place of the current one."""

    @extend_schema(request=None, responses={204: None, **_SETTLED}, tags=["conflicts"])
    def post(self, request: Request, version_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Make it the current version; the study gets another revision.

        409 where it is settled already, or names another study, series or patient.
        """
        return self.settle(version_id, accepted=True)


class ConflictReject(_Settling):
    """Let the current version stay."""

    @extend_schema(request=None, responses={204: None, **_SETTLED}, tags=["conflicts"])
    def post(self, request: Request, version_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Keep the current version; the contested one is kept as superseded (409 where it is settled already)."""
        return self.settle(version_id, accepted=False)


class ConflictAcceptStudy(_Settling):
    """Let all contested versions of a study that name the same patient take the places of the current ones."""

    @extend_schema(request=None, responses={200: SettledSerializer, **_SETTLED}, tags=["conflicts"])
    def post(self, request: Request, version_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Accept, with this one, those of its study that name the same patient.

        Where that is another patient than the study's, the study moves to that patient; 409 unless all of its images
        have come with that patient.
        """
        return self.settle_study(version_id, accepted=True)


class ConflictRejectStudy(_Settling):
    """Reject all contested versions of a study that name the same patient."""

    @extend_schema(request=None, responses={200: SettledSerializer, **_SETTLED}, tags=["conflicts"])
    def post(self, request: Request, version_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Reject, with this one, those of its study that name the same patient."""
        return self.settle_study(version_id, accepted=False)
