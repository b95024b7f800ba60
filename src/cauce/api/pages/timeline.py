"""What happened to a study, step by step: jobs of a kind that stand alike are one line, those that failed their own."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cauce.core.statuses import JobStatus
from cauce.records.models import Job, JobAttempt

_ALONE = frozenset({JobStatus.DEAD.value, JobStatus.RETRYING.value})


@dataclass(slots=True)
class Event:
    """One line: a job, or several of one step that stand alike. `log` is what the last attempt left."""

    step: str
    status: str
    revision: int | None
    jobs: list[Job] = field(default_factory=list)
    log: str = ""

    @property
    def began_at(self) -> dt.datetime | None:
        """When the first of its jobs began."""
        return min((job.started_at for job in self.jobs if job.started_at), default=None)

    @property
    def ended_at(self) -> dt.datetime | None:
        """When the last of its jobs ended."""
        ends = [job.finished_at for job in self.jobs]
        return max((end for end in ends if end), default=None) if all(ends) else None

    @property
    def due_at(self) -> dt.datetime:
        """When the first of its jobs is due."""
        return min(job.due_at for job in self.jobs)

    @property
    def first(self) -> Job:
        """Its first job."""
        return self.jobs[0]

    @property
    def workers(self) -> list[str]:
        """Who worked on it."""
        return sorted({job.worker for job in self.jobs if job.worker})


def timeline_of(jobs: Iterable[Job]) -> list[Event]:
    """Return what happened, newest revision first, in the order of the flow within it."""
    events: dict[tuple[object, ...], Event] = {}
    for job in sorted(jobs, key=lambda job: job.pk):
        number = job.revision.number if job.revision else None
        key = (number, job.step, job.status, job.pk if job.status in _ALONE else None)
        event = events.setdefault(key, Event(job.step, job.status, number))
        event.jobs.append(job)
    ordered = sorted(events.values(), key=lambda event: event.first.pk)
    _add_logs(ordered)
    return ordered


def _add_logs(events: Sequence[Event]) -> None:
    failed = [event for event in events if event.status in _ALONE]
    logs = last_logs([event.first for event in failed])
    for event in failed:
        event.log = logs.get(event.first.pk, "")


def last_logs(jobs: Sequence[Job]) -> dict[int, str]:
    """Return, by job, what its last attempt left in the log."""
    attempts = JobAttempt.objects.filter(job__in=[job.pk for job in jobs]).exclude(log="").order_by("number")
    return dict(attempts.values_list("job", "log"))
