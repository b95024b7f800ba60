"""The processes of one node: kept alive, stopped together. The commands are tiny programs."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cauce.cli import supervisor as supervisor_module
from cauce.cli.supervisor import PROGRAM, Supervisor

PYTHON = (sys.executable, "-S", "-c")
SLEEPS = "import time\ntime.sleep(600)"
ENDS = "pass"
STUBBORN = (
    "import pathlib, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "pathlib.Path(sys.argv[1]).write_text('deaf')\n"
    "time.sleep(600)"
)
LEAVES_A_CHILD = (
    "import pathlib, subprocess, sys\n"
    "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])\n"
    "pathlib.Path(sys.argv[1]).write_text(str(child.pid))"
)


@pytest.fixture
def supervise():
    """Supervise programs; whatever still runs is ended with the test."""
    made = []

    def begin(**commands):
        supervisor = Supervisor(commands, environ=dict(os.environ), program=PYTHON)
        made.append(supervisor)
        return supervisor

    yield begin
    for supervisor in made:
        for child in supervisor._children:
            if child.process is not None:
                with suppress(OSError):
                    os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(supervisor_module.time, "monotonic", lambda: Clock.now)
    return Clock


def ended(child):
    child.process.wait(timeout=60)
    return child


def await_(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_dies_is_replaced_with_growing_waits(supervise, clock):
    supervisor = supervise(short=[ENDS])
    supervisor.start()
    (child,) = supervisor._children
    waits = []
    for _ in range(9):
        supervisor._look_at(ended(child))
        assert child.process is None
        waits.append(child.due_at - clock.now)
        clock.now = child.due_at - 0.001
        supervisor._look_at(child)
        assert child.process is None
        clock.now = child.due_at
        supervisor._look_at(child)
        assert child.process is not None
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert child.starts == 10


def test_what_ran_for_long_is_replaced_soon(supervise, clock):
    supervisor = supervise(short=[ENDS])
    supervisor.start()
    (child,) = supervisor._children
    child.wait_s = 30
    clock.now += supervisor_module.STEADY_S + 1
    supervisor._look_at(ended(child))
    assert child.due_at - clock.now == supervisor_module.RESPAWN_MIN_S


def test_what_lives_is_left_alone(supervise):
    supervisor = supervise(long=[SLEEPS])
    supervisor.start()
    (child,) = supervisor._children
    pid = child.process.pid
    supervisor._look_at(child)
    assert (child.process.pid, child.starts) == (pid, 1)
    supervisor.end()


def test_one_that_ends_at_once_is_named(supervise):
    supervisor = supervise(long=[SLEEPS], short=[ENDS])
    supervisor.start()
    ended(supervisor._children[1])
    assert supervisor.failed_at_start() == "short"
    supervisor.end()


def test_stop_ends_all_of_them(supervise):
    supervisor = supervise(first=[SLEEPS], second=[SLEEPS])
    supervisor.start()
    assert supervisor.failed_at_start() is None
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    assert not supervisor.is_stopping
    supervisor.stop()
    watching.join(timeout=60)
    assert not watching.is_alive()
    assert supervisor.is_stopping
    assert [child.process.returncode for child in supervisor._children] == [-signal.SIGTERM, -signal.SIGTERM]


def test_one_that_does_not_stop_is_ended_by_force_after_the_grace_time(supervise, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor_module, "GRACE_S", 0.2)
    supervisor = supervise(deaf=[STUBBORN, str(tmp_path / "ready")])
    supervisor.start()
    await_((tmp_path / "ready").exists)
    supervisor.end()
    assert supervisor._children[0].process.returncode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="a system without process groups")
def test_what_a_dead_process_leaves_behind_goes_too(supervise, tmp_path):
    """An orphan would keep the port, and every replacement would be refused it."""
    supervisor = supervise(parent=[LEAVES_A_CHILD, str(tmp_path / "pid")])
    supervisor.start()
    (child,) = supervisor._children
    ended(child)
    orphan = int((tmp_path / "pid").read_text())
    assert is_alive(orphan)
    supervisor._look_at(child)
    await_(lambda: not is_alive(orphan))


def test_the_first_administrators_password_is_not_handed_on(monkeypatch):
    from cauce.cli import up
    from cauce.settings import environment

    monkeypatch.setenv("CAUCE_ADMIN_PASSWORD", "long enough for a test")
    environ = up._environ(environment.current())
    assert "CAUCE_ADMIN_PASSWORD" not in environ
    assert environ["CAUCE_DATA"] == str(environment.current().data_folder)


def test_a_module_in_the_working_folder_takes_the_place_of_none(tmp_path):
    (tmp_path / "html.py").write_text("raise SystemExit('shadowed')")
    done = subprocess.run([*PROGRAM, "migrate", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "shadowed" in done.stderr) == (0, False)
    importing = [*PROGRAM[:-2], "-c", "import html; print(html.escape('<'))"]
    assert subprocess.run(importing, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "&lt;\n"
