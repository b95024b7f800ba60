"""Serializer parts that several resources share: identity left out where it may not be seen, links, finite numbers."""

import math
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.reverse import reverse

from cauce.core.statuses import AttentionCause, ItemStatus, JobStatus, Role, StudyStatus

STUDY_STATUSES = [(member.value, member.value) for member in StudyStatus]
REVISION_STATUSES = [*STUDY_STATUSES[1:], ("cancelled", "cancelled")]
JOB_STATUSES = [(member.value, member.value) for member in JobStatus]
ITEM_STATUSES = [(member.value, member.value) for member in ItemStatus]
ROLES = [(member.value, member.value) for member in Role]
CAUSES = [(member.value, member.value) for member in AttentionCause]


class IdentityGate(serializers.Serializer[Any]):
    """Leaves `identity_fields` out of every answer, unless the view says that its actor may see them."""

    identity_fields: ClassVar[tuple[str, ...]] = ()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Write the record out as this actor may see it."""
        shown: dict[str, Any] = super().to_representation(instance)
        if not self.context.get("shows_identity", False):
            for name in self.identity_fields:
                shown.pop(name, None)
        return shown


class FiniteFloatField(serializers.FloatField):
    """A number; what JSON cannot say (not a number, infinite) is null."""

    def to_representation(self, value: Any) -> Any:
        """Return the number."""
        number = float(value)
        return number if math.isfinite(number) else None


def link(serializer: serializers.BaseSerializer[Any], name: str, *arguments: str) -> str:
    """Return the absolute URL of a route, as seen by who asks."""
    return reverse(name, args=arguments, request=serializer.context.get("request"))


def finite(value: Any) -> Any:
    """Return JSON data with what JSON cannot say replaced by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value
