"""One worker process: claim, run the step, finish; a second thread keeps the lease alive meanwhile."""

import os
import socket
import threading
import time
from contextlib import suppress

import structlog

from cauce import flow
from cauce.core.errors import CauceError, Unavailable, Unexpected
from cauce.core.identifiers import new_public_id
from cauce.core.traces import trace_of
from cauce.ports.ledger import HEARTBEAT_S, ClaimedJob
from cauce.ports.services import Services

POLL_S = 0.5
REAP_EVERY_S = 2.0
UNAVAILABLE_WAIT_S = 2.0
EXIT_DEADLINE = 75
"""Exit status of a worker that gave up on a job past its deadline: whoever started it starts another."""

log = structlog.get_logger("cauce.worker")


class Worker:
    """Runs jobs one after the other until told to stop; the job in hand is finished first."""

    def __init__(self, services: Services) -> None:
        """Name this worker; nothing is claimed yet."""
        self.name = f"{socket.gethostname()[:40]}-{os.getpid()}-{new_public_id()[:6]}"
        self._services = services
        self._stopping = threading.Event()
        self._pulse = Pulse(services, self.name)
        self._reaped_at = 0.0

    def stop(self) -> None:
        """Claim nothing more. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`."""
        self._pulse.start()
        log.info("worker.started", worker=self.name)
        while not self._stopping.is_set():
            try:
                if not self._turn():
                    self._stopping.wait(POLL_S)
            except Unavailable as error:
                log.warning("worker.waits", code=error.code)
                self._stopping.wait(UNAVAILABLE_WAIT_S)
        self._pulse.stop()
        log.info("worker.stopped", worker=self.name)

    def _turn(self) -> bool:
        """Put back what other workers lost, now and then, and run one job; False when there is none."""
        if time.monotonic() - self._reaped_at > REAP_EVERY_S:
            self._services.ledger.reap()
            self._reaped_at = time.monotonic()
        job = self._services.ledger.claim(self.name)
        if job is None:
            return False
        with structlog.contextvars.bound_contextvars(job=job.public_id, step=job.step, attempt=job.attempt):
            self._run(job)
        return True

    def _run(self, job: ClaimedJob) -> None:
        started = time.monotonic()
        self._pulse.hold(job)
        try:
            error = self._attempt(job)
        finally:
            self._pulse.release()
        if error is None:
            is_ours = self._services.ledger.succeed(job, worker=self.name)
        else:
            is_ours = self._services.ledger.fail(job, worker=self.name, error=error, log=trace_of(error))
        outcome = "lost" if not is_ours else "succeeded" if error is None else "failed"
        code = error.code if error else ""
        log.info("job.ended", outcome=outcome, code=code, duration_s=round(time.monotonic() - started, 3))

    def _attempt(self, job: ClaimedJob) -> CauceError | None:
        try:
            step = flow.STEPS.get(job.step)
            if step is None:
                return Unexpected("this program knows no such step")
            step(self._services, job)
        except CauceError as error:
            return error
        except Exception as error:  # noqa: BLE001 - this is the edge: a defect costs an attempt, never the worker
            unexpected = Unexpected(f"unexpected {type(error).__name__}")
            unexpected.__cause__ = error
            return unexpected
        return None


class Pulse:
    """A thread that extends the lease of the job in hand, says that the worker lives, and enforces deadlines."""

    def __init__(self, services: Services, worker: str) -> None:
        """Hold no job yet."""
        self._services = services
        self._worker = worker
        self._lock = threading.Lock()
        self._job: ClaimedJob | None = None
        self._due_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Stop beating."""
        self._stopping.set()
        self._thread.join(timeout=HEARTBEAT_S)

    def hold(self, job: ClaimedJob) -> None:
        """Keep this job's lease alive from now on, up to its deadline."""
        with self._lock:
            self._job, self._due_at = job, time.monotonic() + job.deadline_s

    def release(self) -> None:
        """Let go of the job."""
        with self._lock:
            self._job = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(Unavailable):
                self._services.ledger.seen(self._worker, host=socket.gethostname(), pid=os.getpid())
                self._beat()
            self._stopping.wait(HEARTBEAT_S)

    def _beat(self) -> None:
        with self._lock:
            job, due_at = self._job, self._due_at
        if job is None:
            return
        if time.monotonic() > due_at:
            error = DeadlinePassed(f"it ran for longer than {job.deadline_s} s")
            self._services.ledger.fail(job, worker=self._worker, error=error, log="")
            log.error("worker.deadline", job=job.public_id, step=job.step)
            os._exit(EXIT_DEADLINE)  # a thread cannot be stopped from outside; the process can
        self._services.ledger.heartbeat(job, worker=self._worker)


class DeadlinePassed(CauceError):
    """A job ran past its deadline."""

    code = "deadline_passed"
    retryable = True
