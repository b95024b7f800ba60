"""`/api/conflicts/<id>/`: one contested content beside the one that is held, so that a person can tell them apart."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.api.rest.conflicts import ConflictSerializer, contested
from cauce.api.rest.endpoint import GenericEndpoint
from cauce.api.rest.fields import link
from cauce.core.errors import Forbidden, NotFound
from cauce.readings.differences import Difference, differences
from cauce.readings.places import PATIENT, Place, elsewhere, place_of
from cauce.records.models import Version

DIFFERENCES_MAX: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A contested version and in what it differs from the one that is held."""

    contested: Version
    held: Version
    differences: list[Difference]
    elsewhere: list[str]

    @property
    def may_be_accepted(self) -> bool:
        """Whether it may take the place of the one that is held by itself."""
        return not self.elsewhere

    @property
    def may_be_accepted_with_its_study(self) -> bool:
        """Whether it may do so together with the other images of its study."""
        return self.elsewhere in ([], [PATIENT])


def compared(versions: Iterable[Version]) -> list[Comparison]:
    """Compare contested versions with what is held, in their order; one that was settled meanwhile is left out."""
    wanted = list(versions)
    rows = Version.objects.filter(
        instance__in=[version.instance_id for version in wanted], state=Version.State.CURRENT
    ).select_related("header")
    held = {version.instance_id: version for version in rows}
    return [_compared(version, held[version.instance_id]) for version in wanted if version.instance_id in held]


def _compared(version: Version, held: Version) -> Comparison:
    document = version.header.document
    series = version.instance.series
    filed = Place(
        study_instance_uid=series.study.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        patient_id=series.study.patient_id,
        issuer_of_patient_id=series.study.issuer_of_patient_id,
    )
    return Comparison(
        contested=version,
        held=held,
        differences=differences(held.header.document, document),
        elsewhere=elsewhere(filed, place_of(document)),
    )


class DifferenceSerializer(serializers.Serializer[Any]):
    """An attribute that differs; absent in one is null, empty is "". Long values are cut."""

    tag = serializers.CharField()
    keyword = serializers.CharField()
    held = serializers.CharField(allow_null=True)
    contested = serializers.CharField(allow_null=True)


class VersionSerializer(serializers.Serializer[Any]):
    """One content of an instance, and where it can be downloaded."""

    id = serializers.CharField(source="object_id")
    url = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=[state.value for state in Version.State])
    transfer_syntax_uid = serializers.CharField()
    size_bytes = serializers.IntegerField()
    received_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)

    def get_url(self, version: Version) -> str:
        """Where its DICOM file is."""
        return link(self, "conflict-version", self.context["conflict"], version.object_id)


class ConflictDetailSerializer(ConflictSerializer):
    """A contested version, and in what it differs from the one that is held.

    `differing` counts the attributes of the top level that differ; 0 means that values which are not compared do, such
    as the pixels. `elsewhere` names what it belongs to another of (study, series, patient): of another study or series
    it can only be rejected, of another patient alone also be accepted with its whole study. `versions` are all contents
    of the instance, oldest first.
    """

    entrance = serializers.CharField()
    sender = serializers.CharField()
    held_size_bytes = serializers.IntegerField()
    held_received_at = serializers.DateTimeField()
    elsewhere = serializers.ListField(child=serializers.CharField())
    differing = serializers.IntegerField()
    differences = DifferenceSerializer(many=True)
    versions = VersionSerializer(many=True)


class ConflictDetail(GenericEndpoint):
    """One contested version."""

    serializer_class = ConflictDetailSerializer

    @extend_schema(operation_id="conflicts_retrieve", responses=ConflictDetailSerializer, tags=["conflicts"])
    def get(self, request: Request, version_id: str) -> Response:
        """Show a contested version beside the one that is held, for accounts that may see originals."""
        if not self.shows_identity:
            raise Forbidden("This account may not see originals.")
        found = compared(contested(self.visible).select_related("header").filter(object_id=version_id))
        if not found:
            raise NotFound("There is no such conflict.")
        self.note("conflict.read", subject=version_id)
        return Response(_shown(found[0], {"request": request, "conflict": version_id}))


def _shown(found: Comparison, context: Mapping[str, Any]) -> dict[str, Any]:
    version, held = found.contested, found.held
    versions = version.instance.versions.order_by("pk")
    return {
        **ConflictSerializer(version).data,
        "entrance": version.source,
        "sender": _sender_of(version),
        "held_size_bytes": held.size_bytes,
        "held_received_at": held.received_at,
        "elsewhere": found.elsewhere,
        "differing": len(found.differences),
        "differences": [asdict(one) for one in found.differences[:DIFFERENCES_MAX]],
        "versions": VersionSerializer(versions, many=True, context=dict(context)).data,
    }


def _sender_of(version: Version) -> str:
    from cauce.records.models import UploadItem

    item = UploadItem.objects.filter(version_id=version.pk).select_related("upload").order_by("id").first()
    return item.upload.sender if item else ""
