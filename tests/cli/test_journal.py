"""The journal of an import: what it keeps, where, and what it is not believed on."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cauce.cli.found import FileToSend
from cauce.cli.imports import journal
from cauce.cli.imports.journal import Earlier, InUse, Journal

STORED = [{"status": "stored", "code": "", "detail": "", "study": "s" * 32}]


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "cauce" / "imports"


@pytest.fixture
def place(state):
    return journal.place_of("http://localhost", "default", ["/cases"])


def file_at(path="/cases/GARCIA^ANA/1.dcm", *, size_bytes=10, mtime_ns=5):
    return FileToSend(path=Path(path), name="1.dcm", size_bytes=size_bytes, mtime_ns=mtime_ns)


def recorded(place, item, entries, *, mark=None):
    book = Journal(place)
    book.record([(item, mark or item.mark, entries)], upload_id="u1")
    return book


def test_a_verdict_is_there_in_the_next_run_and_gone_when_the_file_changes(place):
    recorded(place, file_at(), STORED).close()
    book = Journal(place)
    assert book.earlier(file_at()) == Earlier("stored", "", "", "s" * 32)
    assert book.earlier(file_at(size_bytes=11)) is None
    assert book.earlier(file_at(mtime_ns=6)) is None
    assert book.earlier(file_at("/cases/2.dcm")) is None
    assert (book.count(), book.uploads()) == (1, ["u1"])


def test_it_lies_in_the_users_state_folder_for_that_user_alone(state, place):
    recorded(place, file_at(), STORED)
    assert place.parent == state
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_neither_its_name_nor_its_content_holds_a_path(state, place):
    recorded(place, file_at(), STORED).close()
    kept = b"".join(path.read_bytes() for path in state.iterdir())
    assert "cases" not in place.name
    assert b"GARCIA" not in kept
    assert b"cases" not in kept


@pytest.mark.parametrize(
    "other",
    [
        ("http://elsewhere", "default", ["/cases"]),
        ("http://localhost", "trial", ["/cases"]),
        ("http://localhost", "default", ["/cases", "/more"]),
    ],
)
def test_another_server_project_or_source_has_a_journal_of_its_own(place, other):
    assert journal.place_of(*other) != place
    assert journal.place_of("http://localhost", "default", ["/cases"], is_watch=True) != place


def test_the_order_of_sources_does_not_count(state):
    assert journal.place_of("s", "p", ["/a", "/b"]) == journal.place_of("s", "p", ["/b", "/a"])


@pytest.mark.parametrize(
    ("status", "code", "lasts"),
    [
        ("stored", "", True),
        ("duplicate", "", True),
        ("conflict", "differs", True),
        ("skipped", "system_file", True),
        ("refused", "not_dicom", True),
        ("refused", "unreadable", False),
        ("refused", "interrupted", False),
        ("refused", "storage_full", False),
        ("refused", "too_large", False),
        ("pending", "", False),
    ],
)
def test_only_verdicts_that_would_be_the_same_again_last(status, code, lasts):
    assert journal.is_lasting([{"status": "stored", "code": ""}, {"status": status, "code": code}]) is lasts


def test_no_verdict_does_not_last():
    assert not journal.is_lasting([])


def test_an_archive_is_kept_by_its_worst_file(place):
    lines = [
        {"status": "stored", "code": "", "detail": "", "study": "s"},
        {"status": "refused", "code": "not_dicom", "detail": "This is no DICOM file.", "study": None},
        {"status": "stored", "code": "", "detail": "", "study": "s"},
    ]
    book = recorded(place, file_at(), lines)
    assert book.earlier(file_at()) == Earlier("refused", "not_dicom", "So are 1 of 3 files in it.", None)


def test_a_second_process_does_not_write_the_same_journal(place):
    book = Journal(place)
    code = f"from cauce.cli.imports.journal import *\ntry: Journal(Path({str(place)!r}))\nexcept InUse: print('in use')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "in use\n"
    with pytest.raises(InUse):
        Journal(place)
    book.close()
    Journal(place).close()


def test_a_process_that_is_killed_leaves_what_it_wrote(place):
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from cauce.cli.found import FileToSend\n"
        "from cauce.cli.imports.journal import Journal\n"
        f"book = Journal(Path({str(place)!r}))\n"
        f"item = FileToSend(path=Path({str(file_at().path)!r}), name='1', size_bytes=10, mtime_ns=5)\n"
        f"book.record([(item, item.mark, {STORED!r})], upload_id='u1')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert Journal(place).earlier(file_at()) == Earlier("stored", "", "", "s" * 32)


@pytest.mark.parametrize("content", [b"overwritten" * 1000, b"SQLite format 3\0 and then nothing" + bytes(5000)])
def test_a_damaged_journal_is_begun_anew(place, content):
    recorded(place, file_at(), STORED).close()
    place.write_bytes(content)
    assert Journal(place).earlier(file_at()) is None


def test_what_the_server_does_not_know_is_forgotten(place):
    book = recorded(place, file_at(), STORED)
    book.note_upload("u1", goes_on=True)
    book.forget("u1")
    assert (book.earlier(file_at()), book.upload_to_go_on_with()) == (None, None)


def test_a_delivery_that_may_not_be_continued_once_never_is(place):
    book = Journal(place)
    book.note_upload("u1", goes_on=True)
    assert book.upload_to_go_on_with() == "u1"
    book.note_upload("u1", goes_on=False)
    book.note_upload("u1", goes_on=True)
    assert book.upload_to_go_on_with() is None
    book.note_upload("u2", goes_on=True)
    assert book.upload_to_go_on_with() == "u2"


def test_old_verdicts_on_files_that_are_gone_are_forgotten(place):
    book = recorded(place, file_at(), STORED)
    book.record([(file_at("/cases/gone"), file_at().mark, STORED)], upload_id="u1")
    book.forget_gone([file_at()], before_s=0)
    assert book.count() == 2
    book.forget_gone([file_at()], before_s=2e10)
    assert book.count() == 1
    assert book.earlier(file_at())


def test_an_import_that_is_through_leaves_nothing(state, place):
    recorded(place, file_at(), STORED).remove()
    assert list(state.iterdir()) == []


def test_journals_of_imports_that_never_went_on_are_removed_after_a_while_and_those_of_watches_stay(state, place):
    watch = journal.place_of("s", "p", ["/in"], is_watch=True)
    for path in (place, watch):
        recorded(path, file_at(), STORED).close()
        os.utime(path, (1000, 1000))
    journal.remove_old(now_s=1000 + journal.KEPT_S - 1)
    assert place.exists()
    journal.remove_old(now_s=1000 + journal.KEPT_S + 1)
    assert [path.name for path in state.iterdir()] == [watch.name]


def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        Journal(journal.place_of("s", "p", ["/in"]))


def test_it_is_a_plain_database(place):
    recorded(place, file_at(), STORED).close()
    assert sqlite3.connect(place).execute("SELECT mark, status FROM verdicts").fetchall() == [("10:5", "stored")]
