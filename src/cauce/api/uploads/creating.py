"""`POST /api/uploads/`: a multipart form of files and archives, answered by a receipt with a verdict on each."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, closing
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
from cauce.api.raw.request import Request, is_true
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
_FIELDS: Final = frozenset({"project", "final", "upload"})
_FIELD_BYTES_MAX: Final = 1024


async def create_upload(request: Request, intake: Intake) -> None:
    """Take in a form's files.

    `project`, `final` (its studies are complete) and `upload` (continue one's own) stand in the query, or in the form:
    the first and the last before the files. Answers 201 with the receipt. An error in the middle of the body is
    answered by a problem document that carries the receipt as well: files that were complete before it are kept.
    """
    choice = Choice(request)

    def begin(actor: Actor) -> tuple[Actor, MultipartReader, UploadRef | None]:
        reader = MultipartReader(_boundary_of(request), limits=intake.limits)
        return actor, reader, choice.looked_up(intake.services.catalogue, actor)

    actor, reader, found = await admit(
        intake, request, begin, needs_database=choice.needs_database(intake.services.catalogue)
    )
    form = Form(intake, choice, actor=actor, found=found)
    body = Body(request, limits=intake.limits)
    error = await _receive(form, parts(body, reader, intake=intake, keep=_is_kept, takes_archives=True))
    upload = (await form.delivery()).upload
    verdicts = await form.verdicts()
    is_final = choice.is_final and error is None
    await intake.ask(intake.services.catalogue.close_upload, upload, final=is_final)
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


class Choice:
    """Where an upload goes and whether it is final, as the query and the fields of the form say."""

    def __init__(self, request: Request) -> None:
        """Read the query.

        Raises:
            InvalidRequest: `final` is neither yes nor no.
        """
        self._given = {name: value for name, value in request.query.items() if name in _FIELDS and value}
        self.is_final = request.flag("final")

    @property
    def project(self) -> str:
        """The slug of the project."""
        return self._given.get("project", DEFAULT_PROJECT)

    def add(self, field: str, value: str, *, has_files: bool) -> None:
        """Take a field of the form.

        Raises:
            InvalidRequest: it contradicts the query, or comes after files that went elsewhere.
        """
        if field == "final":
            self.is_final = is_true(field, value) or self.is_final
            return
        if self._given.get(field, value) != value:
            raise InvalidRequest(f"The query and the form name another `{field}` each.", field=field)
        if has_files and field not in self._given and not (field == "project" and value == DEFAULT_PROJECT):
            raise InvalidRequest(
                f"`{field}` comes after files that were taken in without it: put it first.", field=field
            )
        self._given[field] = value

    def forget(self, field: str) -> None:
        """Take back what a field said."""
        self._given.pop(field, None)

    def needs_database(self, catalogue: Catalogue) -> bool:
        """Tell whether `looked_up` asks the database."""
        return "upload" in self._given or not catalogue.knows(self.project)

    def looked_up(self, catalogue: Catalogue, actor: Actor) -> UploadRef | None:
        """Return the upload that is to be continued, if one is; the project is known after this.

        Raises:
            NotFound: there is no such project, or no such upload of this actor's.
            InvalidRequest: the upload goes to another project.
        """
        public_id = self._given.get("upload")
        if not public_id:
            catalogue.project(self.project)
            return None
        if not is_public_id(public_id):
            raise InvalidRequest("`upload` wants the id of an upload.", field="upload")
        upload = catalogue.find_upload(public_id, actor=actor)
        if "project" in self._given and upload.project.slug != self.project:
            raise InvalidRequest("That upload goes to another project.", field="project")
        return upload


async def _receive(form: "Form", received: AsyncGenerator[Part, None]) -> CauceError | None:
    """Hand over the files of the form as they come; return what ended that early, or kept a file out at its end."""
    try:
        async with aclosing(received):
            async for part in received:
                await form.take(part)
    except CauceError as error:
        return error
    delivery = await form.delivery()
    await delivery.lines()
    return delivery.trouble


def _boundary_of(request: Request) -> str:
    kind, parameters = parse_options(request.headers.get("content-type", ""))
    if kind != "multipart/form-data":
        raise UnsupportedMediaType("An upload is a form: Content-Type multipart/form-data, with the files in `files`.")
    return parameters.get("boundary", "")


def _field_of(headers: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the name of a part's field and of its file; the second is `None` where it is no file."""
    _, parameters = parse_options(headers.get("content-disposition", ""))
    return parameters.get("name", ""), file_name_of(parameters)


def _is_kept(headers: Mapping[str, str]) -> bool:
    field, file_name = _field_of(headers)
    return file_name is not None or field == _FILES or field in _FIELDS


@dataclass(frozen=True, slots=True)
class _Archive:
    name: str
    verdicts: asyncio.Task[list[Verdict]]


class Form:
    """The files of one form and what becomes of them, in their order."""

    def __init__(self, intake: Intake, choice: Choice, *, actor: Actor, found: UploadRef | None) -> None:
        """Nothing has come yet. `found` is the upload that is to be continued, if one is."""
        self._intake = intake
        self._choice = choice
        self._actor = actor
        self._found = found
        self._archive_room = asyncio.Semaphore(intake.limits.archives_in_flight_max)
        self._lines: list[asyncio.Task[Line | None] | _Archive] = []
        self._delivery: Delivery | None = None

    async def delivery(self) -> Delivery:
        """Return what takes the files in; the upload begins with the first of them, or else with the form's end."""
        if self._delivery is None:
            catalogue = self._intake.services.catalogue
            upload = self._found or catalogue.open_upload(
                catalogue.project(self._choice.project), actor=self._actor, source="upload"
            )
            self._delivery = Delivery(self._intake, upload, source="upload")
        return self._delivery

    async def take(self, part: Part) -> None:
        """Take one complete part.

        Raises:
            InvalidRequest: a field that says what cannot be, or comes too late.
            NotFound: there is no such project or upload.
            Unavailable: a store does not answer.
        """
        field, file_name = _field_of(part.headers)
        name = file_name or ""
        if file_name is None and field in _FIELDS:
            await self._take_field(field, part)
        elif part.refusal is not None:
            refused = ingest.refused(name, part.refusal.refusal, part.refusal.detail)
            self._lines.append(await (await self.delivery()).settle(refused))
        elif part.file is None:
            return
        elif not part.size_bytes and not name:
            part.close()  # what a browser sends for a file field in which nothing was chosen
        else:
            await self._take_file(part.file, name)

    async def _take_field(self, field: str, part: Part) -> None:
        if part.file is None or part.size_bytes > _FIELD_BYTES_MAX:
            part.close()
            raise InvalidRequest(f"`{field}` is too long.", field=field)
        with closing(part.file) as file, file.readable() as content:
            value = content.read().decode("utf-8", "replace").strip()
        if not value:
            return
        self._choice.add(field, value, has_files=self._delivery is not None)
        if self._delivery is not None:
            return
        try:
            self._found = await self._intake.ask(self._choice.looked_up, self._intake.services.catalogue, self._actor)
        except CauceError:
            self._choice.forget(field)  # the receipt that goes with the error has to go somewhere
            raise

    async def _take_file(self, file: SpooledFile, name: str) -> None:
        passed_over = verdict_without_intake(name, file.head)
        if passed_over is not None:
            file.close()
            self._lines.append(await (await self.delivery()).settle(passed_over))
        elif ingest.is_archive(file.head):
            await self._take_archive(file, name)
        else:
            self._lines.append(await (await self.delivery()).add(file, name=name))

    async def _take_archive(self, file: SpooledFile, name: str) -> None:
        """Begin to unpack; the receipt says `pending` until that has ended, however this process ends."""
        await self._archive_room.acquire()
        upload = (await self.delivery()).upload
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
        await (await self.delivery()).lines()
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
        upload = (await self.delivery()).upload
        await self._intake.ask(self._intake.services.catalogue.close_upload, upload, final=False)
