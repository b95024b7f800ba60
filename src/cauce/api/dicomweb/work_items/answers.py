"""Answers of the worklist service: the one table from what becomes of a request to its status and warning."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from cauce.api.raw.answers import PROBLEM_TYPE, answer
from cauce.api.raw.problems import headers_of, problem_of, status_of
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_empty
from cauce.core.errors import CauceError
from cauce.core.work_items import Ruling, WorkItemRefused

CREATED_WITH_CHANGES: Final = "The Workitem was created with modifications."
NO_FILTERED_SUBSCRIPTIONS: Final = "Filtered Worklist Subscriptions are not supported."

_INCONSISTENT: Final = "The submitted request is inconsistent with the state of the UPS Instance."
_UNCLAIMED: Final = "The target URI did not reference a claimed Workitem."
_NOT_UPDATED: Final = "The submitted request is inconsistent with the current state of the Workitem."

Table = Mapping[Ruling | None, tuple[HTTPStatus, str]]
"""From what becomes of a request to its answer; `None` is a data set that cannot be taken at all."""

CREATION: Final[Table] = {}
"""Creation (11.4.3): no warning goes with what it is refused for."""

CHANGE: Final[Table] = {
    None: (HTTPStatus.BAD_REQUEST, _INCONSISTENT),
    Ruling.ALREADY_CANCELED: (HTTPStatus.OK, "The UPS is already in the requested state of CANCELED."),
    Ruling.ALREADY_COMPLETED: (HTTPStatus.OK, "The UPS is already in the requested state of COMPLETED."),
    Ruling.TRANSACTION_MISSING: (HTTPStatus.BAD_REQUEST, "The Transaction UID is missing."),
    Ruling.TRANSACTION_INCORRECT: (HTTPStatus.BAD_REQUEST, "The Transaction UID is incorrect."),
    Ruling.SCHEDULED_BY_CREATION_ONLY: (HTTPStatus.BAD_REQUEST, _INCONSISTENT),
    Ruling.NO_LONGER_UPDATED: (HTTPStatus.CONFLICT, _INCONSISTENT),
    Ruling.ALREADY_IN_PROGRESS: (HTTPStatus.CONFLICT, _INCONSISTENT),
    Ruling.FINAL_STATE_UNMET: (HTTPStatus.CONFLICT, _INCONSISTENT),
    Ruling.NOT_IN_PROGRESS: (HTTPStatus.CONFLICT, _INCONSISTENT),
    Ruling.PERFORMED_HERE: (HTTPStatus.CONFLICT, _INCONSISTENT),
}
"""Change of state (PS3.18 11.7.3)."""

UPDATE: Final[Table] = {
    None: (HTTPStatus.BAD_REQUEST, _NOT_UPDATED),
    Ruling.TRANSACTION_MISSING: (HTTPStatus.BAD_REQUEST, _NOT_UPDATED),
    Ruling.TRANSACTION_INCORRECT: (HTTPStatus.BAD_REQUEST, _NOT_UPDATED),
    Ruling.NO_LONGER_UPDATED: (HTTPStatus.BAD_REQUEST, _NOT_UPDATED),
    Ruling.NOT_IN_PROGRESS: (HTTPStatus.CONFLICT, _UNCLAIMED),
}
"""Update (11.6.3)."""

CANCELLATION: Final[Table] = {
    Ruling.ALREADY_CANCELED: (HTTPStatus.ACCEPTED, "The UPS is already in the requested state of CANCELED."),
    Ruling.COMPLETED_BEFORE: (HTTPStatus.CONFLICT, "The UPS is already COMPLETED."),
    Ruling.PERFORMER_DECLINES: (HTTPStatus.CONFLICT, "Performer chooses not to cancel."),
    Ruling.PERFORMER_UNREACHABLE: (HTTPStatus.CONFLICT, "The performer cannot be contacted."),
}
"""Request for cancellation (11.8.3)."""


def warning(service: str, text: str) -> dict[str, str]:
    """Return the header field that warns (8.4.2); nothing for no text."""
    return {"warning": f"299 {service}: {text}"} if text else {}


async def answer_done(
    request: Request, *, service: str, status: HTTPStatus, text: str = "", location: str = ""
) -> None:
    """Answer that something was done, without a body."""
    headers = {"location": location} if location else {}
    await send_empty(request, status=status, headers={**headers, **warning(service, text), "cache-control": "no-store"})


async def answer_refused(
    request: Request,
    error: CauceError,
    table: Table,
    *,
    service: str,
) -> None:
    """Answer what a request is refused for, with the status and the warning that `table` has for it."""
    ruling = error.ruling if isinstance(error, WorkItemRefused) else None
    status, text = table.get(ruling, (HTTPStatus(status_of(error)), ""))
    await answer_problem_as(request, error, status=status, service=service, text=text)


async def answer_problem_as(
    request: Request, error: CauceError, *, status: HTTPStatus, service: str, text: str = ""
) -> None:
    """Answer a problem with a status of this service's own; the body of the request has been read."""
    document = {**problem_of(error), "status": int(status), "title": status.phrase}
    headers = {**headers_of(error), **warning(service, text)}
    await answer(request, status=status, document=document, content_type=PROBLEM_TYPE, headers=headers)
