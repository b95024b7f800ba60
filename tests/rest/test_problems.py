import asyncio
import json
import logging

import pytest
import rest_rows as rows
from django.db import OperationalError

from cauce import bootstrap
from cauce.api.asgi import _bounded
from cauce.api.raw.problems import BodyTooLong
from cauce.api.raw.request import Request
from cauce.core import errors
from cauce.core.statuses import RefusalCode

pytestmark = pytest.mark.django_db
MEMBERS = {"type", "title", "status", "detail", "code"}


def raising(monkeypatch, error):
    def broken(*_args, **_options):
        raise error

    monkeypatch.setattr("cauce.api.rest.summaries.study_lines", broken)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.NotFound("x"), 404, "not_found"),
        (errors.Forbidden("x"), 403, "forbidden"),
        (errors.Conflicting("x"), 409, "conflict"),
        (errors.InvalidRequest("x", field="f"), 400, "invalid"),
        (errors.Refused(RefusalCode.TRUNCATED, "x"), 422, "truncated"),
        (errors.StorageFull("x"), 507, "storage_full"),
        (errors.StorageUnavailable("x"), 503, "storage_unavailable"),
        (errors.DatabaseUnavailable("x"), 503, "database_unavailable"),
        (errors.IntegrityError("x"), 500, "integrity"),
        (OperationalError("disk I/O error"), 503, "database_unavailable"),
    ],
)
def test_each_error_has_its_answer(client_of, clinician, monkeypatch, error, status, code):
    raising(monkeypatch, error)
    answer = client_of(clinician).get("/api/studies/")
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert set(body) - {"errors"} == MEMBERS
    assert ("Retry-After" in answer) == (status in {503, 507})


def test_a_defect_is_logged_by_place_and_tells_nothing(client_of, clinician, monkeypatch, caplog):
    raising(monkeypatch, KeyError("Zyxwvut^Planted"))
    with caplog.at_level(logging.ERROR, logger="cauce.api"):
        answer = client_of(clinician).get("/api/studies/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer["Content-Type"] == "application/problem+json"
    assert b"Planted" not in answer.content
    assert "request.failed" in str([record.msg for record in caplog.records if record.name == "cauce.api"])


def test_a_defect_in_a_page_is_a_plain_page(browser_of, clinician, monkeypatch):
    raising(monkeypatch, KeyError("Zyxwvut^Planted"))
    answer = browser_of(clinician).get("/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert b"Planted" not in answer.content
    assert b"500" in answer.content


def test_a_page_says_when_a_store_is_down(browser_of, clinician, monkeypatch):
    raising(monkeypatch, OperationalError("gone"))
    answer = browser_of(clinician).get("/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/nothing/", 404, "not_found"),
        ("get", "/dicom-web/nothing", 404, "not_found"),
        ("put", "/api/studies/", 405, "method_not_allowed"),
        ("get", "/api/studies/%FF/", 404, "not_found"),
    ],
)
def test_what_the_framework_refuses_has_the_same_form(client_of, admin, method, path, status, code):
    answer = getattr(client_of(admin), method)(path)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    assert set(answer.json()) == MEMBERS


def test_a_format_that_there_is_not_is_a_wrong_parameter(client_of, admin):
    answer = client_of(admin).get("/api/studies/?format=xml")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"] == {"format": ["format is one of api, json."]}


def test_what_the_client_does_not_accept_is_said_as_a_problem(client_of, admin):
    answer = client_of(admin).get("/api/studies/", headers={"accept": "image/png"})
    assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")
    assert answer.json()["code"] == "not_acceptable"


def test_a_body_that_is_too_long_is_refused(client_of, admin, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = client_of(admin).post("/api/projects/", {"slug": "x" * 200}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_the_edge_names_the_limit_of_a_body(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3 << 20
    messages = [{"type": "http.request", "body": b"x" * (2 << 20), "more_body": more} for more in (True, False)]

    async def receive():
        return messages.pop(0)

    async def send(message):
        raise AssertionError(message)

    def request(*headers):
        return Request(scope={"type": "http", "path": "/api/elements/", "headers": headers}, receive=receive, send=send)

    words = r"longer than the 3 MiB \(CAUCE_MAX_JSON_MB\)"
    with pytest.raises(BodyTooLong, match=words):
        _bounded(request((b"content-length", b"3145729")))
    bounded = _bounded(request())

    async def read():
        while (await bounded())["more_body"]:
            pass

    with pytest.raises(BodyTooLong, match=words):
        asyncio.run(read())


def test_a_path_that_names_nothing_is_a_page_for_people(anonymous):
    answer = anonymous.get("/nothing", headers={"accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert b"404" in answer.content


def test_errors_are_english_whatever_the_clients_language(client_of, admin):
    client = client_of(admin)
    answers = [
        client.post("/api/projects/", {}, content_type="application/json", headers={"accept-language": language})
        for language in ("en", "es", "tr", "xx")
    ]
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["errors"] == {"slug": ["This field is required."]}


def test_the_browsable_pages_show_problems_too(browser_of, admin):
    answer = browser_of(admin).get("/api/studies/?stauts=x", headers={"accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert b"This route knows no such parameter" in answer.content


def test_a_damaged_picture_is_an_error_and_not_half_a_picture(client_of, clinician):
    study = rows.planted_study()
    picture = study.artifacts.get()
    root = bootstrap.services().objects._root
    from pathlib import Path

    (stored,) = [path for path in Path(root).rglob(f"*{picture.object_id}*") if path.is_file()]
    content = bytearray(stored.read_bytes())
    content[-20] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(content)
    answer = client_of(clinician).get(f"/api/series/{study.series.get().public_id}/preview/")
    assert (answer.status_code, answer.json()["code"]) == (500, "integrity")
    assert rows.AuditEvent.objects.filter(action="series.preview").count() == 0


def test_problem_documents_are_json(client_of, admin):
    answer = client_of(admin).get("/api/nothing/")
    assert json.loads(answer.content)["type"] == "about:blank"
