"""The jobs ledger: claims with leases, retries with backoff, dead letters with their cause."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cauce.core.actors import Actor
from cauce.core.errors import CauceError
from cauce.core.identifiers import PublicId

LEASE_S = 15.0
HEARTBEAT_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRequest:
    """A job that has become necessary. `key` makes it exist once; with `again` a finished one runs once more.

    It is due at once, or not before `due_at`.
    """

    key: str
    step: str
    study_pk: int
    revision_pk: int | None = None
    series_pk: int | None = None
    batch_pk: int | None = None
    priority: int = 1
    cost_bytes: int = 0
    again: bool = False
    due_at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedJob:
    """A job in the hands of one worker; `attempt` fences off a worker whose lease has run out."""

    pk: int
    public_id: PublicId
    key: str
    step: str
    attempt: int
    study_pk: int
    revision_pk: int | None
    series_pk: int | None
    batch_pk: int | None
    deadline_s: int


class Progress(Protocol):
    """How far a study is, as seen inside the transaction that finishes one of its jobs."""

    def latest_revision(self, study_pk: int) -> int | None:
        """Return the key of the study's newest revision."""

    def batches_without_job(self, revision_pk: int) -> Sequence[JobRequest]:
        """Return requests to de-identify the batches of a revision that no job was ever made for."""

    def series_without_open_batches(self, revision_pk: int) -> Sequence[int]:
        """Return the series of a revision whose batches have all reached an end (processed, dead or cancelled)."""

    def is_summarised(self, revision_pk: int) -> bool:
        """Tell whether the summary of every series of a revision has reached an end."""

    def has_waiting_work_items(self, study_pk: int) -> bool:
        """Tell whether work items wait for a pass of a study to end."""


class Following(Protocol):
    """Decides what follows a job that has ended; it is part of the flow, and called by the ledger."""

    def __call__(self, job: ClaimedJob, *, succeeded: bool, progress: Progress) -> Sequence[JobRequest]:
        """Return the jobs that have become necessary."""


class JobLedger(Protocol):
    """Every job is claimed by one worker at a time; a worker that vanishes costs one lease, never a job."""

    def claim(self, worker: str) -> ClaimedJob | None:
        """Take the most urgent due job under a lease of `LEASE_S`, or return `None`."""

    def heartbeat(self, job: ClaimedJob, *, worker: str) -> bool:
        """Extend the lease; False when the job is no longer this worker's (reaped or cancelled)."""

    def succeed(self, job: ClaimedJob, *, worker: str) -> bool:
        """Finish a job and enqueue what follows from it, in one transaction; False when it was no longer ours."""

    def fail(self, job: ClaimedJob, *, worker: str, error: CauceError, log: str) -> bool:
        """Record a failed attempt: retry later with jittered backoff, or dead when retrying cannot help any more."""

    def reap(self) -> int:
        """Put back jobs whose lease has run out; return how many.

        Moments that a clock which has gone back left too far in the future are brought back as well.
        """

    def replay(self, public_id: str, *, actor: Actor) -> None:
        """Queue a dead or cancelled job again.

        Raises:
            NotFound: there is no such job.
            Conflicting: it is neither dead nor cancelled.
        """

    def cancel(self, public_id: str, *, actor: Actor) -> None:
        """Cancel a job that has not started.

        Raises:
            NotFound: there is no such job.
            Conflicting: it runs or has ended.
        """

    def seen(self, worker: str, *, host: str, pid: int) -> None:
        """Note that a worker is alive."""
