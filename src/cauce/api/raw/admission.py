"""Whether a request's body is read at all: who sends, may they, is there room, is the announced length allowed."""

from collections.abc import Callable
from typing import TypeVar

from cauce.api.raw.authentication import actor_of
from cauce.api.raw.intake import Intake
from cauce.api.raw.problems import BodyTooLong, UnsupportedMediaType
from cauce.api.raw.request import Request
from cauce.core.actors import Actor
from cauce.core.errors import Forbidden, StorageFull

Begun = TypeVar("Begun")


async def admit(
    intake: Intake, request: Request, begin: Callable[[Actor], Begun], *, needs_database: bool = True
) -> Begun:
    """Return what `begin` makes of who sends, if the body may follow; it runs off the event loop if it may wait.

    A bearer credential that was admitted a moment ago is not looked up again (`RecentActors`).

    Raises:
        Unauthenticated: nobody we know.
        Forbidden: the role may not bring instances in, or the request may come from another site's page.
        BodyTooLong: the announced length is more than a request may have.
        UnsupportedMediaType: the body is compressed as a whole.
        StorageFull: there is no room for anything.
        InvalidRequest: Content-Length is no number.
    """
    known = intake.recent.find(request)
    if known is not None and known.may_store:  # who may only read is remembered too
        _require_readable(request, bytes_max=intake.limits.request_bytes_max)
        return await intake.ask(begin, known) if needs_database else begin(known)
    actor, begun = await intake.ask(_admitted, intake, request, begin)
    intake.recent.remember(request, actor)
    return begun


def _admitted(intake: Intake, request: Request, begin: Callable[[Actor], Begun]) -> tuple[Actor, Begun]:
    actor = _storing_actor(request)
    _require_readable(request, bytes_max=intake.limits.request_bytes_max)
    if intake.services.objects.free_bytes() == 0:
        raise StorageFull("The object store has reached the room that is kept free.")
    return actor, begin(actor)


def _require_readable(request: Request, *, bytes_max: int) -> None:
    length = request.content_length
    if length is not None and length > bytes_max:
        raise BodyTooLong
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("A body with a Content-Encoding is not taken.")


def _storing_actor(request: Request) -> Actor:
    from cauce import audit

    actor = actor_of(request)
    if not actor.may_store:
        audit.record(actor, "upload.open", outcome="forbidden")
        raise Forbidden("This account may not store instances.")
    return actor
