"""Retrieve studies, series and instances (PS3.18 10.4.1.1.1): as parts, as one file, or as a zip."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import BinaryIO, Final

from cauce import flow
from cauce.api.dicomweb.access import readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.instances import part10
from cauce.api.dicomweb.media_types import DICOM
from cauce.api.dicomweb.negotiation import STORED, Offer, Wanted, choose_resolved
from cauce.api.dicomweb.opened import needed_bytes
from cauce.api.dicomweb.related import multipart, new_boundary, related_type, zipped
from cauce.api.raw.intake import Intake
from cauce.api.raw.ranges import is_unchanged
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_empty, send_stream
from cauce.core.errors import Refused, Undecodable
from cauce.core.identifiers import TransferSyntaxUid
from cauce.core.transfer_syntaxes import EXPLICIT_LITTLE, can_transcode
from cauce.ports.served import ServedObject

ZIP: Final = "application/zip"

_MANY: Final = (Offer(DICOM, multipart=True), Offer(ZIP))
_ONE: Final = (Offer(DICOM, multipart=True), Offer(DICOM), Offer(ZIP))


async def retrieve_instances(request: Request, intake: Intake, address: Address) -> None:
    """Answer the instances of a study or series, or one instance."""
    found = await readable(request, intake, address=address, action="instances.read")

    def resolve(offer: Offer, want: Wanted) -> tuple[dict[int, TransferSyntaxUid], bool] | None:
        syntaxes = syntaxes_of(found, STORED if offer.media_type == ZIP else want.syntax)
        return None if syntaxes is None else (syntaxes, bool(want.syntax))

    offer, (syntaxes, is_named) = choose_resolved(request, _ONE if len(found) == 1 else _MANY, resolve)
    if offer.media_type == DICOM and not offer.multipart:
        await answer_file(request, intake, found[0], syntaxes[found[0].pk], is_named=is_named)
        return
    headers = {"cache-control": "private, no-cache", "vary": "Accept, Authorization"}
    files = _Files(intake, syntaxes, is_named=is_named)
    if offer.media_type == ZIP:
        pieces = zipped((_name(one), files.made(one)[1]) for one in found)
        headers |= {"content-type": ZIP, "content-disposition": 'attachment; filename="dicom.zip"'}
    else:
        boundary = new_boundary()
        parts = files.parts(found, service=request.base_url + address.service)
        pieces = multipart(parts, boundary=boundary)
        headers["content-type"] = related_type(DICOM, boundary)
    decodes = any(syntaxes[one.pk] != one.transfer_syntax_uid for one in found)
    await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=headers, decodes=decodes)


async def answer_file(
    request: Request, intake: Intake, one: ServedObject, syntax: TransferSyntaxUid, *, is_named: bool
) -> None:
    """Answer one instance as a Part 10 file in a transfer syntax that it can be had in.

    Raises:
        NoCodec, Undecodable, Refused: the client has named the syntax, and these very pixels cannot be had in it.
    """
    run = intake.ask if syntax == one.transfer_syntax_uid else intake.decode
    syntax, pieces = await run(_Files(intake, {one.pk: syntax}, is_named=is_named).made, one)
    etag = f'"{one.object_id}.{syntax}"'
    headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "Accept, Authorization"}
    if is_unchanged(request, etag):
        await intake.ask(pieces.close)
        await send_empty(request, status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return
    headers["content-type"] = f"{DICOM}; transfer-syntax={syntax}"
    decodes = syntax != one.transfer_syntax_uid
    await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=headers, decodes=decodes)


class _Files:
    """The Part 10 files of one answer, each in the transfer syntax that was chosen for it."""

    def __init__(self, intake: Intake, syntaxes: dict[int, TransferSyntaxUid], *, is_named: bool) -> None:
        self._intake = intake
        self._services = intake.services
        self._syntaxes = syntaxes
        self._is_named = is_named

    def parts(self, found: Sequence[ServedObject], *, service: str) -> Iterator[tuple[dict[str, str], Iterator[bytes]]]:
        """Yield the header fields and the content of a part each."""
        for one in found:
            syntax, pieces = self.made(one)
            place = f"{service}/studies/{one.study_instance_uid}/series/{one.series_instance_uid}/instances/"
            yield (
                {
                    "Content-Type": f"{DICOM}; transfer-syntax={syntax}",
                    "Content-Location": place + one.sop_instance_uid,
                },
                pieces,
            )

    def made(self, one: ServedObject) -> tuple[TransferSyntaxUid, Generator[bytes, None, None]]:
        """Return the file and the transfer syntax that it is in.

        Only the pixels tell whether they have room in a transfer syntax (floating point values, single bits have not).
        Where they have none, what the client left open is sent as it is stored.

        Raises:
            NoCodec, Undecodable, Refused: the client has named the syntax.
        """
        syntax = self._syntaxes[one.pk]
        if syntax != one.transfer_syntax_uid:
            source = self._services.objects.open(one.space, one.object_id)
            try:
                with self._room(one):
                    pieces = flow.transcoded(
                        source, to=syntax, limits=self._services.limits, spool=self._services.spool
                    )
            except (Undecodable, Refused):
                source.close()
                if self._is_named:
                    raise
            except BaseException:
                source.close()
                raise
            else:
                return syntax, self._closing(one, source, pieces)
        return one.transfer_syntax_uid, part10(self._services.objects, one)

    def _closing(self, one: ServedObject, source: BinaryIO, pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
        with source:
            while True:
                with self._room(one):
                    piece = next(pieces, None)
                if piece is None:
                    return
                yield piece

    def _room(self, one: ServedObject) -> AbstractContextManager[None]:
        return self._intake.pixels.taken(needed_bytes(one))


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
