"""Retrieve studies, series and instances (PS3.18 10.4.1.1.1): as parts, as one file, or as a zip."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from cauce import flow
from cauce.api.dicomweb.access import readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.instances import part10
from cauce.api.dicomweb.media_types import DICOM
from cauce.api.dicomweb.negotiation import STORED, Offer, Wanted, choose_resolved
from cauce.api.dicomweb.related import multipart, new_boundary, related_type, zipped
from cauce.api.raw.intake import Intake
from cauce.api.raw.ranges import is_unchanged
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_empty, send_stream
from cauce.core.identifiers import TransferSyntaxUid
from cauce.core.transfer_syntaxes import EXPLICIT_LITTLE, can_transcode
from cauce.ports.served import ServedObject
from cauce.ports.services import Services

ZIP: Final = "application/zip"

_MANY: Final = (Offer(DICOM, multipart=True), Offer(ZIP))
_ONE: Final = (Offer(DICOM, multipart=True), Offer(DICOM), Offer(ZIP))


async def retrieve_instances(request: Request, intake: Intake, address: Address) -> None:
    """Answer the instances of a study or series, or one instance."""
    found = await readable(request, intake, address=address, action="instances.read")

    def resolve(offer: Offer, want: Wanted) -> dict[int, TransferSyntaxUid] | None:
        return syntaxes_of(found, STORED if offer.media_type == ZIP else want.syntax)

    offer, syntaxes = choose_resolved(request, _ONE if len(found) == 1 else _MANY, resolve)
    headers = {"cache-control": "private, no-cache", "vary": "Accept, Authorization"}
    files = _Files(intake.services, syntaxes, service=request.base_url + address.service)
    if offer.media_type == ZIP:
        pieces = zipped((_name(one), files.content(one)) for one in found)
        headers |= {"content-type": ZIP, "content-disposition": 'attachment; filename="dicom.zip"'}
    elif offer.multipart:
        boundary = new_boundary()
        pieces = multipart(((files.headers(one), files.content(one)) for one in found), boundary=boundary)
        headers["content-type"] = related_type(DICOM, boundary)
    else:
        await answer_file(request, intake, found[0], syntaxes[found[0].pk])
        return
    await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=headers)


async def answer_file(request: Request, intake: Intake, one: ServedObject, syntax: TransferSyntaxUid) -> None:
    """Answer one instance as a Part 10 file in a transfer syntax that it can be had in."""
    etag = f'"{one.object_id}.{syntax}"'
    headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "Accept, Authorization"}
    if is_unchanged(request, etag):
        await send_empty(request, status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return
    headers["content-type"] = f"{DICOM}; transfer-syntax={syntax}"
    pieces = _Files(intake.services, {one.pk: syntax}, service="").content(one)
    await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=headers)


class _Files:
    """The Part 10 files of one answer, each in the transfer syntax that was chosen for it."""

    def __init__(self, services: Services, syntaxes: dict[int, TransferSyntaxUid], *, service: str) -> None:
        self._services = services
        self._syntaxes = syntaxes
        self._service = service

    def headers(self, one: ServedObject) -> dict[str, str]:
        """Return the header fields of a part."""
        place = f"/studies/{one.study_instance_uid}/series/{one.series_instance_uid}/instances/{one.sop_instance_uid}"
        return {
            "Content-Type": f"{DICOM}; transfer-syntax={self._syntaxes[one.pk]}",
            "Content-Location": self._service + place,
        }

    def content(self, one: ServedObject) -> Iterator[bytes]:
        """Yield the file."""
        syntax = self._syntaxes[one.pk]
        if syntax == one.transfer_syntax_uid:
            yield from part10(self._services.objects, one)
            return
        with self._services.objects.open(one.space, one.object_id) as source:
            yield from flow.transcoded(source, to=syntax, limits=self._services.limits, spool=self._services.spool)


def syntaxes_of(found: Sequence[ServedObject], wanted: str) -> dict[int, TransferSyntaxUid] | None:
    """Return the transfer syntax in which each object is sent; `None` when one cannot be brought into what is wanted.

    Where the client names none it is Explicit VR Little Endian (PS3.18 8.7.3.5.2), but of what has no codec here the
    stored one.
    """
    chosen: dict[int, TransferSyntaxUid] = {}
    asked = TransferSyntaxUid(wanted or EXPLICIT_LITTLE)
    for one in found:
        stored = one.transfer_syntax_uid
        if wanted == STORED or not (wanted or can_transcode(stored, asked)):
            chosen[one.pk] = stored
        elif can_transcode(stored, asked):
            chosen[one.pk] = asked
        else:
            return None
    return chosen


def _name(one: ServedObject) -> str:
    return f"{one.study_instance_uid}/{one.series_instance_uid}/{one.sop_instance_uid}.dcm"
