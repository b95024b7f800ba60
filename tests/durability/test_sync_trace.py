"""The judge itself: what it makes of traces that are written down here."""

import pytest
from sync_trace import answers_on, calls_of, commits_in_series, commits_too_early, missing_before_answer

ID = "aed0e855e62e834df08566c9fd03fef1"
FINAL = f"/d/objects/originals/ae/{ID}"
SOCKET = "TCP:[127.0.0.1:8000->127.0.0.1:4711]"

LINES = [
    '7 mkdir("/d/objects/originals/ae", 0700) = 0',
    "7 fsync(3</d/objects/originals>) = 0",
    f'7 openat(AT_FDCWD</w>, "{FINAL}", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3<{FINAL}>',
    f'7 write(3<{FINAL}>, "CAUCEOBJ"..., 900) = 900',
    f"7 fsync(3<{FINAL}> <unfinished ...>",
    "6 fsync(9</d/objects/originals/ae>) = 0",
    "7 <... fsync resumed>)              = 0",
    '9 sendto(15<UNIX-STREAM:[347351->347350]>, "\\0", 1, 0, NULL, 0) = 1',
    '7 pwrite64(4</d/cauce.db-wal>, "\\0\\0\\0\\3\\0"..., 24, 16512) = 24',
    "7 fsync(4</d/cauce.db-wal>) = 0",
    f'8 writev(5<{SOCKET}>, [{{iov_base="HTTP/1.1 201 Created\\r\\n"..., iov_len=317}}], 1 <unfinished ...>',
    "8 <... writev resumed>)             = 317",
]
SYNCS = {"file": 6, "directory": 5, "commit": 9}


def missing(lines):
    calls = calls_of(lines)
    (answer,) = answers_on(calls, "HTTP/1.1 201", port=4711)
    return missing_before_answer(calls, ID, answer)


def without(*numbers):
    return [line for number, line in enumerate(LINES) if number not in numbers]


def test_a_trace_with_every_sync_before_the_answer_misses_nothing():
    assert missing(LINES) == set()
    assert commits_too_early(calls_of(LINES), ID) == []


@pytest.mark.parametrize(
    ("left_out", "names"),
    [
        ((4, 6), {"file"}),
        ((6,), {"file"}),
        ((5,), {"directory"}),
        ((1,), {"directory"}),
        ((9,), {"commit"}),
        ((8, 9), {"commit"}),
        ((4, 5, 6, 9), {"file", "directory", "commit"}),
        ((2,), {"file", "directory", "commit"}),
    ],
)
def test_what_is_left_out_is_named(left_out, names):
    assert missing(without(*left_out)) == names


@pytest.mark.parametrize("name", SYNCS)
def test_a_sync_that_failed_is_none(name):
    lines = [*LINES]
    lines[SYNCS[name]] = lines[SYNCS[name]].replace("= 0", "= -1 EIO (Input/output error)")
    assert missing(lines) == {name}


@pytest.mark.parametrize("name", SYNCS)
def test_a_sync_that_returns_after_the_answer_began_is_too_late(name):
    lines = [*LINES]
    thread = lines[SYNCS[name]].split()[0]
    if name == "file":
        del lines[SYNCS[name]]
    else:
        lines[SYNCS[name]] = lines[SYNCS[name]].replace(") = 0", " <unfinished ...>")
    assert missing([*lines[:-1], f"{thread} <... fsync resumed>) = 0", lines[-1]]) == {name}


def test_a_write_after_the_sync_of_the_file_is_not_safe():
    late = f'7 write(3<{FINAL}>, "more"..., 900) = 900'
    assert missing([*LINES[:7], late, *LINES[7:]]) == {"file"}


def test_a_folder_that_is_synced_before_the_file_has_its_name_does_not_hold_the_name():
    assert missing([LINES[0], LINES[1], LINES[5], *LINES[2:5], *LINES[6:]]) == {"directory"}


def test_a_write_to_the_log_after_its_last_sync_is_not_committed():
    late = '7 pwrite64(4</d/cauce.db-wal>, "\\0\\0\\0\\4\\0"..., 24, 20632) = 24'
    assert missing([*LINES[:10], late, *LINES[10:]]) == {"commit"}


def test_a_commit_before_the_object_is_durable_is_too_early():
    early = calls_of([*LINES[:5], LINES[8], *LINES[5:]])
    assert [call.name for call in commits_too_early(early, ID)] == ["pwrite64"]


def test_commits_that_overlap_count_as_one_in_series():
    other = ["5 fsync(8</d/cauce.db-wal> <unfinished ...>", LINES[9], "5 <... fsync resumed>) = 0"]
    for lines, count in ((LINES, 1), ([*LINES[:9], *other, *LINES[10:]], 1), ([*LINES[:9], LINES[9], *LINES[9:]], 2)):
        calls = calls_of(lines)
        (answer,) = answers_on(calls, "HTTP/1.1 201")
        assert commits_in_series(calls, ID, answer) == count


def test_only_the_answer_on_the_connection_counts():
    calls = calls_of(LINES)
    assert answers_on(calls, "HTTP/1.1 201", port=4712) == []
    assert answers_on(calls, "HTTP/1.1 200", port=4711) == []
    assert len(answers_on(calls, "HTTP/1.1 201")) == 1
