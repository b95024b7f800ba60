"""Retrieving and searching work items (PS3.18 11.5 and 11.9)."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.negotiation import choose
from cauce.api.dicomweb.search import OFFERS, headers_of, written
from cauce.api.dicomweb.search_query import Asked, parse_search
from cauce.api.dicomweb.work_items.access import reading, require_uid, require_worklist
from cauce.api.raw.intake import Intake
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_stream
from cauce.core.actors import Actor
from cauce.core.work_items import HeldWorkItem
from cauce.ports.search import Page
from cauce.ports.services import Services
from cauce.ports.work_items import WorkItemQuery
from cauce.readings.work_items.attributes import MATCHED, PERFORMED, RETURNED
from cauce.readings.work_items.keys import parse_work_item_match
from cauce.readings.work_items.outcomes import addressed

_AT_ONCE: Final = 100


async def retrieve_work_item(request: Request, intake: Intake, address: Address, *, workitem: str) -> None:
    """Answer a work item as it stands, without its Transaction UID."""
    require_worklist(address)
    uid = require_uid(workitem)
    offer, _ = choose(request, OFFERS)

    def find(_actor: Actor) -> HeldWorkItem:
        return intake.services.work_items.find(intake.services.catalogue.project(address.project), uid)

    actor, found = await reading(request, intake, find)
    _note(intake, actor, "work_item.read", subject=found.public_id)
    document = _encoded(addressed(found.document, base_url=request.base_url))
    pieces, content_type = written(iter((document,)), offer, is_alone=True)
    headers = {"content-type": content_type, "cache-control": "no-store", "vary": "Accept, Authorization"}
    await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=headers)


async def search_work_items(request: Request, intake: Intake, address: Address) -> None:
    """Answer which work items of a worklist match, newest first."""
    require_worklist(address)
    query_string = request.scope.get("query_string", b"")
    asked = parse_search(query_string, matched=MATCHED, parse=parse_work_item_match)
    offer, _ = choose(request, OFFERS)
    services = intake.services

    def find(_actor: Actor) -> Page:
        query = WorkItemQuery(
            project=services.catalogue.project(address.project),
            limit=asked.limit,
            offset=asked.offset,
            matches=asked.matches,
        )
        return services.work_items.search(query)

    actor, page = await reading(request, intake, find)
    by = ",".join(sorted(MATCHED[path].keyword for path in asked.matches))
    _note(intake, actor, "work_items.search", by=by, results=str(len(page.rows)))
    pieces, content_type = written(
        _documents(services, page, asked, base_url=request.base_url), offer, is_alone=len(page.rows) == 1
    )
    headers = {**headers_of(page, asked, service=request.base_url + address.service), "content-type": content_type}
    await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=headers)


def _documents(services: Services, page: Page, asked: Asked, *, base_url: str) -> Iterator[bytes]:
    """Yield the JSON of each result: what every one has, and what is matched or included besides."""
    wanted = {path.partition(".")[0] for path in asked.included}
    includes_performed = asked.includes_all or PERFORMED in wanted
    for start in range(0, len(page.rows), _AT_ONCE):
        rows = page.rows[start : start + _AT_ONCE]
        for document in services.work_items.documents(rows, includes_performed=includes_performed):
            found = addressed(document, base_url=base_url)
            if not asked.includes_all:
                found = {tag: element for tag, element in found.items() if tag in RETURNED or tag in wanted}
            yield _encoded(found)


def _encoded(document: Mapping[str, Any]) -> bytes:
    ordered = dict(sorted(document.items()))
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode()


def _note(intake: Intake, actor: Actor, action: str, *, subject: str = "", **detail: str) -> None:
    """Write into the audit trail who read what, or searched by which attributes, never for which values."""
    intake.services.served.note_access(actor, action, subject=subject, **detail)
    intake.settle_soon()
