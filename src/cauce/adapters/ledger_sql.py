"""The jobs ledger in the SQL database: the truth about work, on SQLite and PostgreSQL alike."""

import datetime as dt
import random
from collections.abc import Sequence

import structlog
from django.db import connection
from django.db.models import F, QuerySet
from django.utils import timezone

from cauce import audit
from cauce.adapters import clock_sql
from cauce.adapters.progress_sql import SqlProgress
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.actors import Actor
from cauce.core.errors import CauceError, Conflicting, NotFound
from cauce.core.identifiers import PublicId
from cauce.core.statuses import AttentionCause, JobStatus, StudyStatus
from cauce.ports.ledger import LEASE_S, ClaimedJob, Following, JobRequest
from cauce.records.models import Job, JobAttempt, Revision, Study, WorkerNode

BACKOFF_BASE_S = 2.0
BACKOFF_CAP_S = 300.0
BACKOFF_JITTER_MAX = 1.5
REAPED_AT_ONCE = 500
_WAITING = (JobStatus.QUEUED.value, JobStatus.RETRYING.value)
_ENDED = (JobStatus.SUCCEEDED.value, JobStatus.DEAD.value, JobStatus.CANCELLED.value)

CANCELLED = "cancelled"
"""Code of a job that a person took back; what a newer revision made needless has none."""
_ALWAYS_RUN = ("close", "deliver")
_NEVER_CANCELLED = (*_ALWAYS_RUN, "settle")

log = structlog.get_logger("cauce.ledger")


class SqlLedger:
    """Claims are made under a lease; whoever holds the lease finishes the job, a late worker is fenced off."""

    def __init__(self, following: Following, *, quiet_s: float = 60.0) -> None:
        """`following` is the flow's rule for what comes after a job, `quiet_s` how late a closing may be due."""
        self._following = following
        self._quiet_s = quiet_s

    def claim(self, worker: str) -> ClaimedJob | None:
        """Take the most urgent due job, or return `None`; an empty ledger costs one read."""
        now = timezone.now()
        due = Job.objects.filter(status__in=_WAITING, due_at__lte=now).order_by("priority", "due_at", "id")
        with translated():
            if not due.exists():
                return None
        with transaction_of_ours():
            if connection.features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True)
            job = due.first()
            if job is None:
                return None
            job.attempts += 1
            job.status = JobStatus.RUNNING.value
            job.worker = worker
            job.lease_until = now + dt.timedelta(seconds=LEASE_S)
            job.started_at = now
            job.save(update_fields=["attempts", "status", "worker", "lease_until", "started_at"])
            JobAttempt.objects.create(job=job, number=job.attempts, worker=worker, started_at=now)
            self._show_processing(job)
        return _claimed(job)

    @staticmethod
    def _show_processing(job: Job) -> None:
        if job.revision_id is None:
            return
        moved = Revision.objects.filter(pk=job.revision_id, status=Revision.Status.QUEUED).update(
            status=Revision.Status.PROCESSING
        )
        if moved:
            Study.objects.filter(pk=job.study_id, status=StudyStatus.QUEUED.value).update(
                status=StudyStatus.PROCESSING.value
            )

    def heartbeat(self, job: ClaimedJob, *, worker: str) -> bool:
        """Extend the lease; False when the job is no longer this worker's."""
        lease = timezone.now() + dt.timedelta(seconds=LEASE_S)
        with translated():
            return bool(self._held(job, worker).update(lease_until=lease))

    def succeed(self, job: ClaimedJob, *, worker: str) -> bool:
        """Finish a job and enqueue what follows, in one transaction."""
        with transaction_of_ours():
            self._lock_study(job)
            if not self._end(job, worker, status=JobStatus.SUCCEEDED):
                return False
            self._note_attempt(job, outcome="succeeded")
            enqueue(self._following(job, succeeded=True, progress=SqlProgress()))
        return True

    def fail(self, job: ClaimedJob, *, worker: str, error: CauceError, log: str) -> bool:
        """Record a failed attempt; True when the job was ours to fail."""
        with transaction_of_ours():
            self._lock_study(job)
            row = self._held(job, worker).first()
            if row is None:
                return False
            self._note_attempt(job, outcome="failed", code=error.code, log=log)
            if error.retryable and row.attempts < row.attempts_max:
                self._retry(row, error)
            else:
                self._bury(row, job, code=error.code, cause=error.detail or error.code)
        return True

    def reap(self) -> int:
        """Put back jobs whose lease has run out: at once, since their worker is gone, not the job at fault."""
        now = timezone.now()
        clock_sql.bring_back(now, quiet_s=self._quiet_s, retry_s=BACKOFF_CAP_S * BACKOFF_JITTER_MAX)
        overdue = Job.objects.filter(status=JobStatus.RUNNING.value, lease_until__lt=now)
        with translated():
            if not overdue.exists():
                return 0
        with transaction_of_ours():
            rows = list(overdue.select_for_update().order_by("id")[:REAPED_AT_ONCE])
            for row in rows:
                self._note_attempt(_claimed(row), outcome="lost", code="lease_expired")
                if row.attempts < row.attempts_max:
                    row.status, row.worker, row.lease_until, row.due_at = JobStatus.RETRYING.value, "", None, now
                    row.code, row.cause = "lease_expired", "its worker stopped answering"
                    row.save(update_fields=["status", "worker", "lease_until", "due_at", "code", "cause"])
                else:
                    self._bury(row, _claimed(row), code="lease_expired", cause="every worker that tried it stopped")
        log.warning("jobs.reaped", count=len(rows))
        return len(rows)

    def replay(self, public_id: str, *, actor: Actor) -> None:
        """Queue a dead or cancelled job again, with its attempts counted from zero."""
        dead = (JobStatus.DEAD.value, JobStatus.CANCELLED.value)
        with transaction_of_ours():
            row = _find(public_id)
            if row.status not in dead:
                raise Conflicting(f"the job is {row.status}, only dead and cancelled jobs can be replayed")
            row.status, row.due_at, row.finished_at = JobStatus.QUEUED.value, timezone.now(), None
            row.attempts_max = row.attempts + 5
            row.save(update_fields=["status", "due_at", "finished_at", "attempts_max"])
            audit.record(actor, "job.replay", subject=public_id)

    def cancel(self, public_id: str, *, actor: Actor) -> None:
        """Cancel a job that has not started; what waited for it goes on without it."""
        with transaction_of_ours():
            row = _find(public_id)
            if row.status not in _WAITING:
                raise Conflicting(f"the job is {row.status}, only waiting jobs can be cancelled")
            if row.step in _NEVER_CANCELLED:
                raise Conflicting(f"a {row.step} job cannot be cancelled: its study would never reach its end")
            row.status, row.finished_at = JobStatus.CANCELLED.value, timezone.now()
            row.code, row.cause = CANCELLED, "taken back by an administrator"
            row.save(update_fields=["status", "finished_at", "code", "cause"])
            enqueue(self._following(_claimed(row), succeeded=False, progress=SqlProgress()))
            audit.record(actor, "job.cancel", subject=public_id)

    def seen(self, worker: str, *, host: str, pid: int) -> None:
        """Note that a worker is alive."""
        now = timezone.now()
        with transaction_of_ours():
            WorkerNode.objects.update_or_create(
                name=worker,
                defaults={"host": host, "pid": pid, "seen_at": now},
                create_defaults={"host": host, "pid": pid, "seen_at": now, "started_at": now},
            )
            WorkerNode.objects.filter(seen_at__lt=now - dt.timedelta(days=1)).delete()

    @staticmethod
    def _held(job: ClaimedJob, worker: str) -> QuerySet[Job]:
        return Job.objects.filter(
            pk=job.pk, worker=worker, attempts=job.attempt, status=JobStatus.RUNNING.value
        ).select_for_update()

    @staticmethod
    def _lock_study(job: ClaimedJob) -> None:
        Study.objects.select_for_update().only("pk").get(pk=job.study_pk)

    def _end(self, job: ClaimedJob, worker: str, *, status: JobStatus) -> bool:
        return bool(
            self._held(job, worker).update(
                status=status.value, finished_at=timezone.now(), lease_until=None, code="", cause=""
            )
        )

    @staticmethod
    def _note_attempt(job: ClaimedJob, *, outcome: str, code: str = "", log: str = "") -> None:
        JobAttempt.objects.filter(job_id=job.pk, number=job.attempt).update(
            ended_at=timezone.now(), outcome=outcome, code=code, log=log
        )

    @staticmethod
    def _retry(row: Job, error: CauceError) -> None:
        wait_s = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2 ** (row.attempts - 1)) * random.uniform(0.5, BACKOFF_JITTER_MAX)  # noqa: S311 - jitter
        row.status = JobStatus.RETRYING.value
        row.due_at = timezone.now() + dt.timedelta(seconds=wait_s)
        row.worker, row.lease_until, row.code, row.cause = "", None, error.code, error.detail
        row.save(update_fields=["status", "due_at", "worker", "lease_until", "code", "cause"])
        log.warning("job.retrying", job=row.public_id, step=row.step, code=error.code, wait_s=round(wait_s, 1))

    def _bury(self, row: Job, job: ClaimedJob, *, code: str, cause: str) -> None:
        row.status, row.finished_at, row.lease_until = JobStatus.DEAD.value, timezone.now(), None
        row.code, row.cause = code, cause
        row.save(update_fields=["status", "finished_at", "lease_until", "code", "cause"])
        enqueue(self._following(job, succeeded=False, progress=SqlProgress()))
        if row.step in _ALWAYS_RUN:
            self._show_stuck(row, cause)
        log.error("job.dead", job=row.public_id, step=row.step, code=code)

    @staticmethod
    def _show_stuck(row: Job, cause: str) -> None:
        """Let a study whose closing or delivery is dead wait for a person, since nothing else ends it."""
        causes = [{"cause": AttentionCause.JOB_DEAD.value, "detail": f"{row.step}: {cause}", "count": 1}]
        Study.objects.filter(pk=row.study_id).update(status=StudyStatus.ATTENTION.value, causes=causes)


def enqueue(requests: Sequence[JobRequest]) -> None:
    """Add jobs in the current transaction; one whose key exists stays as it is, or runs once more if asked `again`."""
    now = timezone.now()
    Job.objects.bulk_create(
        [
            Job(
                key=request.key,
                step=request.step,
                study_id=request.study_pk,
                revision_id=request.revision_pk,
                series_id=request.series_pk,
                batch_id=request.batch_pk,
                priority=request.priority,
                cost_bytes=request.cost_bytes,
                due_at=max(now, request.due_at or now),
            )
            for request in sorted(requests, key=lambda request: request.key)
        ],
        ignore_conflicts=True,
    )
    again = [request.key for request in requests if request.again]
    Job.objects.filter(key__in=again, status__in=_ENDED).update(
        status=JobStatus.QUEUED.value, due_at=now, finished_at=None, attempts_max=F("attempts") + 5
    )


def _find(public_id: str) -> Job:
    row = Job.objects.select_for_update().filter(public_id=public_id).first()
    if row is None:
        raise NotFound("there is no such job")
    return row


def _claimed(job: Job) -> ClaimedJob:
    return ClaimedJob(
        pk=job.pk,
        public_id=PublicId(job.public_id),
        key=job.key,
        step=job.step,
        attempt=job.attempts,
        study_pk=job.study_id,
        revision_pk=job.revision_id,
        series_pk=job.series_id,
        batch_pk=job.batch_id,
        deadline_s=job.deadline_s,
    )
