"""STOW-RS: `POST …/studies` and `POST …/studies/<uid>` (PS3.18 10.5)."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Final

from cauce.api.dicomweb.media_types import (
    DICOM,
    DICOM_JSON,
    is_instance,
    is_json_stored,
    require_json_accepted,
    stored_boundary,
)
from cauce.api.dicomweb.store_response import store_response
from cauce.api.dicomweb.storing_json import receive_json
from cauce.api.raw.admission import admit
from cauce.api.raw.answers import answer, answer_problem
from cauce.api.raw.body import Body
from cauce.api.raw.delivery import Delivery
from cauce.api.raw.intake import Intake
from cauce.api.raw.multipart import MultipartReader
from cauce.api.raw.parts import Part, parts, whole
from cauce.api.raw.problems import RETRY_AFTER_S, ClientGone, Malformed
from cauce.api.raw.request import Request
from cauce.api.uploads.receipts import UPLOADS_PATH
from cauce.core.actors import Actor
from cauce.core.errors import CauceError, InvalidRequest
from cauce.core.identifiers import is_usable_uid
from cauce.core.messages import UploadRef
from cauce.core.statuses import RefusalCode
from cauce.ports.catalogue import Catalogue
from cauce.records.models.projects import DEFAULT_PROJECT
from cauce.stages import ingest

SOURCE: Final = "stow"


async def store_instances(
    request: Request, intake: Intake, *, project: str | None = None, study_instance_uid: str | None = None
) -> None:
    """Store the instances of the body in `project`; with `study_instance_uid` those of other studies fail.

    The body is multipart/related of application/dicom, one bare application/dicom, or multipart/related of metadata as
    DICOM JSON with their bulk data.
    """

    def begin(actor: Actor) -> tuple[MultipartReader | None, UploadRef]:
        reader = _reader_of(request, intake, study_instance_uid)
        return reader, _open(intake.services.catalogue, project or DEFAULT_PROJECT, actor)

    is_known = intake.services.catalogue.knows(project or DEFAULT_PROJECT)
    reader, upload = await admit(intake, request, begin, needs_database=not is_known)
    body = Body(request, limits=intake.limits)
    delivery = Delivery(intake, upload, source=SOURCE, study_instance_uid=study_instance_uid)
    if reader is None:
        error = await _receive(delivery, whole(body, intake=intake, content_type=DICOM))
    elif is_json_stored(request):
        error = await receive_json(delivery, body, reader, intake=intake)
    else:
        received = parts(body, reader, intake=intake, keep=_is_instance, takes_archives=False)
        error = await _receive(delivery, received)
    lines = await delivery.lines()
    intake.services.catalogue.close_upload(upload, final=False, put_off=True)
    intake.settle_soon()
    if isinstance(error, ClientGone):
        raise error
    if error is None and not lines:
        error = Malformed("The body holds no instance.")
    if error is not None:
        await answer_problem(request, error, body_unread=not body.ended)
        return
    service_url = request.base_url + (f"/projects/{project}" if project else "") + "/dicom-web"
    status, document = store_response(lines, service_url=service_url, study_instance_uid=study_instance_uid)
    is_full = status is HTTPStatus.INSUFFICIENT_STORAGE
    headers = {"link": f'<{request.base_url}{UPLOADS_PATH}{upload.public_id}/>; rel="describedby"'}
    headers |= {"retry-after": str(RETRY_AFTER_S)} if is_full else {}
    await answer(request, status=status, document=document, content_type=DICOM_JSON, headers=headers)


def _reader_of(request: Request, intake: Intake, study_instance_uid: str | None) -> MultipartReader | None:
    """Return the reader of a multipart body, `None` where the body is one bare instance.

    Raises:
        NotAcceptable, UnsupportedMediaType, Malformed, InvalidRequest: the request cannot be served.
    """
    require_json_accepted(request)
    boundary = stored_boundary(request)
    if study_instance_uid is not None and not is_usable_uid(study_instance_uid):
        raise InvalidRequest("The address wants a Study Instance UID.")
    return None if boundary is None else MultipartReader(boundary, limits=intake.limits)


async def _receive(delivery: Delivery, received: AsyncGenerator[Part, None]) -> CauceError | None:
    """Hand over the instances as they come; return what ended that early, or kept one out at its end."""
    count = 0
    try:
        async with aclosing(received):
            async for part in received:
                count += 1
                await _take(delivery, part, name=f"instance {count}")
    except CauceError as error:
        return error
    await delivery.lines()
    return delivery.trouble


async def _take(delivery: Delivery, part: Part, *, name: str) -> None:
    if part.file is not None:
        await delivery.add(part.file, name=name)
    elif part.refusal is not None:
        await delivery.settle(ingest.refused(name, part.refusal.refusal, part.refusal.detail))
    else:
        await delivery.settle(ingest.refused(name, RefusalCode.NOT_DICOM, f"The part is not {DICOM}."))


def _open(catalogue: Catalogue, project: str, actor: Actor) -> UploadRef:
    return catalogue.open_upload(catalogue.project(project), actor=actor, source=SOURCE)


def _is_instance(headers: Mapping[str, str]) -> bool:
    return is_instance(headers.get("content-type", ""))
