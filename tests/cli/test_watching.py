"""`cauce import --watch`: what is taken, when, once; what it survives; how it ends."""

import os
import shutil
from itertools import count
from pathlib import Path

import httpx
import pytest
from fake_server import line, problem

from cauce.cli.imports import watching
from cauce.cli.imports.settling import is_temporary


class Clock:
    """Time that passes by sleeping alone: before each sleep something happens, and after the last Ctrl-C is pressed."""

    def __init__(self, steps):
        self.steps = iter(steps)
        self.now_s = 100.0

    def monotonic(self):
        return self.now_s

    def time(self):
        return 1e9 + self.now_s

    def sleep(self, wait_s):
        self.now_s += wait_s
        step = next(self.steps, KeyboardInterrupt)
        if step is KeyboardInterrupt:
            raise KeyboardInterrupt
        if step:
            step()


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    return place


@pytest.fixture
def watch(run, folder, server, monkeypatch, tmp_path):
    """Watch the folder while things happen to it, a step each 2 s; files are whole after 4 s."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*steps, options=()):
        monkeypatch.setattr(watching, "time", Clock([*steps]))
        return run("import", "--watch", "--settle", "4", *options, folder)

    return call


def written(path, content=b"x", *, mtime_s=None):
    def write():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if mtime_s is not None:
            os.utime(path, (mtime_s, mtime_s))

    return write


def sent(server):
    return [name for _, names, _ in server.uploads for name in names]


WAIT = (None,) * 4


def test_a_file_is_taken_once_it_did_not_change_for_the_settle_time(watch, folder, server):
    path = folder / "a.dcm"
    grow = [written(path, b"x" * size, mtime_s=size) for size in range(1, 6)]
    done = watch(*grow, *WAIT)
    assert sent(server) == ["in/a.dcm"]
    assert b"\r\n\r\nxxxxx\r\n" in server.uploads[0][2]
    assert done.status == 0
    assert done.out == f"stored     {folder}/a.dcm\n\n1 file: 1 stored\n"
    assert done.err == f"watching {folder}: a file is taken 4 s after its last change; Ctrl-C stops\n"


def test_a_file_that_is_still_written_when_it_ends_is_left_and_said(watch, folder, server):
    grow = [written(folder / "a.dcm", b"x" * size, mtime_s=size) for size in range(1, 6)]
    done = watch(*grow)
    assert sent(server) == []
    assert done.out == "no files\n1 file was not whole yet: the next run takes them\n"


def test_a_file_whose_size_stays_while_it_is_written_is_not_whole(watch, folder, server):
    fill = [written(folder / "a.dcm", bytes([number]) * 10, mtime_s=number) for number in range(1, 6)]
    watch(*fill, *WAIT)
    assert len(server.uploads) == 1
    assert bytes([5]) * 10 in server.uploads[0][2]


def test_every_file_is_sent_once_and_a_changed_one_again(watch, folder, server):
    path = folder / "a.dcm"
    watch(written(path, mtime_s=1), *WAIT, *WAIT, written(path, b"y", mtime_s=2), *WAIT, *WAIT)
    assert [names for _, names, _ in server.uploads] == [["in/a.dcm"], ["in/a.dcm"]]


def test_studies_are_left_to_the_quiet_time(watch, folder, server):
    watch(written(folder / "a.dcm"), *WAIT)
    assert server.uploads[0][0] == {"project": "default"}


def test_a_restart_sends_nothing_again_and_misses_nothing(watch, folder, server):
    watch(written(folder / "a.dcm"), *WAIT)
    written(folder / "b.dcm")()
    done = watch(*WAIT)
    assert sent(server) == ["in/a.dcm", "in/b.dcm"]
    assert done.out == f"stored     {folder}/b.dcm\n\n1 file: 1 stored\n"
    assert done.err.startswith("going on: 1 files have their verdict from an earlier run")


def test_with_again_a_restart_sends_everything(watch, folder, server):
    watch(written(folder / "a.dcm"), *WAIT)
    watch(*WAIT, options=["--again"])
    assert sent(server) == ["in/a.dcm", "in/a.dcm"]


@pytest.mark.parametrize(
    "name",
    [
        "a.part",
        "A.TMP",
        "a.dcm.crdownload",
        ".a.dcm.Xy12Zq",
        ".nfs00000000",
        "a.dcm.filepart",
        "a.partial",
        "~$a",
        "a~",
        ".rsync-partial",
    ],
)
def test_a_file_under_a_temporary_name_is_left_until_it_is_renamed(watch, folder, server, name):
    assert is_temporary(name)
    rename = lambda: (folder / name).rename(folder / "a.dcm")  # noqa: E731 - a step
    watch(written(folder / name), *WAIT, rename, *WAIT)
    assert sent(server) == ["in/a.dcm"]


@pytest.mark.parametrize("name", ["1.2.840.113619", "IM000001", "part.dcm", "tmp", "a.dcm", "apartment", "a.tmp.dcm"])
def test_other_names_are_not_temporary(name):
    assert not is_temporary(name)


def test_what_lies_in_hidden_folders_is_left(watch, folder, server):
    watch(written(folder / ".snapshot" / "a.dcm"), written(folder / "b" / "c.dcm"), *WAIT)
    assert sent(server) == ["in/b/c.dcm"]


def test_an_empty_file_is_left_for_a_minute(watch, folder, server):
    ticks = [None] * 29
    watch(written(folder / "a.dcm", b""), *ticks)
    assert sent(server) == []
    watch(*ticks, *WAIT)
    assert sent(server) == ["in/a.dcm"]


def test_a_file_that_goes_away_before_it_is_whole_is_no_failure(watch, folder, server):
    done = watch(written(folder / "a.dcm"), (folder / "a.dcm").unlink, *WAIT)
    assert (done.status, done.out) == (0, "no files\n1 file went away before being whole\n")


def test_a_file_that_goes_away_at_the_last_moment_is_no_failure(watch, folder, server, monkeypatch):
    from cauce.cli import sending

    original = sending.Sending.run

    def vanish(self, files):
        (folder / "a.dcm").unlink()
        original(self, files)

    monkeypatch.setattr(sending.Sending, "run", vanish)
    assert watch(written(folder / "a.dcm"), *WAIT).out == "no files\n"
    assert server.uploads == []


def test_a_folder_that_goes_away_is_waited_for_and_its_files_are_not_sent_again(watch, folder, server):
    away = folder.with_name("away")
    done = watch(
        written(folder / "a.dcm", mtime_s=1),
        *WAIT,
        lambda: folder.rename(away),
        *WAIT,
        lambda: away.rename(folder),
        written(folder / "b.dcm"),
        *WAIT,
    )
    assert sent(server) == ["in/a.dcm", "in/b.dcm"]
    assert done.err.splitlines()[1:] == [
        f"{folder} cannot be read (No such file or directory): waiting for it",
        f"{folder} is there again",
    ]


def test_a_folder_that_is_emptied_and_filled_again_is_not_sent_again(watch, folder, server):
    """What a share looks like whose connection is lost and comes back."""
    written(folder / "a.dcm", mtime_s=1)()
    keep = folder.with_name("keep")

    def empty():
        shutil.copytree(folder, keep)
        (folder / "a.dcm").unlink()

    watch(*WAIT, empty, *WAIT, lambda: shutil.copytree(keep, folder, dirs_exist_ok=True), *WAIT)
    assert sent(server) == ["in/a.dcm"]


def test_links_in_a_circle_and_what_is_no_file_are_named_once(watch, folder, server):
    (folder / "circle").symlink_to("circle")
    (folder / "here").symlink_to(".")
    os.mkfifo(folder / "pipe")
    done = watch(written(folder / "a.dcm"), *WAIT, *WAIT)
    assert sent(server) == ["in/a.dcm"]
    assert [text.split()[:3] for text in done.out.splitlines()[:4]] == [
        ["skipped", f"{folder}/circle", "link:"],
        ["skipped", f"{folder}/here", "link:"],
        ["skipped", f"{folder}/pipe", "special_file:"],
        ["stored", f"{folder}/a.dcm"],
    ]


def test_a_file_that_cannot_be_read_is_named_once_and_taken_when_it_can_be(watch, folder, server, monkeypatch):
    locked = {folder / "a.dcm"}
    opened = Path.open

    def refuse(path, *arguments, **options):
        if path in locked:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    done = watch(
        lambda: (folder / "a.dcm").touch() or os.truncate(folder / "a.dcm", 5), *[None] * 70, locked.clear, *[None] * 40
    )
    assert sent(server) == ["in/a.dcm"]
    assert done.out.splitlines()[:2] == [
        f"refused    {folder}/a.dcm  unreadable: Permission denied",
        f"stored     {folder}/a.dcm",
    ]
    assert done.status == 0


def test_a_share_that_lists_what_it_remembers_is_asked_again(watch, folder, server, monkeypatch):
    """The size and time of a listing may be older than those of the opened file."""
    from cauce.cli import found

    path = folder / "a.dcm"
    listed = found._stat_of
    stale = []

    def remember(file):
        if stale:
            return stale[0]
        return listed(file)

    monkeypatch.setattr(found, "_stat_of", remember)
    watch(
        written(path, b"half", mtime_s=1),
        lambda: stale.append(path.stat()),
        written(path, b"whole!", mtime_s=2),
        *WAIT,
        stale.clear,
        *WAIT,
    )
    assert len(server.uploads) == 1
    assert b"whole!" in server.uploads[0][2]


def test_a_server_that_is_down_is_waited_for_without_end(watch, folder, server, no_waiting):
    server.faults = [httpx.ConnectError("refused")] * 60
    done = watch(written(folder / "a.dcm"), *WAIT)
    assert sent(server) == ["in/a.dcm"]
    assert sum(no_waiting) > 1200
    assert done.err.splitlines()[1:] == [
        "no server answers at http://localhost:8000; start one with: cauce up: waiting, it goes on by itself",
        f"there is an answer again after {sum(no_waiting):.0f} s",
    ]


def test_a_server_that_is_down_at_the_start_is_waited_for(watch, folder, server, no_waiting, monkeypatch):
    left = [httpx.ConnectError("refused")] * 3
    inner = server.handle_request

    def refuse(request):
        if left:
            raise left.pop()
        return inner(request)

    monkeypatch.setattr(server, "handle_request", refuse)
    watch(written(folder / "a.dcm"), *WAIT)
    assert sent(server) == ["in/a.dcm"]


def test_a_full_store_is_waited_for(watch, folder, server, no_waiting):
    server.faults = [problem(507, "There is no room left.")] * 20
    watch(written(folder / "a.dcm"), *WAIT)
    assert sent(server) == ["in/a.dcm"]


def test_a_token_that_is_not_known_ends_it(watch, folder, server):
    server.documents["/api/"] = problem(401, "The token is not valid.")
    done = watch(*WAIT)
    assert (done.status, done.err) == (1, "cauce: the server does not know this token: The token is not valid\n")


def test_an_archive_over_which_the_server_stopped_is_sent_again_later_in_a_delivery_of_its_own(watch, folder, server):
    broken = [line("in/a.zip/1.dcm"), line("in/a.zip", "refused", code="interrupted", detail="Send it again.")]
    server.verdicts = {"in/a.zip": broken}

    def repair():
        server.verdicts = {"in/a.zip": [line("in/a.zip/1.dcm", "duplicate")]}

    watch(written(folder / "a.zip"), *WAIT, repair, *[None] * 35)
    assert [(names, query.get("upload")) for query, names, _ in server.uploads] == [(["in/a.zip"], None)] * 2


def test_verdicts_for_programs_are_all_there_is_on_standard_output(watch, folder, server):
    done = watch(written(folder / "a.dcm"), *WAIT, options=["--json"])
    assert done.out.count("\n") == 1
    assert done.out.startswith('{"path": ')


def test_a_file_that_is_refused_does_not_make_the_stop_a_failure(watch, folder, server):
    server.verdicts = {"in/a.dcm": [line("in/a.dcm", "refused", code="not_dicom", detail="This is no DICOM file.")]}
    done = watch(written(folder / "a.dcm"), *WAIT, *WAIT)
    assert done.status == 0
    assert len(server.uploads) == 1
    assert "1 refused: not_dicom" in done.out


def test_only_folders_are_watched(run, folder, server):
    written(folder / "a.dcm")()
    for path in (folder / "a.dcm", folder / "none", "s3://bucket"):
        done = run("import", "--watch", path)
        assert done == (2, "", f"cauce: --watch wants folders, and {path} is none; see: cauce import --help\n")


def test_a_settle_time_without_a_watch_is_wrong_use(run, folder, server):
    done = run("import", "--settle", "4", folder)
    assert (done.status, done.out, server.requests) == (2, "", [])
    said = "--settle is for --watch: an import that does not stay takes files as they are"
    assert done.err == f"cauce: {said}; see: cauce import --help\n"


def test_two_watches_of_one_folder_are_one_too_many(watch, folder, server, run, tmp_path):
    second = []
    done = watch(lambda: second.append(run("import", "--watch", folder)))
    assert done.status == 0
    assert second == [(1, "", "cauce: another `cauce import --watch` watches this\n")]


def test_deliveries_end_after_a_pause(watch, folder, server):
    watch(
        written(folder / "a.dcm"),
        *WAIT,
        written(folder / "b.dcm"),
        *WAIT,
        *[None] * 40,
        written(folder / "c.dcm"),
        *WAIT,
    )
    assert [query.get("upload") is not None for query, _, _ in server.uploads] == [False, True, False]


def test_looks_become_rarer_when_they_take_long(folder, monkeypatch, watch, server):
    """A look that takes a second is followed by nine of pause."""
    pauses = []
    clock = Clock([])
    ticks = count()

    def slow_look(_self):
        clock.now_s += 1
        return []

    def pause(wait_s):
        pauses.append(wait_s)
        if next(ticks) == 3:
            raise KeyboardInterrupt

    clock.sleep = pause
    monkeypatch.setattr(watching._Watching, "_look", slow_look)
    monkeypatch.setattr(watching, "time", clock)
    from cauce.cli.main import main

    assert main(["import", "--watch", str(folder)]) == 0
    assert pauses == [9.0] * 4
