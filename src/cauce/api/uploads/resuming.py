"""At the start of a web process: archives that were left over are unpacked on, or get their verdict."""

import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from weakref import WeakKeyDictionary

import structlog

from cauce import bootstrap
from cauce.api.raw.intake import Intake
from cauce.api.uploads.pending import ATTEMPTS_MAX, Marker, abandoned, held_by_markers, interrupted, is_marked
from cauce.api.uploads.unpacking import Unpacking, let_go
from cauce.core.errors import CauceError
from cauce.core.identifiers import PublicId
from cauce.core.messages import ProjectRef, UploadRef, Verdict
from cauce.core.statuses import ItemStatus, Space
from cauce.records.models import UploadItem

_PRESENCE: Final = "presence"
_LEFTOVER_AGE_S: Final = 3600.0
_log = structlog.get_logger(__name__)
_present: "WeakKeyDictionary[Intake, Presence]" = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """An archive that can be gone on with."""

    marker: Marker
    upload: UploadRef
    name: str
    source: BinaryIO
    known: Counter[str]


async def settle_left(intake: Intake) -> None:
    """Go on with what processes that are gone have left, behind this call; what cannot be, gets its verdict now.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    found = await intake.ask(_left, intake)
    for one in found:
        intake.later(_go_on(intake, one))


async def _go_on(intake: Intake, left: Left) -> None:
    def run() -> list[Verdict]:
        unpacking = Unpacking(
            intake,
            left.upload,
            name=left.name,
            archive_pk=left.marker.archive_pk,
            marker=left.marker,
            known=left.known,
        )
        with left.source as source:
            return unpacking.go_on(source)

    verdicts = await intake.unpack(run)
    await intake.ask(intake.services.catalogue.close_upload, left.upload, final=False)
    _log.info("archive.resumed", count=len(verdicts))


def _left(intake: Intake) -> list[Left]:
    """Return the archives that can be gone on with; the others get their verdicts."""
    presence = _present[intake] = Presence(intake.spool.folder)
    found: list[Left] = []
    given_up = 0
    for marker in abandoned(intake.spool.folder):
        item = UploadItem.objects.select_related("upload__project").filter(pk=marker.archive_pk).first()
        if item is None or item.status != ItemStatus.PENDING.value:
            let_go(marker)
        elif (source := _held(marker)) is not None:
            known = Counter(_noted(item))
            found.append(Left(marker=marker, upload=_upload(item), name=item.name, source=source, known=known))
        else:
            _give_up(intake, item)
            let_go(marker)
            given_up += 1
    if presence.is_alone and _is_database_of_this_machine():
        for item in UploadItem.objects.select_related("upload__project").filter(status=ItemStatus.PENDING.value):
            if not is_marked(intake.spool.folder, item.pk):
                _give_up(intake, item)
                given_up += 1
    presence.share()
    _remove_leftovers(intake.spool.folder)
    if found or given_up:
        _log.warning("archives.left", resumed=len(found), interrupted=given_up)
    return found


def _held(marker: Marker) -> BinaryIO | None:
    """Return the held bytes of an archive that may be begun once more."""
    if marker.held is None or marker.attempts >= ATTEMPTS_MAX:
        return None
    try:
        return bootstrap.held_archives().open(Space.ORIGINALS, marker.held)
    except CauceError as error:
        _log.warning("archive.not_held", code=error.code)
        return None


def _noted(item: UploadItem) -> list[str]:
    """Return the names of an archive's files that have their lines; an archive's own line comes before theirs."""
    lines = UploadItem.objects.filter(upload_id=item.upload_id, pk__gt=item.pk)
    return list(lines.values_list("name", flat=True).iterator())


def _give_up(intake: Intake, item: UploadItem) -> None:
    intake.services.catalogue.end_archive(item.pk, interrupted(item.name))
    intake.services.catalogue.close_upload(_upload(item), final=False)


def _upload(item: UploadItem) -> UploadRef:
    project = ProjectRef(pk=item.upload.project_id, slug=item.upload.project.slug)
    return UploadRef(pk=item.upload_id, public_id=PublicId(item.upload.public_id), project=project)


def _is_database_of_this_machine() -> bool:
    """Tell whether all processes that unpack into this database share our spool folder: a file is no cluster's."""
    from django.db import connection

    return connection.vendor == "sqlite"


def _remove_leftovers(spool: Path) -> None:
    """Remove held bytes that no marker names, as a process leaves them that dies between the two."""
    if not bootstrap.has_held_archives():
        return
    try:
        store = bootstrap.held_archives()
        old = [info.object_id for info in store.walk(Space.ORIGINALS) if info.age_s > _LEFTOVER_AGE_S]
        named = held_by_markers(spool) if old else set()
        for object_id in old:
            if object_id not in named:
                store.delete(Space.ORIGINALS, object_id)
    except CauceError as error:
        _log.warning("archives.leftovers", code=error.code)


class Presence:
    """Says whether another web process lives on this spool folder, and tells others that this one does."""

    def __init__(self, spool: Path) -> None:
        """Look whether another is there; none gets further than this until `share`."""
        self._descriptor = -1
        self.is_alone = False
        if sys.platform == "win32":
            return
        import fcntl

        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(spool / _PRESENCE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        else:
            self.is_alone = True

    def share(self) -> None:
        """Let others begin as well."""
        if sys.platform == "win32":
            return
        import fcntl

        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
