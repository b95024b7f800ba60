"""De-identification reports: the bytes that were kept, by revision and by study, and the page."""

import hashlib

import pytest
import rest_rows as rows
import review_rows as review

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    made = rows.planted_study()
    review.report(made.revisions.get())
    return made


def test_the_report_is_the_very_bytes_that_were_kept(client_of, researcher, study):
    revision = study.revisions.get()
    answer = client_of(researcher).get(f"/api/revisions/{revision.public_id}/deidentification/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.json()["instances"] == {"in": 2, "written": 1, "held": 1, "rejected": 0, "unaccounted": 0}
    assert client_of(researcher).get(f"/api/studies/{study.public_id}/deidentification/").content == answer.content
    assert rows.AuditEvent.objects.filter(action="report.read").count() == 2


def test_the_newest_report_stands_for_the_study_and_older_ones_stay(client_of, researcher, study):
    second = rows.revision(study, number=2)
    review.report(second, instances={"in": 3, "written": 3, "held": 0, "rejected": 0, "unaccounted": 0})
    review.report(second, number=2, instances={"in": 4, "written": 4, "held": 0, "rejected": 0, "unaccounted": 0})
    client = client_of(researcher)

    def count(path):
        return client.get(path).json()["instances"]["in"]

    path = f"/api/studies/{study.public_id}/deidentification/"
    assert [count(path), count(path + "?revision=1"), count(path + "?revision=2")] == [4, 2, 4]
    of_second = f"/api/revisions/{second.public_id}/deidentification/"
    assert [count(of_second), count(of_second + "?number=1")] == [4, 3]
    assert client.get(path + "?revision=3").status_code == 404
    assert client.get(path + "?revision=x").status_code == 400


def test_what_has_no_report_yet_is_not_found(client_of, researcher, auditor, study):
    fresh = rows.revision(rows.study())
    assert client_of(researcher).get(f"/api/revisions/{fresh.public_id}/deidentification/").status_code == 404
    assert client_of(auditor).get(f"/api/studies/{study.public_id}/deidentification/").status_code == 404


def test_the_page_shows_the_account_the_profile_and_the_digests(browser_of, researcher, study):
    answer = browser_of(researcher).get(f"/studies/{study.public_id}/deidentification/")
    text = answer.content.decode()
    assert answer.status_code == 200
    for said in ("Basic Profile", "PS3.15 2026d", "113100", "ab" * 32, "2.25.1", "Removed"):
        assert said in text
    for word in rows.words_of_identity():
        assert word not in text
    assert f'href="/api/revisions/{study.revisions.get().public_id}/deidentification/"' in text
    assert "not accounted for" not in text


def test_the_page_says_who_decided_what_and_what_is_missing(browser_of, clinician, study):
    decision = {
        "id": "0" * 32,
        "decision": "released",
        "cause": "pixels_unproven",
        "detail": review.DETAIL,
        "reason": review.REASON,
        "by": "anna",
        "at": None,
        "boxes": [],
        "elements": [],
    }
    held = {"id": None, "status": "held", "cause": "identity_suspected", "detail": "d", "decisions": []}
    output = {"sop_instance_uid": "2.25.9", "sha256": None, "boxes": [[0, 0, 1, 1]], "size_bytes": 5}
    review.report(
        rows.revision(study, number=2),
        instances={"in": 3, "written": 1, "held": 1, "rejected": 0, "unaccounted": 1},
        outputs=[{**output, "decisions": [decision]}],
        held=[held],
    )
    text = browser_of(clinician).get(f"/studies/{study.public_id}/deidentification/").content.decode()
    for said in (
        "1 image is not accounted for",
        "Released",
        "anna",
        review.REASON,
        "Identity may be left",
        "Revision 1",
    ):
        assert said in text
    assert "Revision 2</span>" in text
    assert browser_of(clinician).get(f"/studies/{study.public_id}/deidentification/?revision=9").status_code == 404
    assert (
        f'href="/studies/{study.public_id}/deidentification/"'
        in browser_of(clinician).get(f"/studies/{study.public_id}/").content.decode()
    )
