import datetime as dt

import pytest
import rest_rows as rows
from django.utils import timezone

from cauce.accounts.models import ApiToken, User
from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db


def actions():
    return list(rows.AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_a_tokens_text_is_shown_once_and_opens_the_door(client_of, anonymous, researcher):
    client = client_of(researcher)
    answer = client.post("/api/tokens/", {"name": "night run", "expires_in_days": 3}, content_type="application/json")
    assert answer.status_code == 201
    made = answer.json()
    bearer = {"authorization": f"Bearer {made['token']}"}
    assert anonymous.get("/api/users/me/", headers=bearer).json()["username"] == researcher.username
    listed = client.get("/api/tokens/").json()["results"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert made["token"] not in client.get("/api/tokens/").content.decode()
    assert made["token"] not in client.get(f"/api/tokens/{made['id']}/").content.decode()
    assert made["token"] not in str(list(ApiToken.objects.values()))
    expires = dt.datetime.fromisoformat(made["expires_at"])
    assert dt.timedelta(days=2.9) < expires - timezone.now() < dt.timedelta(days=3.1)
    assert actions() == ["token.create"]


def test_a_revoked_or_expired_token_opens_nothing(client_of, anonymous, researcher):
    client = client_of(researcher)
    tokens = [client.post("/api/tokens/", {"name": "x"}, content_type="application/json").json() for _ in range(2)]
    assert client.delete(f"/api/tokens/{tokens[0]['id']}/").status_code == 204
    assert client.delete(f"/api/tokens/{tokens[0]['id']}/").status_code == 204
    ApiToken.objects.filter(public_id=tokens[1]["id"]).update(expires_at=timezone.now())
    for token in tokens:
        assert anonymous.get("/api/", headers={"authorization": f"Bearer {token['token']}"}).status_code == 401
    assert actions() == ["token.create", "token.create", "token.revoke"]
    assert [one["is_usable"] for one in client.get("/api/tokens/").json()["results"]] == [False, False]


def test_the_tokens_of_others_are_an_administrators_business(client_of, researcher, clinician, admin):
    token = rows.api_token(clinician)
    client = client_of(researcher)
    assert client.get("/api/tokens/").json()["results"] == []
    assert client.get(f"/api/tokens/{token.public_id}/").status_code == 404
    assert client.delete(f"/api/tokens/{token.public_id}/").status_code == 404
    assert client.get("/api/tokens/?everyone=true").status_code == 403
    (one,) = client_of(admin).get("/api/tokens/?everyone=true").json()["results"]
    assert one["username"] == clinician.username
    assert client_of(admin).delete(f"/api/tokens/{token.public_id}/").status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "x", "expires_in_days": 0},
        {"name": "x", "expires_in_days": 9999},
    ],
)
def test_a_token_wants_a_name_and_a_sane_life(client_of, researcher, body):
    answer = client_of(researcher).post("/api/tokens/", body, content_type="application/json")
    assert answer.status_code == 400
    assert ApiToken.objects.count() == 0


def test_an_administrator_makes_an_account_that_can_sign_in(client_of, anonymous, admin):
    body = {"username": "ana", "password": "correct horse battery", "role": "technologist"}
    answer = client_of(admin).post("/api/users/", body, content_type="application/json")
    assert answer.status_code == 201
    assert "password" not in answer.json()
    assert answer.json()["role"] == "technologist"
    token = anonymous.post(
        "/api/auth/token", {"username": "ana", "password": body["password"]}, content_type="application/json"
    )
    assert token.status_code == 200
    assert actions() == ["user.create", "login"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "password1234"}, "password"),
        ({"role": "king"}, "role"),
        ({"username": "a b"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"is_active": "perhaps"}, "is_active"),
    ],
)
def test_a_wrong_account_is_refused_by_field(client_of, admin, change, field):
    body = {"username": "ana", "password": "correct horse battery", "role": "clinician", **change}
    answer = client_of(admin).post("/api/users/", body, content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert User.objects.count() == 1


def test_a_taken_name_is_a_conflict(client_of, admin):
    body = {"username": admin.username, "password": "correct horse battery", "role": "clinician"}
    answer = client_of(admin).post("/api/users/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert actions() == []


def test_a_role_changes_at_once(client_of, admin, researcher):
    rows.planted_study()
    client = client_of(researcher)
    assert "patient_name" not in client.get("/api/studies/").json()["results"][0]
    path = f"/api/users/{researcher.public_id}/"
    answer = client_of(admin).patch(path, {"role": "clinician"}, content_type="application/json")
    assert answer.status_code == 200
    assert client.get("/api/studies/").json()["results"][0]["patient_name"] == "Zyxwvut^Planted"
    event = rows.AuditEvent.objects.get(action="user.change")
    assert event.subject == researcher.public_id
    assert event.detail == {"changed": ["role"], "role": "clinician", "is_active": True}


@pytest.mark.parametrize("change", [{"role": "clinician"}, {"is_active": False}])
def test_the_last_active_administrator_stays_one(client_of, admin, change):
    rows.user(Role.ADMIN, is_active=False)
    path = f"/api/users/{admin.public_id}/"
    answer = client_of(admin).patch(path, change, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)
    assert actions() == []


def test_a_new_password_is_held_to_the_rules_and_never_written_out(client_of, admin, researcher):
    path = f"/api/users/{researcher.public_id}/"
    client = client_of(admin)
    assert client.patch(path, {"password": "short"}, content_type="application/json").status_code == 400
    answer = client.patch(path, {"password": "a very different phrase"}, content_type="application/json")
    assert answer.status_code == 200
    assert "a very different phrase" not in answer.content.decode() + str(list(rows.AuditEvent.objects.values()))
    researcher.refresh_from_db()
    assert researcher.check_password("a very different phrase")


def test_projects_are_made_once(client_of, admin):
    client = client_of(admin)
    body = {"slug": "lung-trial", "name": "Lung trial"}
    made = client.post("/api/projects/", body, content_type="application/json")
    assert made.status_code == 201
    assert client.get("/api/projects/lung-trial/").json() == made.json()
    again = client.post("/api/projects/", body, content_type="application/json")
    assert again.status_code == 409
    assert [one["slug"] for one in client.get("/api/projects/").json()["results"]] == ["default", "lung-trial"]
    assert actions() == ["project.create"]


@pytest.mark.parametrize("slug", ["", "Lung", "a b", "-a", "a-", "a/b", "ä", "x" * 65])
def test_a_slug_is_plain(client_of, admin, slug):
    answer = client_of(admin).post("/api/projects/", {"slug": slug}, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["slug"])


def test_the_trail_is_read_by_administrators_and_auditors_and_says_so(client_of, auditor, clinician):
    study = rows.planted_study()
    client_of(clinician).get(f"/api/studies/{study.public_id}/")
    client = client_of(auditor)
    (one,) = client.get("/api/audit/", {"action": "study.read", "actor": clinician.username}).json()["results"]
    assert (one["subject"], one["actor_role"], one["address"]) == (study.public_id, "clinician", "192.0.2.7")
    since = one["at"]
    assert client.get("/api/audit/", {"until": since}).json()["results"] == []
    assert len(client.get("/api/audit/", {"since": since, "subject": study.public_id}).json()["results"]) == 1
    assert actions()[-3:] == ["audit.list"] * 3
