"""`/api/pseudonyms/…`: who stands behind a pseudonym, told to who may ask and says why."""

import pytest
import rest_rows as rows
import review_rows as review

from cauce import bootstrap
from cauce.core.errors import VaultLocked
from cauce.core.messages import ProjectRef

pytestmark = pytest.mark.django_db
JSON = "application/json"
REASON = "follow-up of a finding"


@pytest.fixture
def name():
    project = rows.default_project()
    rows.study(patient_id="P-4711", issuer_of_patient_id="HOSPITAL", patient_name="DOE^JANE")
    made = bootstrap.services().vault.pseudonym(
        ProjectRef(pk=project.pk, slug=project.slug),
        patient_id="P-4711",
        issuer_of_patient_id="HOSPITAL",
        study_instance_uid="1.2.3",
    )
    return made.name


def post(client, verb, **body):
    return client.post(f"/api/pseudonyms/{verb}/", {"reason": REASON, **body}, content_type=JSON)


def test_a_clinician_learns_who_it_is_and_the_trail_says_who_asked_and_why(client_of, clinician, name):
    answer = post(client_of(clinician), "resolve", pseudonym=name)
    assert answer.status_code == 200
    assert answer.json() == {
        "project": "default",
        "pseudonym": name,
        "patient_id": "P-4711",
        "issuer_of_patient_id": "HOSPITAL",
        "studies": [rows.Study.objects.get().public_id],
    }
    assert answer["Cache-Control"] == "no-store"
    event = rows.AuditEvent.objects.get(action="pseudonym.resolve")
    assert (event.actor_name, event.address, event.detail) == (
        clinician.username,
        "192.0.2.7",
        {"project": "default", "pseudonym": name, "reason": REASON},
    )


def test_the_pseudonym_of_a_patient_is_found_by_id_or_by_study(client_of, clinician, name):
    client = client_of(clinician)
    by_id = post(client, "find", patient_id="P-4711", issuer_of_patient_id="HOSPITAL")
    by_study = post(client, "find", study=rows.Study.objects.get().public_id)
    assert by_id.json() == by_study.json() == {"project": "default", "pseudonym": name}
    assert post(client, "find", patient_id="P-4712").status_code == 404
    wrong = post(client, "find", patient_id="")
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["study"])
    assert review.PatientLink.objects.count() == 1


def test_an_administrator_erases_a_link_once(client_of, admin, clinician, name):
    assert post(client_of(clinician), "erase", pseudonym=name).status_code == 403
    assert post(client_of(admin), "erase", pseudonym=name).status_code == 204
    assert post(client_of(admin), "erase", pseudonym=name).status_code == 404
    assert post(client_of(admin), "resolve", pseudonym=name).status_code == 404
    assert review.PatientLink.objects.count() == 0


@pytest.mark.parametrize("reason", ["", "why", "for P-4711", "Jane asked"])
def test_without_a_reason_that_can_be_kept_nothing_is_told(client_of, admin, name, reason):
    answer = post(client_of(admin), "resolve", pseudonym=name, reason=reason)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["reason"])
    assert "4711" not in answer.content.decode()
    assert not rows.AuditEvent.objects.filter(action="pseudonym.resolve").exists()


def test_who_may_not_ask_is_refused_with_a_trace(client_of, researcher, name):
    assert post(client_of(researcher), "resolve", pseudonym=name).status_code == 403
    assert rows.AuditEvent.objects.get(action="access.refused").detail["route"] == "api/pseudonyms/resolve/"


def test_a_locked_vault_is_said_plainly(client_of, admin, name, monkeypatch):
    def locked(_name):
        raise VaultLocked("The vault is locked: its key does not open. Nothing was read or written.")

    monkeypatch.setattr(bootstrap.services().vault, "_secret", locked)
    answer = post(client_of(admin), "resolve", pseudonym=name)
    assert (answer.status_code, answer.json()["code"]) == (503, "vault_locked")
    assert answer.json()["detail"].startswith("The vault is locked")


def test_another_project_knows_nothing_of_it(client_of, admin, name):
    rows.Project.objects.create(slug="other")
    assert post(client_of(admin), "resolve", project="other", pseudonym=name).status_code == 404
    assert post(client_of(admin), "resolve", project="nowhere", pseudonym=name).status_code == 404
