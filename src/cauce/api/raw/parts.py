"""The parts of a multipart body as files: each is handed on as soon as it is complete."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field

from cauce.api.raw.body import Body
from cauce.api.raw.intake import Intake
from cauce.api.raw.multipart import Event, MultipartReader, PartBegan, PartData, PartEnded
from cauce.api.raw.problems import Malformed
from cauce.api.raw.spool import SpooledFile
from cauce.core.errors import Refused, StorageFull
from cauce.core.statuses import RefusalCode
from cauce.stages.ingest import is_archive


@dataclass(slots=True)
class Part:
    """One part. `file` is `None` where it is not wanted, or where `refusal` says why it was not kept."""

    headers: Mapping[str, str]
    file: SpooledFile | None
    refusal: Refused | None = None
    size_bytes: int = field(default=0)

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()


async def parts(
    body: Body,
    reader: MultipartReader,
    *,
    intake: Intake,
    keep: Callable[[Mapping[str, str]], bool],
    takes_archives: bool,
) -> AsyncGenerator[Part, None]:
    """Yield the parts of `body` in order; who receives one closes it. Parts that `keep` does not want are read past.

    A file that is longer than an instance may be is refused and read past, unless it is an archive and those are taken.

    Raises:
        Malformed: the body is not multipart, or ends early; the parts before were yielded.
        BodyTooLong, TimedOut, ClientGone: as `Body.chunks` does.
    """
    receiving = _Receiving(intake, keep=keep, takes_archives=takes_archives)
    try:
        async for chunk in body.chunks():
            events, error = _feed(reader, chunk)
            for event in events:
                complete = await receiving.receive(event)
                if complete is not None:
                    yield complete
            if error is not None:
                raise error
        if not reader.ended:
            raise Malformed("The body ends before its last boundary.")
    finally:
        receiving.close()


async def whole(body: Body, *, intake: Intake, content_type: str) -> AsyncGenerator[Part, None]:
    """Yield a body that is one file, as if it were the only part of a multipart body; nothing if it is empty."""
    receiving = _Receiving(intake, keep=lambda _headers: True, takes_archives=False)
    try:
        await receiving.receive(PartBegan(headers={"content-type": content_type}))
        async for chunk in body.chunks():
            await receiving.receive(PartData(chunk))
        complete = await receiving.receive(PartEnded())
        if complete is not None:
            if body.size_bytes:
                yield complete
            else:
                complete.close()
    finally:
        receiving.close()


def _feed(reader: MultipartReader, chunk: bytes) -> tuple[list[Event], Malformed | None]:
    try:
        return reader.feed(chunk), None
    except Malformed as error:
        return reader.events_before_error(), error


class _Receiving:
    """The part that is being received."""

    def __init__(self, intake: Intake, *, keep: Callable[[Mapping[str, str]], bool], takes_archives: bool) -> None:
        self._intake = intake
        self._keep = keep
        self._takes_archives = takes_archives
        self._part: Part | None = None

    async def receive(self, event: Event) -> Part | None:
        """Take an event; return the part that it completes."""
        if isinstance(event, PartBegan):
            file = self._intake.spool.open() if self._keep(event.headers) else None
            self._part = Part(headers=event.headers, file=file)
            return None
        part = self._part
        if part is None:
            return None
        if isinstance(event, PartData):
            await self._append(part, event.data)
            return None
        self._part = None
        return part

    def close(self) -> None:
        """Let go of a part that was not completed."""
        if self._part is not None:
            self._part.close()

    async def _append(self, part: Part, data: bytes) -> None:
        part.size_bytes += len(data)
        if part.file is None:
            return
        try:
            if part.file.add(data):
                await self._intake.ask(part.file.flush)
        except StorageFull as full:
            self._refuse(part, Refused(RefusalCode.STORAGE_FULL, full.detail))
            return
        too_long = part.size_bytes > self._intake.services.limits.instance_bytes_max
        if too_long and not (self._takes_archives and is_archive(part.file.head)):
            self._refuse(part, Refused(RefusalCode.TOO_LARGE, "The file is larger than is allowed."))

    @staticmethod
    def _refuse(part: Part, refusal: Refused) -> None:
        part.close()
        part.file, part.refusal = None, refusal
