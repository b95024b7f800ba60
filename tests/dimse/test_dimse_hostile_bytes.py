"""Bytes that no honest peer sends: the listener answers or cuts, and serves the next peer right after."""

import struct

import pytest
from dimse_peers import (
    VERIFICATION,
    Wire,
    associate_request,
    command,
    data,
    echo_command,
    echo_status,
    encoded,
    instance,
    item,
    listening,
    pdu,
    store_command,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid

CT = str(uid.CTImageStorage)
EXPLICIT = str(uid.ExplicitVRLittleEndian)
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
CONTEXTS = [(CT, (EXPLICIT,)), (VERIFICATION, (EXPLICIT,))]


def throw(port, *parts, associated=False):
    """Send bytes whatever the answer, and read until the listener has had enough or nothing more to say."""
    with Wire(port) as wire:
        if associated:
            wire.associate(CONTEXTS)
        try:
            wire.send(*parts)
            wire.socket.shutdown(1)
        except OSError:
            pass
        while wire.receive()[0] is not None:
            pass


def test_every_case_of_the_malformed_corpus_is_survived(tmp_path, malformed):
    cases = sorted((malformed / "dimse-bytes").glob("*.bin"))
    assert cases
    with listening(tmp_path) as listener:
        for case in cases:
            content = case.read_bytes()
            throw(listener.port, content)
            throw(listener.port, associate_request(), content)
            throw(listener.port, content, associated=True)
            assert echo_status(listener.port) == 0x0000, case.name
        assert listener.thread.is_alive()


ODD_REQUESTS = {
    "no items": pdu(0x01, struct.pack(">HH", 1, 0) + b" " * 32 + bytes(32)),
    "cut off": pdu(0x01, associate_request()[6:60]),
    "empty": pdu(0x01, b""),
    "item longer than the pdu": pdu(0x01, associate_request()[6:74] + b"\x10\0\xff\xff"),
    "context without transfer syntax": associate_request([(VERIFICATION, ())]),
    "context without abstract syntax": pdu(
        0x01, associate_request()[6:74] + item(0x20, b"\1\0\0\0" + item(0x40, EXPLICIT.encode()))
    ),
    "even context id": associate_request().replace(b"\x20\0\0\x2e\1", b"\x20\0\0\x2e\2"),
    "same context id twice": pdu(
        0x01, associate_request([(CT, (EXPLICIT,)), (CT, (EXPLICIT,))])[6:].replace(b"\3\0\0\0", b"\1\0\0\0")
    ),
    "uid of letters": associate_request([("patient.name", ("x.y.z",))]),
    "uid too long": associate_request([("1." * 60 + "1", ("1." * 60 + "1",))]),
    "uid not ascii": associate_request().replace(b"1.2.840.10008.1.1", b"1.2.840.10008\xff\xfe\xfd1"),
    "maximum length 0": associate_request(maximum=0),
    "maximum length 1": associate_request(maximum=1),
    "maximum length 4 GiB": associate_request(maximum=0xFFFFFFFF),
    "twice": associate_request() * 2,
    "accept": pdu(0x02, associate_request()[6:]),
    "reject": pdu(0x03, bytes(4)),
    "release": pdu(0x05, bytes(4)),
    "release response": pdu(0x06, bytes(4)),
    "abort": pdu(0x07, bytes(4)),
    "tls": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "nothing": b"",
    "one byte": b"\x01",
}


@pytest.mark.parametrize("case", ODD_REQUESTS)
def test_an_odd_request_is_survived(tmp_path, case):
    with listening(tmp_path) as listener:
        throw(listener.port, ODD_REQUESTS[case], data(1, 3, echo_command()))
        throw(listener.port, ODD_REQUESTS[case], associated=True)
        assert echo_status(listener.port) == 0x0000


US = struct.Struct("<H").pack
ODD_MESSAGES = {
    "data set before command": data(1, 2, b"x"),
    "unknown context": data(99, 3, echo_command()),
    "refused context": data(5, 3, echo_command()),
    "echo with data set": data(3, 3, command((0x0100, US(0x30)), (0x0110, US(1)), (0x0800, US(0)))),
    "store without data set": data(1, 3, store_command(CT, "1.2.3", data_set=0x0101)),
    "find": data(1, 3, command((0x0100, US(0x20)), (0x0110, US(1)), (0x0800, US(0)))),
    "n-create": data(1, 3, command((0x0100, US(0x140)), (0x0110, US(1)), (0x0800, US(0x0101)))),
    "response": data(1, 3, command((0x0100, US(0x8001)), (0x0120, US(1)), (0x0800, US(0x0101)), (0x0900, US(0)))),
    "no command field": data(1, 3, command((0x0110, US(1)), (0x0800, US(0x0101)))),
    "command field of one byte": data(1, 3, command((0x0100, b"\1"), (0x0800, US(0x0101)))),
    "another group": data(1, 3, struct.pack("<HHL", 0x10, 0x10, 2) + b"XY"),
    "element beyond the end": data(1, 3, struct.pack("<HHL", 0, 0x100, 0xFFFFFFFF)),
    "half an element": data(1, 3, b"\0\0\0"),
    "empty command": data(1, 3, b""),
    "endless command": data(1, 1, bytes(50_000)) * 2,
    "interleaved contexts": data(1, 3, store_command(CT, "1.2.3")) + data(3, 3, echo_command()),
    "command in a data set": data(1, 3, store_command(CT, "1.2.3")) + data(1, 3, echo_command()),
    "pdv of no length": pdu(0x04, struct.pack(">L", 0)),
    "pdv of one byte": pdu(0x04, struct.pack(">LB", 1, 1)),
    "pdv beyond the pdu": pdu(0x04, struct.pack(">LBB", 1000, 1, 3)),
    "pdv header cut off": pdu(0x04, b"\0\0"),
    "pdu of no length": pdu(0x04, b""),
    "release in a message": data(1, 3, store_command(CT, "1.2.3")) + pdu(0x05, bytes(4)),
    "release of four gigabytes": struct.pack(">BBL", 5, 0, 0xFFFFFFFF),
    "abort in a message": data(1, 3, store_command(CT, "1.2.3")) + pdu(0x07, bytes(4)),
    "data after release": pdu(0x05, bytes(4)) + data(3, 3, echo_command()),
    "unknown pdu": pdu(0x09, b"abc"),
}


@pytest.mark.parametrize("case", ODD_MESSAGES)
def test_an_odd_message_ends_its_association_and_no_other(tmp_path, case):
    sent = encoded(instance())
    contexts = [*CONTEXTS, ("1.2.840.10008.5.1.4.1.2.2.1", (EXPLICIT,))]
    with listening(tmp_path) as listener, Wire(listener.port) as good:
        good.associate(CONTEXTS)
        good.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 0, sent[:1000]))
        with Wire(listener.port) as bad:
            bad.associate(contexts)
            bad.send(ODD_MESSAGES[case])
            bad.socket.shutdown(1)
            kinds = []
            while (kind := bad.receive()[0]) is not None:
                kinds.append(kind)
        assert 0x04 not in kinds
        good.send(data(1, 2, sent[1000:]))
        assert good.receive()[0] == 0x04
        assert echo_status(listener.port) == 0x0000
    assert len(listener.receiver.received) == 1


@pytest.fixture(scope="module")
def patient_listener(tmp_path_factory):
    with listening(tmp_path_factory.mktemp("spool")) as listener:
        yield listener


pdus = st.builds(pdu, st.integers(0, 255), st.binary(max_size=200))
fragments = st.builds(data, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=100))
elements = st.tuples(st.sampled_from([0, 2, 0x100, 0x110, 0x120, 0x800, 0x1000]), st.binary(max_size=8))
commands = st.lists(elements, max_size=6).map(lambda found: data(1, 3, command(*found)))
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(parts=st.lists(st.one_of(pdus, fragments, commands, st.binary(max_size=50)), min_size=1, max_size=5))
@relaxed
def test_random_pdus_are_survived(patient_listener, parts):
    throw(patient_listener.port, *parts)
    throw(patient_listener.port, *parts, associated=True)
    assert echo_status(patient_listener.port) == 0x0000
    assert patient_listener.thread.is_alive()


@given(position=st.integers(0, len(associate_request()) - 1), value=st.integers(0, 255))
@relaxed
def test_a_request_with_one_wrong_byte_is_survived(patient_listener, position, value):
    request = bytearray(associate_request())
    request[position] = value
    throw(patient_listener.port, bytes(request), data(1, 3, echo_command()))
    assert echo_status(patient_listener.port) == 0x0000


@given(position=st.integers(0, len(store_command(CT, "1.2.3")) - 1), value=st.integers(0, 255))
@relaxed
def test_a_command_with_one_wrong_byte_is_survived(patient_listener, position, value):
    wrong = bytearray(store_command(CT, "1.2.3"))
    wrong[position] = value
    throw(patient_listener.port, data(1, 3, bytes(wrong)), data(1, 2, encoded(instance())), associated=True)
    assert echo_status(patient_listener.port) == 0x0000
