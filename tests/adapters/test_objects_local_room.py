import errno
import os

import pytest
from object_stores import CONTENT, ID, SAME_LEAF, files_in, is_nothing_there, make_store, put, read

from cauce.adapters import objects_local
from cauce.adapters.encryption_v1 import CHUNK_BYTES
from cauce.core.errors import StorageFull, StorageUnavailable
from cauce.core.statuses import Space


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "open"])
def test_a_full_disk_is_told_as_such_wherever_it_is_met(store, root, monkeypatch, code, call):
    def full(*_args, **_kwargs):
        raise OSError(code, os.strerror(code), "/secret/path")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(StorageFull) as caught:
            put(store)
    assert "secret" not in str(caught.value)
    assert is_nothing_there(store, root)
    put(store)
    assert read(store) == CONTENT


def test_a_disk_that_takes_a_part_of_each_write_gets_the_whole(store, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[: 1 + len(data) // 2])))
    put(store)
    assert read(store) == CONTENT


def test_the_reserve_is_kept_before_the_sender_is_asked_for_anything(root):
    store = make_store(root, reserve_bytes=2**62)
    asked = []
    with pytest.raises(StorageFull):
        store.write(Space.ORIGINALS, ID, (asked.append(1) or b"x" for _ in range(3)), about={})
    assert asked == []
    assert store.free_bytes() == 0
    assert is_nothing_there(store, root)


def test_the_reserve_is_kept_in_the_middle_of_a_long_object(root, monkeypatch):
    store = make_store(root, reserve_bytes=1_000)
    free = iter([5_000, 4_000, 500])
    usage = objects_local.shutil.disk_usage(root)
    monkeypatch.setattr(objects_local.shutil, "disk_usage", lambda _path: usage._replace(free=next(free)))
    monkeypatch.setattr(objects_local, "_RESERVE_CHECKED_EVERY_BYTES", 2 * CHUNK_BYTES)
    with pytest.raises(StorageFull):
        store.write(Space.ORIGINALS, ID, (bytes(CHUNK_BYTES) for _ in range(20)), about={})
    monkeypatch.undo()
    assert is_nothing_there(store, root)


def test_free_room_is_what_lies_above_the_reserve(root, monkeypatch):
    usage = objects_local.shutil.disk_usage(root.parent)
    monkeypatch.setattr(objects_local.shutil, "disk_usage", lambda _path: usage._replace(free=10_000))
    assert make_store(root, reserve_bytes=4_000).free_bytes() == 6_000


def uses(store):
    yield lambda: put(store)
    yield lambda: put(store, SAME_LEAF)
    yield lambda: store.open(Space.ORIGINALS, ID)
    yield lambda: store.about(Space.ORIGINALS, ID)
    yield lambda: store.delete(Space.ORIGINALS, ID)
    yield lambda: list(store.walk(Space.ORIGINALS))
    yield store.check


def test_a_lost_mount_is_noticed_and_not_taken_for_an_empty_store(store, root, tmp_path):
    put(store)
    root.rename(tmp_path / "elsewhere")
    root.mkdir()  # the empty folder on which the file system was mounted
    for use in uses(store):
        with pytest.raises(StorageUnavailable):
            use()
    assert list(root.iterdir()) == []
    root.rmdir()
    (tmp_path / "elsewhere").rename(root)
    store.check()
    assert read(store) == CONTENT


def test_another_file_system_in_place_of_ours_is_noticed(store, root):
    """The folders were made before the mount came, so they are there when it goes."""
    store._device += 1
    for use in (*list(uses(store))[:2], store.check, lambda: list(store.walk(Space.ORIGINALS))):
        with pytest.raises(StorageUnavailable, match="another file system"):
            use()
    assert files_in(root) == []


def test_a_folder_that_someone_removed_is_made_again_at_the_next_start(store, root):
    (root / "originals" / "ab").rmdir()
    with pytest.raises(StorageUnavailable):
        put(store)
    assert read(_put_in(make_store(root))) == CONTENT


def _put_in(store):
    put(store)
    return store


def test_a_store_answers_when_it_can_be_written(store):
    store.check()


def test_a_folder_in_whose_place_a_file_lies_is_named_at_the_start(tmp_path):
    (tmp_path / "objects").write_text("not a folder")
    with pytest.raises(StorageUnavailable):
        make_store(tmp_path / "objects")
