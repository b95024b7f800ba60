"""Clients that are signed in as a role, and caches that forget between tests; shared by the tests of REST and pages."""

import pytest

from cauce.core.statuses import Role

ADDRESS = "192.0.2.7"
"""Where requests come from unless a test says otherwise: not from this machine."""


@pytest.fixture(autouse=True)
def forgetful():
    """Figures are kept for a moment in each process: not from one test to the next."""
    from cauce.api.operations import figures, readiness

    for kept in (figures.figures, figures.totals, readiness.state):
        kept.forget()


def _client(**options):
    from django.test import Client

    return Client(REMOTE_ADDR=ADDRESS, raise_request_exception=False, **options)


def _user(role):
    import rest_rows

    return rest_rows.user(role)


@pytest.fixture
def anonymous():
    return _client()


@pytest.fixture
def client_of():
    """Make a client that presents the access token of an account."""

    def make(user):
        from cauce.accounts.tokens import issue_access

        return _client(headers={"authorization": f"Bearer {issue_access(user)}"})

    return make


@pytest.fixture
def browser_of():
    """Make a client with a browser's session of an account."""

    def make(user, **options):
        browser = _client(**options)
        browser.force_login(user)
        return browser

    return make


@pytest.fixture
def admin(db):
    return _user(Role.ADMIN)


@pytest.fixture
def clinician(db):
    return _user(Role.CLINICIAN)


@pytest.fixture
def researcher(db):
    return _user(Role.RESEARCHER)


@pytest.fixture
def auditor(db):
    return _user(Role.AUDITOR)
