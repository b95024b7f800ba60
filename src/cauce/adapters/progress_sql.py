"""How far a study is, read in the transaction that finishes one of its jobs."""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet

from cauce.core.statuses import JobStatus
from cauce.core.work_items import WorkItemState
from cauce.ports.ledger import JobRequest
from cauce.records.models import Batch, Job, Revision, WorkItem

_ENDED = (JobStatus.SUCCEEDED.value, JobStatus.DEAD.value, JobStatus.CANCELLED.value)
_FAILED = (JobStatus.DEAD.value, JobStatus.CANCELLED.value)


def batches_of(revision: Revision) -> "QuerySet[Batch]":
    """Return the batches that belong to a revision."""
    return Batch.objects.filter(study_id=revision.study_id, first_revision__lte=revision.number).filter(
        Q(last_revision__isnull=True) | Q(last_revision__gte=revision.number)
    )


class SqlProgress:
    """Answers for the flow's question: what has become necessary now?"""

    def latest_revision(self, study_pk: int) -> int | None:
        """Return the key of the study's newest revision."""
        newest = Revision.objects.filter(study_id=study_pk).order_by("-number").values_list("pk", flat=True)
        return newest.first()

    def batches_without_job(self, revision_pk: int) -> Sequence[JobRequest]:
        """Return requests to de-identify the batches that no job was ever made for."""
        revision = Revision.objects.get(pk=revision_pk)
        jobs = Job.objects.filter(batch=OuterRef("pk"), step="deidentify")
        return [
            JobRequest(
                key=f"deidentify:{batch.public_id}",
                step="deidentify",
                study_pk=batch.study_id,
                revision_pk=revision_pk,
                series_pk=batch.series_id,
                batch_pk=batch.pk,
                cost_bytes=batch.cost_bytes,
            )
            for batch in batches_of(revision).filter(~Exists(jobs)).order_by("pk")
        ]

    def series_without_open_batches(self, revision_pk: int) -> Sequence[int]:
        """Return the series whose batches have all reached an end."""
        batches = batches_of(Revision.objects.get(pk=revision_pk))
        processed = Job.objects.filter(batch=OuterRef("pk"), step="process", status__in=_ENDED)
        abandoned = Job.objects.filter(batch=OuterRef("pk"), step="deidentify", status__in=_FAILED)
        waiting = batches.filter(~Exists(processed), ~Exists(abandoned)).values("series_id")
        return list(
            batches.exclude(series_id__in=waiting).order_by("series_id").values_list("series_id", flat=True).distinct()
        )

    def is_summarised(self, revision_pk: int) -> bool:
        """Tell whether the summary of every series has reached an end."""
        batches = batches_of(Revision.objects.get(pk=revision_pk))
        ended = Job.objects.filter(
            series=OuterRef("series"), revision_id=revision_pk, step="summarise", status__in=_ENDED
        )
        return not batches.filter(~Exists(ended)).exists()

    def has_waiting_work_items(self, study_pk: int) -> bool:
        """Tell whether work items wait for a pass of a study to end."""
        waiting = (WorkItemState.SCHEDULED.value, WorkItemState.IN_PROGRESS.value)
        return WorkItem.objects.filter(study_id=study_pk, state__in=waiting).exists()
