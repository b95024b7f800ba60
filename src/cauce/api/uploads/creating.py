"""`POST /api/uploads/`: a multipart form of files and archives, answered by a receipt with a verdict on each."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from cauce.api.raw.admission import admit
from cauce.api.raw.answers import answer, answer_problem
from cauce.api.raw.body import Body
from cauce.api.raw.delivery import Delivery, Line
from cauce.api.raw.intake import Intake
from cauce.api.raw.multipart import MultipartReader, file_name_of, parse_options
from cauce.api.raw.parts import Part, parts
from cauce.api.raw.problems import ClientGone, UnsupportedMediaType
from cauce.api.raw.request import Request
from cauce.api.raw.spool import SpooledFile
from cauce.api.uploads.receipts import receipt_of
from cauce.api.uploads.unpacking import Unpacking, verdict_without_intake
from cauce.core.actors import Actor
from cauce.core.errors import CauceError, InvalidRequest
from cauce.core.identifiers import is_public_id
from cauce.core.messages import UploadRef, Verdict
from cauce.core.statuses import ItemStatus
from cauce.ports.catalogue import Catalogue
from cauce.records.models.projects import DEFAULT_PROJECT
from cauce.stages import ingest

_FILES: Final = "files"
_QUERY_ONLY: Final = frozenset({"project", "final", "upload"})


async def create_upload(request: Request, intake: Intake) -> None:
    """Take in a form's files. Query: `project`, `final` (its studies are complete), `upload` (continue one's own).

    Answers 201 with the receipt. An error in the middle of the body is answered by a problem document that carries the
    receipt as well: files that were complete before it are kept.
    """

    def begin(actor: Actor) -> tuple[Actor, MultipartReader, bool, UploadRef]:
        reader = MultipartReader(_boundary_of(request), limits=intake.limits)
        return actor, reader, request.flag("final"), _upload_of(intake.services.catalogue, request, actor)

    is_known = intake.services.catalogue.knows(request.query.get("project") or DEFAULT_PROJECT)
    needs_database = "upload" in request.query or not is_known
    actor, reader, is_final, upload = await admit(intake, request, begin, needs_database=needs_database)
    form = Form(intake, upload)
    body = Body(request, limits=intake.limits)
    error = await _receive(form, parts(body, reader, intake=intake, keep=_is_file, takes_archives=True))
    verdicts = await form.verdicts()
    await intake.ask(intake.services.catalogue.close_upload, upload, final=is_final and error is None)
    finished = all(verdict.status is not ItemStatus.PENDING for verdict in verdicts)
    if not finished:
        intake.later(form.close_when_unpacked())
    if isinstance(error, ClientGone):
        raise error
    receipt = receipt_of(upload, verdicts, actor=actor, base_url=request.base_url, finished=finished)
    if error is not None:
        await answer_problem(request, error, body_unread=not body.ended, more=receipt)
    else:
        await answer(request, status=201, document=receipt, headers={"location": receipt["url"]})


async def _receive(form: "Form", received: AsyncGenerator[Part, None]) -> CauceError | None:
    """Hand over the files of the form as they come; return what ended that early, or kept a file out at its end."""
    try:
        async with aclosing(received):
            async for part in received:
                await form.take(part)
    except CauceError as error:
        return error
    await form.delivery.lines()
    return form.delivery.trouble


def _boundary_of(request: Request) -> str:
    kind, parameters = parse_options(request.headers.get("content-type", ""))
    if kind != "multipart/form-data":
        raise UnsupportedMediaType("An upload is a form: Content-Type multipart/form-data, with the files in `files`.")
    return parameters.get("boundary", "")


def _upload_of(catalogue: Catalogue, request: Request, actor: Actor) -> UploadRef:
    """Begin an upload, or find the one that is to be continued."""
    slug = request.query.get("project") or DEFAULT_PROJECT
    public_id = request.query.get("upload")
    if not public_id:
        return catalogue.open_upload(catalogue.project(slug), actor=actor, source="upload")
    if not is_public_id(public_id):
        raise InvalidRequest("`upload` wants the id of an upload.", field="upload")
    upload = catalogue.find_upload(public_id, actor=actor)
    if request.query.get("project") and upload.project.slug != slug:
        raise InvalidRequest("That upload goes to another project.", field="project")
    return upload


def _field_of(headers: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the name of a part's field and of its file; the second is `None` where it is no file."""
    _, parameters = parse_options(headers.get("content-disposition", ""))
    return parameters.get("name", ""), file_name_of(parameters)


def _is_file(headers: Mapping[str, str]) -> bool:
    field, file_name = _field_of(headers)
    return file_name is not None or field == _FILES


@dataclass(frozen=True, slots=True)
class _Archive:
    name: str
    verdicts: asyncio.Task[list[Verdict]]


class Form:
    """The files of one form and what becomes of them, in their order."""

    def __init__(self, intake: Intake, upload: UploadRef) -> None:
        """Nothing has come yet."""
        self._intake = intake
        self._archive_room = asyncio.Semaphore(intake.limits.archives_in_flight_max)
        self._lines: list[asyncio.Task[Line | None] | _Archive] = []
        self.delivery = Delivery(intake, upload, source="upload")

    async def take(self, part: Part) -> None:
        """Take one complete part.

        Raises:
            InvalidRequest: a field that belongs in the query.
            Unavailable: a store does not answer.
        """
        field, file_name = _field_of(part.headers)
        name = file_name or ""
        if part.refusal is not None:
            refused = ingest.refused(name, part.refusal.refusal, part.refusal.detail)
            self._lines.append(await self.delivery.settle(refused))
        elif part.file is None:
            if field in _QUERY_ONLY:
                raise InvalidRequest(f"`{field}` goes in the query of the address, not in the form.", field=field)
        elif not part.size_bytes and not name:
            part.close()  # what a browser sends for a file field in which nothing was chosen
        else:
            await self._take_file(part.file, name)

    async def _take_file(self, file: SpooledFile, name: str) -> None:
        passed_over = verdict_without_intake(name, file.head)
        if passed_over is not None:
            file.close()
            self._lines.append(await self.delivery.settle(passed_over))
        elif ingest.is_archive(file.head):
            await self._take_archive(file, name)
        else:
            self._lines.append(await self.delivery.add(file, name=name))

    async def _take_archive(self, file: SpooledFile, name: str) -> None:
        """Begin to unpack; the receipt says `pending` until that has ended, however this process ends."""
        await self._archive_room.acquire()
        upload = self.delivery.upload
        try:
            archive_pk = await self._intake.ask(self._intake.services.catalogue.begin_archive, upload, name)
        except BaseException:
            file.close()
            raise
        unpacking = Unpacking(self._intake, upload, name=name, archive_pk=archive_pk)
        verdicts = asyncio.create_task(self._intake.unpack(unpacking.run, file))
        verdicts.add_done_callback(lambda _: self._archive_room.release())
        self._lines.append(_Archive(name, verdicts))

    async def verdicts(self) -> list[Verdict]:
        """Return a verdict a file in their order, once there is one on each, or `pending` for archives that take long.

        A file that met a store that does not answer has none.
        """
        await self.delivery.lines()
        if archives := [line.verdicts for line in self._lines if isinstance(line, _Archive)]:
            await asyncio.wait(archives, timeout=self._intake.limits.unpack_wait_s)
        verdicts: list[Verdict] = []
        for slot in self._lines:
            if not isinstance(slot, _Archive):
                line = slot.result()
                verdicts += [line.verdict] if line else []
            elif slot.verdicts.done():
                verdicts += slot.verdicts.result()
            else:
                verdicts.append(Verdict(status=ItemStatus.PENDING, name=slot.name, detail="It is being unpacked."))
        return verdicts

    async def close_when_unpacked(self) -> None:
        """End the upload once its archives have been unpacked."""
        await asyncio.wait([line.verdicts for line in self._lines if isinstance(line, _Archive)])
        await self._intake.ask(self._intake.services.catalogue.close_upload, self.delivery.upload, final=False)
