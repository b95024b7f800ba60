"""Archives that are being unpacked, marked on disk, so that a process that dies over one leaves a trace.

A marker is a file that its process holds locked. One that nobody holds belongs to a process that is gone: its archive
will not be unpacked to the end, and the next process to start says so in the receipt.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from cauce.core.errors import CauceError
from cauce.core.identifiers import PublicId
from cauce.core.messages import ProjectRef, UploadRef, Verdict
from cauce.core.statuses import ItemStatus
from cauce.ports.catalogue import Catalogue

INTERRUPTED = "interrupted"
"""Code of an archive that was not unpacked to its end. What was taken in of it is safe."""

_FOLDER = "archives"
_log = structlog.get_logger(__name__)


def interrupted(name: str) -> Verdict:
    """Return the verdict on an archive that was not unpacked to its end."""
    return Verdict(
        status=ItemStatus.REFUSED,
        name=name,
        code=INTERRUPTED,
        detail="The server stopped before it had unpacked all of it. Send it again: what was taken in is not lost.",
    )


@contextmanager
def marked(spool: Path, upload: UploadRef, archive_pk: int) -> Iterator[None]:
    """Hold a marker while an archive is being unpacked."""
    folder = spool / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / str(archive_pk)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _try_lock(descriptor)
        project = {"pk": upload.project.pk, "slug": upload.project.slug}
        os.write(descriptor, json.dumps({"pk": upload.pk, "id": upload.public_id, "project": project}).encode())
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def settle_abandoned(spool: Path, catalogue: Catalogue) -> int:
    """Give every archive whose process is gone its verdict, and end its upload; return how many there were."""
    count = 0
    with suppress(FileNotFoundError):
        for path in sorted((spool / _FOLDER).iterdir()):
            count += _settle(path, catalogue)
    return count


def _settle(path: Path, catalogue: Catalogue) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False  # its process was faster
    try:
        if not _try_lock(descriptor):
            return False
        upload = _upload_of(os.read(descriptor, 4096))
        if upload is not None:
            catalogue.end_archive(int(path.name), interrupted(""))
            catalogue.close_upload(upload, final=False)
        with suppress(OSError):
            path.unlink()
    except CauceError as error:
        _log.warning("archive.not_settled", code=error.code)
        return False
    finally:
        os.close(descriptor)
    return True


def _upload_of(marker: bytes) -> UploadRef | None:
    """Return the upload that a marker names; `None` when its process died while it wrote it."""
    try:
        held: dict[str, Any] = json.loads(marker)
    except ValueError:
        return None
    project = ProjectRef(pk=held["project"]["pk"], slug=held["project"]["slug"])
    return UploadRef(pk=held["pk"], public_id=PublicId(held["id"]), project=project)


if sys.platform == "win32":

    def _try_lock(descriptor: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:

    def _try_lock(descriptor: int) -> bool:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
