"""Results on the wire: as they are shown, as they are posted, and what of them can be changed."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cauce.api.rest.fields import FiniteFloatField, finite, link
from cauce.api.rest.result_changes import Draft
from cauce.api.rest.schema import problem
from cauce.core.errors import InvalidRequest
from cauce.core.normalisation import Averages, agree, averages, numbers_of
from cauce.records.models import ProcessingResult

ID_LENGTH_MAX = 200
DEVICE_LENGTH_MAX = 200
ID_TAKEN = problem(409, "The id is taken, or somebody else was faster.")
_PLATFORMS_ID = re.compile(r"series-[0-9a-f]{32}")
_ROWS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "oneOf": [
            {"type": "string", "description": "Numbers between blanks."},
            {"type": "array", "items": {"type": "number"}},
            {"type": "number"},
        ]
    },
    "description": "Rows of numbers; their maximum is above 0.",
}


class ResultSerializer(serializers.Serializer[Any]):
    """A line of the results list. The platform's own have a study and measurements, and no raw data."""

    id = serializers.CharField()
    record = serializers.CharField(source="public_id", help_text="Id of ours, which stays when the id is changed.")
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


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that nobody reads, each by its name: a misspelt one must not be dropped in silence."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values of a body.

        Raises:
            ValidationError: fields are unknown, missing or wrong.
        """
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, Mapping) else []
        if not unknown:
            return super().to_internal_value(data)
        errors: dict[str, Any] = {name: [self.refusal(name)] for name in unknown}
        try:
            super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors |= error.detail if isinstance(error.detail, dict) else {}
        raise serializers.ValidationError(errors)

    def refusal(self, name: str) -> str:
        """Return what is wrong with a field that is not taken."""
        return "cannot be set." if name in ResultSerializer().fields else "is no field of a result."


class TextField(serializers.CharField):
    """Text alone: a number in its place is wrong."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text without blanks around it."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NumberField(serializers.FloatField):
    """A number alone: a text in its place is wrong."""

    def to_internal_value(self, data: Any) -> float:
        """Return the number."""
        if isinstance(data, bool | str):
            self.fail("invalid")
        try:
            return super().to_internal_value(data)
        except OverflowError:
            self.fail("invalid")


class SizeField(serializers.IntegerField):
    """A whole number alone."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        if isinstance(data, bool | str) or (isinstance(data, float) and not data.is_integer()):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(_ROWS)
class RowsField(serializers.JSONField):
    """Rows of numbers; what they are is looked at as a whole."""


def check_id(result_id: str) -> None:
    """Return if this can be the id of a client's result.

    Raises:
        InvalidRequest: it cannot stand in a URL, or is of the form that the platform gives its own.
    """
    if "/" in result_id or result_id in {".", ".."} or not result_id.isprintable():
        raise InvalidRequest("wants printable characters without a slash, since it stands in URLs.", field="id")
    if _PLATFORMS_ID.fullmatch(result_id):
        raise InvalidRequest("is of the form that the platform gives its own results.", field="id")


class IdField(TextField):
    """The id of a client's result."""

    def to_internal_value(self, data: Any) -> str:
        """Return the id without blanks around it."""
        text = super().to_internal_value(data)
        try:
            check_id(text)
        except InvalidRequest as error:
            raise serializers.ValidationError(error.detail) from error
        return text


class DraftSerializer(StrictSerializer):
    """A result to create. Averages and size may be left out."""

    id = IdField(max_length=ID_LENGTH_MAX)
    device_name = TextField(max_length=DEVICE_LENGTH_MAX)
    raw_data = RowsField()
    mean_before_normalization = NumberField(required=False)
    mean_after_normalization = NumberField(required=False)
    data_size = SizeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Compute what can be computed, and compare it with what is given."""
        try:
            computed = averages(numbers_of(attrs["raw_data"]))
        except InvalidRequest as error:
            raise serializers.ValidationError({"raw_data": [error.detail]}) from error
        wrong = {name: ["does not agree with raw_data."] for name, holds in _CHECKS if not holds(attrs, computed)}
        if wrong:
            raise serializers.ValidationError(wrong)
        return {**attrs, "computed": computed}

    def draft(self) -> Draft:
        """Return what is to be created, once it has been found valid."""
        given = self.validated_data
        return Draft(
            id=given["id"], device_name=given["device_name"], raw_data=given["raw_data"], averages=given["computed"]
        )


def _mean_holds(given: Mapping[str, Any], computed: Averages) -> bool:
    return agree(given.get("mean_before_normalization", computed.mean), computed.mean)


def _normalised_holds(given: Mapping[str, Any], computed: Averages) -> bool:
    return agree(given.get("mean_after_normalization", computed.mean_normalised), computed.mean_normalised)


def _size_holds(given: Mapping[str, Any], computed: Averages) -> bool:
    return bool(given.get("data_size", computed.size) == computed.size)


_CHECKS: tuple[tuple[str, Callable[[Mapping[str, Any], Averages], bool]], ...] = (
    ("mean_before_normalization", _mean_holds),
    ("mean_after_normalization", _normalised_holds),
    ("data_size", _size_holds),
)


class ChangeSerializer(StrictSerializer):
    """What of a result can be changed."""

    id = IdField(max_length=ID_LENGTH_MAX, required=False)
    device_name = TextField(max_length=DEVICE_LENGTH_MAX, required=False)

    def refusal(self, name: str) -> str:
        """Return what is wrong with a field that is not taken."""
        return "cannot be changed." if name in ResultSerializer().fields else "is no field of a result."
