"""`/api/elements/`: results posted as the elements of a file; all other routes are those of `/api/results/`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.api.rest import result_changes
from cauce.api.rest.result_changes import Draft
from cauce.api.rest.result_serializers import (
    DEVICE_LENGTH_MAX,
    ID_LENGTH_MAX,
    ID_TAKEN,
    ChangeSerializer,
    IdField,
    ResultSerializer,
    TextField,
)
from cauce.api.rest.results import MeasurementList, MeasurementSerializer, ResultDetail, ResultList
from cauce.core.errors import InvalidRequest
from cauce.readings.elements import Element, element_of

ELEMENTS_MAX = 1000
"""Most elements in one request."""
_EXAMPLE = {"1": {"id": "aabbcc1", "data": ["78 83 21", "2 4 8"], "deviceName": "CT SCAN"}}
_BODY = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": ELEMENTS_MAX,
    "additionalProperties": {
        "type": "object",
        "required": ["id", "deviceName", "data"],
        "properties": {
            "id": {"type": "string", "minLength": 1, "maxLength": ID_LENGTH_MAX},
            "deviceName": {"type": "string", "minLength": 1, "maxLength": DEVICE_LENGTH_MAX},
            "data": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        },
        "additionalProperties": False,
    },
    "example": _EXAMPLE,
}
# As a list of the serializer it would be described as a page.
_CREATED = {"type": "array", "items": {"$ref": "#/components/schemas/Result"}}


class ElementsSerializer(serializers.Serializer[Any]):
    """What the form of the browsable page starts from."""

    @property
    def data(self) -> Any:
        """Return elements to write over."""
        return dict(_EXAMPLE)


class ElementList(ResultList):
    """Results, newest first; what is posted are elements."""

    given: ClassVar = {"POST": ElementsSerializer}

    @extend_schema(operation_id="elements_list", responses=ResultSerializer(many=True), tags=["elements"])
    def get(self, request: Request) -> Response:
        """List results, as `/api/results/` does."""
        return super().get(request)

    @extend_schema(
        operation_id="elements_create",
        request={"application/json": _BODY},
        responses={(201, "application/json"): _CREATED, **ID_TAKEN},
        tags=["elements"],
    )
    def post(self, request: Request) -> Response:
        """Create a result of each element, all or none; what is wrong is said by the element's key."""
        results = result_changes.create(self.actor, drafts_of(request.data))
        return Response([self.shown(result) for result in results], status=status.HTTP_201_CREATED)


class ElementDetail(ResultDetail):
    """One result."""

    @extend_schema(operation_id="elements_retrieve", responses=ResultSerializer, tags=["elements"])
    def get(self, request: Request, result_id: str) -> Response:
        """Return one result."""
        return super().get(request, result_id)

    @extend_schema(
        operation_id="elements_update",
        request=ChangeSerializer,
        responses={200: ResultSerializer, **ID_TAKEN},
        tags=["elements"],
    )
    def put(self, request: Request, result_id: str) -> Response:
        """Change the device name, the id, or both; what is left out stays as it is."""
        return super().put(request, result_id)

    @extend_schema(
        operation_id="elements_partial_update",
        request=ChangeSerializer,
        responses={200: ResultSerializer, **ID_TAKEN},
        tags=["elements"],
    )
    def patch(self, request: Request, result_id: str) -> Response:
        """Change the device name, the id, or both."""
        return super().patch(request, result_id)

    @extend_schema(operation_id="elements_destroy", responses={204: None}, tags=["elements"])
    def delete(self, request: Request, result_id: str) -> Response:
        """Delete a result."""
        return super().delete(request, result_id)


class ElementMeasurementList(MeasurementList):
    """What was measured on the single instances behind a summary."""

    @extend_schema(
        operation_id="element_measurements_list", responses=MeasurementSerializer(many=True), tags=["elements"]
    )
    def get(self, request: Request, result_id: str) -> Response:
        """List the measurements of the instances that the summary is made of."""
        return super().get(request, result_id)


def drafts_of(body: object) -> list[Draft]:
    """Return the results that elements become.

    Raises:
        ValidationError: some are no elements; what is wrong stands under their keys.
    """
    if not isinstance(body, Mapping) or not body:
        raise serializers.ValidationError({"non_field_errors": ["wants an object of elements by their keys."]})
    if len(body) > ELEMENTS_MAX:
        raise serializers.ValidationError({"non_field_errors": [f"takes at most {ELEMENTS_MAX} elements."]})
    drafts: dict[str, Draft] = {}
    errors: dict[str, Any] = {}
    for key, given in body.items():
        try:
            draft = _draft(str(key), given)
        except InvalidRequest as error:
            errors[str(key)] = {error.field: [error.detail]} if error.field else [error.detail]
            continue
        if draft.id in drafts:
            errors[str(key)] = {"id": ["is that of another element here."]}
        drafts.setdefault(draft.id, draft)
    if errors:
        raise serializers.ValidationError(errors)
    return list(drafts.values())


def _draft(key: str, given: object) -> Draft:
    element = element_of(given)
    unknown = sorted(set(given) - {"id", "deviceName", "data"}) if isinstance(given, Mapping) else []
    if unknown:
        raise InvalidRequest("is no key of an element.", field=str(unknown[0]))
    result_id = _taken(IdField(max_length=ID_LENGTH_MAX), element.id, "id")
    device_name = _taken(TextField(max_length=DEVICE_LENGTH_MAX), element.device_name, "deviceName")
    return Draft(id=result_id, device_name=device_name, raw_data=_rows(element), averages=element.averages(), field=key)


def _rows(element: Element) -> list[Any]:
    if not all(isinstance(row, str) for row in element.rows):
        raise InvalidRequest("wants rows of numbers as text.", field="data")
    return list(element.rows)


def _taken(field: serializers.CharField, text: str, name: str) -> str:
    try:
        return str(field.run_validation(text))
    except serializers.ValidationError as error:
        raise InvalidRequest(" ".join(str(one) for one in error.detail), field=name) from error
