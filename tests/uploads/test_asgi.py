"""The application around the routes: who answers, what is logged, what happens when something of ours breaks."""

import json

import pytest

from asgi_driver import call, form
from cauce import samples
from cauce.core.limits import MIB
from cauce.settings import environment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log_text(web):
    """A function that returns what the process has logged since the test began."""
    web.start()
    path = environment.current().data_folder / "logs" / "web.jsonl"
    start = path.stat().st_size

    def text():
        return path.read_bytes()[start:].decode()

    return text


@pytest.fixture
def access_log(log_text):
    """A function that returns the events of a name that were logged in this test."""

    def events(name="request"):
        found = [json.loads(line) for line in log_text().splitlines()]
        return [event for event in found if event["event"] == name]

    return events


def test_what_carries_no_files_is_djangos(web):
    answer = call(web, "GET", "/healthz")
    assert (answer.status, answer.json()) == (200, {"status": "alive"})


def test_the_receipt_is_read_back_by_rest(web, upload, sender):
    receipt = upload([("1", samples.small_instance())]).json()
    answer = call(web, "GET", f"/api/uploads/{receipt['id']}/", headers=sender)
    assert (answer.status, answer.json()["counts"]["stored"]) == (200, 1)
    assert answer.json()["url"] == receipt["url"]
    assert [line["name"] for line in answer.json()["results"]] == ["1"]


@pytest.mark.parametrize("path", ["/api/uploads", "/api/uploads/", "/dicom-web/studies/"])
def test_a_slash_at_the_end_makes_no_difference_to_who_posts(web, path):
    assert call(web, "POST", path).json()["code"] == "unauthenticated"


def test_de_identified_objects_cannot_be_stored_from_outside(web, sender):
    answer = call(web, "POST", "/projects/default/deid/dicom-web/studies", headers=sender, chunks=b"x")
    assert answer.status in {403, 404, 405}


def test_static_files_are_served(web):
    answer = call(web, "GET", "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/css")


def test_every_answer_carries_the_id_of_its_request_which_the_log_has_too(web, upload, access_log):
    first = upload([("1", samples.small_instance())])
    second = call(web, "GET", "/healthz", headers={"x-request-id": "chosen by the client"})
    ids = [first.headers["x-request-id"], second.headers["x-request-id"]]
    assert [len(each) for each in ids] == [32, 32]
    assert [event["request_id"] for event in access_log()] == ids


def test_the_access_log_holds_routes_and_nothing_that_names_anybody(web, upload, sender, access_log, log_text):
    upload([("DOE^JOHN.dcm", samples.small_instance(PatientName="DOE^JOHN"))], query="?project=default&x=SECRET")
    call(web, "GET", f"/api/uploads/{'a' * 32}/?q=SECRET", headers=sender)
    call(web, "POST", "/dicom-web/studies/1.2.3.4567", headers=sender)
    call(web, "GET", "/nowhere/DOE/1.2.3.4567")
    call(web, "BREW", "/healthz")
    call(web, "GET", "/static/nothing/DOE.css")
    events = access_log()
    assert [(event["route"], event["method"], event["status"]) for event in events] == [
        ("upload", "POST", 201),
        ("api/uploads/<id:upload_id>/", "GET", 400),
        ("stow-study", "POST", 415),
        ("unmatched", "GET", 404),
        ("healthz", "other", 403),
        ("static", "GET", 404),
    ]
    assert all(event["duration_ms"] >= 0 for event in events)
    assert not [secret for secret in ("DOE", "SECRET", "1.2.3.4567", "a" * 32) if secret in log_text()]


def test_a_defect_is_500_without_a_trace_of_it_in_the_answer(web, sender, access_log, monkeypatch):
    from cauce.adapters.catalogue_sql import SqlCatalogue

    def fail(self, slug):
        raise ZeroDivisionError(f"DOE^JOHN {slug}")

    monkeypatch.setattr(SqlCatalogue, "project", fail)
    kind, body = form([("1", samples.small_instance())])
    answer = call(web, "POST", "/api/uploads/", headers={**sender, "content-type": kind}, chunks=body)
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong here; the log of the server says what.",
        "code": "internal",
        "request_id": answer.headers["x-request-id"],
    }
    event = access_log("request.failed")[0]
    assert event["request_id"] == answer.headers["x-request-id"]
    assert "ZeroDivisionError" in event["error"]
    assert "DOE" not in event["error"]
    assert access_log()[0]["status"] == 500


def test_a_defect_in_the_middle_of_an_answer_ends_it(web, access_log, monkeypatch):
    async def half(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    web.start()
    monkeypatch.setattr(web, "_django", half)
    answer = call(web, "GET", "/healthz")
    assert (answer.status, answer.body) == (200, b"")
    assert len(access_log("request.failed")) == 1


@pytest.mark.parametrize("path", ["/login/", "/api/auth/token", "/api/projects/", "/api/resultsx/"])
def test_bodies_that_nobody_has_signed_for_are_short(web, path):
    """Parsed, a body takes 25 times its size, and these routes parse before they know who sends."""
    for options in ({"headers": {"content-length": str(MIB + 1)}, "chunks": [b"x"]}, {"chunks": [b"x" * MIB] * 2}):
        answer = call(web, "POST", path, **options)
        assert (answer.status, answer.json()["code"]) == (413, "too_large")
        assert answer.json()["detail"] == "The request is longer than the 1 MiB that this route takes."


@pytest.mark.parametrize("path", ["/api/results/", "/api/elements/"])
def test_results_may_be_as_long_as_the_setting_says_from_who_is_known(web, settings, sender, path):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * MIB
    answer = call(web, "POST", path, headers={**sender, "content-length": str(3 * MIB + 1)}, chunks=[b"x"])
    assert (answer.status, answer.json()["code"]) == (413, "too_large")
    assert "3 MiB (CAUCE_MAX_JSON_MB)" in answer.json()["detail"]
    json = {"content-type": "application/json"}
    assert call(web, "POST", path, headers=json, chunks=[b"[" * MIB] * 2).status == 401, "it is not parsed"
    assert call(web, "POST", path, headers={**sender, **json}, chunks=[b" " * MIB] * 2).status == 400


def test_websockets_are_turned_away(web):
    import asyncio

    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(web({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1000}]


def test_importing_the_application_sets_nothing_up():
    import os
    import subprocess
    import sys

    code = "import threading, cauce.api.asgi, django.apps; print(django.apps.apps.ready, threading.active_count())"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environ)
    assert done.stdout == "False 1\n"


def test_requests_of_djangos_keep_their_database_connection(web, sender, monkeypatch):
    import asyncio

    from asgi_driver import exchange
    from cauce.adapters.sqlcipher.base import DatabaseWrapper

    opened = []
    connect = DatabaseWrapper.get_new_connection

    def counted(self, parameters):
        opened.append(1)
        return connect(self, parameters)

    monkeypatch.setattr(DatabaseWrapper, "get_new_connection", counted)

    async def several():
        for _ in range(5):
            answer = await exchange(web, "GET", "/api/uploads/", headers=sender)
            assert answer.status == 200
        together = [exchange(web, "GET", "/api/uploads/", headers=sender) for _ in range(12)]
        assert {answer.status for answer in await asyncio.gather(*together)} == {200}
        return len(web._threads._free)

    assert asyncio.run(several()) == 8
    assert len(opened) <= 12


def test_the_address_that_a_trusted_proxy_tells_is_the_one_that_counts(monkeypatch, make_web):
    from cauce.audit.models import AuditEvent

    def seen_by(application, **headers):
        body = b'{"username": "nobody-at-all", "password": "wrong"}'
        kind = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        assert call(application, "POST", "/api/auth/token", headers=kind, chunks=body).status == 401
        return AuditEvent.objects.order_by("-pk").first().address

    told = {"x-forwarded-for": "203.0.113.9, 192.0.2.7"}
    assert seen_by(make_web(), **told) == "127.0.0.1"
    monkeypatch.setenv("CAUCE_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
    environment.current.cache_clear()
    application = make_web()
    assert seen_by(application, **told) == "192.0.2.7"
    assert seen_by(application) == "127.0.0.1"
