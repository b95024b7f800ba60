"""`cauce import` and a real server: whichever of the two dies, nothing is lost and little is sent twice."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter

import pytest

from cauce.samples import small_instance
from running_platform import stop_platform

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.timeout(300)]


class Program:
    """One `cauce import --json` under way, and what it said so far."""

    def __init__(self, platform, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cauce", "import", "--json", *map(str, arguments)],
            env=platform.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines, self.notes = [], []
        self._readers = [
            threading.Thread(
                target=self._read, args=(self.process.stdout, lambda text: self.lines.append(json.loads(text)))
            ),
            threading.Thread(target=self._read, args=(self.process.stderr, self.notes.append)),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, take):
        for text in stream:
            with contextlib.suppress(ValueError):  # cut off by a kill
                take(text)

    def await_lines(self, count, *, within_s=120):
        deadline = time.monotonic() + within_s
        while len(self.lines) < count:
            assert self.process.poll() is None, self.notes
            assert time.monotonic() < deadline, (len(self.lines), self.notes)
            time.sleep(0.05)

    def await_note(self, part, *, within_s=60):
        deadline = time.monotonic() + within_s
        while not any(part in note for note in self.notes):
            assert time.monotonic() < deadline, self.notes
            time.sleep(0.05)

    def end(self, number=None):
        if number is not None:
            self.process.send_signal(number)
        self.process.wait(timeout=200)
        for reader in self._readers:
            reader.join(30)
        return self.process.returncode


@pytest.fixture
def program():
    running = []

    def begin(*arguments):
        running.append(Program(*arguments))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.end()


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    return place


def fill(folder, count, *, prefix=""):
    for number in range(count):
        (folder / f"{prefix}{number:04}.dcm").write_bytes(small_instance())


def receipts_of(platform):
    """Return how many verdicts all deliveries have."""
    counts = Counter()
    for upload in platform.rows("/api/uploads/"):
        counts.update(upload["counts"])
    return counts


def test_an_import_that_is_killed_goes_on_and_sends_again_only_what_was_under_way(start, program, folder):
    platform = start()
    fill(folder, 1000)
    first = program(platform, folder)
    first.await_lines(400)
    first.end(signal.SIGKILL)
    second = program(platform, folder)
    assert second.end() == 0
    assert Counter(line["status"] in {"stored", "duplicate"} for line in second.lines) == {True: 1000}
    earlier = sum(line["earlier"] for line in second.lines)
    assert earlier >= 400 - 64
    counts = receipts_of(platform)
    assert counts["stored"] == 1000
    assert counts["duplicate"] <= 8 * 64
    assert len(platform.rows("/api/uploads/")) == 1


def test_an_import_waits_for_a_server_that_dies_and_goes_on_by_itself(start, program, folder):
    platform = start()
    fill(folder, 1000)
    running = program(platform, folder)
    running.await_lines(200)
    platform.kill()
    running.await_note("waiting for up to 5 minutes")
    start(on=platform, CAUCE_HTTP=platform.environ["CAUCE_HTTP"], CAUCE_DIMSE=platform.environ["CAUCE_DIMSE"])
    assert running.end() == 0
    assert len(running.lines) == 1000
    assert {line["status"] for line in running.lines} <= {"stored", "duplicate"}
    assert any("there is an answer again" in note for note in running.notes)


def test_a_watched_folder_outlives_the_server_and_its_own_restart(start, program, folder, tmp_path):
    platform = start(CAUCE_STUDY_QUIET_S="1")
    running = program(platform, "--watch", folder, "--settle", "0.5")
    running.await_note("watching")
    fill(folder, 5, prefix="a")
    running.await_lines(5)
    stop_platform(platform)
    fill(folder, 5, prefix="b")
    running.await_note("no server answers")
    platform = start(
        on=platform,
        CAUCE_HTTP=platform.environ["CAUCE_HTTP"],
        CAUCE_DIMSE=platform.environ["CAUCE_DIMSE"],
        CAUCE_STUDY_QUIET_S="1",
    )
    running.await_lines(10)
    assert running.end(signal.SIGTERM) == 0
    fill(folder, 5, prefix="c")
    again = program(platform, "--watch", folder, "--settle", "0.5")
    again.await_lines(5)
    time.sleep(2)
    assert again.end(signal.SIGINT) == 0
    assert sorted(line["path"].rpartition("/")[2][0] for line in running.lines + again.lines) == [*"aaaaabbbbbccccc"]
    assert {line["status"] for line in running.lines + again.lines} <= {"stored", "duplicate"}
    assert {study["status"] for study in platform.await_end()} == {"ready"}
    assert len(list(folder.iterdir())) == 15


def test_a_zip_of_thousands_is_reported_file_by_file_though_unpacking_takes_long(start, program, tmp_path):
    platform = start()
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for number in range(1500):
            zipped.writestr(f"s/{number:04}.dcm", small_instance())
        zipped.writestr("s/notes.txt", b"not DICOM")
    running = program(platform, path)
    assert running.end() == 1
    assert Counter(line["status"] for line in running.lines) == {"stored": 1500, "refused": 1}
    assert {line["path"] for line in running.lines if line["status"] == "refused"} == {f"{path}/s/notes.txt"}
