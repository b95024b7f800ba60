"""The URI service, WADO-URI (PS3.18 section 9): one object, named and described by the query alone."""

import json
import math
from typing import Final

from cauce.api.dicomweb.access import readable
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.media_types import DICOM
from cauce.api.dicomweb.negotiation import STORED, Offer, choose_among, wanted_of
from cauce.api.dicomweb.rendering import GIF, JPEG, PNG, answer_picture
from cauce.api.dicomweb.retrieving import answer_file, syntaxes_of
from cauce.api.dicomweb.view import View, quality_of
from cauce.api.raw.intake import Intake
from cauce.api.raw.problems import NotAcceptable
from cauce.api.raw.request import Request
from cauce.core.errors import InvalidRequest, NotFound
from cauce.core.transfer_syntaxes import EXPLICIT_LITTLE
from cauce.ports.served import ServedObject
from cauce.stages.process import Viewport, parsed_window

_UIDS: Final = ("studyUID", "seriesUID", "objectUID")
_DECLINED: Final = {
    "anonymize": "De-identified objects have a service of their own: /projects/<project>/deid/dicom-web.",
    "presentationUID": "Presentation states are not applied.",
}
_SIDE_MAX_PX: Final = 8192
_DIGITS_MAX: Final = 10
_PICTURES: Final = (Offer(JPEG), Offer(PNG), Offer(GIF))


async def retrieve_by_uri(request: Request, intake: Intake, address: Address) -> None:
    """Answer one object as a file or as a picture.

    Raises:
        InvalidRequest: a parameter is missing, malformed or declined.
        NotFound: there is no such object, or no such frame.
        NotAcceptable: it cannot be had as the query or the header wants it.
    """
    query = request.query
    if query.get("requestType") != "WADO":
        raise InvalidRequest("`requestType` wants `WADO`.", field="requestType")
    for name, reason in _DECLINED.items():
        if query.get(name):
            raise InvalidRequest(reason, field=name)
    missing = next((name for name in _UIDS if not query.get(name)), None)
    if missing is not None:
        raise InvalidRequest(f"`{missing}` is missing.", field=missing)
    study, series, instance = (query[name] for name in _UIDS)
    place = Address(
        project=address.project,
        space=address.space,
        is_default=address.is_default,
        study=study,
        series=series,
        instance=instance,
    )
    (one, *_) = await readable(request, intake, address=place, action="instances.read")
    is_shown = one.number_of_frames == 1 and await intake.ask(intake.services.served.frame_index, one) is not None
    offers = (*_PICTURES, Offer(DICOM)) if is_shown or query.get("frameNumber") else (Offer(DICOM), *_PICTURES)
    wanted = wanted_of(query.get("contentType") or request.headers.get("accept", ""))
    offer, _ = choose_among(wanted, offers, lambda _offer, want: want)
    if offer.media_type == DICOM:
        await _file(request, intake, one)
        return
    view = await _view(request, intake, one)
    await answer_picture(request, intake, one, frame=_frame(request, one), view=view, media_type=offer.media_type)


async def _file(request: Request, intake: Intake, one: ServedObject) -> None:
    """Answer the file, in Explicit VR Little Endian unless the query names a transfer syntax (9.1.2.2.1)."""
    asked = request.query.get("transferSyntax", "")
    syntaxes = syntaxes_of([one], asked)
    if syntaxes is None:
        raise NotAcceptable(f"This object cannot be sent in {asked if asked != STORED else EXPLICIT_LITTLE}.")
    await answer_file(request, intake, one, syntaxes[one.pk], is_named=bool(asked))


def _frame(request: Request, one: ServedObject) -> int | None:
    text = request.query.get("frameNumber", "")
    if not text:
        return None if one.number_of_frames == 1 else 0
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS_MAX):
        raise InvalidRequest("`frameNumber` wants a number.", field="frameNumber")
    number = int(text)
    if not 1 <= number <= one.number_of_frames:
        raise NotFound("The object has no such frame.")
    return number - 1


async def _view(request: Request, intake: Intake, one: ServedObject) -> View:
    query = request.query
    window = None
    if query.get("windowCenter") or query.get("windowWidth"):
        window = parsed_window(f"{query.get('windowCenter', '')},{query.get('windowWidth', '')},linear")
    quality = quality_of(query.get("imageQuality", ""), field="imageQuality")
    return View(window=window, viewport=await _viewport(request, intake, one), quality=quality)


async def _viewport(request: Request, intake: Intake, one: ServedObject) -> Viewport | None:
    """Return the largest width and height (`columns`, `rows`) and the part of the image that `region` names.

    `region` has corners from 0 to 1 (9.1.2.2.9); a side that is left open is that of the image.
    """
    query = request.query
    if not any(query.get(name) for name in ("rows", "columns", "region")):
        return None
    documents = await intake.ask(intake.services.served.documents, [one])
    document = json.loads(documents[one.pk])
    rows, columns = (_first(document, tag) for tag in ("00280010", "00280011"))
    height, width = (_side(query.get(name, ""), name) for name in ("rows", "columns"))
    left, top, right, bottom = _region(query.get("region", ""))
    if not height and not width:
        height, width = rows, columns
    return Viewport(
        width=width or _SIDE_MAX_PX,
        height=height or _SIDE_MAX_PX,
        x=left * columns,
        y=top * rows,
        source_width=(right - left) * columns,
        source_height=(bottom - top) * rows,
    )


def _side(text: str, name: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS_MAX) or not 1 <= int(text) <= _SIDE_MAX_PX:
        raise InvalidRequest(f"`{name}` wants from 1 to {_SIDE_MAX_PX} pixels.", field=name)
    return int(text)


def _region(text: str) -> tuple[float, float, float, float]:
    if not text:
        return 0.0, 0.0, 1.0, 1.0
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError:
        left = top = right = bottom = math.nan
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InvalidRequest("`region` wants left, top, right and bottom from 0 to 1.", field="region")
    return left, top, right, bottom


def _first(document: dict[str, dict[str, list[int]]], tag: str) -> int:
    (value, *_) = document.get(tag, {}).get("Value") or [1]
    return value
