"""What was done to a study so that nobody can be named: the reports that are kept, and doing it anew."""

from typing import Any, ClassVar, Final

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import bootstrap, flow
from cauce.api.rest import parameters
from cauce.api.rest.endpoint import Endpoint
from cauce.api.rest.parameters import parameter
from cauce.api.rest.permissions import MayReview
from cauce.api.rest.schema import problem
from cauce.api.rest.studies import study_of
from cauce.core.errors import NotFound
from cauce.records.models import DeidentificationReport
from cauce.records.visibility import Visible

_NUMBER: Final = parameter("number", "Which report of the revision, from 1; the newest unless it is given.", int)
_REVISION: Final = parameter("revision", "Number of a revision; the newest that has a report unless it is given.", int)


class DecisionSerializer(serializers.Serializer[Any]):
    """What a person decided about an instance that was held back."""

    id = serializers.CharField()
    decision = serializers.CharField()
    cause = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()
    by = serializers.CharField()
    at = serializers.CharField(allow_null=True)
    boxes = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    elements = serializers.ListField(child=serializers.CharField())


class OutputSerializer(serializers.Serializer[Any]):
    """An instance that was made, by its new UIDs. `sha256` is that of the whole file."""

    sop_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    study_instance_uid = serializers.CharField()
    transfer_syntax_uid = serializers.CharField(allow_blank=True)
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField(allow_null=True)
    dataset_sha256 = serializers.CharField(allow_null=True)
    boxes = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    decisions = DecisionSerializer(many=True)


class HeldBackSerializer(serializers.Serializer[Any]):
    """An instance of which there is no output, and why."""

    id = serializers.CharField(allow_null=True)
    status = serializers.CharField()
    cause = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    decisions = DecisionSerializer(many=True)


class AccountSerializer(serializers.Serializer[Any]):
    """How many instances went in, and what became of them: `in` is the sum of the others."""

    written = serializers.IntegerField()
    held = serializers.IntegerField()
    rejected = serializers.IntegerField()
    unaccounted = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        """Return the members; `in` is a word of the language, so it is added here."""
        return {"in": serializers.IntegerField(), **super().get_fields()}


class ReportedProfileSerializer(serializers.Serializer[Any]):
    """The profile that the revision was worked on under."""

    number = serializers.IntegerField()
    key = serializers.CharField()
    name = serializers.CharField(required=False)
    version = serializers.CharField(required=False)
    digest = serializers.CharField(required=False)
    edition = serializers.CharField(required=False, help_text="Of PS3.15.")
    engine = serializers.CharField(required=False, help_text="Version of the de-identifier.")
    options = serializers.ListField(child=serializers.CharField(), required=False)
    method = serializers.CharField(required=False)
    codes = serializers.ListField(child=serializers.CharField(), required=False, help_text="Of CID 7050.")
    dates = serializers.CharField(required=False)


class ReportedRevisionSerializer(serializers.Serializer[Any]):
    """The revision that the report is about."""

    id = serializers.CharField()
    number = serializers.IntegerField()


class ReportSerializer(serializers.Serializer[Any]):
    """A de-identification report, as it was kept when the revision was delivered. There is no identity in it."""

    format = serializers.CharField()
    project = serializers.CharField()
    study = serializers.CharField()
    revision = ReportedRevisionSerializer()
    delivered_at = serializers.CharField()
    profile = ReportedProfileSerializer()
    instances = AccountSerializer()
    actions = serializers.DictField(child=serializers.IntegerField())
    outputs = OutputSerializer(many=True)
    held = HeldBackSerializer(many=True)


def newest_report(visible: Visible, **wanted: Any) -> DeidentificationReport:
    """Return the newest kept report that there is of what is asked for.

    Raises:
        NotFound: there is none, or none for this actor.
    """
    asked = {name: value for name, value in wanted.items() if value is not None}
    reports = visible.reports.filter(**asked).select_related("revision__study")
    report = reports.order_by("-revision__number", "-number").first()
    if report is None:
        raise NotFound("There is no such report: none was kept, or the revision has not been delivered yet.")
    return report


def _answer(report: DeidentificationReport) -> HttpResponse:
    """Send the very bytes that were kept, with their digest."""
    answer = HttpResponse(report.text, content_type="application/json")
    answer.headers["ETag"] = f'"{bytes(report.sha256).hex()}"'
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


class RevisionReport(Endpoint):
    """The report of one revision."""

    parameters: ClassVar = (_NUMBER,)

    @extend_schema(responses=ReportSerializer, tags=["studies"])
    def get(self, request: Request, revision_id: str) -> HttpResponse:
        """Return what was done to a revision; its `ETag` is the SHA-256 of these bytes."""
        number = parameters.integer(request.query_params, "number")
        report = newest_report(self.visible, revision__public_id=revision_id, number=number)
        self.note("report.read", subject=revision_id)
        return _answer(report)


class StudyReport(Endpoint):
    """The report of a study."""

    parameters: ClassVar = (_REVISION,)

    @extend_schema(responses=ReportSerializer, tags=["studies"])
    def get(self, request: Request, study_id: str) -> HttpResponse:
        """Return what was done to the newest delivered revision of a study, or to the one that is named."""
        study_of(self.visible, study_id)
        number = parameters.integer(request.query_params, "revision")
        report = newest_report(self.visible, revision__study__public_id=study_id, revision__number=number)
        self.note("report.read", subject=study_id)
        return _answer(report)


class QueuedSerializer(serializers.Serializer[Any]):
    """A study that will be worked on anew."""

    id = serializers.CharField()
    status = serializers.CharField()


class StudyDeidentify(Endpoint):
    """De-identify a study anew."""

    permission_classes = (MayReview,)

    @extend_schema(
        request=None,
        responses={202: QueuedSerializer, **problem(409, "It still receives, or is under this profile already.")},
        tags=["studies"],
    )
    def post(self, request: Request, study_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """De-identify a study anew, under the present profile of its project, as its next revision."""
        study = study_of(self.visible, study_id)
        bootstrap.services().profiles.reprocess(
            study_id, default=flow.default_profile(), engine=flow.engine(), actor=self.actor
        )
        study.refresh_from_db()
        return Response({"id": study.public_id, "status": study.status}, status=status.HTTP_202_ACCEPTED)
