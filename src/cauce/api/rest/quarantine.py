"""`/api/quarantine/`: instances that de-identification held back, and what a person decides about each."""

import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import bootstrap, flow
from cauce.api.rest import parameters
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.fields import CAUSES, link
from cauce.api.rest.parameters import parameter
from cauce.api.rest.permissions import MayReview
from cauce.api.rest.schema import problem
from cauce.api.rest.studies import AnyPicture
from cauce.core.errors import Forbidden, InvalidRequest, NotFound, Refused, Undecodable
from cauce.core.identifiers import ObjectId
from cauce.core.statuses import AttentionCause, HeldStatus
from cauce.records.models import HeldInstance
from cauce.records.visibility import Visible

SIZE_MAX_PX: Final = 1024
ITEMS_MAX: Final = 200
SIDE_MAX: Final = 65535
REASON_LENGTH_MAX: Final = 500
_STATUSES: Final = [(member.value, member.value) for member in HeldStatus]
_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?")
_DECIDED: Final = problem(409, "It has been decided otherwise, or cannot be decided like that.")


class BoxSerializer(serializers.Serializer[Any]):
    """A rectangle of pixels; the upper left pixel of the image is 0, 0."""

    x = serializers.IntegerField(min_value=0, max_value=SIDE_MAX)
    y = serializers.IntegerField(min_value=0, max_value=SIDE_MAX)
    width = serializers.IntegerField(min_value=1, max_value=SIDE_MAX)
    height = serializers.IntegerField(min_value=1, max_value=SIDE_MAX)


class HeldSerializer(serializers.Serializer[Any]):
    """An instance that was held back. `detail` says why; neither it nor the reason names the patient."""

    id = serializers.CharField(source="public_id")
    url = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=_STATUSES)
    cause = serializers.ChoiceField(choices=CAUSES)
    detail = serializers.CharField()
    study = serializers.CharField(source="study.public_id")
    series = serializers.CharField(source="version.instance.series.public_id")
    project = serializers.CharField(source="study.project.slug")
    instance_number = serializers.IntegerField(source="version.instance_number", allow_null=True)
    rows = serializers.IntegerField(source="version.rows", allow_null=True)
    columns = serializers.IntegerField(source="version.columns", allow_null=True)
    number_of_frames = serializers.IntegerField(source="version.number_of_frames")
    held_at = serializers.DateTimeField(source="created_at")
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField()
    reason = serializers.CharField()
    boxes = serializers.SerializerMethodField()
    elements = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_url(self, held: HeldInstance) -> str:
        """Where it is."""
        return link(self, "held-instance", held.public_id)

    @extend_schema_field(BoxSerializer(many=True))
    def get_boxes(self, held: HeldInstance) -> list[dict[str, int]]:
        """What of the pixels was asked to be blanked."""
        return [dict(zip(("x", "y", "width", "height"), box, strict=True)) for box in held.boxes]

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_elements(self, held: HeldInstance) -> list[str]:
        """Which elements were asked to be removed: a keyword, or a tag where there is none."""
        return [keyword_for_tag(int(tag, 16)) or tag for tag in held.elements]


class ReasonSerializer(serializers.Serializer[Any]):
    """Why it is decided so, for whoever reads the report later. It must not name the patient."""

    reason = serializers.CharField(max_length=REASON_LENGTH_MAX)


class RedactionSerializer(ReasonSerializer):
    """What is to be blanked in every frame, and which elements are to be removed at every depth."""

    boxes = serializers.ListField(child=BoxSerializer(), required=False, default=list, max_length=ITEMS_MAX)
    elements = serializers.ListField(
        child=serializers.CharField(max_length=80, help_text="A keyword, or a tag such as 00104000."),
        required=False,
        default=list,
        max_length=ITEMS_MAX,
    )


def held_of(visible: Visible, held_id: str) -> HeldInstance:
    """Return a held instance with what is shown of it.

    Raises:
        Forbidden: this actor may not see originals.
        NotFound: there is none.
    """
    if not visible.actor.may_see_originals:
        raise Forbidden("This account may not see originals.")
    found = listed(visible).filter(public_id=held_id).first()
    if found is None:
        raise NotFound("There is no such held instance.")
    return found


def listed(visible: Visible) -> QuerySet[HeldInstance]:
    """Return the held instances with what is shown of them."""
    return visible.held.select_related("study__project", "version__instance__series")


def tag_of(text: str) -> int:
    """Return the tag that a keyword or a written tag names.

    Raises:
        InvalidRequest: it names none.
    """
    written = _TAG.fullmatch(text.strip())
    tag = int(written[1] + written[2], 16) if written else tag_for_keyword(text.strip())
    if tag is None:
        raise InvalidRequest("An element is a keyword of the standard, or a tag such as 00104000.", field="elements")
    return int(tag)


def picture(held: HeldInstance, *, frame: int | None) -> bytes:
    """Return a frame of the original as PNG, 0-based; the middle one where none is named.

    Raises:
        NotFound: it has no pixels that can be shown, or no such frame.
    """
    size_px = min(max(held.version.rows or 0, held.version.columns or 0, 1), SIZE_MAX_PX)
    try:
        return flow.picture_of_original(
            bootstrap.services(), ObjectId(held.version.object_id), frame=frame, size_px=size_px
        )
    except (Refused, Undecodable) as error:
        raise NotFound("It has no pixels that can be shown here.") from error


class HeldList(GenericEndpoint):
    """What is in quarantine, newest first."""

    serializer_class = HeldSerializer
    keyset = ("-id",)
    parameters: ClassVar = (
        parameter(
            "status", "What was decided; what waits for a person unless it is given.", enum=HeldStatus, many=True
        ),
        parameter("cause", "Why it is held.", enum=AttentionCause, many=True),
        parameter("project", "Slug of a project.", many=True),
        parameter("study", "Id of a study.", parameters.PUBLIC_ID),
    )

    def get_queryset(self) -> QuerySet[HeldInstance]:
        """Return the held instances that are asked for."""
        statuses = self.choices("status", HeldStatus) or [HeldStatus.HELD.value]
        found = listed(self.visible).filter(status__in=statuses)
        if causes := self.choices("cause", AttentionCause):
            found = found.filter(cause__in=causes)
        if projects := self.several("project"):
            found = found.filter(study__project__slug__in=projects)
        if study := parameters.public_id(self.request.query_params, "study"):
            found = found.filter(study__public_id=study)
        return found

    @extend_schema(operation_id="quarantine_list", responses=HeldSerializer(many=True), tags=["quarantine"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List held instances, for accounts that may see originals."""
        if not self.shows_identity:
            raise Forbidden("This account may not see originals.")
        page = self.paginate_queryset(self.get_queryset()) or []
        self.note("quarantine.list", count=len(page))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class _OneHeld(Endpoint):
    def answer(self, held_id: str) -> Response:
        held = held_of(self.visible, held_id)
        return Response(HeldSerializer(held, context={"request": self.request}).data)


class HeldDetail(_OneHeld):
    """One held instance."""

    @extend_schema(operation_id="quarantine_retrieve", responses=HeldSerializer, tags=["quarantine"])
    def get(self, request: Request, held_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Show why an instance is held and what was decided."""
        answer = self.answer(held_id)
        self.note("quarantine.read", subject=held_id)
        return answer


class HeldPicture(Endpoint):
    """The original picture, for whoever decides: it shows who the patient is."""

    content_negotiation_class = AnyPicture
    parameters: ClassVar = (parameter("frame", "Number of the frame, from 0; the middle one unless it is given.", int),)

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY}, tags=["quarantine"])
    def get(self, request: Request, held_id: str) -> HttpResponse:
        """Return a frame of the original as PNG, its longer side at most 1024 pixels."""
        held = held_of(self.visible, held_id)
        frame = parameters.integer(request.query_params, "frame")
        self.note("quarantine.picture", subject=held_id)
        answer = HttpResponse(picture(held, frame=frame), content_type="image/png")
        answer.headers["Cache-Control"] = "private, no-store"
        return answer


class _Ruling(_OneHeld):
    """A decision that wants a reason and nothing else."""

    permission_classes = (MayReview,)

    def ruled(self, request: Request, held_id: str, rule: Callable[..., None]) -> Response:
        given = ReasonSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        held_of(self.visible, held_id)
        rule(held_id, reason=given.validated_data["reason"], actor=self.actor)
        return self.answer(held_id)


class HeldRelease(_Ruling):
    """Let the output be made although this cause speaks against it."""

    @extend_schema(request=ReasonSerializer, responses={200: HeldSerializer, **_DECIDED}, tags=["quarantine"])
    def post(self, request: Request, held_id: str) -> Response:
        """Release it; the study gets another revision. The same decision again changes nothing."""
        return self.ruled(request, held_id, bootstrap.services().quarantine.release)


class HeldReject(_Ruling):
    """Keep it out for good."""

    @extend_schema(request=ReasonSerializer, responses={200: HeldSerializer, **_DECIDED}, tags=["quarantine"])
    def post(self, request: Request, held_id: str) -> Response:
        """Reject it; its study can become ready without it. The same decision again changes nothing."""
        return self.ruled(request, held_id, bootstrap.services().quarantine.reject)


class HeldRedact(_OneHeld):
    """Let the output be made with parts of it blanked or removed."""

    permission_classes = (MayReview,)

    @extend_schema(request=RedactionSerializer, responses={200: HeldSerializer, **_DECIDED}, tags=["quarantine"])
    def post(self, request: Request, held_id: str) -> Response:
        """Redact it; the study gets another revision.

        With boxes the person says that nothing else in the pixels names the patient. Identity that is left in the
        header still holds it back. The same decision again changes nothing.
        """
        given = RedactionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        held_of(self.visible, held_id)
        asked = given.validated_data
        bootstrap.services().quarantine.redact(
            held_id,
            reason=asked["reason"],
            boxes=[(box["x"], box["y"], box["width"], box["height"]) for box in asked["boxes"]],
            elements=[tag_of(one) for one in asked["elements"]],
            actor=self.actor,
        )
        return self.answer(held_id)
