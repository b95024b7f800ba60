"""What every REST view shares: its actor, what the actor may see, its parameters, its trace in the audit trail."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NoReturn

from drf_spectacular.utils import OpenApiParameter
from rest_framework import generics
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.schemas.inspectors import ViewInspector
from rest_framework.views import APIView

from cauce import audit
from cauce.api.rest.authentication import NOBODY, actor_of
from cauce.api.rest.parameters import TEXT_LENGTH_MAX, VALUES_MAX, refuse_unknown, takes_several
from cauce.api.rest.schema import CauceSchema
from cauce.core.actors import Actor
from cauce.core.errors import Forbidden, InvalidRequest
from cauce.records.visibility import Visible, visible_to

PAGE_PARAMETERS = ("cursor", "limit", "total")


class FormOfAnswer(DefaultContentNegotiation):
    """Chooses a renderer as the framework does; `format`, of the browsable pages, names one or is wrong."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the renderer and its media type.

        Raises:
            InvalidRequest: `format` is empty.
        """
        if request.query_params.get("format") == "":
            raise InvalidRequest("format is empty.", field="format")
        return super().select_renderer(request, renderers, format_suffix)

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:  # noqa: A002 - the framework's name
        """Return the renderers of a format.

        Raises:
            InvalidRequest: there is none.
        """
        offered = list(renderers)
        found = [renderer for renderer in offered if renderer.format == format]
        if not found:
            known = ", ".join(sorted({renderer.format for renderer in offered}))
            raise InvalidRequest(f"format is one of {known}.", field="format")
        return found


class Endpoint(APIView):
    """A REST view. Records are reached through `visible` alone.

    `parameters` declares the query parameters of its GET; any other is refused. `identity_parameters` are those that
    ask about identity: an account that may not see it may not search by it either.
    """

    schema: ViewInspector | None = CauceSchema()
    content_negotiation_class: type[BaseContentNegotiation] = FormOfAnswer
    parameters: ClassVar[Sequence[OpenApiParameter]] = ()
    identity_parameters: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what nobody would read, after the account is known to be allowed here."""
        super().initial(request, *args, **kwargs)
        paged = PAGE_PARAMETERS if getattr(self, "paginator", None) else ()
        several = {declared.name for declared in self.parameters if takes_several(declared)}
        refuse_unknown(request, {"format", *paged, *(declared.name for declared in self.parameters)}, several=several)
        asked = sorted(self.identity_parameters & set(request.query_params))
        if asked and not self.shows_identity:
            raise Forbidden(f"This account may not search by {asked[0]}.")

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> NoReturn:
        """Leave a trace of an account that tried what it may not do."""
        if request.authenticators and request.successful_authenticator:
            route = request.resolver_match.route if request.resolver_match else ""
            self.note("access.refused", outcome="refused", route=route, method=request.method)
        super().permission_denied(request, message=message, code=code)

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return NOBODY if self._is_described else actor_of(self.request)

    @property
    def visible(self) -> Visible:
        """What the actor may know of."""
        return visible_to(self.actor)

    @property
    def shows_identity(self) -> bool:
        """Whether identity and original UIDs are written out (always so in the description of the interface)."""
        return self._is_described or self.actor.may_see_originals

    def note(self, action: str, *, subject: str = "", outcome: str = "success", **detail: Any) -> None:
        """Write an audit row. Nothing that was read leaves before its row is committed."""
        audit.record(self.actor, action, subject=subject, outcome=outcome, **detail)

    @property
    def _is_described(self) -> bool:
        return bool(getattr(self, "swagger_fake_view", False))

    def choices(self, name: str, allowed: Any) -> list[str]:
        """Return the values of a query parameter, comma separated or repeated, each one of `allowed`.

        Raises:
            InvalidRequest: a value is none of them.
        """
        given = self.several(name)
        known = {str(member) for member in allowed}
        if not set(given) <= known:
            raise InvalidRequest(f"{name} is one of {', '.join(sorted(known))}.", field=name)
        return given

    def several(self, name: str) -> list[str]:
        """Return the values of a query parameter, comma separated or repeated.

        Raises:
            InvalidRequest: one is empty or too long, or they are more than anybody needs.
        """
        given = [part for text in self.request.query_params.getlist(name) for part in text.split(",")]
        if len(given) > VALUES_MAX:
            raise InvalidRequest(f"{name} wants at most {VALUES_MAX} values.", field=name)
        if any(not 0 < len(part) <= TEXT_LENGTH_MAX or "\0" in part for part in given):
            raise InvalidRequest(f"{name} wants values of 1 to {TEXT_LENGTH_MAX} characters.", field=name)
        return given


class GenericEndpoint(Endpoint, generics.GenericAPIView[Any]):
    """A REST view over a query set, answered in pages."""

    def get_serializer_context(self) -> dict[str, Any]:
        """Tell serializers who asks, and whether identity may be written out."""
        return {**super().get_serializer_context(), "actor": self.actor, "shows_identity": self.shows_identity}
