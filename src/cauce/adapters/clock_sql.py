"""What a clock that has gone back leaves behind: moments in the ledger that lie too far in the future."""

import datetime as dt
from typing import TYPE_CHECKING, Final

import structlog

from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.statuses import JobStatus
from cauce.ports.ledger import LEASE_S
from cauce.records.models import Job

if TYPE_CHECKING:
    from django.db.models import QuerySet

log = structlog.get_logger("cauce.ledger")

TOLERANCE: Final = dt.timedelta(seconds=5)
"""How far the clocks of two hosts may differ without anything being said of it."""


def bring_back(now: dt.datetime, *, quiet_s: float, retry_s: float) -> int:
    """Bring what is due later than it can ever be set to its latest moment; return how many jobs that concerned.

    A closing is due after the quiet time at the latest, any other job after the longest wait for a retry, and a lease
    never lasts longer than one from now. What lies beyond was written under a clock that was ahead of this one; left
    alone, a study would wait for its closing until the clock has caught up, hours perhaps. What a work item asks for is
    due on the day that it names, so that it stays as it is.
    """
    waiting = Job.objects.filter(status__in=(JobStatus.QUEUED.value, JobStatus.RETRYING.value))
    latest_closing = now + dt.timedelta(seconds=quiet_s)
    latest_retry = now + dt.timedelta(seconds=retry_s)
    latest_lease = now + dt.timedelta(seconds=LEASE_S)
    closings = waiting.filter(step="close", due_at__gt=latest_closing + TOLERANCE)
    retries = waiting.exclude(step__in=("close", "perform")).filter(due_at__gt=latest_retry + TOLERANCE)
    leases = Job.objects.filter(status=JobStatus.RUNNING.value, lease_until__gt=latest_lease + TOLERANCE)
    if not _any(closings, retries, leases):
        return 0
    with transaction_of_ours():
        count = closings.update(due_at=latest_closing)
        count += retries.update(due_at=latest_retry)
        count += leases.update(lease_until=latest_lease)
    log.warning("clock.went_back", jobs=count)
    return count


def _any(*found: "QuerySet[Job]") -> bool:
    with translated():
        return any(each.exists() for each in found)
