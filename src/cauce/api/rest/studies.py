"""`/api/studies/` and `/api/series/<id>/preview/`: what came in, and what became of it."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import bootstrap
from cauce.api.rest import parameters, summaries
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.folding import words_of
from cauce.api.rest.parameters import parameter
from cauce.api.rest.study_serializers import StudyDetailSerializer, StudySerializer
from cauce.core.errors import NotFound
from cauce.core.identifiers import ObjectId
from cauce.core.statuses import Space, StudyStatus
from cauce.records.models import Artifact, Revision, Series, Study
from cauce.records.visibility import Visible

PREVIEW_TYPES = frozenset({"image/png", "image/jpeg"})
_NEWEST_ARRIVAL = ("-last_received_at", "-id")
_NEWEST = ("-id",)


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyFilter:
    """Which studies are asked for. Dates are of the study, in DICOM's form."""

    statuses: list[str]
    projects: list[str]
    modalities: list[str]
    patient: str = ""
    study_instance_uid: str = ""
    date_from: str = ""
    date_to: str = ""


def filtered(studies: QuerySet[Study], wanted: StudyFilter) -> QuerySet[Study]:
    """Return the studies that `wanted` describes."""
    if wanted.statuses:
        studies = studies.filter(status__in=wanted.statuses)
    if wanted.projects:
        studies = studies.filter(project__slug__in=wanted.projects)
    if wanted.modalities:
        studies = studies.filter(Exists(Series.objects.filter(study=OuterRef("pk"), modality__in=wanted.modalities)))
    if wanted.study_instance_uid:
        studies = studies.filter(study_instance_uid=wanted.study_instance_uid)
    if wanted.date_from or wanted.date_to:
        studies = studies.exclude(study_date="")
    if wanted.date_from:
        studies = studies.filter(study_date__gte=wanted.date_from)
    if wanted.date_to:
        studies = studies.filter(study_date__lte=wanted.date_to)
    return _of_patient(studies, wanted.patient)


def _of_patient(studies: QuerySet[Study], typed: str) -> QuerySet[Study]:
    for pattern in words_of(typed):
        by_name = studies.filter(patient_name__iregex=pattern)
        studies = by_name | studies.filter(patient_id__iregex=pattern)
    return studies


def keyset_of(*, shows_identity: bool) -> tuple[str, ...]:
    """Return the order of the list. A cursor holds its values, so times of arrival only where they may be seen."""
    return _NEWEST_ARRIVAL if shows_identity else _NEWEST


class StudyList(GenericEndpoint):
    """Studies, newest arrival first."""

    serializer_class = StudySerializer
    identity_parameters = frozenset({"patient", "date_from", "date_to", "study_instance_uid"})
    parameters: ClassVar = (
        parameter("status", "Where the study is in the flow.", enum=StudyStatus, many=True),
        parameter("project", "Slug of a project.", many=True),
        parameter("modality", "Modality of one of its series, such as CT.", many=True),
        parameter("patient", "Words of the patient's name or id; case and accents do not matter."),
        parameter("study_instance_uid", "The original Study Instance UID."),
        parameter("date_from", "First study date.", parameters.DATE),
        parameter("date_to", "Last study date.", parameters.DATE),
    )

    @property
    def keyset(self) -> tuple[str, ...]:
        """The order of the list."""
        return keyset_of(shows_identity=self.shows_identity)

    def get_queryset(self) -> QuerySet[Study]:
        """Return the studies that are asked for."""
        query = self.request.query_params
        date_from, date_to = parameters.date(query, "date_from"), parameters.date(query, "date_to")
        wanted = StudyFilter(
            statuses=self.choices("status", StudyStatus),
            projects=self.several("project"),
            modalities=[modality.upper() for modality in self.several("modality")],
            patient=parameters.text(query, "patient"),
            study_instance_uid=parameters.text(query, "study_instance_uid"),
            date_from=f"{date_from:%Y%m%d}" if date_from else "",
            date_to=f"{date_to:%Y%m%d}" if date_to else "",
        )
        return filtered(self.visible.studies.select_related("project"), wanted)

    @extend_schema(operation_id="studies_list", responses=StudySerializer(many=True), tags=["studies"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List studies. Identity and original UIDs appear only to accounts that may see originals."""
        page = self.paginate_queryset(self.get_queryset()) or []
        lines = summaries.study_lines(page, self.visible)
        self.note("study.list", count=len(lines))
        return self.get_paginated_response(self.get_serializer(lines, many=True).data)


def study_of(visible: Visible, public_id: str) -> Study:
    """Return the study with this id.

    Raises:
        NotFound: there is none, or none for this actor.
    """
    study = visible.studies.select_related("project").filter(public_id=public_id).first()
    if study is None:
        raise NotFound("There is no such study.")
    return study


@dataclass(frozen=True, kw_only=True, slots=True)
class WholeStudy(summaries.StudyLine):
    """A study with all that is known of it, ready to be written out."""

    revisions: list[Revision]
    warnings: dict[str, int]
    held_back: dict[str, int]
    conflicts: int
    jobs: list[dict[str, Any]]
    has_report: bool


def whole(study: Study, visible: Visible) -> WholeStudy:
    """Gather what is known of a study."""
    return WholeStudy(
        study=study,
        series=summaries.series_lines(visible.series.filter(study=study), visible, with_results=True),
        revisions=list(visible.revisions.filter(study=study).order_by("-number")),
        warnings=summaries.warning_counts(study),
        held_back=summaries.held_back_counts(study),
        conflicts=summaries.contested_count(study),
        jobs=summaries.job_counts(study),
        has_report=visible.reports.filter(revision__study=study).exists(),
    )


class StudyDetail(Endpoint):
    """One study."""

    @extend_schema(responses=StudyDetailSerializer, tags=["studies"])
    def get(self, request: Request, study_id: str) -> Response:
        """Return a study with its series, their figures, its revisions, causes and jobs."""
        found = whole(study_of(self.visible, study_id), self.visible)
        self.note("study.read", subject=study_id)
        context = {"request": request, "shows_identity": self.shows_identity}
        return Response(StudyDetailSerializer(found, context=context).data)


class AnyPicture(DefaultContentNegotiation):
    """A picture is sent whatever the client says that it accepts; only errors are written in another form."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:  # noqa: ARG002 - the framework's signature
        """Return the first renderer."""
        return renderers[0], renderers[0].media_type


class SeriesPreview(Endpoint):
    """The picture of a series, made of its de-identified images."""

    content_negotiation_class = AnyPicture

    @extend_schema(
        responses={
            (200, "image/png"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="The picture that `If-None-Match` names is still the one."),
        },
        tags=["studies"],
    )
    def get(self, request: Request, series_id: str) -> HttpResponseBase:
        """Return the preview as PNG."""
        picture = summaries.picture_of(self.visible, series_id)
        if picture is None or picture.media_type not in PREVIEW_TYPES:
            raise NotFound("There is no such series, or it has no preview.")
        etag = f'"{picture.public_id}"'
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is None:
            answer = HttpResponse(_content(picture), content_type=picture.media_type)
            self.note("series.preview", subject=series_id)
        else:
            answer = unchanged
        answer.headers["ETag"] = etag
        answer.headers["Cache-Control"] = "private, no-cache"
        return answer


def _content(picture: Artifact) -> bytes:
    with bootstrap.services().objects.open(Space.DEIDENTIFIED, ObjectId(picture.object_id)) as file:
        return file.read()
