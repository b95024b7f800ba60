"""The jobs ledger: the truth about work. Rows carry ids of ours, never identity."""

from django.db import models

from cauce.core.statuses import JobStatus
from cauce.records.models.fields import choices_of, public_id
from cauce.records.models.revisions import Batch, Revision
from cauce.records.models.studies import Series, Study


class Job(models.Model):
    """One piece of work, made in the transaction that made it necessary. `key` makes it happen once."""

    public_id = public_id()
    key = models.CharField(max_length=200, unique=True)
    step = models.CharField(max_length=32)
    status = models.CharField(max_length=16, choices=choices_of(JobStatus), default=JobStatus.QUEUED.value)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="jobs", db_index=False)
    revision = models.ForeignKey(Revision, null=True, on_delete=models.CASCADE, related_name="jobs")
    series = models.ForeignKey(Series, null=True, on_delete=models.CASCADE, related_name="+")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.CASCADE, related_name="jobs")
    priority = models.PositiveSmallIntegerField(default=1)
    cost_bytes = models.BigIntegerField(default=0)
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    attempts_max = models.PositiveIntegerField(default=5)
    worker = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    deadline_s = models.PositiveIntegerField(default=3600)
    code = models.CharField(max_length=64, blank=True, default="")
    cause = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """Claims look for what is due, urgent first; the reaper for what is overdue."""

        indexes = [  # noqa: RUF012 - Django's way
            models.Index(
                fields=["priority", "due_at", "id"],
                name="job_claimable",
                condition=models.Q(status__in=["queued", "retrying"]),
            ),
            models.Index(fields=["lease_until"], name="job_leased", condition=models.Q(status="running")),
            models.Index(fields=["status", "-id"], name="job_by_status"),
            models.Index(fields=["study", "step", "status"], name="job_of_study"),
        ]

    def __str__(self) -> str:
        return self.key


class JobAttempt(models.Model):
    """One try at a job: who, when, and how it ended. `log` is the error's trace, without values."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="history")
    number = models.PositiveIntegerField()
    worker = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True, default="")
    code = models.CharField(max_length=64, blank=True, default="")
    log = models.TextField(blank=True, default="")

    class Meta:
        """Numbered from 1."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.job_id}#{self.number}"


class WorkerNode(models.Model):
    """A worker process that has been seen."""

    name = models.CharField(max_length=64, unique=True)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
