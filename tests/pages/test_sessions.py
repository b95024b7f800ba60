import re

import pytest
import rest_rows as rows
from django.test import Client

pytestmark = pytest.mark.django_db


def form(username, password=rows.PASSWORD, following=""):
    return {"username": username, "password": password, "next": following}


def test_a_person_signs_in_and_goes_on_to_where_they_wanted_to_be(anonymous, clinician):
    asked = anonymous.get("/jobs/?status=dead")
    assert (asked.status_code, asked["Location"]) == (302, "/login/?next=/jobs/%3Fstatus%3Ddead")
    page = anonymous.get(asked["Location"]).content.decode()
    assert 'name="next" value="/jobs/?status=dead"' in page
    answer = anonymous.post("/login/", form(clinician.username, following="/jobs/?status=dead"))
    assert (answer.status_code, answer["Location"]) == (302, "/jobs/?status=dead")
    assert anonymous.get("/jobs/").status_code == 200
    event = rows.AuditEvent.objects.get()
    assert (event.action, event.actor_name, event.address) == ("login", clinician.username, "192.0.2.7")
    assert event.detail == {"way": "page"}


@pytest.mark.parametrize(
    "following",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:evil", " /x", "jobs/"],
)
def test_nobody_is_sent_elsewhere(anonymous, clinician, following):
    page = anonymous.get("/login/", {"next": following}).content.decode()
    assert 'name="next" value="/"' in page
    answer = anonymous.post("/login/", form(clinician.username, following=following))
    assert (answer.status_code, answer["Location"]) == (302, "/")


@pytest.mark.parametrize("username", ["nobody", "", "x" * 151, "a\0b"])
def test_a_wrong_name_or_password_is_said_in_one_sentence(anonymous, username):
    answer = anonymous.post("/login/", form(username, "wrong"))
    assert answer.status_code == 401
    assert "User name or password is wrong." in answer.content.decode()
    assert 'role="alert"' in answer.content.decode()
    assert "cauce_session" not in answer.cookies


def test_what_was_typed_is_escaped(anonymous):
    answer = anonymous.post("/login/", form('"><script>alert(1)</script>', "wrong"))
    assert b"<script>alert" not in answer.content


def test_after_five_failures_the_page_says_how_long_to_wait(anonymous, clinician):
    for _ in range(5):
        anonymous.post("/login/", form(clinician.username, "wrong"))
    answer = anonymous.post("/login/", form(clinician.username))
    assert answer.status_code == 429
    assert "Too many failed attempts. Try again in 5 minutes." in answer.content.decode()
    assert 295 <= int(answer["Retry-After"]) <= 300


def test_pages_and_programs_share_one_count(anonymous, clinician):
    for _ in range(5):
        anonymous.post("/login/", form(clinician.username, "wrong"))
    answer = anonymous.post("/api/auth/token", form(clinician.username), content_type="application/json")
    assert answer.status_code == 429


def test_the_form_wants_its_token():
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/login/", form("x"))
    assert answer.status_code == 403
    assert b"The form was too old." in answer.content
    page = browser.get("/login/").content.decode()
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    assert browser.post("/login/", {**form("x"), "csrfmiddlewaretoken": token}).status_code == 401


def test_signing_out_ends_the_session_and_is_written_down(browser_of, clinician):
    browser = browser_of(clinician)
    assert browser.get("/").status_code == 200
    assert browser.get("/logout/").status_code == 405
    answer = browser.post("/logout/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert browser.get("/").status_code == 302
    assert rows.AuditEvent.objects.order_by("-pk").first().action == "logout"


def test_a_session_gets_a_new_key_when_somebody_signs_in(anonymous, clinician):
    anonymous.post("/login/", form(clinician.username))
    first = anonymous.cookies["cauce_session"].value
    anonymous.post("/logout/")
    anonymous.post("/login/", form(clinician.username))
    assert anonymous.cookies["cauce_session"].value != first


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(anonymous, clinician):
    anonymous.get("/login/")
    anonymous.post("/login/", form(clinician.username))
    for name in ("cauce_session", "cauce_csrf"):
        cookie = anonymous.cookies[name]
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Lax"


def test_who_is_signed_in_is_not_asked_again(browser_of, clinician):
    answer = browser_of(clinician).get("/login/?next=/jobs/")
    assert (answer.status_code, answer["Location"]) == (302, "/jobs/")
