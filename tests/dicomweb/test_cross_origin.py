"""Viewers that are served from another origin."""

import pytest

from asgi_driver import call

pytestmark = pytest.mark.django_db(transaction=True)

VIEWER = "https://viewer.example.org"


@pytest.fixture
def allowed(monkeypatch):
    from cauce.settings import environment

    changed = environment.current().model_copy(update={"allowed_origins": (VIEWER,)})
    monkeypatch.setattr(environment, "current", lambda: changed)


def preflight(web, origin):
    asked = {
        "origin": origin,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    return call(web, "OPTIONS", "/dicom-web/studies", headers=asked)


@pytest.mark.usefixtures("allowed")
def test_a_page_of_an_allowed_origin_may_ask_and_read(web, get):
    asked = preflight(web, VIEWER)
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == VIEWER
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in asked.headers
    answer = get("/studies/1.2.3/metadata", origin=VIEWER)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, VIEWER)


@pytest.mark.usefixtures("allowed")
def test_a_page_of_another_origin_may_not(web, get):
    for answer in (
        preflight(web, "https://evil.example.org"),
        get("/studies/1.2.3", origin="https://evil.example.org"),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_nobody_may_unless_a_setting_says_so(web):
    assert not [name for name in preflight(web, VIEWER).headers if name.startswith("access-control-")]
