"""The web application on the test database, with stores of its own, and people who may and may not use it."""

from functools import partial

import pytest

from asgi_driver import call, form, related
from cauce.core.statuses import Role
from wiring import services_in


@pytest.fixture
def make_services(tmp_path, transactional_db):
    from cauce.records.models import Project

    Project.objects.get_or_create(slug="default")  # a flushed database has lost what the migrations put in
    return partial(services_in, tmp_path, spool=tmp_path / "spool")


@pytest.fixture
def services(make_services):
    return make_services()


@pytest.fixture
def make_web(services):
    """Make web applications; `stop` each one's threads at the end."""
    import asyncio

    from cauce.api.asgi import WebApplication
    from cauce.api.raw.request import BodyLimits

    made = []

    def make(*, using=services, **limits):
        app = WebApplication(services=using, limits=BodyLimits(**limits))
        made.append(app)
        return app

    yield make
    for app in made:
        asyncio.run(app.stop())


@pytest.fixture
def web(make_web):
    return make_web()


@pytest.fixture
def token(db):
    """Return a function that makes an account of a role and returns its access token."""
    from cauce.accounts.models import User
    from cauce.accounts.tokens import issue_access

    def issue(role=Role.TECHNOLOGIST, *, name=None):
        user, _ = User.objects.get_or_create(username=name or role.value, defaults={"role": role.value})
        return issue_access(user)

    return issue


@pytest.fixture
def sender(token):
    """Headers of an account that may store."""
    return {"authorization": f"Bearer {token()}"}


@pytest.fixture
def upload(web, sender):
    """Post a form of (name, content) pairs; returns the answer."""

    def post(files, *, query="", app=None, **options):
        kind, body = form(files)
        headers = {**sender, "content-type": kind, "content-length": str(len(body))}
        return call(app or web, "POST", f"/api/uploads/{query}", headers=headers, chunks=body, **options)

    return post


@pytest.fixture
def stow(web, sender):
    """Post instances by STOW-RS; returns the answer."""

    def post(instances, *, path="/dicom-web/studies", app=None, **headers):
        kind, body = related(instances)
        sent = {**sender, "content-type": kind, "accept": "application/dicom+json", **headers}
        return call(app or web, "POST", path, headers=sent, chunks=body)

    return post
