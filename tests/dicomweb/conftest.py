"""The web application on the test database with stores of its own, people who may read, and instances to be read."""

import asyncio

import pytest

from asgi_driver import call, related
from cauce.core.statuses import Role
from wiring import services_in


@pytest.fixture
def services(tmp_path, transactional_db):
    from cauce.records.models import Project

    Project.objects.get_or_create(slug="default")  # a flushed database has lost what the migrations put in
    return services_in(tmp_path, spool=tmp_path / "spool")


@pytest.fixture
def web(services):
    from cauce.api.asgi import WebApplication

    app = WebApplication(services=services)
    yield app
    asyncio.run(app.stop())


@pytest.fixture
def token(db):
    """Return a function that makes an account of a role and returns its access token."""
    from cauce.accounts.models import User
    from cauce.accounts.tokens import issue_access

    def issue(role=Role.TECHNOLOGIST):
        user, _ = User.objects.get_or_create(username=role.value, defaults={"role": role.value})
        return issue_access(user)

    return issue


@pytest.fixture
def stow(web, token):
    """Store instances by STOW-RS; returns the answer."""

    def post(instances, *, path="/dicom-web/studies"):
        kind, body = related(instances)
        headers = {"authorization": f"Bearer {token()}", "content-type": kind, "accept": "application/dicom+json"}
        return call(web, "POST", path, headers=headers, chunks=body)

    return post


@pytest.fixture
def get(web, token):
    """Read an address as an account of a role; returns the answer."""

    def read(path, *, role=Role.CLINICIAN, accept=None, method="GET", root="/dicom-web", **headers):
        sent = {"authorization": f"Bearer {token(role)}", **{name.replace("_", "-"): v for name, v in headers.items()}}
        sent |= {} if accept is None else {"accept": accept}
        return call(web, method, f"{root}{path}", headers=sent)

    return read
