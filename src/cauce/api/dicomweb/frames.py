"""Retrieve frames (PS3.18 10.4.1.1.6): stored bytes by range where they will do, else decoded, and encoded anew."""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from cauce.api.dicomweb.access import readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.instances import stored_ranges
from cauce.api.dicomweb.negotiation import STORED, Offer, Wanted, choose_resolved
from cauce.api.dicomweb.opened import Opened
from cauce.api.dicomweb.related import multipart, new_boundary, related_type
from cauce.api.raw.intake import Intake
from cauce.api.raw.ranges import is_unchanged, wanted_span
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_empty, send_stream, send_whole
from cauce.core.errors import InvalidRequest, NotFound
from cauce.core.identifiers import TransferSyntaxUid
from cauce.core.messages import FrameIndex
from cauce.core.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    OCTET_STREAM,
    TRANSFER_SYNTAXES,
    Pixels,
    can_transcode,
    default_of,
    transfer_syntax,
)
from cauce.ports.served import ServedObject

FRAMES_AT_ONCE_MAX: Final = 10_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_MEDIA_TYPES: Final = tuple(dict.fromkeys(one.media_type for one in TRANSFER_SYNTAXES if one.media_type))


def frame_numbers(text: str, one: ServedObject) -> list[int]:
    """Return the frames, counted from 0, that a comma-separated list names, counted from 1.

    Raises:
        InvalidRequest: it is no such list.
        NotFound: the object has no such frame.
    """
    parts = text.split(",")
    if len(parts) > FRAMES_AT_ONCE_MAX or not all(_NUMBER.fullmatch(part) for part in parts):
        raise InvalidRequest("The address wants numbers of frames, from 1, with commas between them.")
    numbers = [int(part) - 1 for part in parts]
    if min(numbers) < 0 or max(numbers) >= one.number_of_frames:
        raise NotFound("The object has no such frame.")
    return numbers


async def retrieve_frames(request: Request, intake: Intake, address: Address, *, frames: str) -> None:
    """Answer one frame or a list of them, in the order of the list."""
    (one, *_) = await readable(request, intake, address=address, action="instances.read")
    numbers = frame_numbers(frames, one)

    def resolve(offer: Offer, want: Wanted) -> TransferSyntaxUid | None:
        return frame_syntax(one.transfer_syntax_uid, offer.media_type, want.syntax)

    offers = [Offer(media_type, multipart=True) for media_type in _MEDIA_TYPES]
    offers += [Offer(media_type) for media_type in _MEDIA_TYPES] if len(numbers) == 1 else []
    offer, syntax = choose_resolved(request, offers, resolve)
    etag = f'"{one.object_id}.{syntax}.{frames}.{offer.media_type}{"s" if offer.multipart else ""}"'
    headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "Accept, Authorization"}
    if is_unchanged(request, etag):
        await send_empty(request, status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return
    source = _Frames(intake, one, syntax, await intake.ask(intake.services.served.frame_index, one))
    kind = f"{offer.media_type}; transfer-syntax={syntax}"
    if offer.multipart:
        boundary = new_boundary()
        place = f"{address.service}/studies/{one.study_instance_uid}/series/{one.series_instance_uid}"
        place = f"{request.base_url}{place}/instances/{one.sop_instance_uid}/frames/"
        parts = source.parts(numbers, await source.made_first(numbers), kind=kind, place=place)
        headers["content-type"] = related_type(offer.media_type, boundary)
        pieces = multipart(parts, boundary=boundary)
        decodes = not source.are_stored(numbers)
        await send_stream(request, pieces, intake=intake, status=HTTPStatus.OK, headers=headers, decodes=decodes)
        return
    headers["content-type"] = kind
    if source.are_stored(numbers):
        await source.send_stored(request, numbers[0], etag=etag, headers=headers)
    else:
        await send_part(request, await source.made_first(numbers), etag=etag, headers=headers)


async def send_part(request: Request, body: bytes, *, etag: str, headers: dict[str, str]) -> None:
    """Send what is in memory, or the range of it that the client asks for."""
    headers = {**headers, "accept-ranges": "bytes"}
    span = wanted_span(request, size_bytes=len(body), etag=etag)
    if span is None:
        unsatisfied = {**headers, "content-range": f"bytes */{len(body)}"}
        await send_empty(request, status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=unsatisfied)
    elif span.length < len(body):
        headers["content-range"] = f"bytes {span.start}-{span.stop - 1}/{len(body)}"
        part = memoryview(body)[span.start : span.stop]
        await send_whole(request, part, status=HTTPStatus.PARTIAL_CONTENT, headers=headers)
    else:
        await send_whole(request, body, status=HTTPStatus.OK, headers=headers)


def frame_syntax(stored: TransferSyntaxUid, media_type: str, asked: str) -> TransferSyntaxUid | None:
    """Return the transfer syntax of frames that are stored in `stored`, wanted as `media_type`, in `asked`.

    Where nothing is asked, octets are native little endian, and another media type gives what is stored if that is of
    this type, else the syntax that the type stands for (PS3.18 table 8.7.3-5). `None` when there is no way.
    """
    known = transfer_syntax(stored)
    if asked == STORED:
        is_of_type = media_type == OCTET_STREAM or (known is not None and known.media_type == media_type)
        return (_native(stored) or stored) if is_of_type else None
    if asked:
        wanted = transfer_syntax(asked)
        is_of_type = wanted is not None and (
            wanted.media_type == media_type or (media_type == OCTET_STREAM and wanted.pixels is not Pixels.NATIVE)
        )
        return TransferSyntaxUid(asked) if is_of_type and can_transcode(stored, asked) else None
    if known is not None and known.media_type == media_type and media_type != OCTET_STREAM:
        return stored
    default = default_of(media_type)
    return default.uid if default is not None and can_transcode(stored, default.uid) else None


def _native(stored: TransferSyntaxUid) -> TransferSyntaxUid | None:
    """Return Explicit VR Little Endian for what is stored uncompressed: a frame has no header, whatever its VRs."""
    known = transfer_syntax(stored)
    return EXPLICIT_LITTLE if known is not None and known.pixels is Pixels.NATIVE else None


class _Frames:
    """The frames of one object in one transfer syntax."""

    def __init__(self, intake: Intake, one: ServedObject, syntax: TransferSyntaxUid, index: FrameIndex | None) -> None:
        self._intake = intake
        self._one = one
        self._syntax = syntax
        self._index = index
        if index is None:
            raise NotFound("The object has no pixels.")
        stored = one.transfer_syntax_uid
        is_native = stored in {EXPLICIT_LITTLE, IMPLICIT_LITTLE} and syntax == EXPLICIT_LITTLE
        self._ranges: Sequence[Sequence[tuple[int, int]]] = index.frames if is_native or syntax == stored else ()

    def are_stored(self, numbers: Sequence[int]) -> bool:
        """Tell whether all of these frames are handed on as they are stored."""
        return max(numbers) < len(self._ranges)

    async def made_first(self, numbers: Sequence[int]) -> bytes:
        """Return the first frame where it has to be made: whether that can be done is known before the answer begins.

        Many who ask for the same frame at once share one decoding.
        """
        number = numbers[0]
        if number < len(self._ranges):
            return b""
        key = ("frame", self._one.object_id, number, self._syntax)
        return await self._intake.made.get(key, lambda: self._intake.decode(self._make, number))

    def parts(
        self, numbers: Sequence[int], first: bytes, *, kind: str, place: str
    ) -> Iterator[tuple[dict[str, str], Iterator[bytes]]]:
        """Yield a part a frame; `first` is the first one if that is made already."""
        with Opened(self._intake, self._one, self._index) as opened:
            for number in numbers:
                if number < len(self._ranges):
                    pieces = self._stored(number)
                else:
                    pieces = iter((first or opened.frame(number, to=self._syntax),))
                first = b""
                yield {"Content-Type": kind, "Content-Location": f"{place}{number + 1}"}, pieces

    async def send_stored(self, request: Request, number: int, *, etag: str, headers: dict[str, str]) -> None:
        """Send a frame as it is stored, or the range of it that the client asks for."""
        size_bytes = sum(length for _, length in self._ranges[number])
        span = wanted_span(request, size_bytes=size_bytes, etag=etag)
        headers = {**headers, "accept-ranges": "bytes"}
        if span is None:
            unsatisfied = {**headers, "content-range": f"bytes */{size_bytes}"}
            await send_empty(request, status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=unsatisfied)
            return
        is_part = span.length < size_bytes
        headers |= {"content-range": f"bytes {span.start}-{span.stop - 1}/{size_bytes}"} if is_part else {}
        headers["content-length"] = str(span.length)
        status = HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK
        pieces = self._stored(number, start=span.start, stop=span.stop)
        await send_stream(request, pieces, intake=self._intake, status=status, headers=headers)

    def _stored(self, number: int, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        ranges = self._ranges[number]
        end = sum(length for _, length in ranges) if stop is None else stop
        return stored_ranges(self._intake.services.objects, self._one, ranges, start=start, stop=end)

    def _make(self, number: int) -> bytes:
        with Opened(self._intake, self._one, self._index) as opened:
            return opened.frame(number, to=self._syntax)
