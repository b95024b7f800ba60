"""Who may have to do with work items: they hold identity, as originals do, and asking for one is storing."""

from collections.abc import Callable
from typing import TypeVar

from cauce.api.dicomweb.access import require_readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.raw.authentication import actor_of
from cauce.api.raw.intake import Intake
from cauce.api.raw.request import Request
from cauce.core.actors import Actor
from cauce.core.errors import Forbidden, InvalidRequest, NotFound
from cauce.core.identifiers import is_usable_uid
from cauce.core.statuses import Space

Done = TypeVar("Done")


async def reading(request: Request, intake: Intake, read: Callable[[Actor], Done]) -> tuple[Actor, Done]:
    """Return who asks and what `read` gives them, if they may see originals; it runs off the event loop.

    Raises:
        Unauthenticated, Forbidden: nobody we know, or they may not.
    """
    return await _known(request, intake, lambda actor: require_readable(actor, Space.ORIGINALS), read)


async def writing(request: Request, intake: Intake, write: Callable[[Actor], Done]) -> Done:
    """Return what `write` gives who asks, if they may store; it runs off the event loop.

    Raises:
        Unauthenticated, Forbidden: nobody we know, or they may not.
    """
    _, done = await _known(request, intake, _require_storing, write)
    return done


async def _known(
    request: Request, intake: Intake, require: Callable[[Actor], None], do: Callable[[Actor], Done]
) -> tuple[Actor, Done]:
    known = intake.recent.find(request)

    def ask() -> tuple[Actor, Done]:
        actor = known or actor_of(request)
        require(actor)
        return actor, do(actor)

    actor, done = await intake.ask(ask)
    if known is None:
        intake.recent.remember(request, actor)
    return actor, done


def require_worklist(address: Address) -> None:
    """Return if there is a worklist at an address: each project has one, and its de-identified space none.

    Raises:
        NotFound: there is none.
    """
    if address.space is not Space.ORIGINALS:
        raise NotFound("There is no worklist at this address.")


def require_uid(uid: str) -> str:
    """Return the UID of a work item that an address names.

    Raises:
        InvalidRequest: it is none.
    """
    if not is_usable_uid(uid):
        raise InvalidRequest("The address wants the UID of a work item.")
    return uid


def _require_storing(actor: Actor) -> None:
    from cauce import audit  # reaches models, which load once Django is set up

    if not (actor.may_store and actor.may_see_originals):
        audit.record(actor, "work_item.write", outcome="forbidden")
        raise Forbidden("This account may not ask for work, nor carry it out.")
