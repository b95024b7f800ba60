"""Who may send is settled before the first byte of a body is read."""

import pytest

from asgi_driver import call, form, related
from cauce import samples
from cauce.audit.models import AuditEvent
from cauce.core.statuses import Role
from cauce.records.models import Upload, Version

pytestmark = pytest.mark.django_db(transaction=True)

ROUTES = ["/api/uploads/", "/dicom-web/studies", "/dicom-web/studies/1.2.3", "/projects/default/dicom-web/studies"]


@pytest.fixture
def post(web):
    """Post one instance; returns the answer. `chunks_read` tells how much of the body was asked for."""

    def send(path, *, app=None, body=None, **headers):
        kind, made = (
            form([("1", samples.small_instance())]) if "uploads" in path else related([samples.small_instance()])
        )
        chunks = [made[:100], made[100:]] if body is None else body
        sent = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return call(app or web, "POST", path, headers=sent, chunks=chunks)

    return send


def unread(answer, *, status, code):
    """Assert that an error was answered before the body was read (what lingers on the line is thrown away after)."""
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert Version.objects.count() == 0
    assert Upload.objects.count() == 0


@pytest.mark.parametrize("path", ROUTES)
def test_nobody_is_401_and_told_how(post, path):
    answer = post(path)
    unread(answer, status=401, code="unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="cauce"'


@pytest.mark.parametrize(
    "credential", ["Bearer nonsense", "Bearer ", "Bearer cauce_x", "Basic YTpi", "Bearer a.b.c", "x"]
)
def test_a_credential_that_is_not_good_is_401(post, credential):
    unread(post("/api/uploads/", authorization=credential), status=401, code="unauthenticated")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("role", [None, Role.RESEARCHER])
def test_no_byte_of_a_body_is_asked_for_before_the_answer(web, token, path, role):
    asked_for = []

    async def pause():
        asked_for.append(len(statuses))

    statuses = []

    async def watched(scope, receive, send):
        async def sent(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        await web(scope, receive, sent)

    headers = {"authorization": f"Bearer {token(role)}"} if role else {}
    call(watched, "POST", path, headers=headers, chunks=[b"x"] * 10, pause=pause)
    assert statuses == [403 if role else 401]
    assert set(asked_for) <= {1}


@pytest.mark.parametrize("role", [Role.RESEARCHER, Role.AUDITOR])
@pytest.mark.parametrize("path", ROUTES)
def test_roles_that_may_not_store_are_403_and_it_is_recorded(post, token, role, path):
    answer = post(path, authorization=f"Bearer {token(role)}")
    unread(answer, status=403, code="forbidden")
    event = AuditEvent.objects.get(action="upload.open")
    assert (event.actor_name, event.outcome, event.address) == (role.value, "forbidden", "127.0.0.1")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.CLINICIAN, Role.TECHNOLOGIST, Role.SERVICE])
@pytest.mark.parametrize("path", ["/api/uploads/", "/dicom-web/studies"])
def test_roles_that_may_store_do(post, token, role, path):
    answer = post(path, authorization=f"Bearer {token(role)}")
    assert answer.status == (201 if "uploads" in path else 200)
    assert Version.objects.count() == 1


def test_an_api_token_opens_the_door_until_it_is_revoked(post, monkeypatch):
    from django.utils import timezone

    from cauce.accounts.models import ApiToken, User
    from cauce.api.raw import recent_actors

    now = 1000.0
    monkeypatch.setattr(recent_actors.time, "monotonic", lambda: now)
    held, text = ApiToken.issue(User.objects.create_user("robot", role="service"), name="robot")
    assert post("/api/uploads/", authorization=f"Bearer {text}").status == 201
    held.revoked_at = timezone.now()
    held.save()
    assert post("/api/uploads/", authorization=f"Bearer {text}").status == 201, "looked up a moment ago"
    now += recent_actors.RECENT_S + 0.001
    assert post("/api/uploads/", authorization=f"Bearer {text}").status == 401


@pytest.fixture
def session():
    """Cookies of a person who has signed in by the page, and the token of their CSRF cookie."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.middleware.csrf import _get_new_csrf_string

    from cauce.accounts.models import User

    user = User.objects.create_user("person", role="technologist")
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    secret = _get_new_csrf_string()
    return f"cauce_session={store.session_key}; cauce_csrf={secret}", secret


def test_a_session_alone_is_not_enough(post, session):
    cookie, _ = session
    unread(post("/api/uploads/", cookie=cookie), status=403, code="forbidden")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"x_csrftoken": "a" * 32},
        {"origin": "http://evil.example"},
    ],
)
def test_a_page_of_another_site_cannot_use_a_session(post, session, headers):
    cookie, _ = session
    unread(post("/api/uploads/", cookie=cookie, **headers), status=403, code="forbidden")


def test_another_sites_page_cannot_use_a_session_even_with_a_token(post, session):
    cookie, secret = session
    answer = post("/api/uploads/", cookie=cookie, x_csrftoken=secret, origin="http://evil.example")
    unread(answer, status=403, code="forbidden")


def test_a_page_of_ours_can_use_a_session(post, session):
    cookie, secret = session
    assert post("/api/uploads/", cookie=cookie, sec_fetch_site="same-origin").status == 201
    assert post("/dicom-web/studies", cookie=cookie, x_csrftoken=secret).status == 200
    answer = post("/api/uploads/", cookie=cookie, x_csrftoken=secret, origin="http://testserver")
    assert answer.status == 201


def test_a_session_that_has_ended_is_401(post, session):
    from django.contrib.sessions.models import Session

    cookie, _ = session
    Session.objects.all().delete()
    unread(post("/api/uploads/", cookie=cookie, sec_fetch_site="same-origin"), status=401, code="unauthenticated")


def test_an_announced_length_beyond_the_limit_is_413(post, make_web, sender):
    answer = post("/api/uploads/", app=make_web(request_bytes_max=100), content_length="101", **sender)
    unread(answer, status=413, code="too_large")


def test_a_length_that_is_no_number_is_400(post, sender):
    unread(post("/api/uploads/", content_length="many", **sender), status=400, code="invalid")


def test_a_body_that_turns_out_longer_than_the_limit_is_413_and_what_was_complete_is_kept(make_web, sender):
    kind, body = form([("1", samples.small_instance()), ("2", samples.small_instance())])
    app = make_web(request_bytes_max=len(body) - 1)
    chunks = [body[:4000], body[4000:]]
    answer = call(app, "POST", "/api/uploads/", headers={**sender, "content-type": kind}, chunks=chunks)
    assert (answer.status, answer.json()["code"]) == (413, "too_large")
    assert answer.verdicts == [("1", "stored", "")]


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/related; boundary=b"]
)
def test_what_is_no_form_is_415(post, sender, kind):
    unread(post("/api/uploads/", content_type=kind, **sender), status=415, code="unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 201}"]
)
def test_a_form_without_a_sane_boundary_is_400(post, sender, kind):
    unread(post("/api/uploads/", content_type=kind, **sender), status=400, code="malformed_body")


def test_a_compressed_body_is_415(post, sender):
    unread(post("/api/uploads/", content_encoding="gzip", **sender), status=415, code="unsupported_media_type")


def test_a_store_without_room_is_507(post, sender, services, monkeypatch):
    monkeypatch.setattr(type(services.objects), "free_bytes", lambda _self: 0)
    answer = post("/api/uploads/", **sender)
    unread(answer, status=507, code="storage_full")
    assert answer.headers["retry-after"] == "5"


def test_a_database_that_does_not_answer_is_503(post, sender, monkeypatch):
    from django.db import OperationalError

    from cauce.accounts import tokens

    def fail(_credential):
        raise OperationalError("database is locked")

    monkeypatch.setattr(tokens, "user_of_bearer", fail)
    unread(post("/api/uploads/", **sender), status=503, code="database_unavailable")
