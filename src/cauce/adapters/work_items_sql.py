"""Work items in the SQL database. Whatever locks a study and its work items locks the study first."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from django.utils import timezone

from cauce import audit
from cauce.adapters import work_item_passes, work_item_search
from cauce.adapters.closing_sql import text_of
from cauce.adapters.ledger_sql import enqueue
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.adapters.work_item_rows import add, changing, document_of, locked, new_uid, performer_of, state_of
from cauce.core import work_items
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, InvalidRequest, NotFound
from cauce.core.identifiers import PublicId
from cauce.core.messages import ProfileText, ProjectRef
from cauce.core.statuses import JobStatus
from cauce.core.work_items import Created, HeldWorkItem, Plan, Ruling, WorkItemRefused, WorkItemState, transaction_of
from cauce.ports.ledger import JobRequest
from cauce.ports.search import Page
from cauce.ports.work_items import WorkItemQuery
from cauce.readings.work_items.outcomes import canceled, in_state, shown, unmet_for_completion
from cauce.readings.work_items.requests import created, due, plan_of, uid_of, updated
from cauce.records.models import Job, ProfileVersion, Study, WorkItem

_WAITING: Final = (JobStatus.QUEUED.value, JobStatus.RETRYING.value)
_DETAILS: Final = {
    Ruling.NO_LONGER_UPDATED: "The work item has reached its end: nothing of it changes any more.",
    Ruling.TRANSACTION_MISSING: "The Transaction UID is missing.",
    Ruling.TRANSACTION_INCORRECT: "The Transaction UID is incorrect.",
    Ruling.ALREADY_IN_PROGRESS: "The work item is in progress already.",
    Ruling.SCHEDULED_BY_CREATION_ONLY: "A work item is scheduled by its creation alone.",
    Ruling.NOT_IN_PROGRESS: "The work item has not been claimed: it is not in progress.",
    Ruling.COMPLETED_BEFORE: "The work item is completed.",
    Ruling.PERFORMER_UNREACHABLE: "Whoever carries the work item out cannot be told.",
    Ruling.PERFORMER_DECLINES: "The platform carries the work item out, and ends what it has begun.",
    Ruling.PERFORMED_HERE: "The platform carries this work item out itself: nobody else claims it.",
}


class SqlWorkItems:
    """Fulfils `cauce.ports.work_items.WorkItems`."""

    def create(
        self,
        project: ProjectRef,
        given: Mapping[str, Any],
        *,
        uid: str,
        actor: Actor,
        pipelines: Collection[str],
        profile: ProfileText,
    ) -> Created:
        """Schedule a work item, and in the same transaction the job of one that names a pipeline."""
        uid = uid_of(given, named=uid) or new_uid()
        document, is_modified = created(given, uid=uid, label=project.slug, now=timezone.now())
        plan = plan_of(document, pipelines=pipelines)
        item = WorkItem(project_id=project.pk, sop_instance_uid=uid)
        with transaction_of_ours():
            item.study = _study_of(project, plan, default=profile)
            if not add(item, document):
                raise Conflicting("There is a work item of this UID.")
            if item.study is not None:
                _give_to_job(item, document)
            study_id = item.study.public_id if item.study is not None else ""
            audit.record(actor, "work_item.create", subject=item.public_id, study=study_id)
        return Created(uid=uid, public_id=PublicId(item.public_id), is_modified=is_modified)

    def find(self, project: ProjectRef, uid: str) -> HeldWorkItem:
        """Return a work item; one that the platform carries out says how far it is."""
        with translated():
            item = WorkItem.objects.filter(project_id=project.pk, sop_instance_uid=uid).first()
            if item is None:
                raise NotFound("There is no such work item.")
            return HeldWorkItem(public_id=PublicId(item.public_id), state=state_of(item), document=_shown(item))

    def update(
        self,
        project: ProjectRef,
        uid: str,
        given: Mapping[str, Any],
        *,
        transaction_uid: str,
        actor: Actor,
        pipelines: Collection[str],
    ) -> None:
        """Set attributes, all or none. What a pipeline works on stays as it was; when it begins may change."""
        with transaction_of_ours():
            item = locked(project, uid)
            state = state_of(item)
            _require(work_items.update(state, transaction=transaction_of(transaction_uid, held=item.transaction_uid)))
            with changing(item) as document:
                before = plan_of(document, pipelines=pipelines) if item.study_id is not None else None
                document.update(updated(document, given, now=timezone.now()))
                if plan_of(document, pipelines=pipelines) != before:
                    raise InvalidRequest("What a pipeline is to work on, and which, is said by the creation alone.")
                if item.job_id is not None and state is WorkItemState.SCHEDULED:
                    _waiting(item).update(due_at=due(document))
            audit.record(actor, "work_item.update", subject=item.public_id, attributes=sorted(given)[:_NAMED_MAX])

    def change_state(
        self, project: ProjectRef, uid: str, *, to: WorkItemState, transaction_uid: str, actor: Actor
    ) -> Ruling:
        """Claim, complete or give up a work item."""
        with transaction_of_ours():
            item = locked(project, uid)
            transaction = transaction_of(transaction_uid, held=item.transaction_uid)
            ruling = _require(
                work_items.change_of_state(state_of(item), to=to, transaction=transaction, performer=performer_of(item))
            )
            if ruling is not Ruling.DONE:
                return ruling
            with changing(item) as document:
                document.update(_in_state(document, to))
                item.transaction_uid = transaction_uid
            audit.record(actor, "work_item.change_state", subject=item.public_id, state=to.value)
        return ruling

    def request_to_cancel(self, project: ProjectRef, uid: str, given: Mapping[str, Any], *, actor: Actor) -> Ruling:
        """Give up a work item that nobody has begun."""
        with transaction_of_ours():
            item = locked(project, uid)
            ruling = _require(work_items.request_to_cancel(state_of(item), performer=performer_of(item)))
            if ruling is Ruling.DONE:
                with changing(item) as document:
                    document.update(canceled(document, now=timezone.now(), request=given))
                    item.transaction_uid = new_uid()
                if item.job_id is not None:
                    _waiting(item).update(
                        status=JobStatus.CANCELLED.value, finished_at=timezone.now(), cause="its work item was canceled"
                    )
                audit.record(actor, "work_item.cancel", subject=item.public_id)
        return ruling

    def search(self, query: WorkItemQuery) -> Page:
        """Return one page of results, newest first."""
        with translated():
            return work_item_search.find(query)

    def documents(
        self, rows: Sequence[Mapping[str, Any]], *, includes_performed: bool = False
    ) -> Sequence[Mapping[str, Any]]:
        """Return the data sets of a few results; one that is gone meanwhile is left out."""
        wanted = WorkItem.objects.all() if includes_performed else WorkItem.objects.defer("performed")
        with translated():
            found = wanted.in_bulk([row["pk"] for row in rows])
            items = [found[row["pk"]] for row in rows if row["pk"] in found]
            return [_shown(item, includes_performed=includes_performed) for item in items]

    def begin(self, job_pk: int, *, profile: ProfileText) -> None:
        """Begin what the work item of a job asks for, once."""
        work_item_passes.begin(job_pk, default=profile)

    def settle(self, study_pk: int) -> None:
        """End the work items of a study whose pass has ended."""
        work_item_passes.settle(study_pk)


_NAMED_MAX: Final = 64
"""Most attributes that an audit row names."""


def _require(ruling: Ruling) -> Ruling:
    if ruling.is_failure:
        raise WorkItemRefused(ruling, _DETAILS[ruling])
    return ruling


def _in_state(document: Mapping[str, Any], state: WorkItemState) -> dict[str, Any]:
    """Return a data set in the state that its performer puts it in.

    Raises:
        WorkItemRefused: it lacks what the final state requires.
    """
    if state is WorkItemState.COMPLETED and (unmet := unmet_for_completion(document)):
        raise WorkItemRefused(Ruling.FINAL_STATE_UNMET, f"To be completed it lacks: {', '.join(unmet)}.")
    if state is WorkItemState.CANCELED:
        return canceled(document, now=timezone.now())
    return in_state(document, state)


def _study_of(project: ProjectRef, plan: Plan | None, *, default: ProfileText) -> Study | None:
    """Return the study that a work item asks the platform to work on, if it does, kept from others.

    Raises:
        InvalidRequest: the project has no such study, or is under another profile.
    """
    if plan is None:
        return None
    study = Study.objects.select_for_update().filter(project_id=project.pk)
    found = study.filter(study_instance_uid=plan.study_instance_uid).first()
    if found is None:
        raise InvalidRequest("The project has no such study.", field="InputInformationSequence")
    newest = ProfileVersion.objects.filter(project_id=project.pk).order_by("-number").first()
    if not work_item_passes.is_under(plan, text_of(newest) if newest else default):
        raise InvalidRequest(
            "The project is under another de-identification profile.", field="ScheduledProcessingParametersSequence"
        )
    return found


def _give_to_job(item: WorkItem, document: Mapping[str, Any]) -> None:
    key = f"perform:{item.public_id}"
    enqueue([JobRequest(key=key, step="perform", study_pk=item.study_id or 0, due_at=due(document))])
    item.job = Job.objects.get(key=key)
    item.save(update_fields=["job"])


def _waiting(item: WorkItem) -> Any:
    return Job.objects.filter(work_item=item, status__in=_WAITING)


def _shown(item: WorkItem, *, includes_performed: bool = True) -> dict[str, Any]:
    document = document_of(item, includes_performed=includes_performed)
    if item.study_id is not None and state_of(item) is WorkItemState.IN_PROGRESS:
        percent, words = work_item_passes.progress_of(item)
        return shown(document, percent=percent, words=words)
    return document
