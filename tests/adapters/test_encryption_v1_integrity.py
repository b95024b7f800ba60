import io
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sealed import (
    EPOCH,
    HEADER_BYTES,
    ID,
    OTHER_ID,
    SEALED_CHUNK,
    SEALED_THREE,
    SMALL,
    TAG_BYTES,
    THREE_CHUNKS,
    Stored,
    body_offset,
    seal,
    unseal,
)

from cauce.adapters.encryption_v1 import CHUNK_BYTES
from cauce.core.errors import IntegrityError
from cauce.core.statuses import Space

CUTS = [
    0,
    1,
    HEADER_BYTES - 1,
    HEADER_BYTES,
    body_offset() - 1,
    body_offset(),
    body_offset() + 1,
    body_offset() + TAG_BYTES,
    body_offset() + SEALED_CHUNK - 1,
    body_offset() + SEALED_CHUNK,  # a whole number of chunks: only the last flag can tell
    body_offset() + SEALED_CHUNK + 1,
    body_offset() + SEALED_CHUNK + TAG_BYTES,
    body_offset() + SEALED_CHUNK + TAG_BYTES + 1,
    body_offset() + 2 * SEALED_CHUNK,
    len(SEALED_THREE) - TAG_BYTES,
    len(SEALED_THREE) - 1,
]


@pytest.mark.parametrize("cut", CUTS)
def test_what_was_cut_off_is_noticed(cut):
    with pytest.raises(IntegrityError):
        unseal(SEALED_THREE[:cut]).read()


@pytest.mark.parametrize("cut", [body_offset() + SEALED_CHUNK, body_offset() + 2 * SEALED_CHUNK])
def test_neither_length_nor_end_of_a_cut_object_is_told(cut):
    with pytest.raises(IntegrityError):
        _ = unseal(SEALED_THREE[:cut]).size_bytes
    with pytest.raises(IntegrityError):
        unseal(SEALED_THREE[:cut]).seek(0, io.SEEK_END)
    reader = unseal(SEALED_THREE[:cut])
    with pytest.raises(IntegrityError):
        reader.readinto(bytearray(len(THREE_CHUNKS)))
    reader.seek(len(THREE_CHUNKS) + 1)
    with pytest.raises(IntegrityError):
        reader.read(1)


def test_proven_bytes_of_a_cut_object_are_given_out():
    reader = unseal(SEALED_THREE[: body_offset() + 2 * SEALED_CHUNK])
    assert reader.read(100) == THREE_CHUNKS[:100]
    reader.seek(CHUNK_BYTES)
    with pytest.raises(IntegrityError):
        reader.read(1)  # its chunk is the last now, and was not written as such


def test_no_end_is_reported_of_a_cut_object():
    reader = unseal(SEALED_THREE[: body_offset() + 2 * SEALED_CHUNK])
    for use in (lambda: reader.read(1), lambda: reader.readinto(bytearray(1)), reader.read):
        reader.seek(2 * CHUNK_BYTES)  # where it ends now
        with pytest.raises(IntegrityError):
            use()


def test_what_was_added_is_noticed():
    for more in (b"\0", bytes(TAG_BYTES), bytes(TAG_BYTES + 1), SEALED_THREE[body_offset() :]):
        with pytest.raises(IntegrityError):
            unseal(SEALED_THREE + more).read()


def test_reordered_doubled_and_dropped_chunks_are_noticed():
    head, body = SEALED_THREE[: body_offset()], SEALED_THREE[body_offset() :]
    one, two, three = body[:SEALED_CHUNK], body[SEALED_CHUNK : 2 * SEALED_CHUNK], body[2 * SEALED_CHUNK :]
    assert unseal(head + one + two + three).read() == THREE_CHUNKS
    for wrong in (two + one + three, one + one + three, one + three, two + three, one + two + two + three, three):
        with pytest.raises(IntegrityError):
            unseal(head + wrong).read()


def test_a_chunk_of_another_object_is_not_taken():
    other = seal(THREE_CHUNKS)
    start = body_offset()
    with pytest.raises(IntegrityError):
        unseal(SEALED_THREE[:start] + other[start : start + SEALED_CHUNK] + SEALED_THREE[start + SEALED_CHUNK :]).read()


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, len(SMALL) - 1), bit=st.integers(0, 7))
@example(position=10, bit=0)  # the zero of the header
@example(position=99, bit=0)  # its padding
def test_a_single_flipped_bit_anywhere_is_noticed(position, bit):
    damaged = bytearray(SMALL)
    damaged[position] ^= 1 << bit
    with pytest.raises(IntegrityError):
        unseal(damaged).read()


@settings(max_examples=30, deadline=None)
@given(position=st.integers(0, len(SEALED_THREE) - 1), bit=st.integers(0, 7))
def test_a_single_flipped_bit_in_a_long_object_is_noticed(position, bit):
    damaged = bytearray(SEALED_THREE)
    damaged[position] ^= 1 << bit
    with pytest.raises(IntegrityError):
        unseal(damaged).read()


@settings(max_examples=100, deadline=None)
@given(junk=st.binary(max_size=400))
def test_bytes_that_are_no_object_are_refused_plainly(junk):
    for stored in (junk, b"CAUCEOBJ" + junk, SMALL[:32] + junk):
        with pytest.raises(IntegrityError):
            unseal(stored).read()


def test_another_id_another_space_and_another_key_open_nothing():
    with pytest.raises(IntegrityError):
        unseal(SMALL, object_id=OTHER_ID)
    with pytest.raises(IntegrityError):
        unseal(SMALL, space=Space.DEIDENTIFIED)
    with pytest.raises(IntegrityError):
        unseal(SMALL, key=lambda _key_id: bytes(32))
    with pytest.raises(IntegrityError, match="no such key"):
        unseal(seal(b"", epoch_key=(bytes(16), EPOCH[1])))


def test_a_version_of_the_future_is_named_as_such():
    with pytest.raises(IntegrityError, match="version"):
        unseal(SMALL[:8] + b"\0\2" + SMALL[10:])
    with pytest.raises(IntegrityError, match="version"):
        unseal(SMALL[:12] + struct.pack(">I", 65_536) + SMALL[16:])


def test_nothing_unproven_is_left_in_the_readers_buffer():
    damaged = bytearray(SEALED_THREE)
    damaged[-1] ^= 1
    buffer = bytearray(b"\xaa" * len(THREE_CHUNKS))
    with pytest.raises(IntegrityError):
        unseal(damaged).readinto(buffer)
    assert buffer[: 2 * CHUNK_BYTES] == THREE_CHUNKS[: 2 * CHUNK_BYTES]
    assert buffer[2 * CHUNK_BYTES :] == bytes(12_345)


def test_errors_carry_neither_id_nor_content():
    for attempt in (lambda: unseal(SMALL, object_id=OTHER_ID), lambda: unseal(SMALL[:-1]).read()):
        with pytest.raises(IntegrityError) as caught:
            attempt()
        assert ID not in str(caught.value)
        assert "1.2" not in str(caught.value)


def test_a_source_that_ends_early_is_noticed():
    source = Stored(SEALED_THREE)
    reader = unseal(source)
    source.stored = source.stored[: body_offset() + 100]  # cut while it is read
    with pytest.raises(IntegrityError, match="cut off"):
        reader.read(10)
