"""Archives that come in an upload: their files are taken in one after the other, several at once.

One that takes long is answered `pending`, and from then on it is ours: its bytes are held, encrypted, until it has its
verdict, so that the next process can go on where this one was stopped (`resuming`).
"""

import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import replace
from typing import BinaryIO, Final

import structlog

from cauce import bootstrap
from cauce.api.raw.intake import Intake
from cauce.api.raw.multipart import clean_name
from cauce.api.raw.spool import SpooledFile
from cauce.api.uploads.pending import Marker, held_over, interrupted
from cauce.core.errors import CauceError, Refused, Unavailable
from cauce.core.identifiers import new_object_id
from cauce.core.limits import MIB
from cauce.core.messages import UploadRef, Verdict
from cauce.core.statuses import ItemStatus, Space
from cauce.records.models.uploads import NAME_LENGTH_MAX
from cauce.stages import ingest, validate

_IN_FLIGHT_MAX: Final = 8
_HELD_AFTER: Final = 0.5
"""Part of the time that an answer waits for archives after which one's bytes are held."""
_CHUNK_BYTES: Final = 1 * MIB
_log = structlog.get_logger(__name__)


def verdict_without_intake(name: str, head: bytes) -> Verdict | None:
    """Return the verdict on a file that is passed over; `None` when it is to be taken in."""
    reason = ingest.skip_reason(name, head, is_media_directory=validate.is_directory_record(head))
    return ingest.skipped(name, reason) if reason else None


def noted_name(name: str) -> str:
    """Return the name of a file of an archive as its line in the receipt has it."""
    return clean_name(name).replace("\0", "")[-NAME_LENGTH_MAX:]


class Unpacking:
    """One archive being unpacked, in a thread of its own; it is marked from the start."""

    def __init__(
        self,
        intake: Intake,
        upload: UploadRef,
        *,
        name: str,
        archive_pk: int,
        marker: Marker | None = None,
        known: Counter[str] | None = None,
    ) -> None:
        """`archive_pk` is the archive's line in the receipt, `pending` so far.

        With `marker` it goes on where another process was stopped; `known` are the lines that its files have already.
        """
        self._intake = intake
        self._upload = upload
        self._archive_pk = archive_pk
        self._marker = marker or _marked(intake, archive_pk)
        self._known = known or Counter()
        self._known_settled = self._marker.settled if self._marker and marker else 0
        self._begun_at = time.monotonic()
        self._verdicts: list[Verdict] = []
        self._running: deque[Future[Verdict] | None] = deque()
        self._settled = 0
        self.name = name

    def run(self, file: SpooledFile) -> list[Verdict]:
        """Take in all files of an archive and return their verdicts; one on the archive as a whole stands last.

        Never raises: what goes wrong is a verdict.
        """
        with closing(file):
            try:
                source = file.readable()
            except CauceError as error:
                _log.warning("archive.not_spooled", code=error.code)
                return [*self._verdicts, *self._end(interrupted(self.name))]
            return self.go_on(source)

    def go_on(self, source: BinaryIO) -> list[Verdict]:
        """Do the same with the open bytes of an archive; see `run`."""
        try:
            if self._marker:
                self._marker.begin()
            verdict = self._unpack(source)
        except Exception as error:  # noqa: BLE001 - an edge: nobody may wait for this thread any more
            _log.error("archive.failed", exc_info=error)
            verdict = interrupted(self.name)
        return [*self._verdicts, *self._end(verdict)]

    def _end(self, verdict: Verdict | None) -> list[Verdict]:
        """Put the verdict on the archive into the receipt and let go of what is held of it, unless it is held over."""
        marker = self._marker
        if marker and verdict and verdict.status is ItemStatus.PENDING:
            marker.leave()
            return [verdict]
        try:
            self._intake.services.catalogue.end_archive(self._archive_pk, verdict)
        except CauceError as error:
            _log.warning("archive.not_settled", code=error.code)
            if marker:
                marker.leave()  # the next process to start settles it
        else:
            if marker:
                let_go(marker)
        return [verdict] if verdict else []

    def _unpack(self, source: BinaryIO) -> Verdict | None:
        """Return the verdict on the archive as a whole, `None` when its files' verdicts say it all."""
        try:
            self._take_all(source)
        except Refused as refusal:
            return ingest.refused(self.name, refusal.refusal, refusal.detail)
        except _Stopping:
            self._wait()
            return held_over(self.name) if self._hold(source) else interrupted(self.name)
        except Unavailable as error:
            _log.warning("archive.interrupted", code=error.code)
            return interrupted(self.name)
        finally:
            self._wait()
        return None if self._settled else ingest.skipped(self.name, ingest.SkipReason.EMPTY_ARCHIVE)

    def _take_all(self, source: BinaryIO) -> None:
        spool, limits = self._intake.spool, self._intake.services.limits
        held_after_s = self._intake.limits.unpack_wait_s * _HELD_AFTER
        with closing(ingest.unpack(source, name=self.name, limits=limits, spool=spool.open)) as found:
            for item in found:
                self._running.append(self._submit(item))
                if time.monotonic() - self._begun_at >= held_after_s:
                    self._hold(source)
                while len(self._running) > _IN_FLIGHT_MAX:
                    self._settle_one()
                if self._intake.is_stopping.is_set():
                    raise _Stopping
        while self._running:
            self._settle_one()

    def _submit(self, item: ingest.Unpacked[SpooledFile] | Verdict) -> Future[Verdict] | None:
        """Begin to take a file in; `None` when it has its line from before this process."""
        name = clean_name(item.name)
        if self._settled + len(self._running) < self._known_settled and self._known[noted_name(name)]:
            self._known[noted_name(name)] -= 1
            if not isinstance(item, Verdict):
                item.file.close()
            return None
        if isinstance(item, Verdict):
            return self._intake.note(self._upload, replace(item, name=name))
        verdict = verdict_without_intake(name, item.file.head)
        if verdict is None:
            return self._intake.submit(self._upload, item.file, name=name, source="upload")
        item.file.close()
        return self._intake.note(self._upload, verdict)

    def _settle_one(self) -> None:
        running = self._running.popleft()
        if running is not None:
            self._verdicts.append(running.result())
        self._settled += 1
        if self._marker and self._settled > self._marker.settled:
            self._marker.settled = self._settled
            self._marker.write()

    def _wait(self) -> None:
        """Collect the verdicts of files that were on their way when unpacking stopped."""
        while self._running:
            with suppress(Unavailable):
                self._settle_one()

    def _hold(self, source: BinaryIO) -> bool:
        """Have the archive's bytes outlast this process, encrypted; tell whether they do."""
        marker = self._marker
        if marker is None or marker.held:
            return marker is not None
        held, position = new_object_id(), source.tell()
        try:
            bootstrap.held_archives().write(Space.ORIGINALS, held, _chunks(source), about={})
            marker.held = held
            marker.write(durably=True)
        except (CauceError, OSError) as error:
            _log.warning("archive.not_held", code=getattr(error, "code", "spool"))
            marker.held = None
            self._begun_at = float("inf")  # once is enough
            return False
        finally:
            source.seek(position)
        return True


def let_go(marker: Marker) -> None:
    """Remove a marker and the bytes that it names: the archive has its verdict."""
    held = marker.held
    marker.remove()
    if held is not None:
        try:
            bootstrap.held_archives().delete(Space.ORIGINALS, held)
        except CauceError as error:
            _log.warning("archive.still_held", code=error.code)


def _marked(intake: Intake, archive_pk: int) -> Marker | None:
    try:
        return Marker.make(intake.spool.folder, archive_pk)
    except OSError as error:
        _log.warning("archive.not_marked", reason=os.strerror(error.errno) if error.errno else "unknown")
        return None


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    source.seek(0)
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk


class _Stopping(Exception):
    """The process ends."""
