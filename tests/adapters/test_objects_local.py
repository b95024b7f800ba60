import errno
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from object_stores import CONTENT, ID, SAME_LEAF, files_in, is_nothing_there, make_store, put, read
from processes import fork, in_processes

from cauce.adapters.encryption_v1 import CHUNK_BYTES
from cauce.core.errors import IntegrityError, InvalidRequest, NotFound, StorageUnavailable
from cauce.core.identifiers import new_object_id
from cauce.core.messages import StoredObject
from cauce.core.statuses import Space


def test_an_object_is_read_as_it_was_written(store, root):
    answer = put(store, sop_instance_uid="1.2.3")
    assert answer == StoredObject(space=Space.ORIGINALS, object_id=ID, size_bytes=len(CONTENT))
    assert read(store) == CONTENT
    assert store.about(Space.ORIGINALS, ID) == {"sop_instance_uid": "1.2.3"}
    assert files_in(root) == [f"originals/ab/{ID}"]


def test_nothing_readable_lies_on_the_disk(store, root):
    put(store, content=b"PATIENT^NAME" * 100, patient_name="PATIENT^NAME")
    stored = (root / "originals" / "ab" / ID).read_bytes()
    assert b"PATIENT" not in stored
    assert stored.startswith(b"CAUCEOBJ")


def test_files_and_folders_are_their_owners_alone(store, root):
    put(store)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*")) if path.is_dir()}
    assert modes == {0o700}
    assert stat.S_IMODE((root / "originals" / "ab" / ID).stat().st_mode) == 0o400


def test_spaces_are_apart(store):
    put(store, space=Space.DEIDENTIFIED)
    with pytest.raises(NotFound):
        store.open(Space.ORIGINALS, ID)
    assert read(store, space=Space.DEIDENTIFIED) == CONTENT


def test_an_object_that_was_moved_does_not_open(store, root):
    put(store)
    place = root / "originals" / "ab"
    (place / ID).rename(place / SAME_LEAF)
    with pytest.raises(IntegrityError):
        store.open(Space.ORIGINALS, SAME_LEAF)
    (place / SAME_LEAF).rename(root / "deidentified" / "ab" / ID)
    with pytest.raises(IntegrityError):
        store.open(Space.DEIDENTIFIED, ID)


def test_only_ids_of_ours_name_objects(store, root):
    for wrong in ("../" * 11 + "x", "AB" * 16, "ab" * 15, ""):
        with pytest.raises(InvalidRequest):
            put(store, object_id=wrong)
        with pytest.raises(NotFound):
            store.open(Space.ORIGINALS, wrong)
        store.delete(Space.ORIGINALS, wrong)
    assert is_nothing_there(store, root)


def test_an_object_is_written_once(store, root):
    put(store)
    with pytest.raises(StorageUnavailable, match="exists"):
        put(store, content=b"another")
    assert read(store) == CONTENT
    assert files_in(root) == [f"originals/ab/{ID}"]


def test_of_processes_that_write_the_same_id_one_wins(root):
    make_store(root)
    answers = in_processes(6, _write_same, root)
    assert sorted(answer[0] for answer in answers) == ["exists"] * 5 + ["written"]
    winner = next(number for outcome, number in answers if outcome == "written")
    assert read(make_store(root)) == bytes([winner]) * 300_000
    assert files_in(root) == [f"originals/ab/{ID}"]


def _write_same(number, root):
    try:
        put(make_store(root), content=bytes([number]) * 300_000)
    except StorageUnavailable:
        return "exists", number
    return "written", number


def test_processes_write_side_by_side_without_loss(root):
    ids = [each for found in in_processes(4, _write_many, root) for each in found]
    store = make_store(root)
    assert len(set(ids)) == 4 * 15
    assert {info.object_id for info in store.walk(Space.ORIGINALS)} == set(ids)
    assert {read(store, object_id) == object_id.encode() * 1_000 for object_id in ids} == {True}


def _write_many(number, root):
    store = make_store(root)  # all at once on a folder that is not there yet
    ids = [f"{number % 2:02x}{turn % 3:02x}{new_object_id()[4:]}" for turn in range(15)]
    for object_id in ids:
        put(store, object_id, object_id.encode() * 1_000)
    return ids


def test_threads_write_side_by_side_without_loss(store):
    ids = [f"ab1{number % 2}{new_object_id()[4:]}" for number in range(40)]
    threads = [threading.Thread(target=put, args=(store, object_id, object_id.encode())) for object_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [read(store, object_id) for object_id in ids] == [object_id.encode() for object_id in ids]


@pytest.mark.parametrize(
    "error", [ValueError("no good"), ConnectionResetError("cable"), OSError(errno.ENOSPC, "spool")]
)
@pytest.mark.parametrize("sent_bytes", [0, 10, 3 * CHUNK_BYTES])
def test_after_an_error_of_the_sender_nothing_is_visible(store, root, error, sent_bytes):
    def chunks():
        yield bytes(sent_bytes)
        raise error

    with pytest.raises(type(error)) as caught:
        store.write(Space.ORIGINALS, ID, chunks(), about={})
    assert caught.value is error  # as it is, not taken for an error of the disk
    assert is_nothing_there(store, root)
    with pytest.raises(NotFound):
        store.open(Space.ORIGINALS, ID)
    put(store)
    assert read(store) == CONTENT


def test_while_an_object_is_written_it_does_not_open(store):
    seen = []

    def chunks():
        yield CONTENT
        with pytest.raises(IntegrityError):
            read(store)
        seen.extend(info.age_s < 60 for info in store.walk(Space.ORIGINALS))
        yield CONTENT

    store.write(Space.ORIGINALS, ID, chunks(), about={})
    assert seen == [True]  # it is young: the sweep lets it be
    assert read(store) == 2 * CONTENT


def test_a_killed_writer_leaves_at_most_an_object_that_does_not_open(store):
    def chunks():
        yield CONTENT
        os.kill(os.getpid(), 9)

    process = fork.Process(target=lambda: store.write(Space.ORIGINALS, ID, chunks(), about={}))
    process.start()
    process.join()
    assert process.exitcode == -9
    assert [info.object_id for info in store.walk(Space.ORIGINALS)] == [ID]
    with pytest.raises(IntegrityError):
        read(store)
    store.delete(Space.ORIGINALS, ID)
    assert list(store.walk(Space.ORIGINALS)) == []


def test_a_walk_finds_every_object_and_nothing_else(store, root):
    ids = [new_object_id() for _ in range(20)]
    for object_id in ids:
        put(store, object_id, b"12345")
    put(store, new_object_id(), space=Space.DEIDENTIFIED)
    (root / "originals" / "ab" / "stray").write_text("x")
    (root / "originals" / "stray").write_text("x")
    leaf = root / "originals" / ids[0][:2]
    (leaf / "not-an-id").write_text("x")
    os.utime(leaf / ids[0], (time.time() - 5_000, time.time() - 5_000))
    found = {info.object_id: info for info in store.walk(Space.ORIGINALS)}
    assert set(found) == set(ids)
    assert {info.stored_bytes for info in found.values()} == {(leaf / ids[0]).stat().st_size}
    assert 5_000 <= found[ids[0]].age_s < 5_060
    assert 0 <= found[ids[1]].age_s < 60


def test_a_walk_reads_no_content(store, root):
    put(store)
    path = root / "originals" / "ab" / ID
    path.write_bytes(b"damaged")
    assert [info.stored_bytes for info in store.walk(Space.ORIGINALS)] == [7]


def test_an_object_removed_during_a_walk_is_passed_over(store):
    ids = {new_object_id() for _ in range(5)}
    for object_id in ids:
        put(store, object_id, b"x")
    walk = store.walk(Space.ORIGINALS)
    first = next(walk).object_id
    for object_id in ids - {first}:
        store.delete(Space.ORIGINALS, object_id)
    assert list(walk) == []


def test_only_the_chunks_that_are_read_are_read_from_disk(store, monkeypatch):
    put(store, content=bytes(4 * CHUNK_BYTES))
    reads = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, length, offset: reads.append(length) or real(fd, length, offset))
    with store.open(Space.ORIGINALS, ID) as stream:
        stream.seek(2 * CHUNK_BYTES + 5)
        assert stream.read(10) == bytes(10)
    assert reads == [4096, CHUNK_BYTES + 16]


def test_a_disk_that_cannot_be_read_is_told_apart_from_damage(store, monkeypatch):
    put(store)

    def broken(*_args):
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr(os, "pread", broken)
    with pytest.raises(StorageUnavailable):
        store.open(Space.ORIGINALS, ID)


def test_a_reader_outlives_the_removal_of_its_object(store):
    put(store)
    with store.open(Space.ORIGINALS, ID) as stream:
        store.delete(Space.ORIGINALS, ID)
        assert stream.read() == CONTENT


def test_no_descriptor_is_left_open(store, root):
    before = len(list(Path("/proc/self/fd").iterdir()))
    put(store)
    read(store)
    (root / "originals" / "ab" / ID).write_bytes(b"damaged")
    with pytest.raises(IntegrityError):
        store.open(Space.ORIGINALS, ID)
    with pytest.raises(StorageUnavailable):
        put(store)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
