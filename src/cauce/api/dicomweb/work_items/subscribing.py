"""Subscriptions to work items (PS3.18 11.10, 11.11): there are none, and whoever asks is told so."""

from http import HTTPStatus
from typing import Final

from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.work_items.access import reading, require_worklist
from cauce.api.dicomweb.work_items.answers import NO_FILTERED_SUBSCRIPTIONS, answer_problem_as
from cauce.api.raw.intake import Intake
from cauce.api.raw.request import Request
from cauce.core.errors import CauceError

FILTERED_WORKLIST: Final = "1.2.840.10008.5.1.4.34.5.1"
"""The UID that stands for a filtered worklist (PS3.4 CC.2.3.1)."""


class NoSubscriptions(CauceError):
    """What is asked for is a part of the standard that is not offered."""

    code = "not_implemented"


async def decline_subscription(request: Request, intake: Intake, address: Address, *, workitem: str) -> None:
    """Answer that there are no subscriptions: 403 for filtered ones, as 11.10.3 has it, else 501."""
    require_worklist(address)
    await reading(request, intake, lambda _actor: None)
    is_filtered = workitem == FILTERED_WORKLIST and request.method == "POST"
    await answer_problem_as(
        request,
        NoSubscriptions("Subscriptions are not offered: ask again for the work items that matter."),
        status=HTTPStatus.FORBIDDEN if is_filtered else HTTPStatus.NOT_IMPLEMENTED,
        service=request.base_url + address.service,
        text=NO_FILTERED_SUBSCRIPTIONS if is_filtered else "",
    )
