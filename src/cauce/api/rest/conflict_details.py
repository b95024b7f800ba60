"""`/api/conflicts/<id>/`: one contested content beside the one that is held, so that a person can tell them apart."""

from dataclasses import asdict
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.api.rest.conflicts import ConflictSerializer, contested
from cauce.api.rest.endpoint import GenericEndpoint
from cauce.core.errors import Forbidden, NotFound
from cauce.readings.differences import Difference, differences
from cauce.records.models import Version

DIFFERENCES_MAX: Final = 200
_PLACE: Final = {"0020000D": "study", "0020000E": "series", "00100020": "patient"}


class DifferenceSerializer(serializers.Serializer[Any]):
    """An attribute that differs; absent in one is null, empty is "". Long values are cut."""

    tag = serializers.CharField()
    keyword = serializers.CharField()
    held = serializers.CharField(allow_null=True)
    contested = serializers.CharField(allow_null=True)


class ConflictDetailSerializer(ConflictSerializer):
    """A contested version, and in what it differs from the one that is held.

    `differing` counts the attributes of the top level that differ; 0 means that values which are not compared do, such
    as the pixels. `elsewhere` names what it belongs to another of (study, series, patient): then it can only be
    rejected.
    """

    entrance = serializers.CharField()
    sender = serializers.CharField()
    held_size_bytes = serializers.IntegerField()
    held_received_at = serializers.DateTimeField()
    elsewhere = serializers.ListField(child=serializers.CharField())
    differing = serializers.IntegerField()
    differences = DifferenceSerializer(many=True)


class ConflictDetail(GenericEndpoint):
    """One contested version."""

    serializer_class = ConflictDetailSerializer

    @extend_schema(operation_id="conflicts_retrieve", responses=ConflictDetailSerializer, tags=["conflicts"])
    def get(self, request: Request, version_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Show a contested version beside the one that is held, for accounts that may see originals."""
        if not self.shows_identity:
            raise Forbidden("This account may not see originals.")
        version = contested(self.visible).select_related("header").filter(object_id=version_id).first()
        held = (
            version
            and Version.objects.select_related("header")
            .filter(instance_id=version.instance_id, state=Version.State.CURRENT)
            .first()
        )
        if version is None or held is None:
            raise NotFound("There is no such conflict.")
        self.note("conflict.read", subject=version_id)
        found = differences(held.header.document, version.header.document)
        shown: dict[str, Any] = dict(ConflictSerializer(version).data)
        shown |= {
            "entrance": version.source,
            "sender": _sender_of(version),
            "held_size_bytes": held.size_bytes,
            "held_received_at": held.received_at,
            "elsewhere": _elsewhere(found),
            "differing": len(found),
            "differences": [asdict(one) for one in found[:DIFFERENCES_MAX]],
        }
        return Response(shown)


def _elsewhere(found: list[Difference]) -> list[str]:
    return [_PLACE[one.tag] for one in found if one.tag in _PLACE]


def _sender_of(version: Version) -> str:
    from cauce.records.models import UploadItem

    item = UploadItem.objects.filter(version_id=version.pk).select_related("upload").order_by("id").first()
    return item.upload.sender if item else ""
