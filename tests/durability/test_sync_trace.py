"""The judge itself: what it makes of traces that are written down here."""

import pytest
from sync_trace import answers_on, calls_of, missing_before_answer, object_ids, syncs_between

ID = "aed0e855e62e834df08566c9fd03fef1"
TEMPORARY = f"/d/objects/tmp/{ID}.a79ca22b"
FINAL = f"/d/objects/originals/ae/d0/{ID}"
SOCKET = "TCP:[127.0.0.1:8000->127.0.0.1:4711]"

LINES = [
    '7 mkdir("/d/objects/originals/ae/d0", 0700) = 0',
    f'7 write(3<{TEMPORARY}>, "CAUCEOBJ"..., 900) = 900',
    f"7 fsync(3<{TEMPORARY}>) = 0",
    f'7 link("{TEMPORARY}", "{FINAL}") = 0',
    "7 fsync(3</d/objects/originals/ae/d0>) = 0",
    "7 fsync(3</d/objects/originals/ae> <unfinished ...>",
    '9 sendto(15<UNIX-STREAM:[347351->347350]>, "\\0", 1, 0, NULL, 0) = 1',
    "7 <... fsync resumed>)              = 0",
    '7 pwrite64(4</d/cauce.db-wal>, "\\0\\0\\0\\3\\0"..., 24, 16512) = 24',
    "7 fsync(4</d/cauce.db-wal>) = 0",
    f'8 writev(5<{SOCKET}>, [{{iov_base="HTTP/1.1 201 Created\\r\\n"..., iov_len=317}}], 1 <unfinished ...>',
    "8 <... writev resumed>)             = 317",
]


def missing(lines):
    calls = calls_of(lines)
    (answer,) = answers_on(calls, "HTTP/1.1 201", port=4711)
    return missing_before_answer(calls, ID, answer)


def without(*numbers):
    return [line for number, line in enumerate(LINES) if number not in numbers]


def test_a_trace_with_every_sync_before_the_answer_misses_nothing():
    assert missing(LINES) == set()
    assert object_ids(calls_of(LINES)) == [ID]


@pytest.mark.parametrize(
    ("left_out", "names"),
    [
        ((2,), {"file"}),
        ((4,), {"directory"}),
        ((5, 7), {"directory"}),
        ((9,), {"commit"}),
        ((8, 9), {"commit"}),
        ((2, 4, 9), {"file", "directory", "commit"}),
        ((3,), {"name"}),
    ],
)
def test_what_is_left_out_is_named(left_out, names):
    assert missing(without(*left_out)) == names


@pytest.mark.parametrize(("sync", "name"), [(2, "file"), (4, "directory"), (9, "commit")])
def test_a_sync_that_failed_is_none(sync, name):
    lines = [*LINES]
    lines[sync] = lines[sync].replace("= 0", "= -1 EIO (Input/output error)")
    assert missing(lines) == {name}


@pytest.mark.parametrize(("sync", "name"), [(2, "file"), (4, "directory"), (9, "commit")])
def test_a_sync_that_returns_after_the_answer_began_is_too_late(sync, name):
    begun = LINES[sync].replace(") = 0", " <unfinished ...>")
    lines = [*LINES[:sync], begun, *LINES[sync + 1 : -1], "7 <... fsync resumed>) = 0", LINES[-1]]
    if name == "directory":
        lines = [line for number, line in enumerate(lines) if number not in {5, 7}]  # one call a thread at a time
    assert missing(lines) == {name}


def test_a_name_that_is_given_before_the_content_is_synced_is_no_safe_file():
    assert missing([*LINES[:2], LINES[3], LINES[2], *LINES[4:]]) == {"file"}


def test_a_write_to_the_log_after_its_last_sync_is_not_committed():
    late = '7 pwrite64(4</d/cauce.db-wal>, "\\0\\0\\0\\4\\0"..., 24, 20632) = 24'
    assert missing([*LINES[:10], late, *LINES[10:]]) == {"commit"}


def test_only_the_answer_on_the_connection_counts():
    calls = calls_of(LINES)
    assert answers_on(calls, "HTTP/1.1 201", port=4712) == []
    assert answers_on(calls, "HTTP/1.1 200", port=4711) == []
    assert len(answers_on(calls, "HTTP/1.1 201")) == 1


def test_what_was_synced_in_between_is_listed_in_order():
    calls = calls_of(LINES)
    assert syncs_between(calls, 3, 10) == ["/d/objects/originals/ae/d0", "/d/objects/originals/ae", "/d/cauce.db-wal"]
