"""Changes of studies and jobs, found by looking at the database once a second: one look a process for all who watch.

Only what can be in motion is looked at: studies on their way, jobs that run, rows that are new. So a look costs no more
when much is stored. What comes and goes between two looks is not told; watchers reload all when they connect.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import connection
from django.db.models import Max, Q

from cauce.core.actors import Actor
from cauce.core.statuses import JobStatus, StudyStatus
from cauce.records.models import Job, Study
from cauce.records.visibility import visible_to

PERIOD_S = 1.0
WATCHERS_MAX = 64
WATCHERS_OF_ONE_MAX = 8
WAITING_MAX = 256
_STUDIES_MAX = 2000
_JOBS_MAX = 2000
_MOVING = (StudyStatus.RECEIVING.value, StudyStatus.QUEUED.value, StudyStatus.PROCESSING.value)

log = structlog.get_logger("cauce.events")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change: `kind` is `study` or `job`, `shown` what watchers are told, ids of ours and statuses."""

    kind: str
    study_pk: int
    shown: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Row:
    pk: int
    study_pk: int
    state: tuple[Any, ...]
    shown: dict[str, Any]


@dataclass(slots=True)
class Looker:
    """Remembers what it saw last and says what has changed since. The first look says nothing."""

    _studies: dict[int, _Row] = field(default_factory=dict)
    _jobs: dict[int, _Row] = field(default_factory=dict)
    _last_study: int | None = None
    _last_job: int | None = None

    def look(self) -> list[Change]:
        """Return what has changed since the last look."""
        studies, jobs = self._moving_studies(), self._moving_jobs()
        is_first = self._last_study is None
        self._last_study = Study.objects.aggregate(n=Max("pk"))["n"] or 0
        self._last_job = Job.objects.aggregate(n=Max("pk"))["n"] or 0
        changes = [] if is_first else [*_changed("study", self._studies, studies), *_changed("job", self._jobs, jobs)]
        self._studies = {pk: row for pk, row in studies.items() if row.shown["status"] in _MOVING}
        self._jobs = {pk: row for pk, row in jobs.items() if row.shown["status"] == JobStatus.RUNNING.value}
        return changes

    def _moving_studies(self) -> dict[int, _Row]:
        moving = _study_rows(Q(status__in=_MOVING))
        rest = Q(pk__in=[pk for pk in self._studies if pk not in moving])
        if self._last_study is not None:
            rest |= Q(pk__gt=self._last_study)
        return {**_study_rows(rest), **moving}

    def _moving_jobs(self) -> dict[int, _Row]:
        running = _job_rows(Q(status=JobStatus.RUNNING.value))
        rest = Q(pk__in=[pk for pk in self._jobs if pk not in running])
        if self._last_job is not None:
            rest |= Q(pk__gt=self._last_job)
        return {**_job_rows(rest), **running}


def _study_rows(condition: Q) -> dict[int, _Row]:
    found = Study.objects.filter(condition).order_by("-pk")
    return {
        pk: _Row(pk, pk, (status, received_at), {"id": public_id, "status": status})
        for pk, public_id, status, received_at in found.values_list("pk", "public_id", "status", "last_received_at")[
            :_STUDIES_MAX
        ]
    }


def _job_rows(condition: Q) -> dict[int, _Row]:
    found = Job.objects.filter(condition).order_by("-pk")
    names = ("pk", "study_id", "public_id", "step", "status", "attempts", "study__public_id")
    return {
        pk: _Row(
            pk,
            study_pk,
            (status, attempts),
            {"id": public_id, "step": step, "status": status, "attempts": attempts, "study": study},
        )
        for pk, study_pk, public_id, step, status, attempts, study in found.values_list(*names)[:_JOBS_MAX]
    }


def _changed(kind: str, before: dict[int, _Row], now: dict[int, _Row]) -> Iterator[Change]:
    for pk in sorted(now):
        row, held = now[pk], before.get(pk)
        if held is None or held.state != row.state:
            yield Change(kind=kind, study_pk=row.study_pk, shown=row.shown)


class TooManyWatchers(Exception):
    """No more streams from this process, or for this account."""


@dataclass(eq=False, slots=True)
class Watcher:
    """One open stream: changes arrive in `waiting`, on its own event loop."""

    actor: Actor
    loop: asyncio.AbstractEventLoop
    waiting: asyncio.Queue[list[Change]]

    def tell(self, changes: list[Change]) -> None:
        """Hand over what this watcher's actor may know of. Called by the looking thread."""
        seen = visible_to(self.actor).studies.filter(pk__in={change.study_pk for change in changes})
        allowed = set(seen.values_list("pk", flat=True))
        told = [change for change in changes if change.study_pk in allowed]
        if told and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._put, told)

    def _put(self, changes: list[Change]) -> None:
        if not self.waiting.full():  # who does not read misses changes, and reloads when its stream ends
            self.waiting.put_nowait(changes)


class Watchtower:
    """The watchers of this process and the one thread that looks for them. The thread lives while somebody watches."""

    def __init__(self, *, period_s: float = PERIOD_S) -> None:
        """Nobody watches yet."""
        self._period_s = period_s
        self._lock = threading.Lock()
        self._watchers: set[Watcher] = set()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, actor: Actor) -> Iterator[asyncio.Queue[list[Change]]]:
        """Watch from within an event loop; changes arrive in the queue.

        Raises:
            TooManyWatchers: this process, or this account, has as many streams as it may.
        """
        watcher = Watcher(actor, asyncio.get_running_loop(), asyncio.Queue(WAITING_MAX))
        with self._lock:
            own = sum(other.actor.user_id == actor.user_id for other in self._watchers)
            if len(self._watchers) >= WATCHERS_MAX or own >= WATCHERS_OF_ONE_MAX:
                raise TooManyWatchers
            self._watchers.add(watcher)
            if self._thread is None:
                self._wake.clear()
                self._thread = threading.Thread(target=self._run, name="watchtower", daemon=True)
                self._thread.start()
        try:
            yield watcher.waiting
        finally:
            with self._lock:
                self._watchers.discard(watcher)
                if not self._watchers:
                    self._wake.set()

    def _run(self) -> None:
        looker = Looker()
        try:
            while self._is_wanted():
                self._look(looker)
                self._wake.wait(self._period_s)
        finally:
            connection.close()

    def _is_wanted(self) -> bool:
        with self._lock:
            if not self._watchers:
                self._thread = None
                return False
            self._wake.clear()
            return True

    def _look(self, looker: Looker) -> None:
        try:
            changes = looker.look()
            with self._lock:
                watchers = list(self._watchers) if changes else []
            for watcher in watchers:
                watcher.tell(changes)
        except Exception:
            log.warning("events.look_failed", exc_info=True)
            connection.close()


watchtower = Watchtower()
