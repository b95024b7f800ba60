"""What the console says while a disk is full."""

import errno
import io
import logging

import pytest

from cauce.cli.room import Room
from cauce.core.errors import StorageFull, StorageUnavailable
from cauce.settings.environment import load
from cauce.settings.full_disk import Console, Mark, full_text


class Clock:
    def __init__(self):
        self.now_s = 1_000_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def console_of(tmp_path, clock):
    """Make the console of a process; all write to one stream, as processes of one terminal do."""
    stream = io.StringIO()

    def make():
        handler = Console(stream, folder=tmp_path, mark=Mark(tmp_path, clock=clock))
        handler.setFormatter(logging.Formatter("%(message)s"))
        return handler

    make.said = lambda: stream.getvalue().splitlines()
    return make


def record(message, *, error=None, name="cauce"):
    info = (type(error), error, None) if error else None
    return logging.LogRecord(name, logging.ERROR, "here.py", 1, message, None, info)


def no_room():
    raise OSError(errno.ENOSPC, "No space left on device")


def wrapped():
    try:
        try:
            no_room()
        except OSError as error:
            raise RuntimeError("a library's own") from error
    except RuntimeError as error:
        return error


OF_A_FULL_DISK = [
    record("failed", error=StorageFull("The spool folder has no room left.")),
    record("failed", error=wrapped()),
    record({"event": "request.failed", "exc_info": wrapped()}),
    record({"event": "job.dead", "code": "storage_full"}),
    record({"event": "dimse.store.failed", "trace": "cauce.core.errors.StorageFull: The database has no room left."}),
]


@pytest.mark.parametrize("number", range(len(OF_A_FULL_DISK)))
def test_an_error_of_a_full_disk_is_one_plain_line(console_of, tmp_path, number):
    console_of().handle(OF_A_FULL_DISK[number])
    assert console_of.said() == [f"cauce: {full_text(tmp_path)}"]


def test_a_full_disk_is_said_once_a_minute_by_all_processes_together(console_of, clock):
    first, second = console_of(), console_of()
    for _ in range(59):
        for console in (first, second):
            for each in OF_A_FULL_DISK:
                console.handle(each)
        clock.now_s += 1
    assert len(console_of.said()) == 1
    clock.now_s += 1
    for console in (first, second):
        console.handle(OF_A_FULL_DISK[0])
    assert len(console_of.said()) == 2
    clock.now_s -= 10_000  # a clock that goes back silences nobody
    second.handle(OF_A_FULL_DISK[0])
    assert len(console_of.said()) == 3


def test_where_no_mark_can_be_made_each_process_keeps_to_a_minute(tmp_path, clock):
    stream = io.StringIO()
    console = Console(stream, folder=tmp_path, mark=Mark(tmp_path / "nowhere", clock=clock))
    for _ in range(3):
        console.handle(OF_A_FULL_DISK[0])
    clock.now_s += 61
    console.handle(OF_A_FULL_DISK[0])
    assert len(stream.getvalue().splitlines()) == 2


def test_other_errors_are_written_each_time(console_of):
    console = console_of()
    errors = [StorageUnavailable("The folder cannot be written."), OSError(errno.EIO, "input/output error"), None]
    for error in errors:
        console.handle(record("failed", error=error))
    assert [line for line in console_of.said() if line == "failed"] == ["failed"] * 3


def test_what_django_says_of_an_answer_that_was_given_is_left_out_but_not_what_it_says_of_an_error(console_of):
    console = console_of()
    console.handle(record("Service Unavailable: /readyz", name="django.request"))
    assert console_of.said() == []
    console.handle(record("Internal Server Error: /", name="django.request", error=ValueError()))
    assert "Internal Server Error: /" in console_of.said()


@pytest.fixture
def room(tmp_path, clock, monkeypatch):
    """The room of a platform that keeps 1 MiB free, a second passing before each look; `said` is what it said."""
    free = {"bytes": 10 << 20}
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: os_usage(free["bytes"]))
    said = []
    settings = load({"CAUCE_DATA": str(tmp_path), "CAUCE_RESERVE_MB": "1"})
    room = Room(settings, mark=Mark(tmp_path, clock=clock), say=said.append, clock=clock)

    def look(seconds=1, *, free_bytes=None):
        if free_bytes is not None:
            free["bytes"] = free_bytes
        for _ in range(seconds):
            clock.now_s += 1
            room.look()
        return said

    return look


def os_usage(free_bytes):
    from shutil import _ntuple_diskusage

    return _ntuple_diskusage(100 << 20, 0, free_bytes)


def test_a_change_of_the_room_is_said_once(room, tmp_path):
    full, again = full_text(tmp_path), f"the disk of {tmp_path} has room again: what is sent is taken"
    assert room(100) == []
    assert room(300, free_bytes=1 << 20) == [full]
    assert room(300, free_bytes=2 << 20) == [full, again]


def test_room_that_comes_and_goes_is_said_at_most_once_a_minute(room):
    for _ in range(60):
        room(1, free_bytes=0)
        room(1, free_bytes=2 << 20)
    assert len(room(1)) <= 3


def test_a_process_is_silent_of_a_full_disk_that_is_watched_and_watching_of_one_that_a_process_named(room, console_of):
    process = console_of()
    room(1, free_bytes=0)
    for _ in range(300):
        assert len(room(1)) == 1
        process.handle(OF_A_FULL_DISK[0])
    assert console_of.said() == []


def test_what_a_process_has_said_is_not_said_again(room, console_of):
    room(1)
    console_of().handle(OF_A_FULL_DISK[0])
    assert room(10, free_bytes=0) == []
    assert [line.endswith("has room again: what is sent is taken") for line in room(61, free_bytes=5 << 20)] == [True]
