"""`/api/quarantine/` and its pages: what was held back, and what a person decides."""

import re

import pytest
import rest_rows as rows
import review_rows as review

from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db
JSON = "application/json"


def deeds():
    return list(
        rows.AuditEvent.objects.filter(action__startswith="quarantine.").order_by("pk").values_list("action", "subject")
    )


@pytest.fixture
def one():
    return review.held(rows.study(status="attention", patient_name="MUSTER^ANNA", patient_id="P-100-X"))


def post(client, one, verb, **body):
    return client.post(f"/api/quarantine/{one.public_id}/{verb}/", body, content_type=JSON)


def test_what_is_held_is_listed_with_its_cause(client_of, clinician, researcher, one):
    review.held(rows.study(), status="rejected", cause="identity_suspected")
    client = client_of(clinician)
    (shown,) = client.get("/api/quarantine/").json()["results"]
    assert (shown["id"], shown["study"], shown["status"]) == (one.public_id, one.study.public_id, "held")
    assert (shown["cause"], shown["detail"], shown["project"]) == ("pixels_unproven", review.DETAIL, "default")
    assert (shown["rows"], shown["columns"], shown["number_of_frames"]) == (16, 16, 1)
    assert [row["status"] for row in client.get("/api/quarantine/?status=rejected,held").json()["results"]] == [
        "rejected",
        "held",
    ]
    assert client.get("/api/quarantine/?cause=identity_suspected").json()["results"] == []
    assert client.get(f"/api/quarantine/?study={one.study.public_id}").json()["results"] == [shown]
    assert client.get("/api/quarantine/?project=other").json()["results"] == []
    for word in ("MUSTER", "P-100-X", one.study.study_instance_uid):
        assert word not in str(shown)
    assert client_of(researcher).get("/api/quarantine/").status_code == 403
    assert client_of(researcher).get(f"/api/quarantine/{one.public_id}/").status_code == 403
    assert deeds()[0] == ("quarantine.list", "")


def test_a_person_releases_what_was_held(client_of, clinician, one):
    answer = post(client_of(clinician), one, "release", reason=review.REASON)
    assert (answer.status_code, answer.json()["status"]) == (200, "released")
    assert (answer.json()["decided_by"], answer.json()["reason"]) == (clinician.username, review.REASON)
    assert rows.Job.objects.get(step="close").study == one.study
    again = post(client_of(clinician), one, "release", reason=review.REASON)
    assert (again.status_code, again.json()["status"]) == (200, "released")
    other = post(client_of(clinician), one, "reject", reason=review.REASON)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert deeds() == [("quarantine.release", one.public_id)]


def test_a_person_redacts_boxes_and_elements(client_of, clinician, one):
    box = {"x": 0, "y": 0, "width": 8, "height": 4}
    body = {"reason": review.REASON, "boxes": [box], "elements": ["PatientComments", "0008,1080", "(0010,21B0)"]}
    answer = post(client_of(clinician), one, "redact", **body)
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["status"], shown["boxes"]) == ("redacted", [box])
    assert shown["elements"] == ["AdmittingDiagnosesDescription", "AdditionalPatientHistory", "PatientComments"]


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("release", {}, "reason"),
        ("release", {"reason": "   "}, "reason"),
        ("reject", {"reason": "Anna Muster asked"}, "reason"),
        ("redact", {"reason": review.REASON}, "boxes"),
        ("redact", {"reason": review.REASON, "elements": ["NoSuchKeyword"]}, "elements"),
        ("redact", {"reason": review.REASON, "elements": ["PatientComments"]}, "boxes"),
    ],
)
def test_a_wrong_decision_is_refused_by_field_and_changes_nothing(client_of, clinician, one, verb, body, field):
    answer = post(client_of(clinician), one, verb, **body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    one.refresh_from_db()
    assert one.status == "held"
    assert "uster" not in answer.content.decode().lower()


def test_boxes_are_checked_by_member(client_of, clinician, one):
    body = {"reason": review.REASON, "boxes": [{"x": -1, "y": 0, "width": 8, "height": 4}]}
    assert post(client_of(clinician), one, "redact", **body).status_code == 400


def test_the_picture_is_the_original_and_leaves_a_trace(client_of, clinician, researcher, one):
    path = f"/api/quarantine/{one.public_id}/picture/"
    answer = client_of(clinician).get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer.content.startswith(b"\x89PNG")
    assert answer["Cache-Control"] == "private, no-store"
    assert deeds() == [("quarantine.picture", one.public_id)]
    assert client_of(clinician).get(path + "?frame=7").status_code == 404
    assert client_of(clinician).get(path + "?frame=x").status_code == 400
    assert client_of(researcher).get(path).status_code == 403


def test_what_has_no_picture_says_so(client_of, clinician):
    one = review.held(rows.study(), content=b"no DICOM" * 90)
    assert client_of(clinician).get(f"/api/quarantine/{one.public_id}/picture/").status_code == 404


def test_the_list_page_shows_what_waits(browser_of, clinician, researcher, one):
    text = browser_of(clinician).get("/quarantine/").content.decode()
    assert review.DETAIL in text
    assert f'href="/quarantine/{one.public_id}/"' in text
    assert "Decide" in text
    assert 'href="/quarantine/" aria-current="page"' in text
    assert browser_of(researcher).get("/quarantine/").status_code == 404
    assert 'href="/quarantine/"' not in browser_of(researcher).get("/").content.decode()
    assert (
        "Nothing waits for a decision" in browser_of(clinician).get("/quarantine/?study=" + "0" * 32).content.decode()
    )
    assert browser_of(clinician).get("/quarantine/?status=gone").status_code == 404


def test_the_page_of_one_offers_the_decisions_to_who_may_take_them(browser_of, clinician, one):
    path = f"/quarantine/{one.public_id}/"
    text = browser_of(clinician).get(path).content.decode()
    assert re.findall(r'name="decision" value="(\w+)"', text) == ["redact", "release", "reject"]
    assert f'src="/api/quarantine/{one.public_id}/picture/?frame=0"' in text
    service = browser_of(rows.user(Role.SERVICE)).get(path).content.decode()
    assert 'name="decision"' not in service
    for role in (Role.RESEARCHER, Role.AUDITOR):
        assert browser_of(rows.user(role)).get(path).status_code == 404


def test_a_decision_is_taken_on_the_page(browser_of, clinician, one):
    browser, path = browser_of(clinician), f"/quarantine/{one.public_id}/"
    answer = browser.post(
        path + "decide/", {"decision": "redact", "reason": review.REASON, "boxes": "0 0 8 4\n1, 2, 3, 4\n\n"}
    )
    assert (answer.status_code, answer["Location"]) == (302, path)
    one.refresh_from_db()
    assert (one.status, one.boxes) == ("redacted", [[0, 0, 8, 4], [1, 2, 3, 4]])
    text = browser.get(path).content.decode()
    assert 'name="decision"' not in text
    assert review.REASON in text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"decision": "release", "reason": ""}, "A reason is wanted"),
        ({"decision": "redact", "reason": review.REASON, "boxes": "here"}, "Say which boxes"),
        ({"decision": "redact", "reason": review.REASON, "elements": "Nonsense"}, "An element is a keyword"),
    ],
)
def test_what_is_wrong_is_said_on_the_page_beside_what_was_typed(browser_of, clinician, one, body, said):
    answer = browser_of(clinician).post(f"/quarantine/{one.public_id}/decide/", body)
    text = answer.content.decode()
    assert answer.status_code == 400
    assert said in text
    assert body["reason"] in text
    one.refresh_from_db()
    assert one.status == "held"


def test_who_comes_second_is_told(browser_of, clinician, admin, one):
    body = {"decision": "release", "reason": review.REASON}
    assert browser_of(admin).post(f"/quarantine/{one.public_id}/decide/", body).status_code == 302
    answer = browser_of(clinician).post(f"/quarantine/{one.public_id}/decide/", {**body, "decision": "reject"})
    assert answer.status_code == 409
    assert "somebody has decided it already" in answer.content.decode()
    assert browser_of(admin).post(f"/quarantine/{one.public_id}/decide/", {"decision": "x"}).status_code == 404


def test_who_may_not_decide_leaves_a_trace(browser_of, one):
    service = rows.user(Role.SERVICE)
    answer = browser_of(service).post(f"/quarantine/{one.public_id}/decide/", {"decision": "release"})
    assert answer.status_code == 403
    assert rows.AuditEvent.objects.get(action="access.refused").detail["route"] == "decide-page"


def test_the_page_of_a_study_leads_to_what_was_held_of_it(browser_of, clinician, researcher):
    study = rows.study(status="attention")
    rows.revision(study, status="attention")
    review.held(study)
    path = f"/studies/{study.public_id}/"
    assert f'href="/quarantine/?study={study.public_id}"' in browser_of(clinician).get(path).content.decode()
    assert "/quarantine/" not in browser_of(researcher).get(path).content.decode()


def test_pages_speak_spanish(browser_of, clinician, one):
    browser = browser_of(clinician, headers={"accept-language": "es"})
    assert "Nada espera una decisión" in browser.get("/quarantine/?study=" + "0" * 32).content.decode()
    assert "Dejarla fuera" in browser.get(f"/quarantine/{one.public_id}/").content.decode()
