"""Work items that the platform carries out: a pass of the flow is begun for each, and its end is theirs."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from django.db.models import Exists, OuterRef, Sum
from django.utils import timezone

from cauce import audit
from cauce.adapters.closing_sql import kept_profile, text_of, work_anew
from cauce.adapters.progress_sql import batches_of
from cauce.adapters.sql_errors import transaction_of_ours
from cauce.adapters.work_item_rows import changing, document_of, new_uid, state_of
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting
from cauce.core.messages import ProfileText
from cauce.core.statuses import AttentionCause, JobStatus
from cauce.core.work_items import Plan, WorkItemState
from cauce.readings.work_items.attributes import WORKITEM_CODE, codes_of
from cauce.readings.work_items.outcomes import OutputSeries, begun, canceled, completed, shown
from cauce.readings.work_items.requests import plan_of
from cauce.records.models import BatchItem, DeidentifiedInstance, Job, Revision, Study, WorkItem

_DIGEST_LENGTH_MIN: Final = 16
_STEPS: Final = ("close", "deidentify", "process", "summarise", "deliver")
_OPEN_JOBS: Final = (JobStatus.QUEUED.value, JobStatus.RETRYING.value, JobStatus.RUNNING.value)
_FAILED_JOBS: Final = (JobStatus.DEAD.value, JobStatus.CANCELLED.value)
_ENDED_JOBS: Final = (*_FAILED_JOBS, JobStatus.SUCCEEDED.value)
_WAITING: Final = (WorkItemState.SCHEDULED.value, WorkItemState.IN_PROGRESS.value)
_FINISHED: Final = (Revision.Status.READY, Revision.Status.ATTENTION)
_UNKNOWN: Final = "The pass ended without a result."


def is_under(plan: Plan, profile: ProfileText) -> bool:
    """Tell whether `profile` is the one that a plan counts on, by its name or by 16 digits of its digest or more."""
    wanted = plan.profile
    is_digest = len(wanted) >= _DIGEST_LENGTH_MIN and profile.digest.startswith(wanted.lower())
    return not wanted or wanted == profile.name or is_digest


def begin(job_pk: int, *, default: ProfileText) -> None:
    """Begin the pass that the work item of a job asks for; one that was begun, or is canceled, stays as it is."""
    with transaction_of_ours():
        job = Job.objects.get(pk=job_pk)
        study = Study.objects.select_for_update().get(pk=job.study_id)
        item = WorkItem.objects.select_for_update().filter(job_id=job_pk).first()
        if item is None or state_of(item) is not WorkItemState.SCHEDULED:
            return
        plan = _plan(item)
        if not is_under(plan, text_of(kept_profile(study.project_id, default))):
            raise Conflicting("The project is under another profile than the work item counts on.")
        newest = study.revisions.order_by("-number").first()
        item.after_revision = newest.number if newest else 0
        work_anew(study, newest)
        item.transaction_uid = new_uid()
        with changing(item) as document:
            document.update(begun(document, now=timezone.now()))
        audit.record(Actor.platform(), "work_item.begin", subject=item.public_id, study=study.public_id)


def settle(study_pk: int) -> None:
    """End the work items of a study that wait for what has ended, well or not."""
    with transaction_of_ours():
        study = Study.objects.select_for_update().select_related("project").get(pk=study_pk)
        waiting = WorkItem.objects.select_for_update(of=("self",)).filter(study=study, state__in=_WAITING)
        for item in waiting.select_related("job").order_by("pk"):
            if state_of(item) is WorkItemState.SCHEDULED:
                if item.job is None or item.job.status in _FAILED_JOBS:
                    _give_up(item, item.job.cause if item.job and item.job.cause else _UNKNOWN)
            else:
                _settle_begun(item, study)


def progress_of(item: WorkItem) -> tuple[int, str]:
    """Return how far the pass of a work item is, in percent and in words."""
    revision = _revisions(item).first()
    if revision is None:
        return 0, "The study is about to be closed."
    batches = batches_of(revision)
    total = batches.count()
    ended = Job.objects.filter(batch__in=batches, status__in=_ENDED_JOBS)
    measured = batches.filter(Exists(Job.objects.filter(batch=OuterRef("pk"), step="process", status__in=_ENDED_JOBS)))
    series = batches.values("series_id").distinct().count()
    summaries = Job.objects.filter(revision=revision, step="summarise", status__in=_ENDED_JOBS).count()
    done = ended.filter(step__in=("deidentify", "process")).count() + summaries
    images, of_images = (found.aggregate(sum=Sum("instances"))["sum"] or 0 for found in (measured, batches))
    percent = min(99, 100 * done // (2 * total + series + 1))
    return percent, f"{images} of {of_images} images measured."


def _plan(item: WorkItem) -> Plan:
    document = document_of(item)
    plan = plan_of(document, pipelines={value for _, value in codes_of(document, WORKITEM_CODE)})
    if plan is None:
        raise Conflicting("The work item names no pipeline any more.")
    return plan


def _revisions(item: WorkItem) -> Any:
    after = item.after_revision or 0
    return Revision.objects.filter(study=item.study, number__gt=after).order_by("-number")


def _settle_begun(item: WorkItem, study: Study) -> None:
    revision = _revisions(item).filter(status__in=_FINISHED).first()
    if revision is not None:
        dead = [cause["detail"] for cause in revision.causes if cause["cause"] == AttentionCause.JOB_DEAD.value]
        if dead:
            _give_up(item, "; ".join(map(str, dead)))
        else:
            _complete(item, study, revision)
    elif not Job.objects.filter(study=study, step__in=_STEPS, status__in=_OPEN_JOBS).exists():
        since = item.job.started_at if item.job and item.job.started_at else item.created_at
        failed = Job.objects.filter(study=study, step__in=_STEPS, status=JobStatus.DEAD.value, finished_at__gte=since)
        newest = failed.order_by("-finished_at").first()
        _give_up(item, f"{newest.step}: {newest.cause}" if newest else _UNKNOWN)


def _complete(item: WorkItem, study: Study, revision: Revision) -> None:
    members = BatchItem.objects.filter(batch__in=batches_of(revision)).values("version_id")
    outputs = _outputs(study, revision, members)
    made, of = sum(len(series.instances) for series in outputs), members.distinct().count()
    item.revision = revision
    with changing(item) as document:
        done = completed(document, outputs=outputs, parameters=_how(document, revision), now=timezone.now())
        document.update(shown(done, percent=100, words=f"{made} of {of} images de-identified and measured."))
    actor, ended_with = Actor.platform(), revision.public_id
    audit.record(actor, "work_item.complete", subject=item.public_id, revision=ended_with, outputs=made)


def _how(document: Mapping[str, Any], revision: Revision) -> dict[str, str]:
    """Return the parameters that a pass ran under, by which it can be told from others."""
    pipeline = next((value for _, value in codes_of(document, WORKITEM_CODE)), "")
    return {"pipeline": pipeline, "profile": revision.profile_key, "revision": str(revision.number)}


def _outputs(study: Study, revision: Revision, members: Any) -> Sequence[OutputSeries]:
    """Return the de-identified objects of a revision, by series."""
    found = DeidentifiedInstance.objects.filter(profile=revision.profile_key, cause="", version__in=members)
    names = ("study_instance_uid", "series_instance_uid", "version__instance__sop_class_uid", "sop_instance_uid")
    rows = found.order_by("study_instance_uid", "series_instance_uid", "version__instance_number", "pk")
    root = f"/projects/{study.project.slug}/deid/dicom-web"
    return [
        OutputSeries(
            study_instance_uid=study_uid,
            series_instance_uid=series_uid,
            instances=[(sop_class, instance) for _, _, sop_class, instance in members_of],
            address=f"{root}/studies/{study_uid}/series/{series_uid}",
        )
        for (study_uid, series_uid), members_of in groupby(rows.values_list(*names), key=lambda row: row[:2])
    ]


def _give_up(item: WorkItem, reason: str) -> None:
    item.transaction_uid = item.transaction_uid or new_uid()
    with changing(item) as document:
        document.update(canceled(document, now=timezone.now(), reason=reason))
    audit.record(Actor.platform(), "work_item.give_up", subject=item.public_id)
