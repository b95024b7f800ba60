"""The jobs of a study on one axis of time, drawn as shapes (an inline style would break the content policy)."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from cauce.records.models import Job

WIDTH = 1000
_BAR_LEAST = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One job: where its bar begins and how long it is, of a width of 1000."""

    job: Job
    x: int
    width: int
    wait_x: int
    wait_width: int


def timeline_of(jobs: Sequence[Job]) -> list[Bar]:
    """Return the bars of jobs, in the order in which they became necessary."""
    if not jobs:
        return []
    now = timezone.now()
    ordered = sorted(jobs, key=lambda job: job.pk)
    start = min(job.created_at for job in ordered)
    end = max(_end_of(job, now) for job in ordered)
    span_s = max((end - start).total_seconds(), 0.001)

    def place(moment: dt.datetime) -> int:
        return max(0, min(WIDTH, round((moment - start).total_seconds() / span_s * WIDTH)))

    bars = []
    for job in ordered:
        began = job.started_at or _end_of(job, now)
        waited_from, x = place(job.created_at), min(place(began), WIDTH - _BAR_LEAST)
        width = max(place(_end_of(job, now)) - x, _BAR_LEAST) if job.started_at else 0
        bars.append(Bar(job=job, x=x, width=width, wait_x=waited_from, wait_width=max(x - waited_from, 0)))
    return bars


def _end_of(job: Job, now: dt.datetime) -> dt.datetime:
    return job.finished_at or now
