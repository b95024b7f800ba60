import hashlib
import io
import itertools
import json
import struct
import threading
import tracemalloc

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sealed import (
    ABOUT,
    EPOCH,
    HEADER_BYTES,
    ID,
    SEALED_CHUNK,
    SEALED_THREE,
    SMALL,
    TAG_BYTES,
    THREE_CHUNKS,
    Stored,
    body_offset,
    plain_bytes,
    seal,
    unseal,
)

from cauce.adapters import encryption_v1
from cauce.adapters.encryption_v1 import ABOUT_BYTES_MAX, CHUNK_BYTES, EncryptingStream
from cauce.core.errors import IntegrityError, InvalidRequest
from cauce.core.statuses import Space

SIZES = (
    [0, 1, 15, 16, 17]
    + [CHUNK_BYTES + step for step in (-17, -16, -1, 0, 1, 16, 17)]
    + [3 * CHUNK_BYTES + step for step in (-1, 0, 1)]
)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read_at_every_size_around_the_borders_of_chunks(size):
    plain = plain_bytes(size)
    stored = seal(plain)
    reader = unseal(stored)
    assert reader.read() == plain
    assert reader.size_bytes == size
    assert reader.about == ABOUT
    chunks = max(1, -(-size // CHUNK_BYTES))
    assert len(stored) == body_offset() + size + TAG_BYTES * chunks


@pytest.mark.parametrize("piece", [1_000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES])
def test_the_sizes_of_the_parts_leave_no_mark(piece):
    parts = [THREE_CHUNKS[start : start + piece] for start in range(0, len(THREE_CHUNKS), piece)]
    interrupted = [b"", *itertools.chain.from_iterable((part, b"") for part in parts)]
    stored = seal(*interrupted)
    assert len(stored) == len(SEALED_THREE)
    assert unseal(stored).read() == THREE_CHUNKS


def test_parts_may_be_any_bytes_like_thing():
    assert unseal(seal(bytearray(b"one"), memoryview(b"two"), b"three")).read() == b"onetwothree"


def test_a_second_implementation_by_the_document_reads_what_ours_wrote():
    """docs/reference/encryption-format-v1.md, step by step."""
    head = struct.Struct(">8s H H I 16s 12s 48s 7s x I")
    assert head.size == HEADER_BYTES
    magic, version, zero, chunk, key_id, wrap_nonce, wrapped, prefix, about_length = head.unpack_from(SEALED_THREE)
    assert (magic, version, zero, chunk, key_id) == (b"CAUCEOBJ", 1, 0, 262_144, EPOCH[0])
    place = b"originals/" + ID.encode()
    data_key = AESGCM(AESGCM(EPOCH[1]).decrypt(wrap_nonce, wrapped, SEALED_THREE[:32] + place))
    bound = SEALED_THREE[:104] + place
    about_end = 104 + about_length
    about = data_key.decrypt(prefix + bytes([0, 0, 0, 0, 2]), SEALED_THREE[104:about_end], bound)
    assert json.loads(about.decode("utf-8", "surrogatepass")) == ABOUT
    plain = b""
    pieces = range(about_end, len(SEALED_THREE), 262_160)
    for counter, start in enumerate(pieces):
        last = int(counter == len(pieces) - 1)
        nonce = prefix + struct.pack(">IB", counter, last)
        plain += data_key.decrypt(nonce, SEALED_THREE[start : start + 262_160], bound)
    assert plain == THREE_CHUNKS


def test_the_format_stays_what_it_is(monkeypatch):
    """With known random numbers the stored bytes are known: whoever changes them has made another version."""
    numbers = itertools.count(1)
    monkeypatch.setattr(encryption_v1.secrets, "token_bytes", lambda length: bytes([next(numbers)]) * length)
    stored = seal(bytes(CHUNK_BYTES + 5), about={"a": "b"})
    assert stored[:HEADER_BYTES].hex() == (
        "43415543454f424a"
        "0001"
        "0000"
        "00040000"
        "000102030405060708090a0b0c0d0e0f"  # magic to key id
        "030303030303030303030303"  # nonce of the wrapped key
        "8b86075fe452744f5a687610b9fed1c8beedc160cf379d06ae6e7ac0135e0ae809af4fedbeab0cd85608a50fb51dc69b"
        "02020202020202"
        "00"
        "00000019"  # prefix, padding, length of about
    )
    assert len(stored) == 262_310
    assert hashlib.sha256(stored).hexdigest() == "8d67724aa21494fa794afdd38d57830238e718e553dea269d28d5a1fbd669878"
    assert unseal(stored).read() == bytes(CHUNK_BYTES + 5)


def test_equal_contents_are_stored_as_different_bytes():
    first, second = seal(b"the same"), seal(b"the same")
    assert first[32:] != second[32:]
    assert first[:32] == second[:32]  # the part that says which format and which epoch key
    assert b"the same" not in first
    assert b"1.2.3" not in first


def test_a_range_is_read_without_the_rest():
    source = Stored(SEALED_THREE)
    reader = unseal(source)
    assert source.reads == [(0, 4096)]
    reader.seek(CHUNK_BYTES + 1_000)
    assert reader.read(2_000) == THREE_CHUNKS[CHUNK_BYTES + 1_000 : CHUNK_BYTES + 3_000]
    assert source.reads[1:] == [(body_offset() + SEALED_CHUNK, SEALED_CHUNK)]
    assert reader.read(500) == THREE_CHUNKS[CHUNK_BYTES + 3_000 : CHUNK_BYTES + 3_500]
    assert len(source.reads) == 2  # the chunk at hand was not asked for again


def test_a_range_across_a_border_asks_for_the_two_chunks_it_touches():
    source = Stored(SEALED_THREE)
    reader = unseal(source)
    reader.seek(CHUNK_BYTES - 10)
    assert reader.read(20) == THREE_CHUNKS[CHUNK_BYTES - 10 : CHUNK_BYTES + 10]
    assert source.reads[1:] == [(body_offset(), SEALED_CHUNK), (body_offset() + SEALED_CHUNK, SEALED_CHUNK)]


def test_damage_elsewhere_does_not_hinder_a_range():
    damaged = bytearray(SEALED_THREE)
    damaged[body_offset() + 5] ^= 1
    reader = unseal(damaged)
    reader.seek(CHUNK_BYTES)
    assert reader.read(100) == THREE_CHUNKS[CHUNK_BYTES : CHUNK_BYTES + 100]
    reader.seek(0)
    with pytest.raises(IntegrityError):
        reader.read(1)


def test_about_is_read_without_any_content():
    source = Stored(SEALED_THREE)
    assert unseal(source).about == ABOUT
    assert source.reads == [(0, 4096)]


def test_a_long_about_costs_one_more_read():
    about = {"text": "x" * 10_000}
    source = Stored(seal(b"content", about=about))
    reader = unseal(source)
    assert reader.about == about
    assert source.reads == [(0, 4096), (HEADER_BYTES, body_offset(about) - HEADER_BYTES)]
    assert reader.read() == b"content"


def test_about_may_take_64_kib_and_not_a_byte_more():
    longest = {"a": "x" * (ABOUT_BYTES_MAX - len('{"a":""}'))}
    assert unseal(seal(b"", about=longest)).about == longest
    with pytest.raises(InvalidRequest) as caught:
        seal(b"", about={"a": longest["a"] + "x"})
    assert caught.value.field == "about"


@pytest.mark.parametrize("about", [{"a": 1}, {1: "a"}, {"a": None}, {"a": b"bytes"}])
def test_about_holds_text_alone(about):
    with pytest.raises(InvalidRequest):
        seal(b"", about=about)


def test_about_of_another_object_is_not_taken():
    first, second = seal(b"x", about={"a": "1"}), seal(b"x", about={"a": "2"})
    end = body_offset({"a": "1"})
    with pytest.raises(IntegrityError):
        unseal(first[:HEADER_BYTES] + second[HEADER_BYTES:end] + first[end:])


STEP = st.one_of(
    st.tuples(st.just("seek"), st.integers(0, len(THREE_CHUNKS) + 10)),
    st.tuples(st.just("seek_from_end"), st.integers(-len(THREE_CHUNKS), 10)),
    st.tuples(st.just("seek_on"), st.integers(0, 100_000)),
    st.tuples(st.just("read"), st.integers(0, 2 * CHUNK_BYTES)),
    st.tuples(st.just("read"), st.integers(0, 200)),
    st.tuples(st.just("readinto"), st.integers(0, CHUNK_BYTES + 2)),
    st.tuples(st.just("read_all"), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=12))
@example(steps=[("seek", CHUNK_BYTES), ("read", CHUNK_BYTES), ("read", 1), ("seek", 0), ("read_all", None)])
@example(steps=[("seek_from_end", 0), ("read", 1), ("seek", len(THREE_CHUNKS) + 10), ("read", 1), ("readinto", 5)])
def test_any_walk_through_an_object_is_like_one_through_plain_bytes(steps):
    plain, reader = io.BytesIO(THREE_CHUNKS), unseal(SEALED_THREE)
    for step, number in steps:
        assert _walk(reader, step, number) == _walk(plain, step, number)
        assert reader.tell() == plain.tell()


def _walk(stream, step, number):
    match step:
        case "seek":
            return stream.seek(number)
        case "seek_from_end":
            return stream.seek(number, io.SEEK_END)
        case "seek_on":
            return stream.seek(number, io.SEEK_CUR)
        case "read":
            return stream.read(number)
        case "readinto":
            buffer = bytearray(number)
            return stream.readinto(buffer), buffer
        case _:
            return stream.read()


def test_a_reader_behaves_as_a_file_of_pythons():
    reader = unseal(seal(b"line one\nline two"))
    assert (reader.readable(), reader.seekable(), reader.writable()) == (True, True, False)
    assert reader.readline() == b"line one\n"
    assert list(reader) == [b"line two"]
    for wrong in ((-1, io.SEEK_SET), (-1_000, io.SEEK_END), (0, 9)):
        with pytest.raises(ValueError, match=r"position|whence"):
            reader.seek(*wrong)


def test_closing_a_reader_closes_its_source_and_ends_its_use():
    source = Stored(SMALL)
    with unseal(source) as reader:
        reader.read(3)
    assert source.is_closed
    reader.close()
    for use in (reader.read, reader.tell, lambda: reader.seek(0), lambda: reader.readinto(bytearray(1))):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_what_the_parts_raise_passes_through_and_ends_the_stream():
    def parts():
        yield bytes(CHUNK_BYTES + 1)
        raise ConnectionResetError("the cable")

    stream = EncryptingStream(parts(), space=Space.ORIGINALS, object_id=ID, epoch_key=EPOCH, about={})
    written = []
    with pytest.raises(ConnectionResetError, match="the cable"):
        written.extend(stream)
    with pytest.raises(StopIteration):
        next(stream)
    with pytest.raises(IntegrityError):
        unseal(b"".join(written)).read()  # no last chunk was made


def test_a_stream_counts_the_plain_bytes_and_runs_once():
    stream = EncryptingStream([THREE_CHUNKS], space=Space.ORIGINALS, object_id=ID, epoch_key=EPOCH, about={})
    pieces = [next(stream), next(stream)]
    assert stream.size_bytes == CHUNK_BYTES
    pieces.extend(stream)
    assert stream.size_bytes == len(THREE_CHUNKS)
    assert len(pieces) == 4
    assert list(stream) == []


def test_memory_stays_bounded_however_long_the_object_is():
    def parts():
        for _ in range(64):
            yield bytes(1_000_000)

    stream = EncryptingStream(parts(), space=Space.ORIGINALS, object_id=ID, epoch_key=EPOCH, about={})
    tracemalloc.start()
    try:
        length = sum(len(piece) for piece in stream.borrowed())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length > 64_000_000
    assert peak < 4_000_000


def test_threads_that_share_buffers_do_not_mix_their_objects():
    outcomes = {}

    def work(seed):
        plain = plain_bytes(2 * CHUNK_BYTES + seed, seed=seed)
        for _ in range(10):
            with unseal(seal(plain[:1_000], plain[1_000:])) as reader:
                reader.seek(CHUNK_BYTES - 5)
                middle = reader.read(10)
                reader.seek(0)
                outcomes.setdefault(seed, set()).add(
                    (reader.read() == plain, middle == plain[CHUNK_BYTES - 5 : CHUNK_BYTES + 5])
                )

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {seed: {(True, True)} for seed in range(6)}
