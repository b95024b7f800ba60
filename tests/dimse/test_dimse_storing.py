"""C-STORE: every byte arrives as it was sent, and the sender hears what became of it."""

import logging
import struct

import pytest
import structlog
from dimse_peers import (
    PATIENT_ID,
    PATIENT_NAME,
    VERIFICATION,
    FakeReceiver,
    Wire,
    associate,
    data,
    dcmtk,
    echo_command,
    elements_of,
    encoded,
    instance,
    listening,
    needs_dcmtk,
    pdu,
    status_of,
    store_command,
)
from pydicom import dcmread, uid
from pydicom.filebase import DicomBytesIO

from cauce.core.errors import (
    Conflicting,
    DatabaseUnavailable,
    Forbidden,
    IntegrityError,
    Refused,
    StorageFull,
    StorageUnavailable,
    Unexpected,
)
from cauce.core.statuses import RefusalCode
from cauce.dimse.receiver import Access, Admission, Status

CT = str(uid.CTImageStorage)
EXPLICIT, IMPLICIT, BIG = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian


def store(port, ds, **options):
    """Send one instance on an association of its own; the response."""
    assoc = associate(port, [(ds.SOPClassUID, [ds.file_meta.TransferSyntaxUID])], **options)
    assert assoc.is_established
    response = assoc.send_c_store(ds)
    assoc.release()
    return response


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, uid.RLELossless, uid.JPEG2000, uid.MPEG2MPML])
def test_the_receiver_gets_a_part_10_file_with_the_data_set_as_it_was_sent(tmp_path, syntax):
    ds = instance(syntax=syntax)
    sent = encoded(ds)
    with listening(tmp_path) as listener:
        assert store(listener.port, ds, calling="CT1").Status == 0x0000
    (got,) = listener.receiver.received
    assert got.content.endswith(sent)
    assert got.size_bytes == len(got.content)
    read = dcmread(DicomBytesIO(got.content))
    assert read.SOPInstanceUID == ds.SOPInstanceUID
    assert read.file_meta.TransferSyntaxUID == syntax
    assert read.file_meta.MediaStorageSOPClassUID == CT
    assert read.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert read.file_meta.SourceApplicationEntityTitle == "CT1"
    assert read.file_meta.FileMetaInformationGroupLength == len(got.content) - len(sent) - 128 - 4 - 12


@pytest.mark.parametrize(
    "sop_class", [CT, "1.2.840.10008.5.1.4.1.1.6", "1.2.840.10008.5.1.4.1.1.99.7", "1.3.12.2.1107.5.9.1"]
)
def test_known_retired_unknown_and_private_classes_are_taken(tmp_path, sop_class):
    with listening(tmp_path) as listener:
        assert store(listener.port, instance(sop_class=sop_class)).Status == 0x0000
    assert len(listener.receiver.received) == 1


def test_the_name_of_an_instance_is_its_number_in_the_association(tmp_path):
    with listening(tmp_path) as listener:
        assoc = associate(listener.port, [(CT, [EXPLICIT])], calling="CT1", called="CAUCE")
        for _ in range(3):
            assert assoc.send_c_store(instance()).Status == 0x0000
        assoc.release()
        listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 1)
    received = listener.receiver.received
    assert [got.name for got in received] == ["C-STORE 1", "C-STORE 2", "C-STORE 3"]
    assert {(got.calling_ae, got.called_ae, got.address) for got in received} == {("CT1", "CAUCE", "127.0.0.1")}
    assert listener.receiver.ended == [(received[0].association, False)]


@pytest.mark.parametrize(
    ("error", "status", "comment"),
    [
        (Refused(RefusalCode.TRUNCATED, "It ends early."), 0xC000, "truncated: It ends early."),
        (Refused(RefusalCode.MISSING_UID, ""), 0xC000, "missing_uid"),
        (Refused(RefusalCode.TOO_LARGE, ""), 0xA700, "too_large"),
        (Refused(RefusalCode.STORAGE_FULL, ""), 0xA700, "storage_full"),
        (Refused(RefusalCode.FORBIDDEN, ""), 0x0124, "forbidden"),
        (Refused(RefusalCode.UNSUPPORTED_SOP_CLASS, ""), 0x0122, "unsupported_sop_class"),
        (StorageFull("x" * 100), 0xA700, "storage_full: " + "x" * 50),
        (StorageUnavailable(""), 0xA700, "storage_unavailable"),
        (DatabaseUnavailable("no answer"), 0xA700, "database_unavailable: no answer"),
        (Forbidden(""), 0x0124, "forbidden"),
        (IntegrityError(""), 0x0110, "integrity"),
        (Conflicting(""), 0x0110, "conflict"),
        (Unexpected(""), 0x0110, "unexpected"),
        (RuntimeError(f"about {PATIENT_NAME}"), 0x0110, "unexpected"),
    ],
)
def test_an_error_is_answered_with_status_and_words_and_the_association_goes_on(tmp_path, error, status, comment):
    receiver = FakeReceiver(error=error)
    with listening(tmp_path, receiver) as listener:
        assoc = associate(listener.port, [(CT, [EXPLICIT])])
        response = assoc.send_c_store(instance())
        receiver.error = None
        assert assoc.send_c_store(instance()).Status == 0x0000
        assoc.release()
    assert response.Status == status
    assert response.ErrorComment == comment


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xA900])
def test_the_sender_hears_the_status_that_the_receiver_returns(tmp_path, status):
    with listening(tmp_path, FakeReceiver(status=status)) as listener:
        assert store(listener.port, instance()).Status == status


def test_who_may_only_echo_is_refused_each_instance_and_nothing_of_it_is_kept(tmp_path):
    receiver = FakeReceiver(admission=Admission(access=Access.ECHO_ONLY))
    with listening(tmp_path, receiver) as listener:
        assoc = associate(listener.port, [(CT, [EXPLICIT]), (VERIFICATION, [IMPLICIT])])
        assert assoc.send_c_echo().Status == 0x0000
        response = assoc.send_c_store(instance())
        assoc.release()
    assert response.Status == 0x0124
    assert response.ErrorComment == "forbidden: this AE title may only echo until it is allowed"
    assert receiver.received == []


def test_a_class_other_than_that_of_the_context_and_an_unusable_uid_are_refused(tmp_path):
    sent = encoded(instance())
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (str(EXPLICIT),))])
        wire.send(data(1, 3, store_command("1.2.840.10008.5.1.4.1.1.4", "1.2.3")), data(1, 2, sent))
        assert status_of(wire.receive()[1]) == 0x0122
        wire.send(data(1, 3, store_command(CT, "1.2.x")), data(1, 2, sent))
        assert status_of(wire.receive()[1]) == 0x0117
        wire.send(data(1, 3, store_command(CT, "")), data(1, 2, sent))
        assert status_of(wire.receive()[1]) == 0x0117
        wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, sent))
        assert status_of(wire.receive()[1]) == 0x0000
    assert len(listener.receiver.received) == 1


def test_the_response_repeats_message_id_class_and_instance(tmp_path):
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (str(EXPLICIT),))])
        wire.send(data(1, 3, store_command(CT, "1.2.34", message_id=4711)), data(1, 2, encoded(instance())))
        kind, content = wire.receive()
    assert kind == 0x04
    assert content[4:6] == bytes([1, 3])
    elements = elements_of(content[6:])
    assert elements[0x0120] == struct.pack("<H", 4711)
    assert elements[0x0100] == struct.pack("<H", 0x8001)
    assert elements[0x0800] == struct.pack("<H", 0x0101)
    assert elements[0x0002].rstrip(b"\0").decode() == CT
    assert elements[0x1000].rstrip(b"\0") == b"1.2.34"
    assert elements[0x0000] == struct.pack("<L", len(content) - 6 - 12)


def test_a_response_is_cut_to_the_peers_longest_pdu(tmp_path):
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (str(EXPLICIT),))], maximum=100)
        wire.send(data(1, 3, store_command(CT, "1.2.34")), data(1, 2, encoded(instance())))
        first = wire.receive()[1]
        second = wire.receive()[1]
    assert (len(first), first[5], second[5]) == (100, 1, 3)
    assert status_of(b"\0" * 6 + first[6:] + second[6:]) == 0x0000


@pytest.mark.parametrize("fragment_bytes", [1, 7, 1000, 100_000])
def test_fragments_of_any_size_make_the_same_instance(tmp_path, fragment_bytes):
    sent = encoded(instance(pixels=bytes(range(256)) * (2 if fragment_bytes < 10 else 400)))
    command = store_command(CT, "1.2.3")
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (str(EXPLICIT),))])
        for control, part in ((1, command), (0, sent)):
            starts = range(0, len(part), fragment_bytes)
            wire.send(
                *(
                    data(1, control | (2 if start == starts[-1] else 0), part[start : start + fragment_bytes])
                    for start in starts
                )
            )
        assert status_of(wire.receive()[1]) == 0x0000
    assert listener.receiver.received[0].content.endswith(sent)


def test_several_fragments_in_one_pdu_and_a_whole_message_in_one_pdu_are_understood(tmp_path):
    sent = encoded(instance())
    values = [(3, store_command(CT, "1.2.3")), (0, sent[:100]), (0, b""), (2, sent[100:])]
    content = b"".join(struct.pack(">LBB", len(part) + 2, 1, control) + part for control, part in values)
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (str(EXPLICIT),))])
        wire.send(pdu(0x04, content), pdu(0x04, content))
        assert [status_of(wire.receive()[1]) for _ in range(2)] == [0x0000, 0x0000]
    assert len(listener.receiver.received) == 2


def test_a_pdu_longer_than_the_announced_maximum_is_taken_all_the_same(tmp_path):
    sent = encoded(instance(pixels=bytes(900_000 // 128 * 128)))
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (str(EXPLICIT),))])
        wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, sent))
        assert status_of(wire.receive()[1]) == 0x0000
    assert listener.receiver.received[0].content.endswith(sent)


def test_echo_is_answered_between_instances_and_cancel_is_passed_over(tmp_path):
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (str(EXPLICIT),)), (VERIFICATION, (str(IMPLICIT),))])
        wire.send(data(3, 3, echo_command(message_id=9, field=0x0FFF)))
        wire.send(data(3, 3, echo_command(message_id=7)))
        kind, content = wire.receive()
        assert (kind, status_of(content), elements_of(content[6:])[0x0120]) == (0x04, 0x0000, struct.pack("<H", 7))


@pytest.mark.parametrize("end", ["abort", "close", "garbage", "half a pdu"])
def test_what_was_delivered_before_the_end_stays_and_what_was_not_is_dropped(tmp_path, end):
    sent = encoded(instance())
    with listening(tmp_path) as listener:
        with Wire(listener.port) as wire:
            wire.associate([(CT, (str(EXPLICIT),))])
            wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, sent))
            assert status_of(wire.receive()[1]) == 0x0000
            wire.send(data(1, 3, store_command(CT, "1.2.4")), data(1, 0, sent[:2000]))
            if end == "abort":
                wire.send(pdu(0x07, bytes(4)))
            elif end == "garbage":
                wire.send(b"\x99" * 64)
            elif end == "half a pdu":
                wire.send(data(1, 2, sent[2000:])[:500])
        listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 1)
        (got,) = listener.receiver.received
        assert got.content.endswith(sent)
        assert listener.receiver.ended == [(got.association, True)]


@pytest.mark.parametrize("end", [pdu(0x07, bytes(4)), b""])
def test_an_end_that_the_peer_makes_is_no_failure_of_ours(tmp_path, end):
    with structlog.testing.capture_logs() as events, listening(tmp_path) as listener:
        with Wire(listener.port) as wire:
            wire.associate()
            wire.send(end)
        listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 1)
    assert [event["event"] for event in events if event["log_level"] in {"warning", "error"}] == []


def test_a_release_is_confirmed_and_counts_as_an_orderly_end(tmp_path):
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate()
        wire.send(pdu(0x05, bytes(4)))
        assert wire.receive() == (0x06, bytes(4))
        wire.socket.close()
        listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 1)
        assert listener.receiver.ended[0][1] is False


def test_many_associations_at_once_lose_and_mix_nothing(tmp_path):
    import threading

    sent = {f"CT{number}": [instance(uid=f"2.25.{number}.{k}") for k in range(5)] for number in range(12)}

    def send(calling, datasets):
        assoc = associate(listener.port, [(CT, [EXPLICIT])], calling=calling)
        statuses.extend([assoc.send_c_store(ds).Status for ds in datasets])
        assoc.release()

    statuses = []
    with listening(tmp_path) as listener:
        threads = [threading.Thread(target=send, args=each) for each in sent.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 12)
    assert statuses == [0x0000] * 60
    got = {}
    for each in listener.receiver.received:
        got.setdefault(each.calling_ae, []).append(str(dcmread(DicomBytesIO(each.content)).SOPInstanceUID))
    assert got == {calling: [str(ds.SOPInstanceUID) for ds in datasets] for calling, datasets in sent.items()}


@pytest.mark.parametrize("error", [None, Refused(RefusalCode.TRUNCATED, "It ends early."), RuntimeError(PATIENT_NAME)])
def test_neither_our_log_nor_a_librarys_says_who_the_patient_is(tmp_path, caplog, error):
    ds = instance(uid="1.2.826.77.1234.5678")
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events, listening(tmp_path, FakeReceiver(error=error)) as listener:
        store(listener.port, ds, calling="CT1")
        with Wire(listener.port) as wire:
            wire.associate([(CT, (str(EXPLICIT),))])
            wire.send(data(1, 3, store_command(CT, "1.2.826.77.1234.5678")), data(1, 0, encoded(ds)[:-9]))
            wire.send(b"\x99" * 64)
            assert wire.receive()[0] == 0x07
    said = repr(events) + caplog.text
    assert "dimse.association.finished" in said
    for secret in (PATIENT_NAME, PATIENT_ID, "1.2.826.77.1234.5678", "2.25.1234567890", "2.25.1234567891"):
        assert secret not in said


class TestStorescu:
    """DCMTK's storescu."""

    pytestmark = needs_dcmtk

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "files"
        folder.mkdir()
        for number in range(6):
            ds = instance(uid=f"2.25.99.{number}", pixels=bytes([number]) * 2 * 64 * 256)
            ds.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        return folder

    @pytest.mark.parametrize(
        ("options", "syntax"), [((), EXPLICIT), (("-xe",), EXPLICIT), (("-xi",), IMPLICIT), (("-xb",), EXPLICIT)]
    )
    def test_a_folder_arrives_whole_in_the_preferred_syntax(self, tmp_path, folder, options, syntax):
        with listening(tmp_path / "spool") as listener:
            done = dcmtk("storescu", "-v", "+sd", *options, "-aec", "CAUCE", "127.0.0.1", listener.port, folder)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("(Success)") + done.stdout.count("(Success)") == 6
        read = [dcmread(DicomBytesIO(got.content)) for got in listener.receiver.received]
        assert sorted(str(ds.SOPInstanceUID) for ds in read) == [f"2.25.99.{number}" for number in range(6)]
        assert {ds.file_meta.TransferSyntaxUID for ds in read} == {syntax}

    def test_a_refusal_is_shown_in_words(self, tmp_path, folder):
        receiver = FakeReceiver(error=Refused(RefusalCode.TRUNCATED, "It ends early."))
        with listening(tmp_path / "spool", receiver) as listener:
            done = dcmtk("storescu", "-d", "-aec", "CAUCE", "127.0.0.1", listener.port, folder / "0.dcm")
        assert done.returncode != 0
        assert "truncated: It ends early." in done.stdout + done.stderr

    def test_an_aborting_peer_keeps_what_it_delivered(self, tmp_path, folder):
        with listening(tmp_path / "spool") as listener:
            done = dcmtk("storescu", "--abort", "+sd", "-aec", "CAUCE", "127.0.0.1", listener.port, folder)
            listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 1)
        assert done.returncode == 0, done.stderr
        assert len(listener.receiver.received) == 6
        assert listener.receiver.ended[0][1] is True


def test_a_success_is_any_status_of_the_success_and_warning_classes():
    from cauce.dimse.receiver import is_stored

    assert [is_stored(status) for status in (0x0000, 0xB000, 0xB007)] == [True, True, True]
    assert [is_stored(status) for status in (0xA700, 0xC000, 0x0110)] == [False, False, False]
    assert Status.SUCCESS == 0x0000
