"""Several processes behind one port: they share the work and the places, and outlive each other."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from pathlib import Path

import pytest
from dimse_peers import WAIT_S, Wire, associate_request, data, echo_status, encoded, instance, status_of, store_command
from pydicom import uid

from cauce.core.errors import ConfigurationError
from cauce.dimse.listener import ListenerSettings, bind
from cauce.dimse.places import Places

CT = str(uid.CTImageStorage)
EXPLICIT = str(uid.ExplicitVRLittleEndian)
PROGRAM = Path(__file__).with_name("listener_process.py")


class Program:
    """A listener that runs as a program of its own."""

    def __init__(self, process, out):
        self.process = process
        self.out = out
        self.port, self.pid = map(int, process.stdout.readline().split())

    def children(self):
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return sorted(found)

    def stored(self):
        return [path.name for path in self.out.iterdir() if path.suffix != ".tmp"]


@contextmanager
def running(tmp_path, *, processes, places=4, grace_s=0.2):
    out = tmp_path / "out"
    out.mkdir()
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, PROGRAM, tmp_path / "spool", out, str(processes), str(places), str(grace_s)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield Program(process, out)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def send(port, count, statuses):
    with Wire(port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        for _ in range(count):
            wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, encoded(instance())))
            statuses.append(status_of(wire.receive()[1]))
        wire.send(b"\5\0\0\0\0\4" + bytes(4))
        assert wire.receive()[0] == 0x06


def test_the_processes_share_the_associations(tmp_path):
    statuses = []
    with running(tmp_path, processes=2, places=12) as program:
        wires = deque(maxlen=4)  # what falls out closes: there are only so many places
        while {name.partition("-")[0] for name in program.stored()} != {str(pid) for pid in program.children()}:
            wires.append(Wire(program.port))
            wires[-1].associate([(CT, (EXPLICIT,))])
            wires[-1].send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, encoded(instance())))
            assert status_of(wires[-1].receive()[1]) == 0x0000
        for wire in wires:
            wire.socket.close()
        before = len(program.stored())
        threads = [threading.Thread(target=send, args=(program.port, 5, statuses)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [0x0000] * 15
        assert len(program.stored()) == before + 15


def test_places_are_counted_across_processes_and_those_of_killed_ones_are_freed(tmp_path):
    with running(tmp_path, processes=2) as program:
        wires = [Wire(program.port) for _ in range(4)]
        for wire in wires:
            wire.associate()
        with Wire(program.port) as fifth:
            fifth.send(associate_request())
            assert fifth.receive() == (0x03, b"\0\x02\x03\x02")
        before = program.children()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(program.children()) == 2 and not set(before) & set(program.children()))
        until(lambda: echo_status(program.port) == 0x0000)
        for wire in wires:
            wire.socket.close()


def test_a_killed_process_is_replaced_and_what_it_stored_stays(tmp_path):
    with running(tmp_path, processes=2) as program:
        statuses = []
        send(program.port, 3, statuses)
        for pid in program.children():
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(program.children()) == 2)
        send(program.port, 2, statuses)
        assert statuses == [0x0000] * 5
        assert len(program.stored()) == 5


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_instance_in_hand(tmp_path, processes, number):
    content = encoded(instance())
    with running(tmp_path, processes=processes, grace_s=WAIT_S) as program, Wire(program.port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 0, content[:500]))
        program.process.send_signal(number)
        until(lambda: not _listens(program.port))
        wire.send(data(1, 2, content[500:]))
        assert status_of(wire.receive()[1]) == 0x0000
        wire.socket.close()
        assert program.process.wait(WAIT_S) == 0
        assert len(program.stored()) == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_a_second_signal_ends_it_at_once(tmp_path, processes):
    with running(tmp_path, processes=processes, grace_s=1000) as program, Wire(program.port) as wire:
        wire.associate()
        program.process.terminate()
        until(lambda: not _listens(program.port))
        program.process.terminate()
        assert wire.receive()[0] == 0x07
        wire.socket.close()
        assert program.process.wait(WAIT_S) == 0


def test_no_process_outlives_a_killed_parent(tmp_path):
    with running(tmp_path, processes=2) as program:
        children = program.children()
        program.process.kill()
        program.process.wait(WAIT_S)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_a_receiver_that_cannot_be_built_is_an_error_and_no_traceback(tmp_path):
    (tmp_path / "out").mkdir()
    for processes in ("1", "2"):
        done = subprocess.run(
            [sys.executable, PROGRAM, tmp_path / "spool", tmp_path / "out", processes, "4", "0", "unbuildable"],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "no receiver today" in done.stdout + done.stderr


def test_a_port_in_use_is_named(tmp_path):
    settings = ListenerSettings(host="127.0.0.1", port=0, ae_title="CAUCE", spool=tmp_path)
    with bind(settings) as taken:
        port = taken.getsockname()[1]
        again = ListenerSettings(host="127.0.0.1", port=port, ae_title="CAUCE", spool=tmp_path)
        with pytest.raises(ConfigurationError, match=re.escape(f"127.0.0.1:{port}")):
            bind(again)


def test_places_of_one_process_are_given_and_taken_back():
    places = Places(total=2, processes=1)
    assert [places.take(), places.take(), places.take()] == [True, True, False]
    places.give_back()
    assert places.taken() == 1
    assert places.take() is True
    assert places.surplus() == 0
    places.clear(0)
    assert places.taken() == 0


def _listens(port):
    try:
        Wire(port).socket.close()
    except OSError:
        return False
    return True
