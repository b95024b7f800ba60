"""QIDO-RS: searches for studies, series and instances (PS3.18 10.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from cauce.api.dicomweb.access import require_readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.media_types import DICOM_JSON
from cauce.api.dicomweb.metadata import DICOM_XML, alone, json_array
from cauce.api.dicomweb.native_xml import native_xml_pieces
from cauce.api.dicomweb.negotiation import Offer, choose
from cauce.api.dicomweb.related import multipart, new_boundary, related_type
from cauce.api.dicomweb.search_query import Asked, parse_search
from cauce.api.dicomweb.search_results import Results, levels_of
from cauce.api.raw.authentication import actor_of
from cauce.api.raw.intake import Intake
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_stream, send_whole
from cauce.core.actors import Actor
from cauce.core.errors import InvalidRequest
from cauce.core.searching import BY_NAME, Level
from cauce.ports.search import Page, Query
from cauce.ports.services import Services

OFFERS: Final = (Offer(DICOM_JSON), Offer("application/json"), Offer(DICOM_XML, multipart=True), Offer(DICOM_XML))
_AT_ONCE: Final = 250
"""So many results are written at once; a JSON answer of no more is sent as a whole."""
_ACTIONS: Final = {Level.STUDY: "studies.search", Level.SERIES: "series.search", Level.INSTANCE: "instances.search"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Search:
    """One search: where, for what, and in which form the answer is wanted."""

    services: Services
    address: Address
    level: Level
    asked: Asked
    offer: Offer
    service: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What a search found; `body` is the whole answer where it is short and in JSON."""

    actor: Actor
    page: Page
    results: Results
    body: bytes | None


async def search(request: Request, intake: Intake, address: Address, *, level: Level) -> None:
    """Answer which studies, series or instances match; none is an empty list (PS3.18 8.3.4.4.1 as of CP-2473)."""
    asked = parse_search(request.scope.get("query_string", b""))
    if not address.has_usable_uids:
        raise InvalidRequest("The address wants UIDs.")
    offer, _ = choose(request, OFFERS)
    service = request.base_url + address.service
    known = intake.recent.find(request)
    wanted = _Search(services=intake.services, address=address, level=level, asked=asked, offer=offer, service=service)
    found = await intake.ask(lambda: _find(known or actor_of(request), wanted))
    if known is None:
        intake.recent.remember(request, found.actor)
    _note(intake, found, wanted)
    headers = headers_of(found.page, asked, service=service)
    if found.body is not None:
        fields = {**headers, "content-type": offer.media_type}
        await send_whole(request, found.body, status=HTTPStatus.OK, headers=fields)
        return
    pieces, content_type = written(
        _documents(wanted, found.results, found.page), offer, is_alone=len(found.page.rows) == 1
    )
    fields = {**headers, "content-type": content_type}
    await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=fields)


def _find(actor: Actor, wanted: _Search) -> _Found:
    address, level, asked = wanted.address, wanted.level, wanted.asked
    require_readable(actor, address.space)
    levels = levels_of(address, level, asked)
    page = wanted.services.search.find(
        Query(
            project=wanted.services.catalogue.project(address.project),
            space=address.space,
            level=level,
            levels=levels,
            limit=asked.limit,
            offset=asked.offset,
            study=address.study,
            series=address.series,
            matches=asked.matches,
        )
    )
    results = Results(address, level, asked, service=wanted.service)
    is_short = wanted.offer.media_type != DICOM_XML and len(page.rows) <= _AT_ONCE
    body = b"".join(json_array(_documents(wanted, results, page))) if is_short else None
    return _Found(actor=actor, page=page, results=results, body=body)


def _documents(wanted: _Search, results: Results, page: Page) -> Iterator[bytes]:
    """Yield the JSON of each result."""
    for start in range(0, len(page.rows), _AT_ONCE):
        rows = page.rows[start : start + _AT_ONCE]
        headers = None
        if results.needs_documents:
            headers = wanted.services.search.documents(wanted.address.space, wanted.level, rows)
        yield from results.written(rows, headers)


def written(documents: Iterator[bytes], offer: Offer, *, is_alone: bool) -> tuple[Iterator[bytes], str]:
    """Return the pieces of an answer and its type; XML is in parts, unless one result is wanted as one document."""
    if offer.media_type != DICOM_XML:
        return json_array(documents), offer.media_type
    if is_alone and not offer.multipart:
        return alone(documents), DICOM_XML
    boundary = new_boundary()
    parts = (({"Content-Type": DICOM_XML}, native_xml_pieces(document)) for document in documents)
    return multipart(parts, boundary=boundary), related_type(DICOM_XML, boundary)


def headers_of(page: Page, asked: Asked, *, service: str) -> dict[str, str]:
    """Return what goes with the results: warnings (PS3.18 8.3.4), and how many there are where that is known."""
    warnings = list(dict.fromkeys(asked.ignored))
    if page.further:
        count = f"{page.further}" if page.is_further_exact else f"more than {page.further - 1}"
        warnings.append(f"There are {count} additional results that can be requested")
    headers = {"cache-control": "no-store", "vary": "Accept, Authorization"}
    if warnings:
        headers["warning"] = ", ".join(f"299 {service}: {text}" for text in warnings)
    if page.is_further_exact and (page.rows or page.further or not asked.offset):
        headers["x-total-count"] = str(asked.offset + len(page.rows) + page.further)
    return headers


def _note(intake: Intake, found: _Found, wanted: _Search) -> None:
    """Write into the audit trail who searched by which attributes, never for which values."""
    by = ",".join(sorted(BY_NAME[name].keyword for name in wanted.asked.matches))
    wanted.services.served.note_access(
        found.actor,
        _ACTIONS[wanted.level],
        subject="",
        space=wanted.address.space.value,
        by=by,
        results=str(len(found.page.rows)),
    )
    intake.settle_soon()
