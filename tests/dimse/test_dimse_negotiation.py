"""Associations: which contexts and syntaxes are accepted, whose titles are taken, how a rejection reads."""

import pytest
from dimse_peers import (
    VERIFICATION,
    FakeReceiver,
    Wire,
    associate,
    associate_request,
    dcmtk,
    echo_status,
    listening,
    needs_dcmtk,
)
from pydicom import uid

from cauce.core.errors import DatabaseUnavailable
from cauce.core.file_head import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from cauce.dimse.contexts import LOSSLESS_SYNTAXES, LOSSY_SYNTAXES, NATIVE_SYNTAXES, TRANSFER_SYNTAXES, is_storage
from cauce.dimse.receiver import Access, Admission, RejectionReason

CT = str(uid.CTImageStorage)
EXPLICIT, IMPLICIT, BIG = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian


def accepted_syntaxes(port, contexts):
    """The accepted syntax of each proposed context, `None` where it was refused."""
    assoc = associate(port, contexts)
    accepted = {context.context_id: str(context.transfer_syntax[0]) for context in assoc.accepted_contexts}
    if assoc.is_established:
        assoc.release()
    return [accepted.get(2 * number + 1) for number in range(len(contexts))]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([IMPLICIT, EXPLICIT], EXPLICIT),
        ([BIG, IMPLICIT], IMPLICIT),
        ([uid.JPEGLosslessSV1, IMPLICIT], IMPLICIT),
        ([uid.JPEGBaseline8Bit, uid.JPEG2000Lossless], uid.JPEG2000Lossless),
        ([uid.JPEG2000, uid.JPEGBaseline8Bit], uid.JPEGBaseline8Bit),
        ([uid.MPEG2MPML], uid.MPEG2MPML),
        ([uid.DeflatedExplicitVRLittleEndian], uid.DeflatedExplicitVRLittleEndian),
        (["1.2.3.4.5", "1.2.840.10008.1.2.4.94", IMPLICIT], IMPLICIT),
        (["1.2.3.4.5"], None),
        (["1.2.840.10008.1.2.4.94"], None),
    ],
)
def test_native_comes_before_lossless_before_lossy_and_an_unknown_syntax_is_never_chosen(tmp_path, offered, chosen):
    with listening(tmp_path) as listener:
        assert accepted_syntaxes(listener.port, [(CT, offered), (VERIFICATION, [IMPLICIT])]) == [chosen, IMPLICIT]


def test_every_transfer_syntax_of_the_list_is_accepted_when_offered_alone(tmp_path):
    with listening(tmp_path) as listener:
        accepted = accepted_syntaxes(listener.port, [(CT, [syntax]) for syntax in TRANSFER_SYNTAXES])
    assert accepted == [str(syntax) for syntax in TRANSFER_SYNTAXES]


def test_no_syntax_is_listed_twice_and_each_is_in_one_group():
    assert len(set(TRANSFER_SYNTAXES)) == len(TRANSFER_SYNTAXES)
    assert TRANSFER_SYNTAXES == NATIVE_SYNTAXES + LOSSLESS_SYNTAXES + LOSSY_SYNTAXES
    assert not [syntax for syntax in TRANSFER_SYNTAXES if uid.UID(syntax).type != "Transfer Syntax"]


def test_storage_classes_are_accepted_be_they_known_retired_private_or_newer_than_the_dictionary(tmp_path):
    classes = [
        CT,
        "1.2.840.10008.5.1.4.1.1.6",
        "1.2.840.10008.5.1.4.1.1.99.7",
        "1.2.840.10008.5.1.4.38.1",
        "1.3.12.2.1107.5.9.1",
        "1.2.276.0.7230010.3.1.0.1",
    ]
    with listening(tmp_path) as listener:
        accepted = accepted_syntaxes(listener.port, [(sop_class, [EXPLICIT]) for sop_class in classes])
    assert accepted == [str(EXPLICIT)] * len(classes)


@pytest.mark.parametrize(
    "abstract_syntax",
    [
        "1.2.840.10008.1.3.10",
        "1.2.840.10008.1.20.1",
        "1.2.840.10008.5.1.4.1.2.2.1",
        "1.2.840.10008.5.1.4.1.1.201.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.99.1",
        "1.2..3",
        "",
        "None",
        "1." * 40 + "1",
    ],
)
def test_what_is_no_storage_class_is_not_taken_for_one(abstract_syntax):
    assert is_storage(abstract_syntax) is False


def test_a_full_request_of_128_contexts_is_answered_context_by_context(tmp_path):
    contexts = [(f"1.2.840.10008.5.1.4.1.1.{number}", [IMPLICIT, EXPLICIT]) for number in range(2, 129)]
    with listening(tmp_path) as listener:
        accepted = accepted_syntaxes(listener.port, [(VERIFICATION, [IMPLICIT]), *contexts])
    assert accepted[0] == str(IMPLICIT)
    assert set(accepted[1:]) == {str(EXPLICIT)}


def test_the_same_class_in_two_contexts_gets_a_syntax_in_each(tmp_path):
    contexts = [(CT, [uid.JPEGBaseline8Bit]), (CT, [IMPLICIT])]
    with listening(tmp_path) as listener:
        assert accepted_syntaxes(listener.port, contexts) == [str(uid.JPEGBaseline8Bit), str(IMPLICIT)]


def test_an_association_without_a_usable_context_is_accepted_and_its_contexts_refused(tmp_path):
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        answer = wire.associate([("1.2.840.10008.5.1.4.1.2.2.1", (str(IMPLICIT),))])
        assert answer[answer.index(b"\x21\x00") + 6] == 3  # abstract syntax not supported
        listener.receiver.wait_for(lambda: len(listener.receiver.admitted) == 1)


def test_the_answer_names_our_implementation_and_the_longest_pdu_we_ask_for(tmp_path):
    with listening(tmp_path) as listener:
        assoc = associate(listener.port, [(VERIFICATION, [IMPLICIT])])
        acceptor = assoc.acceptor
        assert acceptor.implementation_class_uid == IMPLEMENTATION_CLASS_UID
        assert acceptor.implementation_version_name == IMPLEMENTATION_VERSION_NAME
        assert acceptor.maximum_length == 131072
        assoc.release()


@pytest.mark.parametrize(
    ("called", "calling", "seen"),
    [
        (b"CAUCE           ", b"SCU             ", ("SCU", "CAUCE")),
        (b"CAUCE\0\0\0\0\0\0\0\0\0\0\0", b"SCU\0            ", ("SCU", "CAUCE")),
        (b"  CAUCE         ", b"   SCU          ", ("SCU", "CAUCE")),
        (b"ct room 1       ", b"SIXTEEN_CHARS_AE", ("SIXTEEN_CHARS_AE", "ct room 1")),
        (b"A\\B\x07           ", b"C\tD             ", ("C?D", "A?B?")),
    ],
)
def test_titles_are_understood_whatever_they_are_padded_with(tmp_path, called, calling, seen):
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate(called=called.ljust(16), calling=calling.ljust(16))
    assert listener.receiver.admitted == [(*seen, "127.0.0.1")]


@pytest.mark.parametrize("title", [b" " * 16, b"\0" * 16, "CAÑÓN".encode("latin-1").ljust(16), b"\xff" * 16])
def test_a_title_that_breaks_the_rules_is_answered_and_the_next_peer_served(tmp_path, title):
    with listening(tmp_path) as listener:
        with Wire(listener.port) as wire:
            wire.send(associate_request(calling=title))
            assert wire.receive()[0] in {0x02, 0x03, 0x07}
        assert echo_status(listener.port) == 0x0000


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        (RejectionReason.CALLED_AE_TITLE_NOT_RECOGNIZED, b"\0\x01\x01\x07"),
        (RejectionReason.CALLING_AE_TITLE_NOT_RECOGNIZED, b"\0\x01\x01\x03"),
        (RejectionReason.NO_REASON_GIVEN, b"\0\x01\x01\x01"),
    ],
)
def test_a_rejection_says_for_good_and_why(tmp_path, reason, answer):
    receiver = FakeReceiver(admission=Admission(access=Access.REJECTED, reason=reason))
    with listening(tmp_path, receiver) as listener, Wire(listener.port) as wire:
        wire.send(associate_request())
        assert wire.receive() == (0x03, answer)
    assert receiver.ended == []


def test_an_unavailable_dependency_rejects_for_now(tmp_path):
    receiver = FakeReceiver(admission=DatabaseUnavailable("the database does not answer"))
    with listening(tmp_path, receiver) as listener, Wire(listener.port) as wire:
        wire.send(associate_request())
        assert wire.receive() == (0x03, b"\0\x02\x02\x01")


def test_another_protocol_version_is_rejected(tmp_path):
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.send(associate_request(version=2))
        assert wire.receive() == (0x03, b"\0\x01\x02\x02")


@pytest.mark.parametrize("field", ["role", "identity", "async", "extended"])
def test_extended_negotiation_items_do_not_disturb(tmp_path, field):
    from pynetdicom import pdu_primitives

    items = {
        "role": (
            pdu_primitives.SCP_SCU_RoleSelectionNegotiation(),
            {"sop_class_uid": CT, "scu_role": True, "scp_role": True},
        ),
        "identity": (
            pdu_primitives.UserIdentityNegotiation(),
            {"user_identity_type": 2, "primary_field": b"user", "secondary_field": b"secret"},
        ),
        "async": (
            pdu_primitives.AsynchronousOperationsWindowNegotiation(),
            {"maximum_number_operations_invoked": 5, "maximum_number_operations_performed": 5},
        ),
        "extended": (
            pdu_primitives.SOPClassExtendedNegotiation(),
            {"sop_class_uid": CT, "service_class_application_information": b"\2\0\0\0\1\0"},
        ),
    }
    negotiation, values = items[field]
    for name, value in values.items():
        setattr(negotiation, name, value)
    with listening(tmp_path) as listener:
        assoc = associate(listener.port, [(VERIFICATION, [IMPLICIT]), (CT, [EXPLICIT])], ext_neg=[negotiation])
        assert assoc.is_established
        assert assoc.send_c_echo().Status == 0x0000
        assoc.release()
        assert assoc.is_released


class TestEchoscu:
    """DCMTK's echoscu."""

    pytestmark = needs_dcmtk

    @pytest.mark.parametrize("options", [(), ("--propose-ts", "3", "--propose-pc", "20"), ("--repeat", "5")])
    def test_it_is_answered(self, tmp_path, options):
        with listening(tmp_path) as listener:
            done = dcmtk("echoscu", "-v", "-aec", "CAUCE", *options, "127.0.0.1", listener.port)
        assert done.returncode == 0, done.stderr
        assert "Received Echo Response (Success)" in done.stdout + done.stderr

    def test_it_reads_a_rejection_in_words(self, tmp_path):
        reason = RejectionReason.CALLED_AE_TITLE_NOT_RECOGNIZED
        receiver = FakeReceiver(admission=Admission(access=Access.REJECTED, reason=reason))
        with listening(tmp_path, receiver) as listener:
            done = dcmtk("echoscu", "-v", "-aec", "OTHER", "127.0.0.1", listener.port)
        assert done.returncode == 1
        assert "Called AE Title Not Recognized" in done.stdout + done.stderr
