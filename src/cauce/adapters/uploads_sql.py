"""Deliveries and their receipts: begun, continued, ended. `begin` and `end` run in a transaction of the caller's."""

import datetime as dt
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cauce import audit
from cauce.adapters.statements import Table, execute, fetch
from cauce.audit.models import AuditEvent
from cauce.core.actors import Actor
from cauce.core.errors import NotFound
from cauce.core.identifiers import PublicId, new_public_id
from cauce.core.messages import ProjectRef, UploadRef
from cauce.core.statuses import ItemStatus, JobStatus
from cauce.records.models import Job, Study, Upload, UploadItem

_UPLOAD = Table(Upload, keyed=True)
_ITEM = Table(UploadItem)
_AUDIT = Table(AuditEvent)


_EPOCH_MS = 1_735_689_600_000  # 2025 begins
_RANDOM_BITS = 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """A delivery is to begin."""

    upload: UploadRef
    actor: Actor
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """An archive is to be unpacked."""

    upload: UploadRef
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """A delivery is to end."""

    upload: UploadRef
    final: bool


def new_upload(project: ProjectRef) -> UploadRef:
    """Return a reference to a delivery that is not written yet.

    Its key is made here, from the time and chance, so that what arrives can refer to it and all is written at once;
    keys of later deliveries are higher, up to the millisecond.
    """
    milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
    pk = milliseconds << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return UploadRef(pk=pk, public_id=new_public_id(), project=project)


def begin(openings: Sequence[Opening], *, now: dt.datetime) -> None:
    """Begin deliveries and their receipts."""
    uploads = [
        {
            "id": opening.upload.pk,
            "public_id": opening.upload.public_id,
            "project_id": opening.upload.project.pk,
            "user_id": opening.actor.user_id,
            "sender": opening.actor.name,
            "source": opening.source,
        }
        for opening in openings
    ]
    _UPLOAD.insert(uploads, now=now)
    deeds = [
        audit.row(
            opening.actor,
            "upload.open",
            subject=opening.upload.public_id,
            source=opening.source,
            project=opening.upload.project.slug,
        )
        for opening in openings
    ]
    _AUDIT.insert(deeds, now=now)


def begin_archive(beginning: Beginning, *, now: dt.datetime) -> int:
    """Write `pending` for an archive into the receipt; return the key of that line."""
    row = {
        "upload_id": beginning.upload.pk,
        "name": beginning.name,
        "status": ItemStatus.PENDING.value,
        "detail": "It is being unpacked.",
    }
    ((pk,),) = _ITEM.insert([row], now=now, returning="id")
    return int(pk)


def find(public_id: str, *, actor: Actor) -> UploadRef:
    """Return an upload that this actor began.

    Raises:
        NotFound: there is none, or it is another's.
    """
    upload = Upload.objects.select_related("project").filter(public_id=public_id).first()
    if upload is None or upload.user_id is None or upload.user_id != actor.user_id:
        raise NotFound("There is no such upload of yours.")
    project = ProjectRef(pk=upload.project_id, slug=upload.project.slug)
    return UploadRef(pk=upload.pk, public_id=PublicId(upload.public_id), project=project)


def end(closings: Sequence[Closing], *, now: dt.datetime) -> None:
    """End deliveries, except those of which an archive is pending.

    The studies of one that is final close now, not after the quiet time.
    """
    finals = sorted({closing.upload.pk for closing in closings if closing.final})
    if finals:
        execute("UPDATE records_upload SET final = {true} WHERE id IN {uploads}", true=True, uploads=finals)
    ended = fetch(
        "UPDATE records_upload SET finished_at = CASE WHEN EXISTS ("
        "SELECT 1 FROM records_uploaditem item WHERE item.upload_id = records_upload.id AND item.status = 'pending'"
        ") THEN NULL ELSE {now} END WHERE id IN {uploads} RETURNING id, final, finished_at",
        now=now,
        uploads=sorted({closing.upload.pk for closing in closings}),
    )
    if final_ones := [pk for pk, is_final, finished_at in ended if is_final and finished_at is not None]:
        _close_studies_now(final_ones, now=now)


def _close_studies_now(uploads: Sequence[int], *, now: dt.datetime) -> None:
    studies = Study.objects.filter(
        pk__in=Upload.objects.filter(pk__in=uploads, items__study__isnull=False).values("items__study")
    )
    waiting = (JobStatus.QUEUED.value, JobStatus.RETRYING.value)
    Job.objects.filter(study__in=studies, step="close", status__in=waiting, due_at__gt=now).update(due_at=now)
