"""The catalogue's way in: arrivals are committed in groups, in bulk statements, with the job that each study needs."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.utils import timezone

from cauce import audit
from cauce.adapters import uploads_sql
from cauce.adapters.arrivals_sql import ArrivalsTransaction, Note, item_name
from cauce.adapters.group_commit import GroupCommit
from cauce.adapters.held_sql import find_identical
from cauce.adapters.put_off import PutOff
from cauce.adapters.quiet_timer import QuietTimer
from cauce.adapters.shared_connection import SharedConnection
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.adapters.statements import Table
from cauce.adapters.uploads_sql import Beginning, Closing, Opening
from cauce.audit.models import AuditEvent
from cauce.core.actors import Actor
from cauce.core.errors import NotFound
from cauce.core.identifiers import PublicId
from cauce.core.messages import Header, ProjectRef, UploadRef, Verdict
from cauce.core.statuses import ItemStatus
from cauce.ports.catalogue import Arrival, Committed
from cauce.records.models import Project, UploadItem

_AUDIT = Table(AuditEvent)

Item: TypeAlias = Arrival | Note | Beginning | Closing | None
"""What the committer is handed; `None` has it write what was put off."""


@dataclass(frozen=True, slots=True)
class Deed:
    """An audit row to be written, with the time of the deed itself."""

    row: dict[str, Any]


class SqlCatalogue:
    """One committer per process, on a connection of its own: threads that arrive together share a transaction."""

    def __init__(self, *, quiet_s: float) -> None:
        """`quiet_s` is how long a study waits for more before it closes."""
        self._timer = QuietTimer(dt.timedelta(seconds=quiet_s))
        self._committer: GroupCommit[Item, Any] = GroupCommit(self._commit_group)
        self._put_off: PutOff[Opening | Closing | Deed] = PutOff()
        self._connection = SharedConnection()
        self._projects: dict[str, ProjectRef] = {}

    def project(self, slug: str) -> ProjectRef:
        """Return the project of this slug; projects are never renamed, so each is looked up once."""
        known = self._projects.get(slug)
        if known is None:
            with self._connection.held(), translated():
                pk = Project.objects.filter(slug=slug).values_list("pk", flat=True).first()
            if pk is None:
                raise NotFound("there is no such project")
            known = self._projects[slug] = ProjectRef(pk=pk, slug=slug)
        return known

    def knows(self, slug: str) -> bool:
        """Tell whether `project` has the answer for this slug at hand."""
        return slug in self._projects

    def ensure_project(self, slug: str, *, actor: Actor) -> ProjectRef:
        """Return the project of this slug; it is made when there is none."""
        with transaction_of_ours():
            project, is_new = Project.objects.get_or_create(slug=slug, defaults={"name": slug})
            if is_new:
                audit.record(actor, "project.create", subject=project.public_id)
        return self.project(slug)

    def open_upload(self, project: ProjectRef, *, actor: Actor, source: str) -> UploadRef:
        """Begin a delivery and its receipt."""
        upload = uploads_sql.new_upload(project)
        self._put_off.add(Opening(upload=upload, actor=actor, source=source))
        return upload

    def note_access(self, actor: Actor, action: str, *, subject: str, **detail: str) -> None:
        """Write an audit row with whatever is committed next; `settle` writes it now."""
        self._put_off.add(Deed({"at": timezone.now(), **audit.row(actor, action, subject=subject, **detail)}))

    def find_upload(self, public_id: str, *, actor: Actor) -> UploadRef:
        """Return an upload that this actor began."""
        with self._connection.held(), translated():
            return uploads_sql.find(public_id, actor=actor)

    def close_upload(self, upload: UploadRef, *, final: bool, put_off: bool = False) -> None:
        """End a delivery; with `final` its studies close now instead of after the quiet time."""
        closing = Closing(upload=upload, final=final)
        if put_off:
            self._put_off.add(closing)
        else:
            self._committer.submit(closing)

    def settle(self) -> None:
        """Write what was put off."""
        if self._put_off or self._committer.has_waiting:
            self._committer.submit(None)

    def find_identical(self, project: ProjectRef, header: Header) -> Verdict | None:
        """Return the verdict `duplicate` if the very same data set is already held."""
        with self._connection.held(), translated():
            study_id = find_identical(
                project.pk, header.sop_instance_uid, header.transfer_syntax_uid, header.dataset_sha256
            )
        return None if study_id is None else _duplicate(header, study_id)

    def commit(self, arrival: Arrival) -> Committed:
        """Commit one arrival, together with all that arrive at the same time."""
        committed: Committed = self._committer.submit(arrival)
        return committed

    def note(self, upload: UploadRef, verdict: Verdict, *, put_off: bool = False) -> None:
        """Write the verdict on a file that did not lead to an arrival into the receipt."""
        note = Note(upload=upload, verdict=verdict)
        if put_off:
            self._committer.put_off(note)
        else:
            self._committer.submit(note)

    def begin_archive(self, upload: UploadRef, name: str) -> int:
        """Write `pending` for an archive that is to be unpacked into the receipt; return the key of that line."""
        archive_pk: int = self._committer.submit(Beginning(upload=upload, name=item_name(name)))
        return archive_pk

    def end_archive(self, archive_pk: int, verdict: Verdict | None) -> None:
        """Put the verdict on an archive in place of `pending`, or take the line out where its files speak for it."""
        self.settle()  # the lines of its files come before the one of the archive goes
        pending = UploadItem.objects.filter(pk=archive_pk, status=ItemStatus.PENDING.value)
        with self._connection.held(), transaction_of_ours():
            if verdict is None:
                pending.delete()
            else:
                pending.update(status=verdict.status.value, code=verdict.code, detail=verdict.detail)

    def close(self) -> None:
        """Give back the connection; whoever comes later opens it again."""
        self._connection.close()

    def _commit_group(self, group: Sequence[Item]) -> Sequence[Any]:
        """Commit what came together, and what was put off: beginnings before what arrives, ends after it."""
        now = timezone.now()
        with self._put_off.taken() as put_off, self._connection.held(), transaction_of_ours():
            if openings := [item for item in put_off if isinstance(item, Opening)]:
                uploads_sql.begin(openings, now=now)
            if deeds := [item.row for item in put_off if isinstance(item, Deed)]:
                _AUDIT.insert(deeds, now=now)
            arriving = [item for item in group if isinstance(item, Arrival | Note)]
            arrivals = ArrivalsTransaction(now=now, timer=self._timer)
            committed = arrivals.run(arriving) if arriving else []
            answers: dict[int, Any] = {id(item): answer for item, answer in zip(arriving, committed, strict=True)}
            for item in group:
                if isinstance(item, Beginning):
                    answers[id(item)] = uploads_sql.begin_archive(item, now=now)
            if closings := [item for item in (*put_off, *group) if isinstance(item, Closing)]:
                uploads_sql.end(closings, now=now)
        self._timer.committed(arrivals.armed, now)
        return [answers.get(id(item)) for item in group]


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
