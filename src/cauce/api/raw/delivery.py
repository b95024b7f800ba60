"""The files of one request on their way in: several at once, verdicts in the order in which the files came."""

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass

from cauce.api.raw.intake import Intake
from cauce.api.raw.spool import SpooledFile
from cauce.core.errors import Unavailable
from cauce.core.messages import UploadRef, Verdict
from cauce.core.statuses import ItemStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One file's verdict; `head` is the start of a refused one, for who wants to tell which it was."""

    verdict: Verdict
    head: bytes = b""


class Delivery:
    """Takes in the files of one request while its body is read on. Used on the event loop only."""

    def __init__(
        self, intake: Intake, upload: UploadRef, *, source: str, study_instance_uid: str | None = None
    ) -> None:
        """With `study_instance_uid`, instances of other studies are refused."""
        self._intake = intake
        self._source = source
        self._study_instance_uid = study_instance_uid
        self._room = asyncio.Semaphore(intake.limits.in_flight_max)
        self._lines: list[asyncio.Task[Line | None]] = []
        self.upload = upload
        self.trouble: Unavailable | None = None
        """Set once a file has met a store that does not answer."""

    async def add(self, file: SpooledFile, *, name: str) -> asyncio.Task[Line | None]:
        """Hand one file over, waiting while too many are on their way; return the task that ends with its line.

        Raises:
            Unavailable: an earlier file met a store that does not answer; this one is not tried.
        """
        try:
            await self._enter()
        except BaseException:
            file.close()
            raise
        taking = self._intake.submit(
            self.upload, file, name=name, source=self._source, study_instance_uid=self._study_instance_uid
        )
        return self._begun(taking, file)

    async def settle(self, verdict: Verdict) -> asyncio.Task[Line | None]:
        """Put down the verdict on a file that is not taken in.

        Raises:
            Unavailable: as `add` does.
        """
        await self._enter()
        return self._begun(self._intake.note(self.upload, verdict), None)

    async def lines(self) -> list[Line]:
        """Wait for all, and return what is known of each in order; a file that met an unavailable store has no line."""
        found = await asyncio.gather(*self._lines)
        return [line for line in found if line is not None]

    async def _enter(self) -> None:
        await self._room.acquire()
        if self.trouble is not None:
            self._room.release()
            raise self.trouble

    def _begun(self, verdict: Future[Verdict], file: SpooledFile | None) -> asyncio.Task[Line | None]:
        task = asyncio.create_task(self._line(verdict, file))
        self._lines.append(task)
        return task

    async def _line(self, verdict: Future[Verdict], file: SpooledFile | None) -> Line | None:
        try:
            settled = await asyncio.wrap_future(verdict)
        except Unavailable as error:
            self.trouble = self.trouble or error
            return None
        finally:
            self._room.release()
        is_refused = settled.status is ItemStatus.REFUSED
        return Line(verdict=settled, head=file.head if is_refused and file is not None else b"")
