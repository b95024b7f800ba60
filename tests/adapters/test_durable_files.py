import errno
import os
import stat
import threading
import time

import pytest
from crash_model import survives
from processes import in_processes

from cauce.adapters import durable_files


def test_a_new_file_is_whole_and_durable_under_its_name(disk, tmp_path):
    path = str(tmp_path / "file")
    durable_files.write_new(path, b"content")
    assert survives(disk.events, path)
    assert (tmp_path / "file").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("write", [durable_files.write_new, durable_files.replace])
@pytest.mark.parametrize("forgotten", range(2))
def test_without_any_one_of_its_syncs_a_file_would_not_be_safe(disk, tmp_path, write, forgotten):
    disk.forget_sync = forgotten
    write(str(tmp_path / "file"), b"content")
    assert disk.syncs == 2
    assert not survives(disk.events, str(tmp_path / "file"))


def test_a_new_file_never_takes_the_place_of_another(tmp_path):
    (tmp_path / "file").write_bytes(b"first")
    with pytest.raises(FileExistsError):
        durable_files.write_new(str(tmp_path / "file"), b"second")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"first")]


def test_a_replaced_file_is_the_old_or_the_new_one(disk, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    durable_files.replace(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert survives(disk.events, str(path))
    disk.clear()
    disk.fail_sync = 0
    with pytest.raises(OSError, match="injected"):
        durable_files.replace(str(path), b"newer")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"new")]


def test_the_folders_above_a_folder_are_made_and_durable(disk, tmp_path):
    path = str(tmp_path / "a" / "b" / "c")
    durable_files.make_directory(path)
    durable_files.write_new(f"{path}/file", b"x")
    assert survives(disk.events, f"{path}/file")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_a_folder_that_was_there_gets_its_name_synced_all_the_same(disk, tmp_path):
    (tmp_path / "a").mkdir()
    durable_files.make_directory(str(tmp_path / "a"))
    assert ("sync", str(tmp_path)) in disk.events


def test_a_file_is_not_taken_for_a_folder(tmp_path):
    (tmp_path / "a").write_text("x")
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises((FileExistsError, NotADirectoryError)):
            durable_files.make_directory(str(path))


def test_a_name_in_a_folder_of_others_need_not_be_synced(monkeypatch, tmp_path):
    def refused(*_args):
        raise PermissionError(errno.EACCES, "injected")

    monkeypatch.setattr(os, "open", refused)
    durable_files.sync_name(str(tmp_path / "file"))


def test_a_disk_that_fails_a_sync_is_not_passed_over(disk, tmp_path):
    disk.fail_sync = 0
    with pytest.raises(OSError, match="injected"):
        durable_files.sync_name(str(tmp_path / "file"))


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_file_systems_without_a_sync_of_folders_are_borne(monkeypatch, tmp_path, code):
    def unsupported(_descriptor):
        raise OSError(code, "injected")

    monkeypatch.setattr(os, "fsync", unsupported)
    durable_files.sync_directory(str(tmp_path))


def test_without_hard_links_a_file_is_renamed_but_never_over_another(monkeypatch, tmp_path):
    def no_links(*_args):
        raise OSError(errno.EPERM, "injected")

    monkeypatch.setattr(os, "link", no_links)
    first, second, final = (str(tmp_path / name) for name in ("first", "second", "final"))
    for path in (first, second):
        with open(path, "w") as file:  # noqa: PTH123 - plain strings are the subject here
            file.write(path)
    durable_files.link_exclusively(first, final)
    with pytest.raises(FileExistsError):
        durable_files.link_exclusively(second, final)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"final": first, "second": second}


def test_a_lock_keeps_processes_and_threads_apart(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    in_processes(4, _count_under_lock, tmp_path)
    assert counter.read_text() == str(4 * 2 * 25)


def _count_under_lock(_number, folder):
    def count():
        for _ in range(25):
            with durable_files.locked(str(folder / "lock")):
                value = int((folder / "counter").read_text())
                (folder / "counter").write_text(str(value + 1))

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- a shared sync of a folder --------------------------------------------------------------------------------------


class SlowSync:
    """A sync of folders that begins when it is called and ends when it is let go."""

    def __init__(self, monkeypatch, *, error=None):
        self.error = error
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.count = 0
        monkeypatch.setattr(durable_files, "sync_directory", self)

    def __call__(self, _path):
        self.count += 1
        self.begun.release()
        self.go.acquire()
        if self.error:
            raise self.error


def start(syncs, path, outcomes):
    def run():
        try:
            syncs.sync(path)
            outcomes.append("synced")
        except OSError as error:
            outcomes.append(error.errno)

    thread = threading.Thread(target=run, daemon=True)  # a test that fails must not hang the run
    thread.start()
    return thread


def wait_until_gathered(syncs, path, *, followers):
    """Wait until a leader and so many followers wait for the next sync of `path`."""
    while path not in syncs._gathering or len(syncs._gathering[path].done._cond._waiters) < followers:
        time.sleep(0.001)


def test_who_comes_during_a_sync_waits_for_the_next_and_shares_it(monkeypatch):
    slow, syncs, outcomes = SlowSync(monkeypatch), durable_files.DirectorySync(), []
    threads = [start(syncs, "folder", outcomes)]
    slow.begun.acquire()
    threads += [start(syncs, "folder", outcomes) for _ in range(5)]
    wait_until_gathered(syncs, "folder", followers=4)
    assert outcomes == []
    slow.go.release()
    slow.begun.acquire()  # the second sync begins: none of the five was content with the first
    slow.go.release()
    for thread in threads:
        thread.join()
    assert outcomes == ["synced"] * 6
    assert slow.count == 2
    assert syncs._gathering == syncs._running == {}


def test_a_failed_sync_fails_everyone_who_shared_it(monkeypatch):
    slow = SlowSync(monkeypatch, error=OSError(errno.EIO, "injected"))
    syncs, outcomes = durable_files.DirectorySync(), []
    threads = [start(syncs, "folder", outcomes)]
    slow.begun.acquire()
    threads += [start(syncs, "folder", outcomes) for _ in range(3)]
    wait_until_gathered(syncs, "folder", followers=2)
    slow.go.release(10)
    for thread in threads:
        thread.join()
    assert outcomes == [errno.EIO] * 4
    slow.error = None
    syncs.sync("folder")


def test_folders_are_synced_apart(monkeypatch):
    slow, syncs, outcomes = SlowSync(monkeypatch), durable_files.DirectorySync(), []
    threads = [start(syncs, "one", outcomes), start(syncs, "two", outcomes)]
    slow.begun.acquire()
    slow.begun.acquire()  # both run at the same time
    slow.go.release(2)
    for thread in threads:
        thread.join()
    assert outcomes == ["synced", "synced"]
