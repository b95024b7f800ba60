"""A clock that jumps, back most of all: nothing waits for it to catch up."""

import datetime as dt

import pytest
import structlog
from django.utils import timezone

from cauce import flow
from cauce.ports.ledger import LEASE_S, JobRequest
from cauce.samples import small_instance


@pytest.fixture
def jump(monkeypatch):
    """Let the clock jump by so many seconds."""
    now = timezone.now

    def by(seconds):
        monkeypatch.setattr(timezone, "now", lambda: now() + dt.timedelta(seconds=seconds))

    return by


@pytest.fixture
def ledger(transactional_db):
    from cauce.adapters.ledger_sql import SqlLedger

    return SqlLedger(lambda _job, **_progress: [], quiet_s=60)


@pytest.fixture
def study(transactional_db):
    from cauce.records.models import Project, Study

    project, _ = Project.objects.get_or_create(slug="default")
    return Study.objects.create(project=project, study_instance_uid="1.2.3", last_received_at=timezone.now())


def job(study, **values):
    from cauce.records.models import Job

    return Job.objects.create(**{"key": "k", "step": "close", "study": study, "due_at": timezone.now()} | values)


def test_a_closing_set_before_the_clock_went_back_comes_after_the_quiet_time(services, deliver, jump):
    from cauce.records.models import Job

    deliver(small_instance(), final=False)
    jump(-7200)
    with structlog.testing.capture_logs() as logs:
        services.ledger.reap()
    assert next(line for line in logs if line["event"] == "clock.went_back")["jobs"] == 1
    waits = Job.objects.get(step="close").due_at - timezone.now()
    assert dt.timedelta(seconds=55) < waits <= dt.timedelta(seconds=60)
    assert services.ledger.claim("w") is None
    jump(-7200 + 61)
    assert services.ledger.claim("w").step == "close"


def test_retries_and_leases_of_the_future_are_brought_back(ledger, study, jump):
    from cauce.records.models import Job

    hour = timezone.now() + dt.timedelta(hours=1)
    job(study, key="retry", step="process", status="retrying", due_at=hour)
    job(study, key="held", step="process", status="running", worker="gone", lease_until=hour, attempts=1)
    assert ledger.reap() == 0
    assert Job.objects.get(key="retry").due_at <= timezone.now() + dt.timedelta(seconds=450)
    assert Job.objects.get(key="held").lease_until <= timezone.now() + dt.timedelta(seconds=LEASE_S)
    jump(LEASE_S + 1)
    assert ledger.reap() == 1, "its worker is gone, and that costs one lease"


def test_what_is_rightly_in_the_future_stays(ledger, study):
    from cauce.records.models import Job

    now = timezone.now()
    job(study, key="quiet", due_at=now + dt.timedelta(seconds=59))
    job(study, key="backoff", step="process", status="retrying", due_at=now + dt.timedelta(seconds=440))
    job(study, key="held", step="process", status="running", lease_until=now + dt.timedelta(seconds=LEASE_S))
    job(study, key="skewed", due_at=now + dt.timedelta(seconds=64))
    before = dict(Job.objects.values_list("key", "due_at"))
    with structlog.testing.capture_logs() as logs:
        assert ledger.reap() == 0
    assert dict(Job.objects.values_list("key", "due_at")) == before
    assert logs == []


def test_arrivals_and_jobs_go_on_under_a_clock_that_went_back(services, deliver, jump):
    uids = {"StudyInstanceUID": "2.25.7", "SeriesInstanceUID": "2.25.8", "PatientID": "P"}
    assert [v.status.value for v in deliver(small_instance(**uids), final=False)] == ["stored"]
    jump(-3600)
    assert [v.status.value for v in deliver(small_instance(**uids), final=True)] == ["stored"]
    claimed = services.ledger.claim("w")
    assert claimed.step == "close"
    default = flow.default_profile()
    assert services.work.close_study(claimed.study_pk, default=default, engine=flow.engine()) is not None
    assert services.ledger.succeed(claimed, worker="w")


def test_a_session_outlives_a_clock_that_went_back(transactional_db, monkeypatch):
    import jwt
    from django.conf import settings

    from cauce.accounts import tokens
    from cauce.accounts.models import User

    user = User.objects.create_user("ana", role="researcher")
    monkeypatch.setattr(tokens.timezone, "now", lambda: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10))
    issued = tokens.issue_access(user)
    monkeypatch.undo()
    assert tokens.user_of_bearer(issued) == user
    with pytest.raises(jwt.ImmatureSignatureError):
        jwt.decode(issued, settings.SECRET_KEY, algorithms=["HS256"])


def test_asking_for_the_same_job_twice_does_not_depend_on_the_clock(ledger, study, jump):
    from cauce.adapters.ledger_sql import enqueue
    from cauce.records.models import Job

    enqueue([JobRequest(key="once", step="process", study_pk=study.pk)])
    jump(-3600)
    enqueue([JobRequest(key="once", step="process", study_pk=study.pk)])
    assert Job.objects.filter(key="once").count() == 1
