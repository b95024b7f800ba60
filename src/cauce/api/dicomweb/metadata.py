"""Metadata (PS3.18 10.4.1.1.2): the headers as they were parsed on the way in; no object is opened for them."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from cauce.api.dicomweb.access import readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.media_types import DICOM_JSON
from cauce.api.dicomweb.native_xml import native_xml_pieces
from cauce.api.dicomweb.negotiation import Offer, choose
from cauce.api.dicomweb.related import multipart, new_boundary, related_type
from cauce.api.raw.intake import Intake
from cauce.api.raw.ranges import is_unchanged
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_empty, send_stream
from cauce.core.errors import NotFound
from cauce.ports.served import Served, ServedObject

DICOM_XML: Final = "application/dicom+xml"
_JSON: Final = (Offer(DICOM_JSON), Offer("application/json"))
_XML: Final = Offer(DICOM_XML, multipart=True)
_XML_ALONE: Final = Offer(DICOM_XML)

_AT_ONCE: Final = 64
_LEFT_OUT: Final = b'"BulkDataURI":"bulk:'
"""Where a header leaves a value out. Inside of a JSON string these very bytes cannot stand: its quotes are escaped."""


async def retrieve_metadata(request: Request, intake: Intake, address: Address) -> None:
    """Answer the metadata of a study, series or instance."""
    found = await readable(request, intake, address=address, action="metadata.read")
    offer, _ = choose(request, (*_JSON, _XML, _XML_ALONE) if len(found) == 1 else (*_JSON, _XML))
    service = request.base_url + address.service
    etag = _etag(found, service, offer)
    headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "Accept, Authorization"}
    if is_unchanged(request, etag):
        await send_empty(request, status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return
    documents = documents_of(intake.services.served, found, service=service)
    if offer.media_type != DICOM_XML:
        pieces, content_type = json_array(documents), offer.media_type
    elif offer.multipart:
        boundary = new_boundary()
        pieces, content_type = multipart(_xml_parts(documents), boundary=boundary), related_type(DICOM_XML, boundary)
    else:
        pieces, content_type = alone(documents), DICOM_XML
    await send_stream(
        request, pieces, intake=intake, status=HTTPStatus.OK, headers={**headers, "content-type": content_type}
    )


def documents_of(served: Served, found: Sequence[ServedObject], *, service: str) -> Iterator[bytes]:
    """Yield the DICOM JSON of each object; values that are left out are named by an address of theirs."""
    for start in range(0, len(found), _AT_ONCE):
        group = found[start : start + _AT_ONCE]
        documents = served.documents(group)
        for one in group:
            if one.pk in documents:
                place = f'"BulkDataURI":"{bulk_data_address(service, one)}'.encode()
                yield documents[one.pk].replace(_LEFT_OUT, place)


def bulk_data_address(service: str, one: ServedObject) -> str:
    """Return the address of the bulk data of an object, up to what says where in it a value lies."""
    return (
        f"{service}/studies/{one.study_instance_uid}/series/{one.series_instance_uid}"
        f"/instances/{one.sop_instance_uid}/bulkdata/"
    )


def json_array(documents: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a JSON array of JSON documents."""
    start = b"["
    for document in documents:
        yield start + document
        start = b","
    yield b"[]" if start == b"[" else b"]"


def _xml_parts(documents: Iterator[bytes]) -> Iterator[tuple[dict[str, str], Iterator[bytes]]]:
    for document in documents:
        yield {"Content-Type": DICOM_XML}, native_xml_pieces(document)


def alone(documents: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the one document of an answer as XML; it is looked up when the first piece is asked for, off the loop.

    Raises:
        NotFound: there is none.
    """
    document = next(documents, None)
    if document is None:
        raise NotFound("There are no metadata at this address.")
    yield from native_xml_pieces(document)


def _etag(found: Sequence[ServedObject], service: str, offer: Offer) -> str:
    digest = sha256(f"{service}\n{offer.media_type}{offer.multipart}\n".encode())
    for one in found:
        digest.update(f"{one.object_id}\n".encode())
    return f'"{digest.hexdigest()[:32]}"'
