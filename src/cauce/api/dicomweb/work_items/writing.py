"""Creating, updating, claiming, ending and canceling work items (PS3.18 11.4 and 11.6 to 11.8)."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

from cauce import flow
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.work_items.access import require_uid, require_worklist, writing
from cauce.api.dicomweb.work_items.answers import (
    CANCELLATION,
    CHANGE,
    CREATED_WITH_CHANGES,
    CREATION,
    UPDATE,
    Table,
    answer_done,
    answer_refused,
)
from cauce.api.dicomweb.work_items.bodies import read_dataset, require_json
from cauce.api.raw.intake import Intake
from cauce.api.raw.request import Request
from cauce.core.actors import Actor
from cauce.core.errors import InvalidRequest
from cauce.core.identifiers import is_usable_uid
from cauce.core.messages import ProjectRef
from cauce.core.work_items import Ruling, WorkItemRefused, WorkItemState
from cauce.ports.work_items import WorkItems
from cauce.readings.work_items.attributes import STATE, TRANSACTION, invalid, text_of

PIPELINES: Final = (flow.PIPELINE,)
_CANCELLED: Final = "CANCELLED"
"""How PS3.18 11.7.1.4 spells a state that is CANCELED everywhere else."""

Done = TypeVar("Done")


async def create_work_item(request: Request, intake: Intake, address: Address) -> None:
    """Schedule a work item (11.4)."""
    named = _named_in_query(request, "workitem")

    def create(worklist: "_Worklist", actor: Actor, given: Mapping[str, Any]) -> Any:
        return worklist.items.create(
            worklist.project, given, uid=named, actor=actor, pipelines=PIPELINES, profile=flow.default_profile()
        )

    service = request.base_url + address.service
    done = await _write(request, intake, address, create, table=CREATION)
    if done is not None:
        text = CREATED_WITH_CHANGES if done.is_modified else ""
        location = f"{service}/workitems/{done.uid}"
        await answer_done(request, service=service, status=HTTPStatus.CREATED, text=text, location=location)


async def update_work_item(request: Request, intake: Intake, address: Address, *, workitem: str) -> None:
    """Set attributes of a work item (11.6); its Transaction UID comes in the query or in the data set."""
    uid = require_uid(workitem)
    named = _named_in_query(request, "transaction-uid")

    def update(worklist: "_Worklist", actor: Actor, given: Mapping[str, Any]) -> Any:
        worklist.items.update(
            worklist.project,
            uid,
            given,
            transaction_uid=_one_transaction(named, given),
            actor=actor,
            pipelines=PIPELINES,
        )
        return Ruling.DONE

    if await _write(request, intake, address, update, table=UPDATE) is not None:
        await answer_done(request, service=request.base_url + address.service, status=HTTPStatus.OK)


async def change_state(request: Request, intake: Intake, address: Address, *, workitem: str) -> None:
    """Claim, complete or give up a work item (11.7)."""
    uid = require_uid(workitem)

    def change(worklist: "_Worklist", actor: Actor, given: Mapping[str, Any]) -> Any:
        transaction_uid = _one_transaction("", given)
        to = _state_of(given)
        return worklist.items.change_state(worklist.project, uid, to=to, transaction_uid=transaction_uid, actor=actor)

    await _answer_ruling(request, address, await _write(request, intake, address, change, table=CHANGE), CHANGE)


async def request_cancellation(request: Request, intake: Intake, address: Address, *, workitem: str) -> None:
    """Ask that a work item be given up (11.8)."""
    uid = require_uid(workitem)

    def cancel(worklist: "_Worklist", actor: Actor, given: Mapping[str, Any]) -> Any:
        return worklist.items.request_to_cancel(worklist.project, uid, given, actor=actor)

    ruling = await _write(request, intake, address, cancel, table=CANCELLATION, may_be_empty=True)
    await _answer_ruling(request, address, ruling, CANCELLATION, done=HTTPStatus.ACCEPTED)


class _Worklist:
    """The worklist of a project."""

    def __init__(self, items: WorkItems, project: ProjectRef) -> None:
        self.items = items
        self.project = project


async def _write(
    request: Request,
    intake: Intake,
    address: Address,
    write: Callable[[_Worklist, Actor, Mapping[str, Any]], Done],
    *,
    table: Table,
    may_be_empty: bool = False,
) -> Done | None:
    """Return what `write` gives, or `None` where the request is refused, and answered so."""
    require_worklist(address)
    await writing(request, intake, lambda _actor: None)  # before the body is looked at
    require_json(request, may_be_empty=may_be_empty)
    given = await read_dataset(request, intake, may_be_empty=may_be_empty)

    def write_in(actor: Actor) -> Done:
        project = intake.services.catalogue.project(address.project)
        return write(_Worklist(intake.services.work_items, project), actor, given)

    try:
        return await writing(request, intake, write_in)
    except (WorkItemRefused, InvalidRequest) as error:
        await answer_refused(request, error, table, service=request.base_url + address.service)
    return None


async def _answer_ruling(
    request: Request, address: Address, ruling: Ruling | None, table: Table, *, done: HTTPStatus = HTTPStatus.OK
) -> None:
    if ruling is not None:
        status, text = table.get(ruling, (done, ""))
        await answer_done(request, service=request.base_url + address.service, status=status, text=text)


def _named_in_query(request: Request, name: str) -> str:
    """Return the UID that a query names: `?<name>=<uid>`, or `?<uid>` as the standard's templates have it.

    Raises:
        InvalidRequest: it is no UID.
    """
    named = {value or key for key, value in request.pairs if key == name or (not value and is_usable_uid(key))}
    if len(named) > 1 or not all(map(is_usable_uid, named)):
        raise InvalidRequest(f"`{name}` wants one UID.", field=name)
    return named.pop() if named else ""


def _one_transaction(named: str, given: Mapping[str, Any]) -> str:
    """Return the Transaction UID of a request, or nothing.

    Raises:
        InvalidRequest: its query names another than its data set.
    """
    found = {uid for uid in (named, text_of(given, TRANSACTION)) if uid}
    if len(found) > 1:
        raise invalid(TRANSACTION, "is another in the query than in the data set")
    return found.pop() if found else ""


def _state_of(given: Mapping[str, Any]) -> WorkItemState:
    named = text_of(given, STATE)
    try:
        return WorkItemState("CANCELED" if named == _CANCELLED else named)
    except ValueError as error:
        raise invalid(STATE, "wants to be IN PROGRESS, COMPLETED or CANCELED") from error
