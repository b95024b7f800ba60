"""Deliveries and their receipts: begun, continued, ended. `begin` and `end` run in a transaction of the caller's."""

import datetime as dt
from dataclasses import dataclass

from cauce import audit
from cauce.adapters.statements import Table, fetch
from cauce.core.actors import Actor
from cauce.core.errors import NotFound
from cauce.core.identifiers import PublicId, new_public_id
from cauce.core.messages import ProjectRef, UploadRef
from cauce.core.statuses import JobStatus
from cauce.records.models import Job, Study, Upload

_UPLOAD = Table(Upload)


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """A delivery is to begin."""

    project: ProjectRef
    actor: Actor
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """A delivery is to end."""

    upload: UploadRef
    final: bool


def begin(opening: Opening, *, now: dt.datetime) -> UploadRef:
    """Begin a delivery and its receipt."""
    actor, project, public_id = opening.actor, opening.project, new_public_id()
    row = {
        "public_id": public_id,
        "project_id": project.pk,
        "user_id": actor.user_id,
        "sender": actor.name,
        "source": opening.source,
    }
    ((pk,),) = _UPLOAD.insert([row], now=now, returning="id")
    audit.record(actor, "upload.open", subject=public_id, source=opening.source, project=project.slug)
    return UploadRef(pk=pk, public_id=public_id, project=project)


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


def end(closing: Closing, *, now: dt.datetime) -> None:
    """End a delivery unless an archive of it is pending; a final one's studies close now, not after the quiet time."""
    ((is_final, finished_at),) = fetch(
        "UPDATE records_upload SET final = (final OR {final}), finished_at = CASE WHEN EXISTS ("
        "SELECT 1 FROM records_uploaditem item WHERE item.upload_id = records_upload.id AND item.status = 'pending'"
        ") THEN NULL ELSE {now} END WHERE id = {pk} RETURNING final, finished_at",
        final=closing.final,
        now=now,
        pk=closing.upload.pk,
    )
    if is_final and finished_at is not None:
        studies = Study.objects.filter(
            pk__in=Upload.objects.filter(pk=closing.upload.pk, items__study__isnull=False).values("items__study")
        )
        waiting = (JobStatus.QUEUED.value, JobStatus.RETRYING.value)
        Job.objects.filter(study__in=studies, step="close", status__in=waiting, due_at__gt=now).update(due_at=now)
