"""The ledger alone: claims, leases, retries, dead letters, what follows."""

import datetime as dt
import threading

import pytest
from django.utils import timezone

from cauce.core.errors import Conflicting, NotFound, Refused, StorageUnavailable
from cauce.core.statuses import RefusalCode
from cauce.ports.ledger import LEASE_S, JobRequest


@pytest.fixture
def study(transactional_db):
    from cauce.records.models import Project, Study

    project, _ = Project.objects.get_or_create(slug="default")
    return Study.objects.create(project=project, study_instance_uid="1.2.3", last_received_at=timezone.now())


@pytest.fixture
def asked():
    return []


@pytest.fixture
def ledger(study, asked):
    from cauce.adapters.ledger_sql import SqlLedger

    def following(job, *, succeeded, progress):
        del progress
        asked.append((job.step, succeeded))
        if job.step == "first" and succeeded:
            return [JobRequest(key="second", step="second", study_pk=job.study_pk)]
        return []

    return SqlLedger(following)


def add(study, *, key="first", step="first", due_in_s=0.0, priority=1):
    from cauce.records.models import Job

    due_at = timezone.now() + dt.timedelta(seconds=due_in_s)
    return Job.objects.create(key=key, step=step, study=study, due_at=due_at, priority=priority)


def job_row(key="first"):
    from cauce.records.models import Job

    return Job.objects.get(key=key)


def test_an_empty_ledger_gives_nothing(ledger):
    assert ledger.claim("a") is None


def test_a_job_is_claimed_by_one_worker_only(ledger, study):
    add(study)
    assert ledger.claim("a").key == "first"
    assert ledger.claim("b") is None
    assert job_row().status == "running"
    assert job_row().worker == "a"


def test_a_job_that_is_not_due_is_not_claimed(ledger, study):
    add(study, due_in_s=30)
    assert ledger.claim("a") is None


def test_urgent_jobs_come_first_then_the_one_due_longest(ledger, study):
    add(study, key="late", due_in_s=-1)
    add(study, key="early", due_in_s=-5)
    add(study, key="urgent", priority=0)
    assert [ledger.claim("a").key for _ in range(3)] == ["urgent", "early", "late"]


def test_eight_threads_claim_each_job_once(ledger, study):
    for number in range(40):
        add(study, key=f"job {number}")
    claimed, lock = [], threading.Lock()

    def work(name):
        from django.db import connection

        while job := ledger.claim(name):
            with lock:
                claimed.append(job.key)
        connection.close()

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(f"job {number}" for number in range(40))


def test_success_and_what_follows_are_one_transaction(ledger, study, asked):
    add(study)
    assert ledger.succeed(ledger.claim("a"), worker="a")
    assert job_row().status == "succeeded"
    assert job_row("second").status == "queued"
    assert asked == [("first", True)]


def test_success_is_undone_when_what_follows_cannot_be_decided(ledger, study, monkeypatch):
    add(study)
    job = ledger.claim("a")

    def broken(*_args, **_kwargs):
        raise RuntimeError

    monkeypatch.setattr(ledger, "_following", broken)
    with pytest.raises(RuntimeError):
        ledger.succeed(job, worker="a")
    assert job_row().status == "running"


def test_a_lost_worker_costs_one_lease(ledger, study, later):
    add(study)
    ledger.claim("a")
    assert ledger.reap() == 0
    later(LEASE_S + 1)
    assert ledger.reap() == 1
    assert job_row().status == "retrying"
    assert job_row().history.get().outcome == "lost"
    assert ledger.claim("b").attempt == 2


def test_heartbeats_keep_the_lease(ledger, study, later):
    add(study)
    job = ledger.claim("a")
    later(LEASE_S - 1)
    assert ledger.heartbeat(job, worker="a")
    later(2)
    assert ledger.reap() == 0


def test_a_late_worker_is_fenced_off(ledger, study, later):
    add(study)
    late = ledger.claim("a")
    later(LEASE_S + 1)
    ledger.reap()
    now = ledger.claim("b")
    assert not ledger.heartbeat(late, worker="a")
    assert not ledger.succeed(late, worker="a")
    assert not ledger.fail(late, worker="a", error=StorageUnavailable("gone"), log="")
    assert job_row().status == "running"
    assert ledger.succeed(now, worker="b")


def test_a_passing_failure_is_retried_later_and_noted(ledger, study):
    add(study)
    before = timezone.now()
    assert ledger.fail(ledger.claim("a"), worker="a", error=StorageUnavailable("no answer"), log="the trace")
    row = job_row()
    assert (row.status, row.code, row.cause) == ("retrying", "storage_unavailable", "no answer")
    assert dt.timedelta(seconds=0.9) < row.due_at - before < dt.timedelta(seconds=4)
    attempt = row.history.get()
    assert (attempt.number, attempt.outcome, attempt.log) == (1, "failed", "the trace")
    assert ledger.claim("a") is None


def test_retries_are_capped_then_the_job_is_dead_with_its_cause(ledger, study, later, asked):
    add(study)
    for _ in range(5):
        ledger.fail(ledger.claim("a"), worker="a", error=StorageUnavailable("no answer"), log="")
        later(600)
    row = job_row()
    assert (row.status, row.attempts, row.cause) == ("dead", 5, "no answer")
    assert asked == [("first", False)]
    assert ledger.claim("a") is None


def test_what_cannot_get_better_is_dead_at_once(ledger, study):
    add(study)
    ledger.fail(ledger.claim("a"), worker="a", error=Refused(RefusalCode.TRUNCATED, "cut off"), log="")
    assert (job_row().status, job_row().code) == ("dead", "truncated")


def test_a_job_whose_every_worker_vanished_is_dead(ledger, study, later):
    add(study)
    for _ in range(5):
        assert ledger.claim("a") is not None
        later(LEASE_S + 1)
        ledger.reap()
    assert (job_row().status, job_row().code) == ("dead", "lease_expired")


def test_a_dead_job_can_be_replayed(ledger, study, admin):
    from cauce.audit.models import AuditEvent

    add(study)
    ledger.fail(ledger.claim("a"), worker="a", error=Refused(RefusalCode.TRUNCATED, "cut off"), log="")
    ledger.replay(job_row().public_id, actor=admin)
    assert ledger.claim("a").attempt == 2
    assert AuditEvent.objects.get(action="job.replay").subject == job_row().public_id


def test_only_dead_and_cancelled_jobs_are_replayed(ledger, study, admin):
    add(study)
    with pytest.raises(Conflicting):
        ledger.replay(job_row().public_id, actor=admin)
    with pytest.raises(NotFound):
        ledger.replay("0" * 32, actor=admin)


def test_a_waiting_job_can_be_cancelled_and_a_running_one_cannot(ledger, study, admin, asked):
    add(study)
    add(study, key="running")
    ledger.claim("a")
    with pytest.raises(Conflicting):
        ledger.cancel(job_row().public_id, actor=admin)
    ledger.cancel(job_row("running").public_id, actor=admin)
    assert job_row("running").status == "cancelled"
    assert asked == [("first", False)]


def test_a_key_makes_a_job_once_and_again_makes_an_ended_one_run_once_more(study, ledger):
    from cauce.adapters.ledger_sql import enqueue
    from cauce.records.models import Job

    request = JobRequest(key="second", step="second", study_pk=study.pk)
    enqueue([request])
    enqueue([request])
    assert Job.objects.count() == 1
    ledger.succeed(ledger.claim("a"), worker="a")
    enqueue([request])
    assert job_row("second").status == "succeeded"
    enqueue([JobRequest(key="second", step="second", study_pk=study.pk, again=True)])
    assert job_row("second").status == "queued"


def test_workers_that_were_seen_are_listed_and_old_ones_forgotten(ledger, later):
    from cauce.records.models import WorkerNode

    ledger.seen("a", host="here", pid=1)
    ledger.seen("a", host="here", pid=1)
    assert WorkerNode.objects.get().pid == 1
    later(90000)
    ledger.seen("b", host="here", pid=2)
    assert [node.name for node in WorkerNode.objects.all()] == ["b"]
