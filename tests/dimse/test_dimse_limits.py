"""Bounds: places, silence, slowness, size, memory, and what a stop does to who is still talking."""

import struct
import time
import tracemalloc
from hashlib import sha256
from itertools import repeat

import pytest
from dimse_peers import (
    VERIFICATION,
    WAIT_S,
    FakeReceiver,
    Wire,
    associate_request,
    data,
    echo_command,
    echo_status,
    encoded,
    instance,
    listening,
    pdu,
    status_of,
    store_command,
)
from pydicom import uid

from cauce.core.limits import MIB
from cauce.dimse.messages import Assembly, Message
from cauce.dimse.upper_layer import PDU_BYTES_MAX, Silent

CT = str(uid.CTImageStorage)
EXPLICIT = str(uid.ExplicitVRLittleEndian)
REJECTED_FOR_NOW = (0x03, b"\0\x02\x03\x02")
ABORTED = (0x07, bytes(4))


def test_one_association_too_many_is_rejected_for_now_and_a_freed_place_is_given_again(tmp_path):
    with (
        listening(tmp_path, associations_max=2) as listener,
        Wire(listener.port) as first,
        Wire(listener.port) as second,
    ):
        first.associate()
        second.associate()
        assert listener.places.taken() == 2
        with Wire(listener.port) as third:
            third.send(associate_request())
            assert third.receive() == REJECTED_FOR_NOW
        assert len(listener.receiver.admitted) == 2
        first.send(pdu(0x05, bytes(4)))
        assert first.receive()[0] == 0x06
        first.socket.close()
        listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 1)
        while listener.places.taken() == 2:
            time.sleep(0.01)
        assert echo_status(listener.port) == 0x0000


def test_connections_that_ask_for_nothing_take_no_place(tmp_path):
    with listening(tmp_path, associations_max=1) as listener, Wire(listener.port), Wire(listener.port):
        assert echo_status(listener.port) == 0x0000


def test_more_connections_than_can_wait_are_dropped(tmp_path):
    with listening(tmp_path, associations_max=1) as listener:
        wires = [Wire(listener.port) for _ in range(70)]
        ends = [wire for wire in wires[65:] if wire.receive() == (None, b"")]
        for wire in wires:
            wire.socket.close()
        assert len(ends) == 5


def test_a_peer_that_never_asks_is_cut(tmp_path):
    with listening(tmp_path, request_timeout_s=0.2) as listener, Wire(listener.port) as wire:
        wire.send(associate_request()[:40])
        assert wire.receive() == (None, b"")
        assert echo_status(listener.port) == 0x0000


@pytest.mark.parametrize("sent", ["nothing", "half a pdu", "half a message"])
def test_a_peer_that_falls_silent_is_aborted(tmp_path, sent):
    content = encoded(instance())
    with listening(tmp_path, idle_timeout_s=0.3) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        if sent != "nothing":
            wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 0, content[:3000]))
        if sent == "half a pdu":
            wire.send(data(1, 2, content[3000:])[:300])
        assert wire.receive() == ABORTED
        wire.socket.close()
        listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 1)
        assert listener.receiver.received == []
        assert echo_status(listener.port) == 0x0000


def test_a_peer_that_drips_is_aborted_though_it_is_never_silent(tmp_path):
    with listening(tmp_path, idle_timeout_s=0.4) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        wire.send(data(1, 3, store_command(CT, "1.2.3")))
        wire.socket.settimeout(0.05)
        answer = None
        for _ in range(200):
            wire.send(data(1, 0, b"x"))
            try:
                answer = wire.receive()
            except TimeoutError:
                continue
            break
        assert answer == ABORTED


def test_a_message_may_take_long_as_long_as_it_keeps_coming():
    assembly = Assembly(lambda _context, _request: None, patience_s=10)
    assembly._message = Message(context_id=1)
    assembly._message.began_at -= 100
    assembly._message.size_bytes = 200 * 1024
    assert assembly.take(1, 1, memoryview(b"a")) is None
    assembly._message.size_bytes = 100 * 1000
    with pytest.raises(Silent):
        assembly.take(1, 1, memoryview(b"a"))


def test_a_peer_that_does_not_read_its_answers_is_let_go(tmp_path):
    echo = data(1, 3, echo_command()) * 500
    with listening(tmp_path, idle_timeout_s=0.5) as listener, Wire(listener.port) as wire:
        wire.associate([(VERIFICATION, (EXPLICIT,))])
        with pytest.raises((ConnectionError, TimeoutError)):
            wire.send(*repeat(echo, 2000))
        wire.socket.close()
        listener.receiver.wait_for(lambda: len(listener.receiver.ended) == 1)
        assert echo_status(listener.port) == 0x0000


def test_an_instance_beyond_the_memory_limit_comes_as_a_file_that_leaves_nothing_behind(tmp_path):
    sent = encoded(instance(pixels=bytes(range(256)) * 4096 * 3))
    with listening(tmp_path, memory_instance_bytes_max=MIB) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        parts = [data(1, 0, sent[start : start + 60_000]) for start in range(0, len(sent), 60_000)]
        wire.send(data(1, 3, store_command(CT, "1.2.3")), *parts, data(1, 2, b""))
        assert status_of(wire.receive()[1]) == 0x0000
        (got,) = listener.receiver.received
        assert got.is_file
        assert got.size_bytes > len(sent)
        assert list(tmp_path.iterdir()) == []


def test_a_small_instance_goes_to_the_spool_too_when_the_memory_that_all_share_is_in_use(tmp_path):
    sent = encoded(instance())
    with listening(tmp_path, memory_bytes_max=0) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, sent))
        assert status_of(wire.receive()[1]) == 0x0000
        assert listener.receiver.received[0].is_file
        assert listener.receiver.received[0].content.endswith(sent)


def test_an_instance_longer_than_any_that_is_taken_is_refused_and_the_association_goes_on(tmp_path):
    sent = encoded(instance())
    with listening(tmp_path, instance_bytes_max=20_000) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        for content, status in ((sent * 3, 0xA700), (sent, 0x0000)):
            wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, content))
            assert status_of(wire.receive()[1]) == status
    assert len(listener.receiver.received) == 1


def test_a_spool_without_room_refuses_and_the_association_goes_on(tmp_path, monkeypatch):
    def no_room(**_options):
        raise OSError(28, "No space left on device")

    sent = encoded(instance())
    with listening(tmp_path, memory_instance_bytes_max=4096) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        with monkeypatch.context() as patched:
            patched.setattr("cauce.dimse.body.tempfile.TemporaryFile", no_room)
            wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, sent))
            assert status_of(wire.receive()[1]) == 0xA700
        wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, sent))
        assert status_of(wire.receive()[1]) == 0x0000


def test_300_megabytes_pass_through_a_few(tmp_path):
    chunk = bytes(range(256)) * 500
    whole = sha256()
    with listening(tmp_path, FakeReceiver(keep_content=False)) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        tracemalloc.start()
        try:
            wire.send(data(1, 3, store_command(CT, "1.2.3")))
            fragment = data(1, 0, chunk)
            for _ in range(300 * MIB // len(chunk)):
                wire.socket.sendall(fragment)
                whole.update(chunk)
            wire.send(data(1, 2, b""))
            assert status_of(wire.receive()[1]) == 0x0000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    (got,) = listener.receiver.received
    head = got.size_bytes - 300 * MIB // len(chunk) * len(chunk)
    assert 128 + 4 < head < 1000
    assert got.is_file
    assert peak < 64 * MIB


def test_a_stop_lets_the_instance_in_hand_be_stored_and_answered(tmp_path):
    receiver = FakeReceiver()
    receiver.may_go_on.clear()
    with listening(tmp_path, receiver, grace_s=WAIT_S) as listener, Wire(listener.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, encoded(instance())))
        assert receiver.storing.wait(WAIT_S)
        listener.acceptor.stop()
        receiver.may_go_on.set()
        assert status_of(wire.receive()[1]) == 0x0000
        wire.send(pdu(0x05, bytes(4)))
        assert wire.receive()[0] == 0x06
        wire.socket.close()
        listener.stop()
    assert receiver.ended == [(receiver.received[0].association, False)]


def test_after_the_grace_time_who_still_waits_is_aborted_and_nobody_new_is_let_in(tmp_path):
    with listening(tmp_path, grace_s=0.1) as listener, Wire(listener.port) as wire:
        wire.associate()
        listener.acceptor.stop()
        assert wire.receive() == ABORTED
        wire.socket.close()
        listener.stop()
        with pytest.raises(ConnectionRefusedError):
            Wire(listener.port)


def test_a_second_order_to_stop_aborts_at_once(tmp_path):
    with listening(tmp_path, grace_s=WAIT_S * 100) as listener, Wire(listener.port) as wire:
        wire.associate()
        listener.acceptor.stop()
        listener.acceptor.abort()
        assert wire.receive() == ABORTED
        wire.socket.close()
        listener.stop()


def test_a_pdu_longer_than_any_that_is_taken_is_an_abort_before_its_content_is_read(tmp_path):
    with listening(tmp_path) as listener, Wire(listener.port) as wire:
        wire.associate()
        wire.send(struct.pack(">BBL", 0x04, 0, PDU_BYTES_MAX + 1))
        assert wire.receive()[0] == 0x07
