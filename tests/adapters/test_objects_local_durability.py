import os
import threading
from pathlib import Path

import pytest
from crash_model import is_gone, survives
from object_stores import CONTENT, ID, is_nothing_there, make_store, path_of, put, read

from cauce.adapters import durable_files, objects_local
from cauce.core.errors import NotFound, StorageUnavailable
from cauce.core.identifiers import new_object_id
from cauce.core.statuses import Space


def test_an_object_costs_two_syncs_its_content_and_its_name(disk, root):
    store = make_store(root)
    disk.clear()
    put(store)
    assert survives(disk.events, path_of(root))
    synced = sorted(os.path.relpath(event[-1], root) for event in disk.events if event[0] == "sync")
    assert synced == ["originals/ab", f"originals/ab/{ID}"]


@pytest.mark.parametrize("forgotten", range(2))
def test_without_any_one_of_the_syncs_an_object_would_not_be_safe(disk, root, forgotten):
    store = make_store(root)
    disk.clear()
    disk.forget_sync = forgotten
    put(store)
    assert disk.syncs == 2
    assert not survives(disk.events, path_of(root))


def test_content_and_name_are_synced_at_the_same_time(root, monkeypatch):
    """Each sync waits until the other has begun: one after the other they would wait for ever."""
    store = make_store(root)
    both = threading.Barrier(2, timeout=30)
    content, name = objects_local.sync_file, durable_files.sync_directory

    def meet(sync):
        def call(what):
            both.wait()
            sync(what)

        return call

    monkeypatch.setattr(objects_local, "sync_file", meet(content))
    monkeypatch.setattr(durable_files, "sync_directory", meet(name))
    put(store)
    assert read(store) == CONTENT


def test_the_folders_of_a_new_store_are_durable(disk, tmp_path):
    make_store(tmp_path / "a" / "b")
    made = [event[1] for event in disk.events if event[0] == "mkdir"]
    assert len(made) == 4 + 2 * 256
    for folder in made:
        position = disk.events.index(("mkdir", folder))
        assert ("sync", str(Path(folder).parent)) in disk.events[position:]


@pytest.mark.parametrize("failing", range(2))
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
    assert survives(disk.events, path_of(root))


def test_threads_of_one_folder_share_its_sync(disk, root):
    store = make_store(root)
    put(store)
    disk.clear()
    ids = [f"ab{new_object_id()[2:]}" for _ in range(16)]
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
