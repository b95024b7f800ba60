"""Every route of the Django side, by role. A route that is not in the table fails the first test."""

import pytest
import rest_rows as rows
import review_rows as review
from django.test import AsyncClient
from django.urls import get_resolver

from cauce import flow
from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db

EVERYONE = frozenset(Role)
ADMINS = frozenset({Role.ADMIN})
SEE_ORIGINALS = frozenset({Role.ADMIN, Role.CLINICIAN, Role.TECHNOLOGIST, Role.SERVICE})
SEE_STUDIES = EVERYONE - {Role.AUDITOR}
MAY_STORE = SEE_ORIGINALS
REVIEW = frozenset({Role.ADMIN, Role.CLINICIAN, Role.TECHNOLOGIST})
REIDENTIFY = frozenset({Role.ADMIN, Role.CLINICIAN})
OPEN = frozenset({"login", "logout", "healthz", "readyz", "token", "token-refresh", "public-keys"})
"""Routes without a login: each is one, or tells nothing. Whoever is not signed in may sign out."""
METRICS = "metrics"
STREAM = "events"

GET = {
    "home": EVERYONE,
    "study-page": SEE_STUDIES,
    "deliveries-page": SEE_ORIGINALS,
    "delivery-page": ADMINS,
    "jobs-page": EVERYONE,
    "quarantine-page": SEE_ORIGINALS,
    "held-page": SEE_ORIGINALS,
    "report-page": SEE_STUDIES,
    "profile": SEE_STUDIES,
    "profiles": SEE_STUDIES,
    "quarantine": SEE_ORIGINALS,
    "held-instance": SEE_ORIGINALS,
    "held-picture": SEE_ORIGINALS,
    "revision-report": SEE_STUDIES,
    "study-report": SEE_STUDIES,
    "api": EVERYONE,
    "studies": EVERYONE,
    "study": SEE_STUDIES,
    "preview": SEE_STUDIES,
    "jobs": EVERYONE,
    "job": SEE_STUDIES,
    "results": EVERYONE,
    "result": SEE_STUDIES,
    "measurements": SEE_STUDIES,
    "elements": EVERYONE,
    "element": SEE_STUDIES,
    "element-measurements": SEE_STUDIES,
    "uploads": EVERYONE,
    "upload": ADMINS,
    "receipt": ADMINS,
    "projects": EVERYONE,
    "project": SEE_STUDIES,
    "pipelines": EVERYONE,
    "users": ADMINS,
    "me": EVERYONE,
    "user": ADMINS,
    "tokens": EVERYONE,
    "api-token": ADMINS,
    "conflict": SEE_ORIGINALS,
    "conflict-version": SEE_ORIGINALS,
    "conflicts": SEE_ORIGINALS,
    "calling-aes": ADMINS,
    "audit": frozenset({Role.ADMIN, Role.AUDITOR}),
    "status": EVERYONE,
    "schema": EVERYONE,
    "docs": EVERYONE,
}
CHANGES = {
    ("POST", "job-replay"): (ADMINS, {}, 200),
    ("POST", "job-cancel"): (ADMINS, {}, 409),
    ("POST", "job-replay-page"): (ADMINS, {}, 302),
    ("POST", "projects"): (ADMINS, {"slug": "trial-#"}, 201),
    ("POST", "users"): (ADMINS, {"username": "new-#", "password": rows.PASSWORD, "role": "researcher"}, 201),
    ("PATCH", "user"): (ADMINS, {"role": "auditor"}, 200),
    ("POST", "tokens"): (EVERYONE, {"name": "script"}, 201),
    ("DELETE", "api-token"): (ADMINS, {}, 204),
    ("POST", "calling-aes"): (ADMINS, {"ae_title": "MR1", "address": "192.0.2.9"}, 200),
    ("POST", "calling-ae-allow"): (ADMINS, {}, 200),
    ("POST", "calling-ae-forbid"): (ADMINS, {}, 200),
    ("POST", "allow-page"): (ADMINS, {}, 302),
    ("POST", "conflict-accept"): (SEE_ORIGINALS, {}, 204),
    ("POST", "conflict-reject"): (SEE_ORIGINALS, {}, 204),
    ("POST", "conflict-accept-study"): (SEE_ORIGINALS, {}, 200),
    ("POST", "conflict-reject-study"): (SEE_ORIGINALS, {}, 200),
    ("POST", "settle-page"): (SEE_ORIGINALS, {}, 302),
    ("PUT", "profile"): (ADMINS, {"text": flow.default_profile().text}, 200),
    ("POST", "profile-dry-run"): (SEE_STUDIES, {"study": "0" * 32}, 404),
    ("POST", "pseudonym-resolve"): (REIDENTIFY, {"pseudonym": "NOBODY", "reason": review.REASON}, 404),
    ("POST", "pseudonym-find"): (REIDENTIFY, {"patient_id": "NOBODY", "reason": review.REASON}, 404),
    ("POST", "pseudonym-erase"): (ADMINS, {"pseudonym": "NOBODY", "reason": review.REASON}, 404),
    ("POST", "held-release"): (REVIEW, {"reason": review.REASON}, 200),
    ("POST", "held-redact"): (REVIEW, {"reason": review.REASON, "boxes": [review.BOX]}, 200),
    ("POST", "held-reject"): (REVIEW, {"reason": review.REASON}, 200),
    ("POST", "decide-page"): (REVIEW, {}, 404),
    ("POST", "study-deidentify"): (REVIEW, {}, 202),
    ("POST", "uploads"): (EVERYONE, {}, 501),
    ("POST", "results"): (MAY_STORE, {"id": "#", "device_name": "CT", "raw_data": ["2 4 8"]}, 201),
    ("POST", "elements"): (MAY_STORE, {"1": {"id": "e#", "deviceName": "CT", "data": ["2 4 8"]}}, 201),
    ("PUT", "result"): (MAY_STORE, {"device_name": "MR"}, 200),
    ("PATCH", "result"): (MAY_STORE, {"id": "moved-#"}, 200),
    ("DELETE", "result"): (MAY_STORE, {}, 204),
    ("PUT", "element"): (MAY_STORE, {"device_name": "MR"}, 200),
    ("PATCH", "element"): (MAY_STORE, {"id": "moved-#"}, 200),
    ("DELETE", "element"): (MAY_STORE, {}, 204),
}
NOT_ALLOWED = {403, 404}


def patterns():
    return {pattern.name: pattern for pattern in get_resolver().url_patterns}


@pytest.fixture
def world(db):
    """One of everything, owned by somebody else."""
    owner = rows.user(Role.ADMIN, username="owner")
    study = rows.planted_study()
    token = rows.api_token(owner)
    job = rows.job(study, status="dead")
    contested = rows.contested(study)
    rows.original(contested, b"the file")
    return {
        "study_id": study.public_id,
        "series_id": study.series.get().public_id,
        "job_id": job.public_id,
        "result_id": study.results.get().pk,
        "upload_id": rows.upload(owner).public_id,
        "slug": "default",
        "user_id": rows.user(Role.CLINICIAN).public_id,
        "token_id": token.public_id,
        "calling_ae_id": rows.calling_ae().public_id,
        "version_id": contested.object_id,
        "held_id": review.held(study).public_id,
        "revision_id": review.report(study.revisions.get()).revision.public_id,
        "wanted_id": contested.object_id,
    }


def path_of(name, world):
    from django.urls import reverse

    pattern = patterns()[name].pattern
    return reverse(name, kwargs={one: world[one] for one in pattern.converters})


def test_every_route_is_in_the_table():
    known = {*OPEN, *GET, METRICS, STREAM, *(name for _, name in CHANGES)}
    assert set(patterns()) == known


def test_nothing_is_open_to_who_is_not_signed_in(anonymous, world):
    for name in {*GET, *(name for _, name in CHANGES)}:
        path = path_of(name, world)
        for method in ("get", "head", "post", "put", "patch", "delete", "options"):
            answer = getattr(anonymous, method)(path)
            if path.startswith("/api/"):
                assert answer.status_code == 401, (name, method)
                assert answer["WWW-Authenticate"] == 'Bearer realm="cauce"'
                assert method == "head" or answer.json()["code"] == "not_authenticated"
            else:
                assert answer.status_code in {302, 405}, (name, method)
                assert answer.headers.get("Location", "/login/").startswith("/login/")
            assert not answer.content or b"planted" not in answer.content.lower()


@pytest.mark.parametrize("credential", ["Bearer", "Bearer a b", "Bearer cauce_unknown", "Bearer \xff", "Bearer a.b.c"])
def test_a_credential_that_is_not_one_opens_nothing(anonymous, world, credential):
    answer = anonymous.get("/api/studies/", headers={"authorization": credential})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reads_what_the_table_says(client_of, browser_of, world, role):
    user = rows.user(role)
    for name, allowed in GET.items():
        path = path_of(name, world)
        client = client_of(user) if path.startswith("/api/") else browser_of(user)
        status = client.get(path).status_code
        assert status == 200 if role in allowed else status in NOT_ALLOWED, (name, role, status)


@pytest.mark.parametrize("change", list(CHANGES))
def test_each_role_changes_what_the_table_says(client_of, browser_of, world, change):
    (method, name), (allowed, body, status) = change, CHANGES[change]
    for role in Role:
        fresh = {
            "job_id": rows.job(rows.Study.objects.get(), status="dead").public_id,
            "token_id": rows.api_token(rows.user(Role.ADMIN)).public_id,
            "version_id": rows.contested(rows.Study.objects.get()).object_id,
            "result_id": rows.result().pk,
            "held_id": review.held(rows.Study.objects.get()).public_id,
        }
        path = path_of(name, {**world, **fresh})
        user = rows.user(role)
        client = client_of(user) if path.startswith("/api/") else browser_of(user)
        before = rows.everything()
        answer = client.generic(
            method, path, rows.json_of(body).replace("#", role.value), content_type="application/json"
        )
        if role in allowed:
            assert answer.status_code == status, role
        else:
            assert answer.status_code in NOT_ALLOWED, role
            assert rows.everything() == before, "refused, and yet something changed"


def test_a_refused_attempt_is_written_into_the_trail(client_of, researcher, world):
    client_of(researcher).post(path_of("job-replay", world))
    event = rows.AuditEvent.objects.get(action="access.refused")
    assert (event.actor_name, event.outcome) == (researcher.username, "refused")
    assert event.detail == {"route": "api/jobs/<id:job_id>/replay/", "method": "POST"}


def test_an_account_that_is_no_longer_active_opens_nothing(client_of, browser_of, admin):
    client, browser = client_of(admin), browser_of(admin)
    admin.is_active = False
    admin.save()
    assert client.get("/api/").status_code == 401
    assert browser.get("/").status_code == 302


def test_a_session_changes_nothing_without_the_forms_token(browser_of, admin, world):
    browser = browser_of(admin, enforce_csrf_checks=True)
    for path in (path_of("job-replay", world), path_of("tokens", world)):
        answer = browser.post(path, {}, content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    page = browser.post(path_of("job-replay-page", world))
    assert (page.status_code, page["Content-Type"]) == (403, "text/html; charset=utf-8")


def test_a_bearer_needs_no_forms_token(client_of, admin, world):
    client = client_of(admin)
    client.handler.enforce_csrf_checks = True
    assert client.post(path_of("job-replay", world)).status_code == 200


@pytest.mark.parametrize("path", ["/api/", "/api/studies/", "/api/docs/"])
def test_a_person_without_login_is_sent_to_the_login_page_and_back(anonymous, path):
    answer = anonymous.get(path + "?limit=1", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == 302
    assert answer["Location"] == f"/login/?next={path.replace('/', '%2F')}%3Flimit%3D1"


def test_an_id_of_another_form_is_not_found(client_of, admin):
    client = client_of(admin)
    for path in ("/api/studies/1/", "/api/studies/../", "/api/jobs/" + "G" * 32 + "/", "/api/series/x/preview/"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_stream_is_closed_to_who_is_not_signed_in(db):
    from asgiref.sync import async_to_sync

    answer = async_to_sync(AsyncClient().get)("/api/events/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
