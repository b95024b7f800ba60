"""How the platform is doing, from the database: right for any number of processes, and cheap.

Counts come from covering indexes; the two that would read every row are kept for a while in each process.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db.models import Count, Min, Sum
from django.utils import timezone

from cauce import bootstrap
from cauce.core.errors import StorageUnavailable
from cauce.core.statuses import JobStatus, StudyStatus
from cauce.records.models import Instance, Job, Study, Version, WorkerNode

ALIVE = dt.timedelta(seconds=20)
KEPT_S = 2.0
TOTALS_KEPT_S = 30.0
_COST_SHARE = 100
_WAITING = (JobStatus.QUEUED.value, JobStatus.RETRYING.value)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """How much is stored."""

    instances: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A worker process that has been seen lately."""

    name: str
    host: str
    started_at: dt.datetime
    seen_at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One look at everything. `oldest_waiting_s` is how long the oldest due job has waited, 0 when none waits."""

    studies: dict[str, int]
    jobs: dict[tuple[str, str], int]
    oldest_waiting_s: float
    workers: list[Worker] = field(default_factory=list)
    free_bytes: int | None = None

    @property
    def jobs_by_status(self) -> dict[str, int]:
        """Jobs by status, all steps together; every status is named."""
        counts = {status.value: 0 for status in JobStatus}
        for (_, status), count in self.jobs.items():
            counts[status] += count
        return counts


class Kept(Generic[T]):
    """A value that is read anew when it is older than `for_s`. One thread reads, the others are given what is held.

    What takes long to read is kept for longer: reading takes at most a hundredth of the time, however much is stored.
    """

    def __init__(self, read: Callable[[], T], *, for_s: float) -> None:
        """Nothing is read yet."""
        self._read = read
        self._for_s = for_s
        self._lock = threading.Lock()
        self._held: tuple[float, T] | None = None

    def get(self) -> T:
        """Return the value."""
        held = self._held
        if held is not None and (time.monotonic() < held[0] or self._lock.locked()):
            return held[1]
        with self._lock:
            if self._held is not held and self._held is not None:
                return self._held[1]  # another thread has read it meanwhile
            began = time.monotonic()
            value = self._read()
            ended = time.monotonic()
            self._held = (ended + max(self._for_s, (ended - began) * _COST_SHARE), value)
            return value

    def forget(self) -> None:
        """Read anew next time."""
        self._held = None


def read_figures() -> Figures:
    """Look at the database and the store."""
    now = timezone.now()
    studies = {status.value: 0 for status in StudyStatus}
    studies.update(Study.objects.values_list("status").annotate(n=Count("id")).order_by())
    jobs = Job.objects.values_list("step", "status").annotate(n=Count("id")).order_by()
    due = Job.objects.filter(status__in=_WAITING, due_at__lte=now).aggregate(oldest=Min("due_at"))["oldest"]
    alive = WorkerNode.objects.filter(seen_at__gt=now - ALIVE).order_by("name")
    return Figures(
        studies=studies,
        jobs={(step, status): count for step, status, count in jobs},
        oldest_waiting_s=max((now - due).total_seconds(), 0.0) if due else 0.0,
        workers=[Worker(name=one.name, host=one.host, started_at=one.started_at, seen_at=one.seen_at) for one in alive],
        free_bytes=_free_bytes(),
    )


def read_totals() -> Totals:
    """Count what is stored: this reads an entry a row."""
    return Totals(
        instances=Instance.objects.count(), size_bytes=Version.objects.aggregate(n=Sum("size_bytes"))["n"] or 0
    )


def _free_bytes() -> int | None:
    try:
        return bootstrap.services().objects.free_bytes()
    except StorageUnavailable:
        return None


figures = Kept(read_figures, for_s=KEPT_S)
totals = Kept(read_totals, for_s=TOTALS_KEPT_S)
