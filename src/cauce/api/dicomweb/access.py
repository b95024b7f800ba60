"""What a reading request may have: who asks, may they read that space, is there anything at the address."""

from collections.abc import Sequence

from cauce.api.dicomweb.addresses import Address
from cauce.api.raw.authentication import actor_of
from cauce.api.raw.intake import Intake
from cauce.api.raw.request import Request
from cauce.core.actors import Actor
from cauce.core.errors import Forbidden, InvalidRequest, NotFound
from cauce.core.statuses import Space
from cauce.ports.served import Place, ServedObject


async def reader_of(request: Request, intake: Intake, space: Space) -> Actor:
    """Return who asks, if they may read a space.

    Raises:
        Unauthenticated, Forbidden: nobody we know, or they may not.
    """
    known = intake.recent.find(request)
    if known is not None:
        await intake.ask(require_readable, known, space)
        return known

    def look() -> Actor:
        actor = actor_of(request)
        require_readable(actor, space)
        return actor

    actor = await intake.ask(look)
    intake.recent.remember(request, actor)
    return actor


async def readable(request: Request, intake: Intake, *, address: Address, action: str) -> Sequence[ServedObject]:
    """Return what is served at an address, at least one object; that it was read goes into the audit trail.

    Raises:
        Unauthenticated: nobody we know.
        Forbidden: the actor may not read this space.
        InvalidRequest: a UID in the address is none.
        NotFound: there is nothing.
    """
    if not address.has_usable_uids:
        raise InvalidRequest("The address wants UIDs.")
    known = intake.recent.find(request)

    def look() -> tuple[Actor, Sequence[ServedObject]]:
        actor = known or actor_of(request)
        require_readable(actor, address.space)
        place = Place(
            project=intake.services.catalogue.project(address.project),
            space=address.space,
            study=address.study or "",
            series=address.series,
            instance=address.instance,
        )
        return actor, intake.services.served.objects(place)

    actor, found = await intake.ask(look)
    if known is None:
        intake.recent.remember(request, actor)
    if not found:
        raise NotFound("There is nothing at this address.")
    _note(intake, actor, action, found[0])
    return found


def require_readable(actor: Actor, space: Space) -> None:
    """Return if `actor` may read a space.

    Raises:
        Forbidden: they may not.
    """
    from cauce import audit  # these reach models, which load once Django is set up
    from cauce.records.visibility import visible_to

    if not visible_to(actor).may_read(space):
        audit.record(actor, "instances.read", outcome="forbidden", space=space.value)
        raise Forbidden("This account may not read these objects.")


def _note(intake: Intake, actor: Actor, action: str, first: ServedObject) -> None:
    if intake.accesses.is_new(actor, action, first.study_id):
        intake.services.served.note_access(actor, action, subject=first.study_id, space=first.space.value)
        intake.settle_soon()
