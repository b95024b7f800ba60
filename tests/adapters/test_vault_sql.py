import json
import threading
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction

from cauce.adapters import vault_sql
from cauce.adapters.vault_sql import SqlVault
from cauce.core.errors import IntegrityError
from cauce.core.messages import ProjectRef
from cauce.records.models import PatientLink, Project

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = {"vault": bytes(range(32)), "vault-index": bytes(range(32, 64))}


@pytest.fixture
def vault():
    return opened_with(KEYS)


def opened_with(keys):
    return SqlVault(SimpleNamespace(secret=keys.__getitem__, secret_names=lambda: frozenset(keys)))


@pytest.fixture
def project():
    return make_project("trial")


def make_project(slug):
    return ProjectRef(pk=Project.objects.create(slug=slug).pk, slug=slug)


def ask(vault, project, patient_id="P-4711", *, issuer="HOSPITAL", study="1.2.3"):
    return vault.pseudonym(project, patient_id=patient_id, issuer_of_patient_id=issuer, study_instance_uid=study)


def test_a_patient_keeps_one_pseudonym_whatever_the_study(vault, project):
    first = ask(vault, project)
    assert ask(vault, project) == first
    assert ask(vault, project, study="9.9") == first
    assert PatientLink.objects.count() == 1
    assert len(first.name) == 12
    assert set(first.name) <= set(vault_sql._ALPHABET)
    assert len(first.uid_secret) == 32
    assert 1 <= abs(first.date_offset_days) <= 3_650


def test_issuer_patient_and_project_each_make_another_patient(vault, project):
    others = [
        ask(vault, project),
        ask(vault, project, issuer="CLINIC"),
        ask(vault, project, issuer=""),
        ask(vault, project, "P-4712"),
        ask(vault, project, "p-4711"),
        ask(vault, make_project("another")),
    ]
    assert len({each.name for each in others}) == 6
    assert len({each.uid_secret for each in others}) == 6


@pytest.mark.parametrize("same", ["P-Zoë ", " P-Zoë", "P-Zoe\u0308", "P-Zoë\0"])
def test_padding_and_composition_of_letters_make_no_other_patient(vault, project, same):
    assert ask(vault, project, same, issuer="A ") == ask(vault, project, "P-Zoë", issuer="A")


NOBODY = ["", "  ", "\0", "0", "000000", "1", "ANON", "anonymous", "N/A", "n.a.", "Unknown", "---", "XXXXX", "NO ID"]


@pytest.mark.parametrize("patient_id", [*NOBODY, "PatientID", "patient_id", "Unknown Patient"])
def test_an_id_that_names_nobody_stands_for_itself_within_its_study(vault, project, patient_id):
    one, two = (ask(vault, project, patient_id, study=study) for study in ("1.2.3", "1.2.4"))
    assert one.name != two.name
    assert ask(vault, project, patient_id, study="1.2.3") == one


@pytest.mark.parametrize("patient_id", ["10", "0001", "A", "X1", "TEST-7", "患者"])
def test_a_short_id_is_an_id_all_the_same(vault, project, patient_id):
    assert ask(vault, project, patient_id, study="1.2.3") == ask(vault, project, patient_id, study="1.2.4")


def test_a_patient_cannot_pose_as_a_study(vault, project):
    assert ask(vault, project, "", study="1.2.3").name != ask(vault, project, "1.2.3", issuer="study").name


def test_of_threads_that_come_at_once_all_read_the_same_row(vault, project):
    names, errors, barrier = set(), [], threading.Barrier(8)

    def work(number):
        try:
            barrier.wait()
            names.add((number % 2, ask(vault, project, f"P-{number % 2}").name))
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(number for number, _ in names) == [0, 1]
    assert PatientLink.objects.count() == 2


def test_who_loses_the_race_reads_the_winners_row(vault, project, monkeypatch):
    winner = []
    new_link = vault._new_link

    def slower(*args):
        monkeypatch.undo()
        winner.append(ask(vault, project))  # another is first, between our look and our row
        return new_link(*args)

    monkeypatch.setattr(vault, "_new_link", slower)
    assert ask(vault, project) == winner[0]
    assert PatientLink.objects.count() == 1


def test_the_row_has_committed_when_the_pseudonym_is_known(vault, project):
    name = ask(vault, project).name
    seen = []

    def look():
        seen.append(ask(vault, project).name)
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [name]


def test_within_a_transaction_that_might_roll_back_nothing_is_told(vault, project):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        ask(vault, project)
    assert PatientLink.objects.count() == 0


def test_nothing_in_the_table_can_be_read_without_the_keys(vault, project):
    pseudonym = ask(vault, project, "P-4711-JANE", issuer="SAINT MARY", study="1.2.826.99")
    row = PatientLink.objects.get()
    held = bytes(row.blind_index) + bytes(row.sealed)
    for text in ("4711", "JANE", "MARY", "826", pseudonym.name, "pseudonym", "patient"):
        assert text.encode() not in held
    assert pseudonym.uid_secret not in held
    assert len(row.blind_index) == 32


def test_the_same_patient_has_another_index_in_another_project_and_under_another_key(vault, project):
    ask(vault, project)
    ask(vault, make_project("another"))
    third = make_project("third")
    other = opened_with({**KEYS, "vault-index": bytes(32)})
    ask(vault, third)
    ask(other, third)
    assert len({bytes(row.blind_index) for row in PatientLink.objects.all()}) == 4


def test_a_pseudonym_is_random_not_derived(vault, project):
    first = ask(vault, project)
    PatientLink.objects.all().delete()
    second = ask(vault, project)
    assert first.name != second.name
    assert first.uid_secret != second.uid_secret
    offsets = {ask(vault, project, f"P-{number}").date_offset_days for number in range(20)}
    assert len(offsets) > 15
    assert 0 not in offsets
    assert {offset > 0 for offset in offsets} == {True, False}


@pytest.mark.parametrize("position", [0, 11, 12, 40, -1])
def test_an_altered_row_is_found(vault, project, position):
    ask(vault, project)
    row = PatientLink.objects.get()
    sealed = bytearray(row.sealed)
    sealed[position] ^= 1
    PatientLink.objects.update(sealed=bytes(sealed))
    with pytest.raises(IntegrityError) as caught:
        ask(vault, project)
    assert "4711" not in str(caught.value)
    PatientLink.objects.update(sealed=b"")
    with pytest.raises(IntegrityError):
        ask(vault, project)


def test_a_row_put_in_anothers_place_is_found(vault, project):
    ask(vault, project, "P-1")
    ask(vault, project, "P-2")
    one, two = PatientLink.objects.order_by("pk")
    PatientLink.objects.filter(pk=one.pk).update(sealed=two.sealed)
    with pytest.raises(IntegrityError):
        ask(vault, project, "P-1")


def test_a_row_moved_to_another_project_is_found(vault, project):
    ask(vault, project)
    other = make_project("another")
    index = vault._blind_index(other, "P-4711", "HOSPITAL", "1.2.3")
    PatientLink.objects.update(project_id=other.pk, blind_index=index)
    with pytest.raises(IntegrityError):
        ask(vault, other)


def test_the_sealed_row_leads_back_to_the_patient_for_who_has_the_key(vault, project):
    pseudonym = ask(vault, project, "P-4711 ", issuer="HOSPITAL")
    assert opened(project)["pseudonym"] == pseudonym.name
    assert opened(project)["patient_id"] == "P-4711 "
    assert opened(project)["issuer_of_patient_id"] == "HOSPITAL"
    assert opened(project)["study_instance_uid"] == ""


def test_the_row_of_a_nobody_leads_back_to_its_study(vault, project):
    ask(vault, project, "", study="1.2.3")
    assert opened(project)["study_instance_uid"] == "1.2.3"


def opened(project):
    row = PatientLink.objects.get()
    sealed, index = bytes(row.sealed), bytes(row.blind_index)
    return json.loads(AESGCM(KEYS["vault"]).decrypt(sealed[:12], sealed[12:], vault_sql._context(project, index)))


def test_secrets_of_a_pseudonym_are_in_no_representation(vault, project):
    pseudonym = ask(vault, project)
    assert "uid_secret" not in repr(pseudonym)
    assert "date_offset" not in repr(pseudonym)
