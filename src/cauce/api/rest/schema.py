"""How the routes are described in OpenAPI: bearer credentials, and the problem documents that any route may answer."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

_ANSWERS = {
    "400": "The request is wrong.",
    "401": "No credentials, or none that are valid.",
    "403": "The account may not do this.",
    "404": "There is no such thing, or none for this account.",
    "406": "The client accepts no form that this can be answered in.",
    "413": "The body is longer than is taken here.",
    "415": "The body is of a type that is not taken here.",
    "503": "A store does not answer now; `Retry-After` says when to try again.",
}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_OF_BODIES = frozenset({"413", "415"})


class ProblemSerializer(serializers.Serializer[Any]):
    """Every error: a problem document (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="Stable; programs compare this.")

    def get_fields(self) -> dict[str, Any]:
        """Return the members; `errors` is the name of an attribute of serializers, so it is added here."""
        wrong = serializers.DictField(required=False, help_text="What is wrong, by field.")
        return {**super().get_fields(), "errors": wrong}


def problem(status: int, description: str) -> dict[tuple[int, str], OpenApiResponse]:
    """Describe a problem that one operation may answer with, beside those that all may."""
    return {(status, "application/problem+json"): OpenApiResponse(ProblemSerializer, description)}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # the library is partly untyped
    """Describes `BearerAuthentication`."""

    target_class = "cauce.api.rest.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 - the library's signature
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer", "description": "A JWT of `/api/auth/token`, or an API token."}


class CauceSchema(AutoSchema):
    """Adds to each operation its view's declared parameters and the problem documents that it may answer with."""

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters that the view declares for its GET."""
        declared = getattr(self.view, "parameters", ()) if self.method == "GET" else ()
        return [*super().get_override_parameters(), *declared]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction=direction)
        if direction != "response":
            return bodies
        for status, description in _ANSWERS.items():
            if (status == "404" and "{" not in self.path) or (status in _OF_BODIES and self.method not in _WITH_BODY):
                continue
            problem = self.resolve_serializer(ProblemSerializer, "response").ref
            content = {"application/problem+json": {"schema": problem}}
            bodies.setdefault(status, {"description": description, "content": content})
        return bodies
