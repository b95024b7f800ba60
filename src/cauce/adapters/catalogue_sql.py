"""The catalogue's way in: arrivals are committed in groups, in bulk statements, with the job that each study needs."""

import datetime as dt
from collections.abc import Sequence

from django.utils import timezone

from cauce import audit
from cauce.adapters.arrivals_sql import ArrivalsTransaction, Note, item_name
from cauce.adapters.group_commit import GroupCommit
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.actors import Actor
from cauce.core.errors import NotFound
from cauce.core.identifiers import PublicId
from cauce.core.messages import Header, ProjectRef, UploadRef, Verdict
from cauce.core.statuses import ItemStatus, JobStatus
from cauce.ports.catalogue import Arrival, Committed
from cauce.records.models import AlternateEncoding, Job, Project, Study, Upload, UploadItem, Version


class SqlCatalogue:
    """One committer per process: threads that arrive together share a transaction."""

    def __init__(self, *, quiet_s: float) -> None:
        """`quiet_s` is how long a study waits for more before it closes."""
        self._quiet = dt.timedelta(seconds=quiet_s)
        self._committer: GroupCommit[Arrival | Note, Committed] = GroupCommit(self._commit_group)
        self._projects: dict[str, ProjectRef] = {}

    def project(self, slug: str) -> ProjectRef:
        """Return the project of this slug; projects are never renamed, so each is looked up once."""
        known = self._projects.get(slug)
        if known is None:
            with translated():
                pk = Project.objects.filter(slug=slug).values_list("pk", flat=True).first()
            if pk is None:
                raise NotFound("there is no such project")
            known = self._projects[slug] = ProjectRef(pk=pk, slug=slug)
        return known

    def open_upload(self, project: ProjectRef, *, actor: Actor, source: str) -> UploadRef:
        """Begin a delivery and its receipt."""
        with transaction_of_ours():
            upload = Upload.objects.create(
                project_id=project.pk, user_id=actor.user_id, sender=actor.name, source=source
            )
            audit.record(actor, "upload.open", subject=upload.public_id, source=source, project=project.slug)
        return UploadRef(pk=upload.pk, public_id=PublicId(upload.public_id), project=project)

    def find_upload(self, public_id: str, *, actor: Actor) -> UploadRef:
        """Return an upload that this actor began."""
        with translated():
            upload = Upload.objects.select_related("project").filter(public_id=public_id).first()
        if upload is None or upload.user_id is None or upload.user_id != actor.user_id:
            raise NotFound("there is no such upload of yours")
        project = ProjectRef(pk=upload.project_id, slug=upload.project.slug)
        return UploadRef(pk=upload.pk, public_id=PublicId(upload.public_id), project=project)

    def close_upload(self, upload: UploadRef, *, final: bool) -> None:
        """End a delivery; with `final` its studies close now instead of after the quiet time."""
        now = timezone.now()
        with transaction_of_ours():
            held = Upload.objects.select_for_update().get(pk=upload.pk)
            held.final = final = final or held.final
            is_pending = UploadItem.objects.filter(upload_id=upload.pk, status=ItemStatus.PENDING.value).exists()
            held.finished_at = None if is_pending else now
            held.save(update_fields=["final", "finished_at"])
            if final and not is_pending:
                studies = Study.objects.filter(
                    pk__in=Upload.objects.filter(pk=upload.pk, items__study__isnull=False).values("items__study")
                )
                waiting = (JobStatus.QUEUED.value, JobStatus.RETRYING.value)
                Job.objects.filter(study__in=studies, step="close", status__in=waiting, due_at__gt=now).update(
                    due_at=now
                )

    def find_identical(self, project: ProjectRef, header: Header) -> Verdict | None:
        """Return the verdict `duplicate` if the very same data set is already held."""
        same = {
            "transfer_syntax_uid": header.transfer_syntax_uid,
            "dataset_sha256": header.dataset_sha256,
        }
        place = {"instance__project_id": project.pk, "instance__sop_instance_uid": header.sop_instance_uid}
        studies = "instance__series__study__public_id"
        with translated():
            held = Version.objects.filter(**place, **same).values_list(studies, flat=True).first()
            if held is None:
                encodings = AlternateEncoding.objects.filter(
                    **{f"version__{name}": value for name, value in place.items()}, **same
                )
                held = encodings.values_list(f"version__{studies}", flat=True).first()
        return None if held is None else _duplicate(header, PublicId(held))

    def commit(self, arrival: Arrival) -> Committed:
        """Commit one arrival, together with all that arrive at the same time."""
        return self._committer.submit(arrival)

    def note(self, upload: UploadRef, verdict: Verdict) -> None:
        """Write the verdict on a file that did not lead to an arrival into the receipt."""
        self._committer.submit(Note(upload=upload, verdict=verdict))

    def begin_archive(self, upload: UploadRef, name: str) -> int:
        """Write `pending` for an archive that is to be unpacked into the receipt; return the key of that line."""
        with transaction_of_ours():
            item = UploadItem.objects.create(
                upload_id=upload.pk,
                name=item_name(name),
                status=ItemStatus.PENDING.value,
                detail="It is being unpacked.",
            )
        return item.pk

    def end_archive(self, archive_pk: int, verdict: Verdict | None) -> None:
        """Put the verdict on an archive in place of `pending`, or take the line out where its files speak for it."""
        pending = UploadItem.objects.filter(pk=archive_pk, status=ItemStatus.PENDING.value)
        with transaction_of_ours():
            if verdict is None:
                pending.delete()
            else:
                pending.update(status=verdict.status.value, code=verdict.code, detail=verdict.detail)

    def _commit_group(self, group: Sequence[Arrival | Note]) -> Sequence[Committed]:
        with transaction_of_ours():
            return ArrivalsTransaction(now=timezone.now(), quiet=self._quiet).run(group)


def _duplicate(header: Header, study_id: PublicId) -> Verdict:
    return Verdict(
        status=ItemStatus.DUPLICATE,
        name="",
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        study_instance_uid=header.study_instance_uid,
        series_instance_uid=header.series_instance_uid,
        study_id=study_id,
        warnings=header.warnings,
    )
