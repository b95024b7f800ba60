"""`/api/results/`: the results list: what clients put there, and the platform's own summaries, read-only.

`/api/elements/` has the same routes; what is posted there is the elements of a file.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.api.rest import parameters, result_changes, result_filters, result_pages
from cauce.api.rest.endpoint import GenericEndpoint
from cauce.api.rest.fields import finite
from cauce.api.rest.parameters import parameter
from cauce.api.rest.permissions import MayStoreOrRead
from cauce.api.rest.result_filters import BOUNDS, MEANS, MOMENTS, ORDERS
from cauce.api.rest.result_serializers import ID_TAKEN, ChangeSerializer, DraftSerializer, ResultSerializer
from cauce.core.errors import NotFound
from cauce.records.models import BatchItem, InstanceResult, ProcessingResult
from cauce.records.visibility import Visible

_SAID = {
    "": "is",
    "gt": "is after or above",
    "gte": "is at or above",
    "lt": "is before or below",
    "lte": "is at or below",
}


class MeasurementSerializer(serializers.Serializer[Any]):
    """What was measured on one de-identified instance, which is named by its new UID."""

    sop_instance_uid = serializers.CharField(source="deidentified.sop_instance_uid")
    instance_number = serializers.IntegerField(source="deidentified.version.instance_number", allow_null=True)
    outcome = serializers.CharField()
    measurements = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_measurements(self, result: InstanceResult) -> Any:
        """The figures, in the unit that they name."""
        return finite(result.measurements)


def _bounded(name: str, kind: Any) -> list[OpenApiParameter]:
    return [
        parameter(f"{name}_{bound}" if bound else name, f"The {name} {_SAID[bound]} this.", kind) for bound in BOUNDS
    ]


class ResultEndpoint(GenericEndpoint):
    """A view of results: each method has what it is given, all show the same."""

    serializer_class = ResultSerializer
    permission_classes = (MayStoreOrRead,)
    given: ClassVar[Mapping[str, type[serializers.Serializer[Any]]]] = {}

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        """Return what this method is given; the forms of the browsable pages show it."""
        return self.given.get(self.request.method or "", ResultSerializer)

    def shown(self, result: ProcessingResult) -> dict[str, Any]:
        """Return a result as every answer shows it."""
        answer: dict[str, Any] = ResultSerializer(result, context=self.get_serializer_context()).data
        return answer


class ResultList(ResultEndpoint):
    """Results, newest first."""

    given: ClassVar = {"POST": DraftSerializer}
    parameters: ClassVar = (
        parameter("device_name", "The device name contains this; case does not matter."),
        parameter("study", "Id of a study.", parameters.PUBLIC_ID),
        *(one for name in MOMENTS for one in _bounded(name, parameters.MOMENT)),
        *(one for name in MEANS for one in _bounded(name, float)),
        *_bounded("data_size", int),
        parameter(
            "ordering", "Order by this; a minus turns it round.", enum=[s + o for o in ORDERS for s in ("", "-")]
        ),
    )

    keyset: tuple[str, ...] = ("-created_at", "-id")
    how_many_fit = staticmethod(result_pages.how_many_fit)

    def get_queryset(self) -> QuerySet[ProcessingResult]:
        """Return the results that are asked for; `keyset` is then their order."""
        results, self.keyset = result_filters.asked_for(self.visible, self.request.query_params)
        return results.select_related("study", "series", "revision").defer("raw_data")

    @extend_schema(operation_id="results_list", responses=ResultSerializer(many=True), tags=["results"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List results. A mean that is not known comes before all others; a page ends early at 4 MB of raw data."""
        page = result_pages.with_raw_data(self.paginate_queryset(self.get_queryset()) or [])
        self.note("result.list", count=len(page))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="results_create",
        request=DraftSerializer,
        responses={201: ResultSerializer, **ID_TAKEN},
        tags=["results"],
    )
    def post(self, request: Request) -> Response:
        """Create a result. Averages and size are computed here; those that are given must agree within 1e-6."""
        given = DraftSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        (result,) = result_changes.create(self.actor, [given.draft()])
        answer = self.shown(result)
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Location": answer["url"]})


def result_of(visible: Visible, result_id: str) -> ProcessingResult:
    """Return the result with this id.

    Raises:
        NotFound: there is none, or none for this actor.
    """
    found = visible.results.select_related("study", "series", "revision")
    result = None if "\0" in result_id else found.filter(pk=result_id).first()
    if result is None:
        raise NotFound("There is no such result.")
    return result


class ResultDetail(ResultEndpoint):
    """One result."""

    given: ClassVar = {"PUT": ChangeSerializer, "PATCH": ChangeSerializer}
    pagination_class = None

    @extend_schema(operation_id="results_retrieve", responses=ResultSerializer, tags=["results"])
    def get(self, request: Request, result_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Return one result."""
        result = result_of(self.visible, result_id)
        self.note("result.read", subject=_subject(result))
        return Response(self.get_serializer(result).data)

    @extend_schema(
        operation_id="results_update",
        request=ChangeSerializer,
        responses={200: ResultSerializer, **ID_TAKEN},
        tags=["results"],
    )
    def put(self, request: Request, result_id: str) -> Response:
        """Change the device name, the id, or both; what is left out stays as it is. See PATCH."""
        return self._change(request, result_id)

    @extend_schema(
        operation_id="results_partial_update",
        request=ChangeSerializer,
        responses={200: ResultSerializer, **ID_TAKEN},
        tags=["results"],
    )
    def patch(self, request: Request, result_id: str) -> Response:
        """Change the device name, the id, or both. Under its old id a result is gone; an id that is taken: 409."""
        return self._change(request, result_id)

    @extend_schema(operation_id="results_destroy", responses={204: None}, tags=["results"])
    def delete(self, request: Request, result_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Delete a result; those of the platform go with their studies alone."""
        result_changes.remove(self.actor, result_of(self.visible, result_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, result_id: str) -> Response:
        try:
            result = result_of(self.visible, result_id)
        except NotFound:
            result_changes.refuse_if_renamed(result_id)
            raise
        result_changes.refuse_platforms(result)
        given = ChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        changed = result_changes.change(
            self.actor, result, result_id=values.get("id"), device_name=values.get("device_name")
        )
        return Response(self.shown(changed))


def _subject(result: ProcessingResult) -> str:
    return result.series.public_id if result.series else result.public_id


class MeasurementList(GenericEndpoint):
    """What was measured on the single instances behind a summary."""

    serializer_class = MeasurementSerializer
    keyset = ("id",)

    @extend_schema(operation_id="measurements_list", responses=MeasurementSerializer(many=True), tags=["results"])
    def get(self, request: Request, result_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """List the measurements of the instances that the summary is made of."""
        result = result_of(self.visible, result_id)
        page = self.paginate_queryset(measurements_of(self.visible, result)) or []
        self.note("measurement.list", subject=_subject(result), count=len(page))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def measurements_of(visible: Visible, result: ProcessingResult) -> QuerySet[InstanceResult]:
    """Return the measurements that a summary is made of: those of its pipeline, on the instances of its revision."""
    measured = visible.instance_results.filter(series=result.series_id, pipeline=result.pipeline)
    if result.revision is not None:
        number = result.revision.number
        members = BatchItem.objects.filter(version=OuterRef("deidentified__version"), batch__first_revision__lte=number)
        open_or_later = Q(batch__last_revision__isnull=True) | Q(batch__last_revision__gte=number)
        measured = measured.filter(Exists(members.filter(open_or_later)))
    return measured.select_related("deidentified__version").defer(
        "deidentified__dicom_json", "deidentified__frames", "deidentified__actions"
    )
