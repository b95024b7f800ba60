"""Rendered resources (PS3.18 10.4.1.1.3 and 10.4.1.1.4): pictures that any browser shows, and thumbnails."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from http import HTTPStatus
from itertools import groupby
from typing import Final

from cauce.api.dicomweb.access import readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.frames import frame_numbers, send_part
from cauce.api.dicomweb.negotiation import Offer, choose
from cauce.api.dicomweb.opened import Opened
from cauce.api.dicomweb.related import multipart, new_boundary, related_type
from cauce.api.dicomweb.view import View, view_of
from cauce.api.raw.intake import Intake
from cauce.api.raw.ranges import is_unchanged
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_empty, send_stream
from cauce.core.errors import NotFound, Undecodable
from cauce.core.messages import FrameIndex
from cauce.ports.served import ServedObject
from cauce.stages.process import Viewport

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
GIF: Final = "image/gif"
JP2: Final = "image/jp2"
THUMBNAIL_PX: Final = 128
_MEDIA_TYPES: Final = (JPEG, PNG, GIF, JP2)
_PICTURES: Final = tuple(map(Offer, _MEDIA_TYPES))
_TRIED_MAX: Final = 8
_FIRST_TRIED_MAX: Final = 64
_Target = tuple[ServedObject, int | None]
"""An object, and one of its frames or `None` for the one that stands for it."""

_MANY: Final = tuple(Offer(media_type, multipart=True) for media_type in _MEDIA_TYPES)


async def retrieve_rendered(request: Request, intake: Intake, address: Address, *, frames: str | None = None) -> None:
    """Answer pictures: of a frame or several, of an instance, or of each instance of a study or series."""
    view = view_of(request)
    found = await readable(request, intake, address=address, action="instances.read")
    if frames is not None:
        targets: list[_Target] = [(found[0], number) for number in frame_numbers(frames, found[0])]
    else:
        targets = [(one, None) for one in found]
    offer, _ = choose(request, (*_PICTURES, *_MANY) if len(targets) == 1 else _MANY)
    if offer.multipart and frames is None and len(found) == 1:
        targets = [(found[0], number) for number in range(found[0].number_of_frames)]
    await _answer(request, intake, _Pictures(intake, view, offer), targets)


async def answer_picture(
    request: Request, intake: Intake, one: ServedObject, *, frame: int | None, view: View, media_type: str
) -> None:
    """Answer one picture of an object; `frame` counts from 0, `None` is the one that stands for it."""
    await _answer(request, intake, _Pictures(intake, view, Offer(media_type)), [(one, frame)])


async def retrieve_thumbnail(request: Request, intake: Intake, address: Address, *, frames: str | None = None) -> None:
    """Answer one small picture that stands for what is at the address."""
    view = view_of(request)
    if view.viewport is None:
        view = replace(view, viewport=Viewport(width=THUMBNAIL_PX, height=THUMBNAIL_PX))
    found = await readable(request, intake, address=address, action="instances.read")
    offer, _ = choose(request, _PICTURES)
    number = None if frames is None else frame_numbers(frames, found[0])[0]
    pictures = _Pictures(intake, view, offer)
    for one in _from_the_middle(found):
        try:
            await pictures.first((one, number))
        except (NotFound, Undecodable):
            continue
        await _answer(request, intake, pictures, [(one, number)])
        return
    raise NotFound("Nothing at this address can be shown.")


def _from_the_middle(found: Sequence[ServedObject]) -> Iterator[ServedObject]:
    """Yield a few objects, those in the middle first."""
    middle = len(found) // 2
    order = sorted(range(len(found)), key=lambda place: abs(place - middle))
    yield from (found[place] for place in order[:_TRIED_MAX])


class _Pictures:
    """Draws the pictures of one answer."""

    def __init__(self, intake: Intake, view: View, offer: Offer) -> None:
        self._intake = intake
        self._view = view
        self.offer = offer

    def etag(self, targets: Sequence[_Target]) -> str:
        digest = sha256(repr((self._view, self.offer)).encode())
        for one, number in targets:
            digest.update(f"{one.object_id}.{number}\n".encode())
        return f'"{digest.hexdigest()[:32]}"'

    async def first(self, target: _Target) -> bytes:
        """Draw one picture; many who ask for the same at once share the work."""
        one, number = target
        key = ("picture", one.object_id, number, self._view, self.offer.media_type)
        intake = self._intake

        async def drawn() -> bytes:
            is_long = one.number_of_frames > 1
            index = await intake.ask(intake.services.served.frame_index, one) if is_long else None
            return await intake.decode(self.draw, target, index)

        return await intake.made.get(key, drawn)

    def draw(self, target: _Target, index: FrameIndex | None) -> bytes:
        one, number = target
        with Opened(self._intake, one, index) as opened:
            return opened.picture(number, media_type=self.offer.media_type, view=self._view)

    def parts(self, targets: Sequence[_Target], first: bytes) -> Iterator[tuple[dict[str, str], Iterator[bytes]]]:
        """Yield a part a picture; what cannot be shown is left out. Objects of many frames are opened once."""
        media_type = self.offer.media_type
        for one, wanted in groupby(targets, key=lambda target: target[0]):
            with Opened(self._intake, one) as opened:
                for _, number in wanted:
                    try:
                        picture = first or opened.picture(number, media_type=media_type, view=self._view)
                    except (NotFound, Undecodable):
                        continue
                    first = b""
                    yield {"Content-Type": media_type}, iter((picture,))


async def _answer(request: Request, intake: Intake, pictures: _Pictures, targets: Sequence[_Target]) -> None:
    etag = pictures.etag(targets)
    headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "Accept, Authorization"}
    if is_unchanged(request, etag):
        await send_empty(request, status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return
    media_type = pictures.offer.media_type
    if not pictures.offer.multipart:
        picture = await pictures.first(targets[0])
        await send_part(request, picture, etag=etag, headers={**headers, "content-type": media_type})
        return
    first, targets = await _first_shown(pictures, targets)
    boundary = new_boundary()
    await send_stream(
        request,
        multipart(pictures.parts(targets, first), boundary=boundary),
        intake=intake,
        status=HTTPStatus.OK,
        headers={**headers, "content-type": related_type(media_type, boundary)},
        decodes=True,
    )


async def _first_shown(pictures: _Pictures, targets: Sequence[_Target]) -> tuple[bytes, Sequence[_Target]]:
    """Draw the first picture that can be drawn; return it, and what is left from there on.

    Raises:
        NotFound, Undecodable: there is none. Only so many are tried before the answer begins.
    """
    for number, target in enumerate(targets):
        try:
            return await pictures.first(target), targets[number:]
        except (NotFound, Undecodable):
            if number + 1 == len(targets):
                raise
            if number + 1 == _FIRST_TRIED_MAX:
                return b"", targets[number + 1 :]
    raise NotFound("Nothing at this address can be shown.")
