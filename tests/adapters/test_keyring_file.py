import base64
import errno
import json
import os
import stat
import threading

import pytest
from crash_model import survives
from processes import fork, in_processes

from cauce.adapters import durable_files
from cauce.adapters.keyring_file import FileKeyRing
from cauce.adapters.keys_file import FileKeyService
from cauce.core.errors import IntegrityError, StorageFull, StorageUnavailable
from cauce.core.statuses import Space


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


def make_ring(folder, *, keys="keys"):
    return FileKeyRing(folder / "keyring.json", FileKeyService(folder.parent / keys))


@pytest.fixture
def ring(folder):
    return make_ring(folder)


def document(folder):
    return json.loads((folder / "keyring.json").read_text())


def test_each_space_has_a_key_of_its_own_that_stays(ring, folder):
    originals, deidentified = ring.current_key(Space.ORIGINALS), ring.current_key(Space.DEIDENTIFIED)
    assert (len(originals[0]), len(originals[1])) == (16, 32)
    assert originals[0] != deidentified[0]
    assert originals[1] != deidentified[1]
    again = make_ring(folder)
    assert again.current_key(Space.ORIGINALS) == originals
    assert again.key(deidentified[0]) == deidentified[1]


def test_secrets_are_random_named_and_lasting(ring, folder):
    first, second = ring.secret("database"), ring.secret("vault")
    assert len(first) == len(second) == 32
    assert first != second
    assert make_ring(folder).secret("database") == first
    assert ring.secret("database") == first


def test_the_file_holds_no_key_in_the_open(ring, folder):
    keys = [ring.current_key(space)[1] for space in Space] + [ring.secret("database")]
    content = (folder / "keyring.json").read_bytes()
    for key in keys:
        for form in (key, key.hex().encode(), base64.b64encode(key), base64.b64encode(key)[:40]):
            assert form not in content
    assert stat.S_IMODE((folder / "keyring.json").stat().st_mode) == 0o600


def test_nothing_is_made_before_it_is_needed(ring, folder):
    assert not folder.exists()
    with pytest.raises(IntegrityError, match="does not hold"):
        ring.key(bytes(16))
    assert not folder.exists()


def test_a_rotation_gives_new_objects_a_new_key_and_leaves_the_old_ones_readable(ring, folder):
    before = ring.current_key(Space.ORIGINALS)
    other = ring.current_key(Space.DEIDENTIFIED)
    new_id = ring.rotate(Space.ORIGINALS)
    after = ring.current_key(Space.ORIGINALS)
    assert after[0] == new_id != before[0]
    assert after[1] != before[1]
    assert ring.key(before[0]) == before[1]
    assert ring.current_key(Space.DEIDENTIFIED) == other
    assert make_ring(folder).key(before[0]) == before[1]


def test_a_rotation_is_seen_at_once_by_another_process(ring, folder):
    old = ring.current_key(Space.ORIGINALS)
    here, there = fork.Pipe()

    def other():
        watching = make_ring(folder)
        there.send(watching.current_key(Space.ORIGINALS))
        there.recv()
        there.send(watching.current_key(Space.ORIGINALS))
        there.send(watching.key(old[0]))

    process = fork.Process(target=other)
    process.start()
    assert here.recv() == old
    ring.rotate(Space.ORIGINALS)
    here.send("rotated")
    assert here.recv() == ring.current_key(Space.ORIGINALS) != old
    assert here.recv() == old[1]
    process.join()


def test_a_key_that_another_process_made_since_is_found(ring, folder):
    ring.current_key(Space.ORIGINALS)
    other = make_ring(folder)
    key_id = other.rotate(Space.DEIDENTIFIED)
    assert ring.key(key_id) == other.key(key_id)
    secret = other.secret("new")
    assert ring.secret("new") == secret


def test_processes_that_begin_together_agree_on_every_key(folder):
    answers = in_processes(8, _first_keys, folder)
    assert len(set(answers)) == 1
    assert [len(document(folder)["epochs"][space]) for space in Space] == [1, 1]


def _first_keys(_number, folder):
    ring = make_ring(folder)
    return (*ring.current_key(Space.ORIGINALS), *ring.current_key(Space.DEIDENTIFIED), ring.secret("database"))


def test_threads_that_begin_together_agree_on_every_key(ring):
    answers, barrier = set(), threading.Barrier(12)

    def work():
        barrier.wait()
        answers.add((ring.current_key(Space.ORIGINALS), ring.secret("vault")))

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 1


def test_rotations_of_many_processes_are_all_kept(folder):
    ids = [key_id for found in in_processes(4, _rotate, folder) for key_id in found]
    assert {entry["id"] for entry in document(folder)["epochs"]["originals"]} == {key_id.hex() for key_id in ids}
    assert len(set(ids)) == 20


def _rotate(_number, folder):
    ring = make_ring(folder)
    return [ring.rotate(Space.ORIGINALS) for _ in range(5)]


# --- durable -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use", [lambda r: r.secret("s"), lambda r: r.current_key(Space.ORIGINALS), lambda r: r.rotate(Space.ORIGINALS)]
)
def test_a_new_key_is_durable_before_it_is_told(disk, ring, folder, use):
    use(ring)
    assert survives(disk.events, str(folder / "keyring.json"))
    assert survives(disk.events, str(folder.parent / "keys"))
    disk.clear()
    ring.rotate(Space.ORIGINALS)
    assert survives(disk.events, str(folder / "keyring.json"))


def test_the_root_is_durable_before_the_ring_that_needs_it(disk, ring, folder):
    ring.secret("s")
    named = next(n for n, event in enumerate(disk.events) if event[-1] == str(folder / "keyring.json"))
    assert survives(disk.events[:named], str(folder.parent / "keys"))


@pytest.mark.parametrize("forgotten", range(2))
def test_without_any_one_of_its_syncs_a_new_key_would_not_be_safe(disk, ring, folder, forgotten):
    ring.secret("first")
    disk.clear()
    disk.forget_sync = 1 + forgotten  # the first is that of the folder, whose name was there
    ring.secret("second")
    assert disk.syncs == 3
    assert not survives(disk.events, str(folder / "keyring.json"))


def test_a_ring_that_another_process_has_just_written_is_made_durable_before_its_keys_are_used(disk, ring, folder):
    ring.secret("s")
    other = make_ring(folder)
    disk.clear()
    other.secret("s")
    assert disk.events == [("sync", str(folder))]
    disk.clear()
    other.secret("s")
    assert disk.events == []


def test_a_full_disk_is_told_as_such_and_the_ring_stays(ring, folder, monkeypatch):
    before = ring.secret("s")
    content = (folder / "keyring.json").read_bytes()

    def full(*_args):
        raise OSError(errno.ENOSPC, "injected")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageFull):
            ring.rotate(Space.ORIGINALS)
    assert (folder / "keyring.json").read_bytes() == content
    assert ring.secret("s") == before


def test_a_lock_that_cannot_be_had_is_told(ring, monkeypatch):
    def broken(_path):
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr(durable_files, "locked", broken)
    with pytest.raises(StorageUnavailable):
        ring.secret("s")


# --- nothing else opens --------------------------------------------------------------------------------------------


def test_a_wrapped_key_that_was_moved_to_another_name_does_not_open(ring, folder):
    for name in ("database", "vault"):
        ring.secret(name)
    content = document(folder)
    content["secrets"]["vault"] = content["secrets"]["database"]
    (folder / "keyring.json").write_text(json.dumps(content))
    with pytest.raises(IntegrityError):
        make_ring(folder).secret("vault")


def test_it_does_not_open_either_where_it_has_been_opened_under_its_own_name(ring, folder):
    ring.secret("database")
    content = document(folder)
    content["secrets"]["vault"] = content["secrets"]["database"]
    (folder / "keyring.json").write_text(json.dumps(content))
    watching = make_ring(folder)
    watching.secret("database")
    with pytest.raises(IntegrityError):
        watching.secret("vault")


@pytest.mark.parametrize("part", ["id", "created", "wrapped", "space"])
def test_an_altered_epoch_does_not_open(ring, folder, part):
    ring.current_key(Space.ORIGINALS)
    content = document(folder)
    epoch = content["epochs"]["originals"][0]
    if part == "space":
        content["epochs"] = {"deidentified": [epoch]}
    elif part == "id":
        epoch["id"] = "00" * 16
    elif part == "created":
        epoch["created"] = "2001-01-01T00:00:00+00:00"
    else:
        epoch["wrapped"] = base64.b64encode(b"\1" + bytes(60)).decode()
    (folder / "keyring.json").write_text(json.dumps(content))
    with pytest.raises(IntegrityError):
        make_ring(folder).current_key(Space.DEIDENTIFIED if part == "space" else Space.ORIGINALS)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "no json", "\xff", "[" * 9),
        '{"version": 1}',
        '{"version": 1, "epochs": [], "secrets": {}}',
        '{"version": 1, "epochs": {"elsewhere": [{}]}, "secrets": {}}',
        '{"version": 1, "epochs": {}, "secrets": {"a": "*"}}',
    ],
)
def test_a_damaged_ring_is_told_and_stays_as_it_is(ring, folder, text):
    folder.mkdir()
    (folder / "keyring.json").write_text(text, encoding="latin-1")
    for use in (lambda: ring.secret("s"), lambda: ring.rotate(Space.ORIGINALS), lambda: ring.key(bytes(16))):
        with pytest.raises(IntegrityError, match="damaged"):
            use()
    assert (folder / "keyring.json").read_text(encoding="latin-1") == text


def test_a_ring_of_a_later_version_is_named_as_such(ring, folder):
    folder.mkdir()
    (folder / "keyring.json").write_text('{"version": 2}')
    with pytest.raises(IntegrityError, match="version"):
        ring.secret("s")


def test_under_another_root_nothing_opens_and_nothing_is_added(ring, folder):
    ring.secret("database")
    ring.current_key(Space.ORIGINALS)
    content = (folder / "keyring.json").read_bytes()
    FileKeyService(folder.parent / "other").wrap(b"x", context=b"")
    for keys in ("other", "missing"):
        stranger = make_ring(folder, keys=keys)
        for use in (stranger.current_key, stranger.rotate, lambda _space, ring=stranger: ring.secret("database")):
            with pytest.raises(IntegrityError, match=r"keyring\.json does not open"):
                use(Space.ORIGINALS)
        with pytest.raises(IntegrityError):
            stranger.secret("another")
    assert (folder / "keyring.json").read_bytes() == content
    assert not (folder.parent / "missing").exists()


@pytest.mark.parametrize(
    "first", [lambda ring: ring.secret("database"), lambda ring: ring.current_key(Space.ORIGINALS)]
)
def test_a_ring_of_one_key_takes_none_of_another_root(ring, folder, first):
    first(ring)
    content = (folder / "keyring.json").read_bytes()
    stranger = make_ring(folder, keys="other")
    for use in (lambda: stranger.rotate(Space.DEIDENTIFIED), lambda: stranger.secret("another")):
        with pytest.raises(IntegrityError):
            use()
    assert (folder / "keyring.json").read_bytes() == content


def test_a_ring_that_has_disappeared_is_not_made_anew(ring, folder):
    ring.current_key(Space.ORIGINALS)
    (folder / "keyring.json").unlink()
    for use in (ring.current_key, ring.rotate):
        with pytest.raises(IntegrityError, match="disappeared"):
            use(Space.ORIGINALS)
    assert not (folder / "keyring.json").exists()


def test_no_key_is_in_the_representation_of_what_the_ring_holds(ring):
    key, secret = ring.current_key(Space.ORIGINALS)[1], ring.secret("s")
    shown = repr(ring) + repr(ring._ring)
    assert repr(key)[2:12] not in shown
    assert repr(secret)[2:12] not in shown
    assert "wrapped" not in shown
