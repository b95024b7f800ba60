import os
import threading
from pathlib import Path

import pytest
from crash_model import is_gone, survives
from object_stores import CONTENT, ID, SAME_LEAF, is_nothing_there, make_store, path_of, put, read

from cauce.adapters import objects_local
from cauce.core.errors import NotFound, StorageUnavailable
from cauce.core.identifiers import new_object_id
from cauce.core.statuses import Space


def test_the_first_object_syncs_the_file_before_its_name_and_then_every_folder_on_the_way(disk, root):
    store = make_store(root)
    disk.clear()
    put(store)
    assert survives(disk.events, path_of(root))
    kinds = [(event[0], os.path.relpath(event[-1], root)) for event in disk.events if event[0] in {"sync", "link"}]
    assert kinds[0][1].startswith(f"tmp/{ID}.")
    assert kinds == [
        ("sync", kinds[0][1]),
        ("link", f"originals/ab/12/{ID}"),
        ("sync", "originals/ab/12"),
        ("sync", "originals/ab"),
        ("sync", "originals"),
    ]


def test_later_objects_of_a_folder_cost_two_syncs(disk, root):
    store = make_store(root)
    put(store)
    disk.clear()
    put(store, SAME_LEAF)
    assert survives(disk.events, path_of(root, SAME_LEAF))
    assert disk.syncs == 2


@pytest.mark.parametrize("forgotten", range(4))
def test_without_any_one_of_the_syncs_the_first_object_would_not_be_safe(disk, root, forgotten):
    store = make_store(root)
    disk.clear()
    disk.forget_sync = forgotten
    put(store)
    assert disk.syncs == 4
    assert not survives(disk.events, path_of(root))


@pytest.mark.parametrize("forgotten", range(2))
def test_without_any_one_of_the_syncs_a_later_object_would_not_be_safe(disk, root, forgotten):
    store = make_store(root)
    put(store)
    disk.clear()
    disk.forget_sync = forgotten
    put(store, SAME_LEAF)
    assert not survives(disk.events, path_of(root, SAME_LEAF))


def test_a_name_given_before_the_sync_of_the_content_would_not_be_safe(disk, root, monkeypatch):
    store = make_store(root)
    disk.clear()
    late = []
    monkeypatch.setattr(objects_local, "sync_file", lambda descriptor: late.append(os.dup(descriptor)))
    put(store)
    disk._paths[late[0]] = next(event[1] for event in disk.events if event[0] == "link")
    os.fsync(late[0])  # the same syncs, but that of the content comes last
    assert disk.syncs == 4
    assert not survives(disk.events, path_of(root))


def test_the_folders_of_a_new_store_are_durable(disk, tmp_path):
    make_store(tmp_path / "a" / "b")
    made = [event[1] for event in disk.events if event[0] == "mkdir"]
    assert made[-1] == f"{tmp_path}/a/b/deidentified"
    for folder in made:
        position = disk.events.index(("mkdir", folder))
        assert ("sync", str(Path(folder).parent)) in disk.events[position:]


def test_folders_that_another_process_left_unsynced_are_synced_for_our_object(disk, root):
    other, store = make_store(root), make_store(root)
    disk.clear()
    disk.fail_sync = 1  # the other's file is synced, then its folder is not
    with pytest.raises(StorageUnavailable):
        put(other)
    disk.fail_sync = None
    put(store, SAME_LEAF)
    assert survives(disk.events, path_of(root, SAME_LEAF))
    put(other)
    assert survives(disk.events, path_of(root))


@pytest.mark.parametrize("failing", range(4))
def test_a_sync_that_fails_fails_the_write_and_nothing_is_visible(disk, root, failing):
    store = make_store(root)
    disk.clear()
    disk.fail_sync = failing
    with pytest.raises(StorageUnavailable):
        put(store)
    assert is_nothing_there(store, root)
    disk.clear()
    put(store)
    assert read(store) == CONTENT
    assert disk.syncs == 4  # nothing counts as durable after a failure


def test_a_sync_that_fails_puts_what_was_known_as_durable_in_doubt(disk, root):
    store = make_store(root)
    put(store)
    disk.clear()
    disk.fail_sync = 1
    with pytest.raises(StorageUnavailable):
        put(store, SAME_LEAF)
    disk.clear()
    put(store, SAME_LEAF)
    assert disk.syncs == 4


def test_threads_of_one_folder_share_its_sync(disk, root):
    store = make_store(root)
    put(store)
    disk.clear()
    ids = [f"ab12{new_object_id()[4:]}" for _ in range(16)]
    threads = [threading.Thread(target=put, args=(store, object_id, b"x")) for object_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(survives(disk.events, path_of(root, object_id)) for object_id in ids)
    assert disk.syncs <= 32


def test_a_removal_is_durable(disk, root):
    store = make_store(root)
    put(store)
    disk.clear()
    store.delete(Space.ORIGINALS, ID)
    assert is_gone(disk.events, path_of(root))
    with pytest.raises(NotFound):
        store.open(Space.ORIGINALS, ID)
    store.delete(Space.ORIGINALS, ID)
    store.delete(Space.ORIGINALS, "0" * 32)
