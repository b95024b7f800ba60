"""The real receiver: what a modality sends is stored, catalogued and receipted, and it hears the truth about it."""

import threading
import time
from collections import Counter

import pytest
from dimse_peers import (
    PATIENT_NAME,
    WAIT_S,
    Wire,
    associate,
    data,
    dcmtk,
    echo_status,
    encoded,
    instance,
    listening,
    needs_dcmtk,
    status_of,
    store_command,
)
from pydicom import dcmread, uid
from pydicom.filebase import DicomBytesIO

from cauce.core.errors import (
    DatabaseUnavailable,
    Refused,
    StorageUnavailable,
    Unexpected,
)
from cauce.core.messages import Incoming, Verdict
from cauce.core.statuses import ItemStatus, Space
from cauce.dimse.receiver import Access, RejectionReason
from cauce.dimse.service import CatalogueReceiver
from cauce.records.models import CallingAe, Instance, Job, Upload, UploadItem, Version

pytestmark = pytest.mark.django_db(transaction=True)

CT = str(uid.CTImageStorage)
EXPLICIT, IMPLICIT = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian
ELSEWHERE = "192.0.2.7"


def send(port, *datasets, syntax=EXPLICIT, calling="CT1"):
    """Send data sets on one association; their statuses."""
    assoc = associate(port, [(datasets[0].SOPClassUID, [syntax])], calling=calling)
    statuses = [assoc.send_c_store(ds).Status for ds in datasets]
    assoc.release()
    return statuses


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def all_closed():
    return not Upload.objects.filter(finished_at=None).exists()


def items():
    return list(UploadItem.objects.order_by("pk").values_list("status", "code"))


def test_what_is_sent_is_held_byte_for_byte_catalogued_and_receipted(tmp_path, services, receiver):
    ds = instance()
    with listening(tmp_path / "spool", receiver) as listener:
        assert send(listener.port, ds) == [0x0000]
        until(all_closed)
    version = Version.objects.get()
    with services.objects.open(Space.ORIGINALS, version.object_id) as stored:
        content = stored.read()
    assert content.endswith(encoded(ds))
    assert dcmread(DicomBytesIO(content)).PatientName == PATIENT_NAME
    upload = Upload.objects.get()
    assert (upload.source, upload.sender, upload.final) == ("dimse", "CT1", False)
    item = UploadItem.objects.get()
    assert (item.status, item.name, item.sop_instance_uid) == ("stored", "C-STORE 1", ds.SOPInstanceUID)
    assert version.source == "dimse"
    assert Instance.objects.get().sop_instance_uid == ds.SOPInstanceUID


def test_the_end_of_an_association_does_not_close_the_study(tmp_path, receiver):
    with listening(tmp_path / "spool", receiver) as listener:
        send(listener.port, instance())
        until(all_closed)
    job = Job.objects.get()
    assert (job.step, job.status) == ("close", "queued")
    assert job.due_at > Upload.objects.get().finished_at


def test_a_resend_is_a_duplicate_in_whatever_encoding_and_other_content_a_conflict_and_all_hear_success(
    tmp_path, receiver
):
    first, other = instance(uid="2.25.77"), instance(uid="2.25.77", pixels=b"\1" * 8192)
    implicit = instance(uid="2.25.77", syntax=IMPLICIT)
    with listening(tmp_path / "spool", receiver) as listener:
        assert send(listener.port, first, first) == [0x0000, 0x0000]
        assert send(listener.port, first) == [0x0000]
        assert send(listener.port, implicit, syntax=IMPLICIT) == [0x0000]
        assert send(listener.port, other, other) == [0x0000, 0x0000]
        until(all_closed)
    assert [status for status, _ in items()] == [
        "stored",
        "duplicate",
        "duplicate",
        "duplicate",
        "conflict",
        "duplicate",
    ]
    assert Version.objects.count() == 2
    assert Upload.objects.count() == 4


def test_what_cannot_be_read_is_refused_in_words_receipted_and_not_kept(tmp_path, services, receiver):
    whole = encoded(instance())
    with listening(tmp_path / "spool", receiver) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (str(EXPLICIT),))])
        for content, status in ((whole[:-4000], 0xC000), (b"", 0xC000), (b"\xff" * 500, 0xC000), (whole, 0x0000)):
            wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, content))
            assert status_of(wire.receive()[1]) == status
    assert [status for status, _ in items()] == ["refused", "refused", "refused", "stored"]
    assert items()[0] == ("refused", "truncated")
    assert len(list(services.objects.walk(Space.ORIGINALS))) == 1


@pytest.mark.parametrize("sop_class", ["1.3.12.2.1107.5.9.1", "1.2.840.10008.5.1.4.1.1.99.7"])
def test_private_and_unknown_classes_are_stored(tmp_path, receiver, sop_class):
    with listening(tmp_path / "spool", receiver) as listener:
        assert send(listener.port, instance(sop_class=sop_class)) == [0x0000]
    assert Instance.objects.get().sop_class_uid == sop_class


def test_an_echo_leaves_no_upload(tmp_path, receiver):
    with listening(tmp_path / "spool", receiver) as listener:
        assert echo_status(listener.port) == 0x0000
    assert Upload.objects.count() == 0


@pytest.mark.parametrize("error", [StorageUnavailable("x"), DatabaseUnavailable("x")])
def test_when_a_store_does_not_answer_the_sender_is_told_to_come_again(tmp_path, services, error):
    def take_in(_upload, _incoming):
        raise error

    failing = CatalogueReceiver(services, take_in=take_in, default_ae_title="CAUCE")
    with listening(tmp_path / "spool", failing) as listener:
        assert send(listener.port, instance()) == [0xA700]
        until(all_closed)
    assert items() == []


def test_after_a_store_did_not_answer_the_next_instance_gets_a_new_connection_to_the_database(services):
    from django.db import connection

    def take_in(_upload, _incoming):
        raise DatabaseUnavailable("x")

    failing = CatalogueReceiver(services, take_in=take_in, default_ae_title="CAUCE")
    content = Incoming(content=b"", size_bytes=0, name="C-STORE 1", source="dimse")
    who = {"calling_ae": "CT1", "called_ae": "CAUCE", "address": "127.0.0.1", "association": "a"}
    connection.ensure_connection()
    with pytest.raises(DatabaseUnavailable):
        failing.store(content, **who)
    assert connection.connection is None


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (ItemStatus.REFUSED, "too_deep", Refused),
        (ItemStatus.SKIPPED, "", Refused),
        (ItemStatus.REFUSED, "something_new", Unexpected),
        (ItemStatus.PENDING, "", Unexpected),
    ],
)
def test_whatever_is_not_taken_is_never_answered_as_success(services, status, code, error):
    odd = CatalogueReceiver(
        services,
        take_in=lambda _upload, incoming: Verdict(status=status, name=incoming.name, code=code, detail="why"),
        default_ae_title="CAUCE",
    )
    content = Incoming(content=b"", size_bytes=0, name="C-STORE 1", source="dimse")
    who = {"calling_ae": "CT1", "called_ae": "CAUCE", "address": "127.0.0.1", "association": "a"}
    with pytest.raises(error) as raised:
        odd.store(content, **who)
    assert type(raised.value) is error
    odd.finished(association="a", aborted=False)
    assert Upload.objects.exclude(finished_at=None).count() == 1


def test_a_file_too_large_for_memory_is_stored_from_the_spool(tmp_path, receiver):
    ds = instance(pixels=bytes(range(256)) * 4096)
    with listening(tmp_path / "spool", receiver, memory_instance_bytes_max=100_000) as listener:
        assert send(listener.port, ds) == [0x0000]
    assert Version.objects.get().size_bytes > 256 * 4096


def test_an_abort_in_the_middle_keeps_what_was_delivered_and_ends_the_upload(tmp_path, receiver):
    content = encoded(instance())
    with listening(tmp_path / "spool", receiver) as listener:
        with Wire(listener.port) as wire:
            wire.associate([(CT, (str(EXPLICIT),))])
            wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, content))
            assert status_of(wire.receive()[1]) == 0x0000
            wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 0, content[:100]), b"\7\0\0\0\0\4\0\0\0\0")
        until(lambda: Upload.objects.count() == 1 and all_closed())
    assert items() == [("stored", "")]


def test_associations_at_once_share_a_study_and_lose_nothing(tmp_path, receiver):
    with listening(tmp_path / "spool", receiver) as listener:
        statuses = []

        def study_part(number):
            datasets = [instance(uid=f"2.25.5.{number}.{k}") for k in range(4)]
            statuses.extend(send(listener.port, *datasets, calling=f"CT{number}"))

        threads = [threading.Thread(target=study_part, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(all_closed)
    assert statuses == [0x0000] * 24
    assert Version.objects.count() == 24
    assert Instance.objects.values("series__study").distinct().count() == 1
    sent = Counter(UploadItem.objects.values_list("upload__sender", flat=True))
    assert sent == {f"CT{number}": 4 for number in range(6)}


def test_associations_share_one_connection_to_the_database(tmp_path, receiver, monkeypatch):
    from cauce.adapters.sqlcipher.base import DatabaseWrapper

    opened = []
    connect = DatabaseWrapper.get_new_connection

    def recorded(wrapper, parameters):
        connection = connect(wrapper, parameters)
        if threading.current_thread() is not threading.main_thread():
            opened.append(connection)
        return connection

    monkeypatch.setattr(DatabaseWrapper, "get_new_connection", recorded)
    with listening(tmp_path / "spool", receiver) as listener:
        for _ in range(3):
            send(listener.port, instance())
        until(all_closed)
        listener.stop()
    assert len(opened) == 1


def test_from_this_machine_any_title_may_store_and_nothing_is_noted(receiver):
    for address in ("127.0.0.1", "::1", "127.3.2.1"):
        assert receiver.admit(calling_ae="ANY", called_ae="WHATEVER", address=address).access is Access.ACCEPTED
    assert CallingAe.objects.count() == 0


def test_from_elsewhere_an_unknown_title_may_only_echo_and_is_seen_to_want_in(services, receiver, admin):
    for _ in range(3):
        assert receiver.admit(calling_ae="MR2", called_ae="CAUCE", address=ELSEWHERE).access is Access.ECHO_ONLY
    (known,) = services.modalities.list(actor=admin)
    assert (known.ae_title, known.address, known.is_allowed, known.attempts) == ("MR2", ELSEWHERE, False, 3)
    assert known.first_seen <= known.last_seen


def test_an_allowed_title_may_store_from_its_address_alone_until_it_is_forbidden(services, receiver, admin):
    services.modalities.allow("MR2", ELSEWHERE, actor=admin)
    assert receiver.admit(calling_ae="MR2", called_ae="CAUCE", address=ELSEWHERE).access is Access.ACCEPTED
    assert receiver.admit(calling_ae="MR2", called_ae="CAUCE", address="192.0.2.8").access is Access.ECHO_ONLY
    services.modalities.forbid("MR2", ELSEWHERE, actor=admin)
    assert receiver.admit(calling_ae="MR2", called_ae="CAUCE", address=ELSEWHERE).access is Access.ECHO_ONLY


def test_when_called_titles_are_restricted_another_is_rejected_even_from_here(services):
    strict = CatalogueReceiver(services, take_in=None, default_ae_title="CAUCE", restrict_called=True)
    admission = strict.admit(calling_ae="CT1", called_ae="OTHER", address="127.0.0.1")
    assert (admission.access, admission.reason) == (
        Access.REJECTED,
        RejectionReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
    )
    assert strict.admit(calling_ae="CT1", called_ae="CAUCE", address="127.0.0.1").access is Access.ACCEPTED


class TestStorescu:
    """DCMTK's storescu with real files."""

    pytestmark = needs_dcmtk

    def test_a_real_series_is_stored_once_in_whatever_encoding_it_comes(self, tmp_path, receiver, corpus):
        files = sorted((corpus / "series-ct-headphantom-s21610").rglob("*"))
        files = [path for path in files if path.is_file()][:12]
        assert len(files) == 12
        with listening(tmp_path / "spool", receiver) as listener:
            for options in ((), ("-xe",), ("-xi",)):
                done = dcmtk("storescu", "-v", *options, "-aec", "CAUCE", "127.0.0.1", listener.port, *files)
                assert done.returncode == 0, done.stderr
            until(all_closed)
        assert Counter(status for status, _ in items()) == {"stored": 12, "duplicate": 24}

    def test_malformed_data_sets_get_an_answer_and_do_not_stop_the_next(self, tmp_path, receiver, malformed):
        cases = [path for path in sorted(malformed.rglob("*.dcm")) if _data_set(path)][::4]
        assert len(cases) > 40
        with listening(tmp_path / "spool", receiver) as listener, Wire(listener.port) as wire:
            wire.associate([(CT, (str(EXPLICIT),))])
            answers = Counter()
            for case in cases:
                content = _data_set(case)
                parts = [content[at : at + 100_000] for at in range(0, len(content), 100_000)]
                wire.send(data(1, 3, store_command(CT, "1.2.3")), *[data(1, 0, part) for part in parts])
                wire.send(data(1, 2, b""))
                kind, answer = wire.receive()
                assert kind == 0x04, case.name
                answers[status_of(answer)] += 1
        assert set(answers) <= {0x0000, 0xC000, 0xA700, 0x0122}
        assert sum(answers.values()) == len(cases) == UploadItem.objects.count()


def _data_set(path):
    """What follows the file meta of a Part 10 file, `b""` where that cannot be told."""
    content = path.read_bytes()
    if content[128:140] != b"DICM\2\0\0\0UL\4\0" or len(content) > 5_000_000:
        return b""
    return content[144 + int.from_bytes(content[140:144], "little") :]
