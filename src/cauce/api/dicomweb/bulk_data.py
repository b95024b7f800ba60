"""Bulk data (PS3.18 10.4.1.1.5): the values that metadata leave out, read by range from the stored object."""

from http import HTTPStatus
from typing import Final

from cauce.api.dicomweb.access import readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.instances import stored_range
from cauce.api.dicomweb.negotiation import Offer, choose
from cauce.api.dicomweb.related import multipart, new_boundary, related_type
from cauce.api.raw.intake import Intake
from cauce.api.raw.ranges import is_unchanged, wanted_span
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_empty, send_stream
from cauce.core.errors import NotFound

OCTETS: Final = "application/octet-stream"


async def retrieve_bulk_data(request: Request, intake: Intake, address: Address, *, offset: int, length: int) -> None:
    """Answer `length` stored bytes from `offset`: what the metadata of this instance name.

    Values stand as they are stored: of an object in a big endian transfer syntax, words are big endian, and compressed
    pixels are items. The media type names the transfer syntax.
    """
    (one, *_) = await readable(request, intake, address=address, action="instances.read")
    if length <= 0 or offset + length > one.size_bytes:
        raise NotFound("There is no such value.")
    offer, _ = choose(request, (Offer(OCTETS), Offer(OCTETS, multipart=True)))
    etag = f'"{one.object_id}.{offset}.{length}"'
    headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "Accept, Authorization"}
    if is_unchanged(request, etag):
        await send_empty(request, status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return
    objects = intake.services.objects
    kind = f"{OCTETS}; transfer-syntax={one.transfer_syntax_uid}"
    if offer.multipart:
        boundary = new_boundary()
        part = ({"Content-Type": kind}, stored_range(objects, one, offset=offset, length=length))
        headers["content-type"] = related_type(OCTETS, boundary)
        pieces = multipart((part,), boundary=boundary)
        await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=headers)
        return
    span = wanted_span(request, size_bytes=length, etag=etag)
    headers |= {"accept-ranges": "bytes", "content-type": kind}
    if span is None:
        unsatisfied = {**headers, "content-range": f"bytes */{length}"}
        await send_empty(request, status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=unsatisfied)
        return
    is_part = span.length < length
    headers["content-length"] = str(span.length)
    if is_part:
        headers["content-range"] = f"bytes {span.start}-{span.stop - 1}/{length}"
    await send_stream(
        request,
        stored_range(objects, one, offset=offset + span.start, length=span.length),
        intake=intake,
        status=HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK,
        headers=headers,
    )
