"""Services on the test database, with an object store and keys of their own."""

import datetime as dt

import pytest
from django.utils import timezone

from wiring import services_in


@pytest.fixture
def services(tmp_path, transactional_db):
    from cauce.records.models import Project

    Project.objects.get_or_create(slug="default")  # a flushed database has lost what the migrations put in
    return services_in(tmp_path)


@pytest.fixture
def admin():
    from cauce.core.actors import Actor
    from cauce.core.statuses import Role

    return Actor(kind="user", name="tester", role=Role.ADMIN)


@pytest.fixture
def deliver(services, admin):
    """Send files as one delivery; returns the verdicts."""
    from cauce import flow
    from cauce.core.messages import Incoming

    def send(*contents, final=True, source="upload"):
        upload = services.catalogue.open_upload(services.catalogue.project("default"), actor=admin, source=source)
        verdicts = [
            flow.take_in(
                services,
                upload,
                Incoming(content=content, size_bytes=len(content), name=f"file {number}", source=source),
            )
            for number, content in enumerate(contents, 1)
        ]
        services.catalogue.close_upload(upload, final=final)
        return verdicts

    return send


@pytest.fixture
def run_all(services):
    """Run every due job to its end, as a worker would; returns the steps in the order in which they ran."""
    from cauce import flow

    def run(*, fails=(), most=200):
        steps = []
        for _ in range(most):
            job = services.ledger.claim("worker")
            if job is None:
                return steps
            steps.append(job.step)
            if job.step in fails:
                services.ledger.fail(job, worker="worker", error=fails[job.step], log="a trace")
                continue
            flow.STEPS[job.step](services, job)
            assert services.ledger.succeed(job, worker="worker")
        raise AssertionError("the flow does not come to an end")

    return run


@pytest.fixture
def later(monkeypatch):
    """Move the clock of the database's rows forward."""

    def move(seconds):
        real = timezone.now
        monkeypatch.setattr(timezone, "now", lambda: real() + dt.timedelta(seconds=seconds))

    return move
