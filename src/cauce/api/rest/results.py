"""`/api/results/`: the results list. What is listed here now are the platform's own summaries, read-only."""

from typing import Any, ClassVar

from django.db.models import Exists, F, FloatField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.api.rest import parameters
from cauce.api.rest.endpoint import GenericEndpoint
from cauce.api.rest.fields import FiniteFloatField, finite, link
from cauce.api.rest.parameters import parameter
from cauce.core.errors import InvalidRequest, NotFound
from cauce.records.models import BatchItem, InstanceResult, ProcessingResult
from cauce.records.visibility import Visible

_BOUNDS = ("", "gt", "gte", "lt", "lte")
_MOMENTS = ("created_at", "updated_at")
_MEANS = ("mean_before_normalization", "mean_after_normalization")
_LEAST = Value(-1.7976931348623157e308, output_field=FloatField())
_ORDERS = ("created_at", "updated_at", "data_size", "device_name", "id", *_MEANS)
_SAID = {
    "": "is",
    "gt": "is after or above",
    "gte": "is at or above",
    "lt": "is before or below",
    "lte": "is at or below",
}


class ResultSerializer(serializers.Serializer[Any]):
    """A line of the results list. The platform's own have a study and measurements, and no raw data."""

    id = serializers.CharField()
    url = serializers.SerializerMethodField()
    device_name = serializers.CharField()
    mean_before_normalization = FiniteFloatField(allow_null=True)
    mean_after_normalization = FiniteFloatField(allow_null=True)
    data_size = serializers.IntegerField()
    raw_data = serializers.JSONField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    study = serializers.CharField(source="study.public_id", default=None, allow_null=True)
    series = serializers.CharField(source="series.public_id", default=None, allow_null=True)
    revision = serializers.IntegerField(source="revision.number", default=None, allow_null=True)
    pipeline = serializers.CharField(allow_blank=True)
    figures = serializers.SerializerMethodField()
    measurements = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_url(self, result: ProcessingResult) -> str:
        """Where it is."""
        return link(self, "result", result.pk)

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_figures(self, result: ProcessingResult) -> Any:
        """What was measured on the whole series."""
        return finite(result.measurements)

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_measurements(self, result: ProcessingResult) -> str | None:
        """Where the measurements of single instances are."""
        return link(self, "measurements", result.pk) if result.series_id else None


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
        parameter(f"{name}_{bound}" if bound else name, f"The {name} {_SAID[bound]} this.", kind) for bound in _BOUNDS
    ]


class ResultList(GenericEndpoint):
    """Results, newest first."""

    serializer_class = ResultSerializer
    parameters: ClassVar = (
        parameter("device_name", "The device name contains this; case does not matter."),
        parameter("study", "Id of a study."),
        *(one for name in _MOMENTS for one in _bounded(name, OpenApiTypes.DATETIME)),
        *(one for name in _MEANS for one in _bounded(name, float)),
        *_bounded("data_size", int),
        parameter(
            "ordering", "Order by this; a minus turns it round.", enum=[s + o for o in _ORDERS for s in ("", "-")]
        ),
    )

    @property
    def keyset(self) -> tuple[str, ...]:
        """The order that is asked for."""
        asked = self.request.query_params.get("ordering") or "-created_at"
        name = asked.removeprefix("-")
        if name not in _ORDERS:
            raise InvalidRequest(f"ordering is one of {', '.join(_ORDERS)}, with or without a minus.", field="ordering")
        sign = "-" if asked.startswith("-") else ""
        if name == "id":
            return (asked,)
        return (f"{sign}known_{name}" if name in _MEANS else asked, "id")

    def get_queryset(self) -> QuerySet[ProcessingResult]:
        """Return the results that are asked for."""
        query = self.request.query_params
        results = self.visible.results.select_related("study", "series", "revision").filter(_bounds_of(query))
        if device := parameters.text(query, "device_name"):
            results = results.filter(device_name__icontains=device)
        if study := parameters.public_id(query, "study"):
            results = results.filter(study__public_id=study)
        return results.annotate(**{f"known_{name}": Coalesce(F(name), _LEAST) for name in _MEANS})

    @extend_schema(operation_id="results_list", responses=ResultSerializer(many=True), tags=["results"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List results. A mean that is not known comes before all others."""
        page = self.paginate_queryset(self.get_queryset()) or []
        self.note("result.list", count=len(page))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def _bounds_of(query: Any) -> Q:
    condition = Q()
    readers = {**dict.fromkeys(_MOMENTS, parameters.moment), **dict.fromkeys(_MEANS, parameters.number)}
    for name, read in {**readers, "data_size": parameters.integer}.items():
        for bound in _BOUNDS:
            value = read(query, f"{name}_{bound}" if bound else name)
            if value is not None:
                condition &= Q(**{f"{name}__{bound or 'exact'}": value})
    return condition


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


class ResultDetail(GenericEndpoint):
    """One result."""

    serializer_class = ResultSerializer
    pagination_class = None

    @extend_schema(responses=ResultSerializer, tags=["results"])
    def get(self, request: Request, result_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Return one result."""
        result = result_of(self.visible, result_id)
        self.note("result.read", subject=result.series.public_id if result.series else "")
        return Response(self.get_serializer(result).data)


class MeasurementList(GenericEndpoint):
    """What was measured on the single instances behind a summary."""

    serializer_class = MeasurementSerializer
    keyset = ("id",)

    @extend_schema(operation_id="measurements_list", responses=MeasurementSerializer(many=True), tags=["results"])
    def get(self, request: Request, result_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """List the measurements of the instances that the summary is made of."""
        result = result_of(self.visible, result_id)
        page = self.paginate_queryset(measurements_of(self.visible, result)) or []
        self.note("measurement.list", subject=result.series.public_id if result.series else "", count=len(page))
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
