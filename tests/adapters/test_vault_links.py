"""Asking the vault who somebody is: with permission and a reason, leaving a trace; and forgetting it for good."""

import threading
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from cauce.adapters.keyring_file import FileKeyRing
from cauce.adapters.keys_file import FileKeyService
from cauce.adapters.vault_sql import SqlVault
from cauce.audit.models import AuditEvent
from cauce.core.actors import Actor
from cauce.core.errors import Forbidden, InvalidRequest, NotFound, VaultLocked
from cauce.core.messages import ProjectRef
from cauce.core.statuses import Role
from cauce.records.models import PatientLink, Project, Study

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = {"vault": bytes(range(32)), "vault-index": bytes(range(32, 64))}
REASON = "follow-up of a finding, ethics vote 12/26"
ADMIN = Actor(kind="user", name="anna", role=Role.ADMIN, address="192.0.2.7")


def opened_with(keys):
    return SqlVault(SimpleNamespace(secret=keys.__getitem__, secret_names=lambda: frozenset(keys)))


@pytest.fixture
def vault():
    return opened_with(KEYS)


@pytest.fixture
def project():
    return make_project("trial")


def make_project(slug):
    return ProjectRef(pk=Project.objects.create(slug=slug).pk, slug=slug)


def ask(vault, project, patient_id="P-4711", *, issuer="HOSPITAL", study="1.2.3"):
    return vault.pseudonym(project, patient_id=patient_id, issuer_of_patient_id=issuer, study_instance_uid=study)


def find(vault, project, patient_id="P-4711", *, issuer="HOSPITAL", study="", reason=REASON, actor=ADMIN):
    asked = {"patient_id": patient_id, "issuer_of_patient_id": issuer, "study_instance_uid": study}
    return vault.find(project, **asked, reason=reason, actor=actor)


def make_study(project, uid, **values):
    return Study.objects.create(
        project_id=project.pk, study_instance_uid=uid, last_received_at=timezone.now(), **values
    )


def trail():
    return list(AuditEvent.objects.order_by("pk").values_list("action", "outcome", "actor_name", "detail"))


def test_a_pseudonym_leads_back_to_the_patient_and_leaves_a_trace_without_identity(vault, project):
    name = ask(vault, project).name
    mine = make_study(project, "1.2.3", patient_id="P-4711", issuer_of_patient_id="HOSPITAL", patient_name="DOE^JANE")
    make_study(project, "1.2.4", patient_id="P-4711", issuer_of_patient_id="CLINIC")
    make_study(make_project("another"), "1.2.5", patient_id="P-4711", issuer_of_patient_id="HOSPITAL")
    found = vault.resolve(project, f" {name.lower()} ", reason=f"  {REASON}\n", actor=ADMIN)
    assert (found.pseudonym, found.patient_id, found.issuer_of_patient_id) == (name, "P-4711", "HOSPITAL")
    assert (found.study_ids, found.study_instance_uid) == ((mine.public_id,), "")
    ((action, outcome, who, detail),) = trail()
    assert (action, outcome, who) == ("pseudonym.resolve", "success", "anna")
    assert detail == {"project": "trial", "reason": REASON, "pseudonym": name}
    assert "4711" not in repr(found)


def test_the_pseudonym_of_a_nobody_leads_back_to_its_study(vault, project):
    name = ask(vault, project, "", study="1.2.3").name
    mine = make_study(project, "1.2.3")
    make_study(project, "1.2.4")
    found = vault.resolve(project, name, reason=REASON, actor=ADMIN)
    assert (found.patient_id, found.study_instance_uid, found.study_ids) == ("", "1.2.3", (mine.public_id,))
    assert find(vault, project, "", study="1.2.3") == name


def test_a_patient_is_found_by_id_and_issuer_and_none_is_made(vault, project):
    name = ask(vault, project).name
    assert find(vault, project, " P-4711 ") == name
    for other in ({"patient_id": "P-4712"}, {"issuer": "CLINIC"}):
        with pytest.raises(NotFound):
            find(vault, project, **other)
    assert PatientLink.objects.count() == 1
    assert [(action, outcome) for action, outcome, _, _ in trail()] == [
        ("pseudonym.find", "success"),
        ("pseudonym.find", "not_found"),
        ("pseudonym.find", "not_found"),
    ]
    assert "4712" not in str(trail())


def test_another_projects_pseudonym_is_none_here(vault, project):
    name = ask(vault, project).name
    with pytest.raises(NotFound):
        vault.resolve(make_project("another"), name, reason=REASON, actor=ADMIN)
    with pytest.raises(NotFound):
        vault.resolve(project, "AAAAAAAAAAAA", reason=REASON, actor=ADMIN)
    assert [outcome for _, outcome, _, _ in trail()] == ["not_found", "not_found"]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN, Role.CLINICIAN}))
def test_who_may_not_ask_learns_nothing(vault, project, role):
    name, actor = ask(vault, project).name, Actor(kind="user", name="x", role=role)
    with pytest.raises(Forbidden):
        vault.resolve(project, name, reason=REASON, actor=actor)
    with pytest.raises(Forbidden):
        find(vault, project, actor=actor)
    with pytest.raises(Forbidden):
        vault.erase(project, name, reason=REASON, actor=actor)
    assert (trail(), PatientLink.objects.count()) == ([], 1)


def test_a_clinician_asks_but_does_not_erase(vault, project):
    name, clinician = ask(vault, project).name, Actor(kind="user", name="c", role=Role.CLINICIAN)
    assert vault.resolve(project, name, reason=REASON, actor=clinician).patient_id == "P-4711"
    with pytest.raises(Forbidden):
        vault.erase(project, name, reason=REASON, actor=clinician)
    assert PatientLink.objects.count() == 1


@pytest.mark.parametrize("reason", ["", " a b ", "x" * 501, "is this P-4711?", "Jane called", "is it p-4711"])
def test_without_a_reason_or_with_one_that_names_the_patient_nothing_is_told(vault, project, reason):
    name = ask(vault, project).name
    make_study(project, "1.2.3", patient_id="P-4711", issuer_of_patient_id="HOSPITAL", patient_name="DOE^JANE")
    for wanted in (
        lambda: vault.resolve(project, name, reason=reason, actor=ADMIN),
        lambda: find(vault, project, reason=reason),
        lambda: vault.erase(project, name, reason=reason, actor=ADMIN),
    ):
        with pytest.raises(InvalidRequest) as caught:
            wanted()
        assert caught.value.field == "reason"
    assert (trail(), PatientLink.objects.count()) == ([], 1)


def test_what_is_erased_leads_nowhere_and_the_patient_gets_another_pseudonym(vault, project):
    first = ask(vault, project)
    vault.erase(project, first.name, reason="the patient asked for it", actor=ADMIN)
    assert PatientLink.objects.count() == 0
    with pytest.raises(NotFound):
        vault.resolve(project, first.name, reason=REASON, actor=ADMIN)
    with pytest.raises(NotFound):
        vault.erase(project, first.name, reason=REASON, actor=ADMIN)
    second = ask(vault, project)
    assert second.name != first.name
    assert second.uid_secret != first.uid_secret
    (action, outcome, _, detail), *_ = trail()
    assert (action, outcome) == ("pseudonym.erase", "success")
    assert detail == {"project": "trial", "reason": "the patient asked for it", "pseudonym": first.name}


def test_others_stay_when_one_is_erased(vault, project):
    kept, gone = (ask(vault, project, patient_id) for patient_id in ("P-1111", "P-2222"))
    vault.erase(project, gone.name, reason=REASON, actor=ADMIN)
    assert ask(vault, project, "P-1111") == kept
    assert vault.resolve(project, kept.name, reason=REASON, actor=ADMIN).patient_id == "P-1111"


def test_of_two_who_erase_at_once_one_does_it(vault, project):
    name, together, outcomes = ask(vault, project).name, threading.Barrier(2), []

    def erase():
        together.wait(timeout=30)
        try:
            vault.erase(project, name, reason=REASON, actor=ADMIN)
            outcomes.append("erased")
        except NotFound:
            outcomes.append("gone")
        finally:
            connection.close()

    threads = [threading.Thread(target=erase) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["erased", "gone"]
    assert [outcome for _, outcome, _, _ in trail()] == ["success", "not_found"]


def test_rows_of_before_there_was_an_index_are_found_too(vault, project):
    names = [ask(vault, project, f"P-{number}").name for number in range(3)]
    PatientLink.objects.update(pseudonym_index=None)
    assert vault.resolve(project, names[1], reason=REASON, actor=ADMIN).patient_id == "P-1"
    assert PatientLink.objects.filter(pseudonym_index__isnull=True).count() == 0


def test_neither_pseudonym_nor_patient_can_be_read_from_the_index(vault, project):
    name = ask(vault, project).name
    held = bytes(PatientLink.objects.get().pseudonym_index)
    assert len(held) == 32
    assert name.encode() not in held
    assert vault._pseudonym_index(make_project("another"), name) != held


def test_a_ring_that_has_lost_the_vaults_keys_makes_no_new_ones_over_what_they_sealed(project, tmp_path):
    service = FileKeyService(tmp_path / "keys.json")
    name = ask(SqlVault(FileKeyRing(tmp_path / "one.json", service)), project).name
    other_ring = FileKeyRing(tmp_path / "two.json", service)
    other = SqlVault(other_ring)
    for wanted in (
        lambda: ask(other, project),
        lambda: ask(other, project, "P-NEW"),
        lambda: find(other, project),
        lambda: other.resolve(project, name, reason=REASON, actor=ADMIN),
        lambda: other.erase(project, name, reason=REASON, actor=ADMIN),
    ):
        with pytest.raises(VaultLocked, match="its key is missing from the key ring"):
            wanted()
    assert (PatientLink.objects.count(), other_ring.secret_names(), trail()) == (1, frozenset(), [])


def test_a_root_key_that_is_gone_locks_the_vault(project, tmp_path):
    ring, keys = tmp_path / "ring.json", tmp_path / "keys.json"
    name = ask(SqlVault(FileKeyRing(ring, FileKeyService(keys))), project).name
    keys.rename(tmp_path / "elsewhere")
    locked = SqlVault(FileKeyRing(ring, FileKeyService(keys)))
    with pytest.raises(VaultLocked, match="does not open"):
        ask(locked, project)
    with pytest.raises(VaultLocked):
        locked.resolve(project, name, reason=REASON, actor=ADMIN)
    assert (PatientLink.objects.count(), trail()) == (1, [])
    (tmp_path / "elsewhere").rename(keys)
    assert ask(locked, project).name == name  # it opens by itself again, without a restart


def test_the_first_use_of_a_new_ring_is_no_loss(project, tmp_path):
    vault = SqlVault(FileKeyRing(tmp_path / "ring.json", FileKeyService(tmp_path / "keys.json")))
    assert ask(vault, project).name == ask(vault, project).name
