"""Modalities that want in, and conflicts: what a person decides."""

import pytest
import rest_rows as rows

from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db


def deeds():
    return list(rows.AuditEvent.objects.exclude(action="study.list").order_by("pk").values_list("action", "subject"))


def test_a_modality_that_wants_in_is_listed_and_let_in(client_of, admin):
    wanting, inside = rows.calling_ae(), rows.calling_ae(allowed=True)
    client = client_of(admin)
    listed = client.get("/api/calling-aes/").json()["results"]
    assert [(one["id"], one["allowed"], one["attempts"]) for one in listed] == [
        (inside.public_id, True, 2),
        (wanting.public_id, False, 2),
    ]
    assert [one["id"] for one in client.get("/api/calling-aes/?allowed=false").json()["results"]] == [wanting.public_id]
    answer = client.post(f"/api/calling-aes/{wanting.public_id}/allow/")
    assert (answer.status_code, answer.json()["allowed"]) == (200, True)
    answer = client.post(f"/api/calling-aes/{wanting.public_id}/forbid/")
    assert (answer.status_code, answer.json()["allowed"]) == (200, False)
    assert deeds() == [("modality.allow", wanting.public_id), ("modality.forbid", wanting.public_id)]


def test_a_modality_is_let_in_before_it_ever_asked(client_of, admin):
    body = {"ae_title": "MR1", "address": "192.0.2.9"}
    answer = client_of(admin).post("/api/calling-aes/", body, content_type="application/json")
    assert answer.status_code == 200
    assert (answer.json()["allowed"], answer.json()["attempts"], answer.json()["last_seen_at"]) == (True, 0, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ae_title": "MR1"}, "address"),
        ({"ae_title": "MR1", "address": "scanner.example"}, "address"),
        ({"ae_title": "A" * 17, "address": "192.0.2.9"}, "ae_title"),
        ({"ae_title": "A\\B", "address": "192.0.2.9"}, "ae_title"),
    ],
)
def test_a_wrong_modality_is_refused_by_field(client_of, admin, body, field):
    answer = client_of(admin).post("/api/calling-aes/", body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_who_is_unknown_is_not_found(client_of, admin):
    client = client_of(admin)
    for path in ("calling-aes/{}/allow/", "calling-aes/{}/forbid/", "conflicts/{}/accept/", "conflicts/{}/reject/"):
        assert client.post("/api/" + path.format("0" * 32)).status_code == 404


def test_the_page_offers_an_administrator_to_let_a_modality_in(browser_of, admin, clinician):
    wanting = rows.calling_ae(ae_title="CT<2>", attempts=3)
    rows.calling_ae(allowed=True, ae_title="INSIDE")
    text = browser_of(admin).get("/").content.decode()
    assert "CT&lt;2&gt; at 192.0.2.50 wants in" in text
    assert "It asked 3 times" in text
    assert "INSIDE" not in text
    assert "wants in" not in browser_of(clinician).get("/").content.decode()
    answer = browser_of(admin).post(f"/calling-aes/{wanting.public_id}/allow/")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert deeds() == [("modality.allow", wanting.public_id)]
    assert "wants in" not in browser_of(admin).get("/").content.decode()


@pytest.mark.parametrize(
    ("verb", "states"), [("accept", ("superseded", "current")), ("reject", ("current", "superseded"))]
)
def test_a_conflict_is_settled_once(client_of, clinician, verb, states):
    study = rows.study(status="attention")
    version = rows.contested(study)
    client = client_of(clinician)
    (one,) = client.get("/api/conflicts/", {"study": study.public_id}).json()["results"]
    assert (one["id"], one["study"]) == (version.object_id, study.public_id)
    assert one["sop_instance_uid"] == version.instance.sop_instance_uid
    path = f"/api/conflicts/{version.object_id}/{verb}/"
    assert client.post(path).status_code == 204
    assert tuple(version.instance.versions.order_by("pk").values_list("state", flat=True)) == states
    assert client.post(path).status_code == 409
    assert client.get("/api/conflicts/").json()["results"] == []
    assert (f"conflict.{verb}", version.object_id) in deeds()


def test_a_conflict_shows_in_what_it_differs(client_of, clinician, researcher):
    study = rows.study(status="attention", patient_id="P1")
    version = rows.contested(study)
    rows.set_header(version, {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "OTHER^ONE"}]}})
    rows.set_header(version.instance.versions.get(state="current"), {"00100020": {"vr": "LO", "Value": ["P1"]}})
    path = f"/api/conflicts/{version.object_id}/"
    found = client_of(clinician).get(path).json()
    assert (found["id"], found["differing"], found["elsewhere"]) == (version.object_id, 2, ["patient"])
    assert found["differences"] == [
        {"tag": "00100010", "keyword": "PatientName", "held": None, "contested": "OTHER^ONE"},
        {"tag": "00100020", "keyword": "PatientID", "held": "P1", "contested": None},
    ]
    assert ("conflict.read", version.object_id) in deeds()
    assert client_of(researcher).get(path).status_code in {403, 404}
    assert client_of(clinician).get(f"/api/conflicts/{'0' * 32}/").status_code == 404


def test_the_page_of_a_study_lets_a_person_settle_its_conflicts(browser_of, clinician, researcher):
    study = rows.study(status="attention")
    version = rows.contested(study)
    path = f"/studies/{study.public_id}/"
    assert version.instance.sop_instance_uid in browser_of(clinician).get(path).content.decode()
    assert "Take this one" not in browser_of(researcher).get(path).content.decode()
    settling = f"/conflicts/{version.object_id}/"
    assert browser_of(researcher).post(settling, {"decision": "accept"}).status_code == 403
    assert browser_of(rows.user(Role.AUDITOR)).post(settling, {"decision": "accept"}).status_code == 404
    answer = browser_of(clinician).post(settling, {"decision": "accept"})
    assert (answer.status_code, answer["Location"]) == (302, path)
    version.refresh_from_db()
    assert version.state == "current"
    assert browser_of(clinician).post(settling, {"decision": "reject"}).status_code == 302
    version.refresh_from_db()
    assert version.state == "current"
