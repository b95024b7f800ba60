import datetime as dt
import re

import pytest
import rest_rows as rows
from django.test import Client
from django.utils import timezone

from cauce.accounts.tokens import issue_pair
from cauce.api.rest import logins

pytestmark = pytest.mark.django_db
PATH = "/api/auth/token"


def ask(client, username, password=rows.PASSWORD, **more):
    return client.post(PATH, {"username": username, "password": password, **more}, content_type="application/json")


def trail():
    return list(rows.AuditEvent.objects.order_by("pk").values_list("action", "outcome", "actor_name"))


def test_a_password_is_exchanged_for_tokens_that_work(anonymous, admin):
    answer = ask(anonymous, admin.username)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    bearer = {"authorization": f"Bearer {answer.json()['access']}"}
    assert anonymous.get("/api/users/me/", headers=bearer).json()["username"] == admin.username
    assert trail() == [("login", "success", admin.username)]


def test_a_refresh_token_gets_the_next_pair_and_is_no_access_token(anonymous, admin):
    pair = ask(anonymous, admin.username).json()
    answer = anonymous.post(PATH + "/refresh", {"refresh": pair["refresh"]}, content_type="application/json")
    assert answer.status_code == 200
    bearer = {"authorization": f"Bearer {pair['refresh']}"}
    assert anonymous.get("/api/", headers=bearer).status_code == 401
    swapped = anonymous.post(PATH + "/refresh", {"refresh": pair["access"]}, content_type="application/json")
    assert (swapped.status_code, swapped.json()["code"]) == (401, "invalid_credentials")
    assert [action for action, _, _ in trail()] == ["login", "token.refresh"]


def test_a_new_password_ends_all_tokens(anonymous, admin):
    pair = issue_pair(admin)
    admin.set_password("another-long-passphrase")
    admin.save()
    bearer = {"authorization": f"Bearer {pair.access}"}
    assert anonymous.get("/api/", headers=bearer).status_code == 401
    answer = anonymous.post(PATH + "/refresh", {"refresh": pair.refresh}, content_type="application/json")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("username", "password"),
    [("known", "wrong"), ("unknown", rows.PASSWORD), ("inactive", rows.PASSWORD), ("KNOWN", rows.PASSWORD)],
)
def test_all_wrong_credentials_get_the_same_answer(anonymous, username, password):
    rows.user(username="known")
    rows.user(username="inactive", is_active=False)
    answer = ask(anonymous, username, password)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "User name or password is wrong.",
        "code": "invalid_credentials",
    }
    assert trail() == [("login.refused", "refused", "")]


def test_an_unknown_user_costs_one_password_check_as_a_known_one_does(anonymous, monkeypatch):
    from django.contrib.auth.hashers import Argon2PasswordHasher

    rows.user(username="known")
    checks = []
    encode, verify = Argon2PasswordHasher.encode, Argon2PasswordHasher.verify
    monkeypatch.setattr(Argon2PasswordHasher, "encode", lambda *a, **k: checks.append(1) or encode(*a, **k))
    monkeypatch.setattr(Argon2PasswordHasher, "verify", lambda *a, **k: checks.append(1) or verify(*a, **k))
    counts = []
    for username in ("known", "unknown"):
        checks.clear()
        ask(anonymous, username, "wrong")
        counts.append(len(checks))
    assert counts == [1, 1]


def test_what_was_typed_as_a_name_is_kept_only_as_a_digest(anonymous):
    ask(anonymous, "my-secret-password", "x")
    event = rows.AuditEvent.objects.get()
    assert re.fullmatch("[0-9a-f]{64}", event.subject)
    assert "my-secret" not in str(rows.AuditEvent.objects.values().get())


def test_after_five_failures_the_account_waits_even_with_the_right_password(anonymous, admin):
    for _ in range(5):
        assert ask(anonymous, admin.username, "wrong").status_code == 401
    answer = ask(anonymous, admin.username)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_failures")
    assert 295 <= int(answer["Retry-After"]) <= 300
    assert answer["Content-Type"] == "application/problem+json"
    assert [action for action, _, _ in trail()] == ["login.refused"] * 5


def test_the_wait_is_of_one_account_from_one_address(anonymous, admin, clinician):
    for _ in range(5):
        ask(anonymous, admin.username, "wrong")
    assert ask(anonymous, clinician.username).status_code == 200
    elsewhere = Client(REMOTE_ADDR="192.0.2.99")
    assert ask(elsewhere, admin.username).status_code == 200


def test_the_wait_ends(anonymous, admin):
    for _ in range(5):
        ask(anonymous, admin.username, "wrong")
    rows.AuditEvent.objects.update(at=timezone.now() - logins.WINDOW - dt.timedelta(seconds=1))
    assert ask(anonymous, admin.username).status_code == 200


def test_one_address_may_not_try_all_accounts(anonymous, admin, monkeypatch):
    monkeypatch.setattr(logins, "ADDRESS_FAILURES_MAX", 4)
    for number in range(4):
        assert ask(anonymous, f"nobody-{number}", "wrong").status_code == 401
    assert ask(anonymous, admin.username).status_code == 429


def test_guesses_sent_at_once_gain_nothing(anonymous, admin, monkeypatch):
    """Those that passed the first look at the count are held up at the second."""
    looks = []
    real = logins._refuse_if_throttled

    def first_look_is_blind(mark, address):
        looks.append(mark)
        if len(looks) % 2 == 0:
            real(mark, address)

    monkeypatch.setattr(logins, "_refuse_if_throttled", first_look_is_blind)
    answers = [ask(anonymous, admin.username, "wrong").status_code for _ in range(5)]
    answers.append(ask(anonymous, admin.username).status_code)
    assert answers == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["username", "password"]),
        ({"username": "a"}, ["password"]),
        ({"username": "a" * 151, "password": "b"}, ["username"]),
        ({"username": "a\0", "password": "b"}, ["username"]),
        ({"username": ["a"], "password": {"b": 1}}, ["username", "password"]),
    ],
)
def test_a_malformed_request_names_its_fields(anonymous, body, fields):
    answer = anonymous.post(PATH, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert sorted(answer.json()["errors"]) == sorted(fields)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"x"', b"\xff", b'{"username": NaN}'])
def test_a_body_that_is_no_object_is_refused(anonymous, content):
    answer = anonymous.post(PATH, content, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_form_is_not_a_json_body(anonymous, admin):
    answer = anonymous.post(PATH, {"username": admin.username, "password": rows.PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
