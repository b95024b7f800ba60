"""The web application on the test database, with stores of its own, and people who may and may not use it."""

import pytest
from asgi_driver import call, form, related

from cauce.core.limits import Limits
from cauce.core.statuses import Role


@pytest.fixture
def make_services(tmp_path, transactional_db):
    from cauce import flow
    from cauce.adapters.catalogue_sql import SqlCatalogue
    from cauce.adapters.conflicts_sql import SqlConflicts
    from cauce.adapters.holdings_sql import SqlHoldings
    from cauce.adapters.keyring_file import FileKeyRing
    from cauce.adapters.keys_file import FileKeyService
    from cauce.adapters.ledger_sql import SqlLedger
    from cauce.adapters.modalities_sql import SqlModalities
    from cauce.adapters.objects_local import LocalObjects
    from cauce.adapters.results_sql import SqlResults
    from cauce.adapters.vault_sql import SqlVault
    from cauce.adapters.work_sql import SqlWork
    from cauce.ports.services import Services
    from cauce.records.models import Project

    Project.objects.get_or_create(slug="default")  # a flushed database has lost what the migrations put in
    ring = FileKeyRing(tmp_path / "keyring.json", FileKeyService(tmp_path / "keys"))

    def make(**limits):
        return Services(
            objects=LocalObjects(tmp_path / "objects", keyring=ring, reserve_bytes=0),
            keyring=ring,
            catalogue=SqlCatalogue(quiet_s=60),
            work=SqlWork(),
            ledger=SqlLedger(flow.following),
            results=SqlResults(),
            vault=SqlVault(ring),
            modalities=SqlModalities(),
            holdings=SqlHoldings(),
            conflicts=SqlConflicts(),
            spool=tmp_path / "spool",
            limits=Limits(**limits),
        )

    return make


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
