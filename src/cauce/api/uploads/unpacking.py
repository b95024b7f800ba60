"""Archives that come in an upload: their files are taken in one after the other, several at once."""

from collections import deque
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import replace

import structlog

from cauce.api.raw.intake import Intake
from cauce.api.raw.multipart import clean_name
from cauce.api.raw.spool import SpooledFile
from cauce.api.uploads.pending import interrupted, marked
from cauce.core.errors import CauceError, Refused, Unavailable
from cauce.core.messages import UploadRef, Verdict
from cauce.stages import ingest, validate

_IN_FLIGHT_MAX = 8
_log = structlog.get_logger(__name__)


def verdict_without_intake(name: str, head: bytes) -> Verdict | None:
    """Return the verdict on a file that is passed over; `None` when it is to be taken in."""
    reason = ingest.skip_reason(name, head, is_media_directory=validate.is_directory_record(head))
    return ingest.skipped(name, reason) if reason else None


class Unpacking:
    """One archive being unpacked, in a thread of its own."""

    def __init__(self, intake: Intake, upload: UploadRef, *, name: str, archive_pk: int) -> None:
        """`archive_pk` is the archive's line in the receipt, `pending` so far."""
        self._intake = intake
        self._upload = upload
        self._archive_pk = archive_pk
        self._verdicts: list[Verdict] = []
        self._running: deque[Future[Verdict]] = deque()
        self.name = name

    def run(self, file: SpooledFile) -> list[Verdict]:
        """Take in all files of an archive and return their verdicts; one on the archive as a whole stands last.

        Never raises: what goes wrong is a verdict.
        """
        verdict: Verdict | None
        try:
            with closing(file), marked(self._intake.spool.folder, self._upload, self._archive_pk):
                verdict = self._unpack(file)
                self._intake.services.catalogue.end_archive(self._archive_pk, verdict)
        except Exception as error:  # noqa: BLE001 - an edge: nobody may wait for this thread any more
            _log.error("archive.failed", exc_info=error)
            verdict = interrupted(self.name)
            with suppress(CauceError):
                self._intake.services.catalogue.end_archive(self._archive_pk, verdict)
        return [*self._verdicts, *([verdict] if verdict else [])]

    def _unpack(self, file: SpooledFile) -> Verdict | None:
        """Return the verdict on the archive as a whole, `None` when its files' verdicts say it all."""
        try:
            self._take_all(file)
        except Refused as refusal:
            return ingest.refused(self.name, refusal.refusal, refusal.detail)
        except (_Stopping, Unavailable) as error:
            _log.warning("archive.interrupted", code=getattr(error, "code", "stopping"))
            return interrupted(self.name)
        finally:
            self._wait()
        return None if self._verdicts else ingest.skipped(self.name, ingest.SkipReason.EMPTY_ARCHIVE)

    def _take_all(self, file: SpooledFile) -> None:
        spool, limits = self._intake.spool, self._intake.services.limits
        with closing(ingest.unpack(file.readable(), name=self.name, limits=limits, spool=spool.open)) as found:
            for item in found:
                self._running.append(self._submit(item))
                while len(self._running) > _IN_FLIGHT_MAX:
                    self._verdicts.append(self._running.popleft().result())
                if self._intake.is_stopping.is_set():
                    raise _Stopping
        while self._running:
            self._verdicts.append(self._running.popleft().result())

    def _submit(self, item: ingest.Unpacked[SpooledFile] | Verdict) -> Future[Verdict]:
        name = clean_name(item.name)
        if isinstance(item, Verdict):
            return self._intake.note(self._upload, replace(item, name=name))
        verdict = verdict_without_intake(name, item.file.head)
        if verdict is None:
            return self._intake.submit(self._upload, item.file, name=name, source="upload")
        item.file.close()
        return self._intake.note(self._upload, verdict)

    def _wait(self) -> None:
        """Collect the verdicts of files that were on their way when unpacking stopped."""
        for running in self._running:
            with suppress(Unavailable):
                self._verdicts.append(running.result())
        self._running.clear()


class _Stopping(Exception):
    """The process ends."""
