"""`/api/projects/<slug>/profile/`: reading, changing and trying profiles; working on a study anew."""

import pytest
import rest_rows as rows
import review_rows as review

from cauce import flow
from cauce.samples import small_instance
from cauce.stages.deidentify import LONGITUDINAL
from cauce.stages.deidentify.profile import profile_yaml

pytestmark = pytest.mark.django_db
JSON = "application/json"
PATH = "/api/projects/default/profile/"
SECRET = {"PatientName": "ZYXWVUT^PLANTED", "PatientID": "MRN-PLANTED-77", "InstitutionName": "PLANTED HOSPITAL"}


def dated():
    return profile_yaml(LONGITUDINAL)


@pytest.fixture
def study():
    made = rows.study(status="ready")
    version = rows.instance(rows.series(made), instance_number=3)
    rows.original(version, small_instance("CT", **SECRET))
    return made


def test_a_project_goes_by_the_default_until_it_is_given_a_profile(client_of, admin, researcher):
    rows.default_project()
    default = client_of(researcher).get(PATH).json()
    assert (default["number"], default["name"], default["text"]) == (0, "Standard", flow.default_profile().text)
    answer = client_of(admin).put(PATH, {"text": dated(), "based_on": 0}, content_type=JSON)
    assert (answer.status_code, answer.json()["number"]) == (200, 1)
    assert client_of(researcher).get(PATH).json() == answer.json()
    assert client_of(admin).put(PATH, {"text": dated()}, content_type=JSON).json()["number"] == 1
    late = client_of(admin).put(PATH, {"text": default["text"], "based_on": 0}, content_type=JSON)
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    (version,) = client_of(researcher).get(PATH + "versions/").json()["results"]
    assert (version["number"], version["author"], version["text"]) == (1, admin.username, dated())
    assert rows.AuditEvent.objects.get(action="profile.change").actor_name == admin.username


def test_a_broken_profile_is_refused_and_nothing_is_kept(client_of, admin):
    rows.default_project()
    for text in ("", "options: [", "name: [1]", "a: &a [*a]", "x" * 200_001):
        answer = client_of(admin).put(PATH, {"text": text}, content_type=JSON)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["text"]), text
    assert answer.json()["code"] == "invalid"
    assert client_of(admin).put(PATH, {"text": "options: ["}, content_type=JSON).json()["code"] == "invalid_profile"
    assert review.ProfileVersion.objects.count() == 0


def test_a_profile_of_no_project_is_not_found(client_of, admin):
    assert client_of(admin).get("/api/projects/nowhere/profile/").status_code == 404
    assert client_of(admin).get("/api/projects/nowhere/profile/versions/").status_code == 404
    assert (
        client_of(admin).put("/api/projects/nowhere/profile/", {"text": dated()}, content_type=JSON).status_code == 404
    )


def test_a_trial_says_what_would_change_and_writes_nothing(client_of, clinician, study):
    before = rows.everything()
    answer = client_of(clinician).post(PATH + "dry-run/", {"study": study.public_id}, content_type=JSON)
    assert answer.status_code == 200
    (tried,) = answer.json()["instances"]
    assert (tried["instance_number"], tried["cause"]) == (3, "")
    changes = {one["path"]: one for one in tried["changes"]}
    assert (changes["00100010"]["keyword"], changes["00100010"]["change"]) == ("PatientName", "replaced")
    assert changes["00100010"]["before"] == "ZYXWVUT^PLANTED"
    assert changes["00100010"]["after"] == "TRIAL"
    assert (changes["00120062"]["change"], changes["00120062"]["after"]) == ("added", "YES")
    assert tried["kept"] > 5
    assert tried["changed"] == len(changes)
    assert rows.everything() == before
    assert review.PatientLink.objects.count() == 0
    assert rows.DeidentifiedInstance.objects.count() == 0
    event = rows.AuditEvent.objects.get(action="profile.trial")
    assert (event.subject, event.detail["count"]) == (study.public_id, 1)


def test_a_candidate_is_tried_before_it_is_kept(client_of, clinician, study):
    body = {"study": study.public_id, "text": dated()}
    answer = client_of(clinician).post(PATH + "dry-run/", body, content_type=JSON)
    assert answer.json()["profile"]["name"] == LONGITUDINAL.name
    assert review.ProfileVersion.objects.count() == 0
    body["text"] = "options: ["
    answer = client_of(clinician).post(PATH + "dry-run/", body, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_profile")


def test_who_may_not_see_originals_sees_no_values_in_a_trial(client_of, researcher, study):
    answer = client_of(researcher).post(PATH + "dry-run/", {"study": study.public_id}, content_type=JSON)
    assert answer.status_code == 200
    (tried,) = answer.json()["instances"]
    assert {(one["before"], one["after"]) for one in tried["changes"]} == {(None, None)}
    assert "PatientName" in {one["keyword"] for one in tried["changes"]}
    for word in ("ZYXWVUT", "PLANTED", "MRN-"):
        assert word not in answer.content.decode()
    body = {"study": study.public_id, "sop_instance_uid": "1.2.3"}
    assert client_of(researcher).post(PATH + "dry-run/", body, content_type=JSON).status_code == 403


def test_one_instance_is_tried_alone(client_of, clinician, study):
    version = rows.instance(rows.series(study), instance_number=9, sop_instance_uid="1.2.826.7")
    rows.original(version, small_instance("MR"))
    client = client_of(clinician)
    assert len(client.post(PATH + "dry-run/", {"study": study.public_id}, content_type=JSON).json()["instances"]) == 2
    body = {"study": study.public_id, "sop_instance_uid": "1.2.826.7"}
    (tried,) = client.post(PATH + "dry-run/", body, content_type=JSON).json()["instances"]
    assert tried["instance_number"] == 9
    body["sop_instance_uid"] = "1.2.826.8"
    assert client.post(PATH + "dry-run/", body, content_type=JSON).status_code == 404


def test_what_would_be_held_back_says_why(client_of, clinician):
    study = rows.study()
    version = rows.instance(rows.series(study))
    rows.original(version, small_instance("CT", RecognizableVisualFeatures="YES", **SECRET))
    answer = client_of(clinician).post(PATH + "dry-run/", {"study": study.public_id}, content_type=JSON)
    (tried,) = answer.json()["instances"]
    assert (tried["cause"], tried["changes"], tried["kept"]) == ("pixels_unproven", [], 0)


def test_a_study_of_another_project_is_not_tried_here(client_of, clinician):
    other = rows.Project.objects.create(slug="other")
    study = rows.study(project=other)
    rows.default_project()
    answer = client_of(clinician).post(PATH + "dry-run/", {"study": study.public_id}, content_type=JSON)
    assert answer.status_code == 404


def test_a_study_is_worked_on_anew(client_of, clinician, study):
    path = f"/api/studies/{study.public_id}/deidentify/"
    assert client_of(clinician).post(path).status_code == 409  # it has not closed yet
    rows.revision(study)
    answer = client_of(clinician).post(path)
    assert (answer.status_code, answer.json()) == (202, {"id": study.public_id, "status": "queued"})
    assert rows.Job.objects.get().step == "close"
    assert rows.AuditEvent.objects.get(action="study.deidentify").subject == study.public_id
